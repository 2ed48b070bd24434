"""Pages in a real browser, opened from the disk with the network off."""

import shutil
from contextlib import contextmanager

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 800}


@contextmanager
def opened_page(browser, path, ready="#loss .trace", **options):
    """Open a page with the network off; collect what goes wrong and what is asked for."""
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    page.trouble, page.requests = [], []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda m: page.trouble.append(m.text) if m.type == "error" else None)
    page.on("dialog", lambda dialog: (page.trouble.append("a dialog"), dialog.dismiss()))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector(ready)
    try:
        yield page
    finally:
        context.close()


def outside(page):
    """What a page asked of a network."""
    return [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))]


def canvas_levels(page, selector):
    """The levels of red, green, blue and opacity of every pixel of a canvas, row by row."""
    return page.eval_on_selector(
        selector,
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]",
    )

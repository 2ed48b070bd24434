"""The report in a real browser, opened from the disk with the network off."""

import shutil

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
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

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, run):
    """Open the report; collect what goes wrong and what is asked for."""
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.trouble, page.requests = [], []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda m: page.trouble.append(m.text) if m.type == "error" else None)
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto((run[0] / "report.html").as_uri())
    page.wait_for_selector("#scatter .legend")
    yield page
    context.close()


def test_it_opens_without_error_and_asks_for_nothing(opened, run):
    assert opened.trouble == []
    outside = [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == []
    assert opened.locator("h1").inner_text().startswith(f"{run[1]['n_symbols']} symbols in 1,797")


@pytest.mark.parametrize("plot", ["scatter", "histograms", "length", "loss"])
def test_every_plot_is_drawn(opened, plot):
    assert opened.locator(f"#{plot} svg.main-svg").count() > 0
    assert opened.locator(f"#{plot} .trace").count() > 0


def test_choosing_another_colour_or_axis_changes_the_plot(opened, run):
    assert opened.locator("#scatter .legend .traces").count() == run[1]["n_symbols"]
    before = opened.locator("#scatter").screenshot()
    opened.select_option("#colour", "component")
    assert opened.locator("#scatter .legend .traces").count() == run[1]["n_components"]
    opened.select_option("#up", "3")
    assert opened.locator("#scatter .ytitle").text_content() == "code 3"
    assert opened.locator("#scatter").screenshot() != before
    assert opened.trouble == []


def test_every_picture_is_shown(opened, run):
    pictures = opened.locator("img")
    assert pictures.count() == 2 * run[1]["n_symbols"] + 2
    assert pictures.evaluate_all("all => all.every(i => i.complete && i.naturalWidth > 0)")
    assert pictures.evaluate_all("all => all.every(i => i.alt.length > 3)")


def test_a_phone_needs_no_sideways_scrolling(opened):
    opened.set_viewport_size({"width": 390, "height": 800})
    opened.wait_for_timeout(300)
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark_is_dark(opened):
    opened.emulate_media(color_scheme="dark")
    background = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(18, 23, 29)"

"""The report in a real browser, opened from the disk with the network off."""

import re
import shutil
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from hostile import HOSTILE, with_names
from xenoglyph import ImageSet
from xenoglyph.plotting import EVENTS
from xenoglyph.report import render
from xenoglyph.report.charts import gather_charts
from xenoglyph.report.pictures import gather_pictures
from xenoglyph.report.summary import summarise

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
DESK = {"width": 1200, "height": 900}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def hostile(run, alien, tmp_path_factory):
    """A report whose every name, label and file is hostile."""
    gallery = alien.evidence_.gallery
    labels = np.array([HOSTILE[i % len(HOSTILE)] for i in range(len(gallery))])
    evidence = replace(alien.evidence_, gallery=ImageSet(gallery.pixels, labels=labels))
    html = render(
        with_names(summarise(alien), HOSTILE), gather_pictures(alien), gather_charts(evidence)
    )
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


@contextmanager
def opened_page(browser, path, **options):
    """Open a report with the network off; collect what goes wrong and what is asked for."""
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    page.trouble, page.requests = [], []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda m: page.trouble.append(m.text) if m.type == "error" else None)
    page.on("dialog", lambda dialog: (page.trouble.append("a dialog"), dialog.dismiss()))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("#loss .trace")
    try:
        yield page
    finally:
        context.close()


@pytest.fixture(scope="module")
def opened(browser, run):
    with opened_page(browser, run[0] / "report.html", viewport=DESK) as page:
        yield page


def outside(page):
    return [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))]


def colours(page):
    dots = page.locator("#pairs .scatterlayer .point")
    return dots.evaluate_all("all => all.map(dot => dot.style.fill)")


def test_it_opens_without_error_and_asks_for_nothing(opened, run):
    assert opened.trouble == []
    assert outside(opened) == []
    assert opened.locator("h1").inner_text().startswith(f"{run[1]['n_symbols']} symbols in 1,797")


@pytest.mark.parametrize("plot", ["pairs", "by-k", "by-sweep", "loss"])
def test_every_plot_is_drawn(opened, plot):
    assert opened.locator(f"#{plot} svg.main-svg").count() > 0
    assert opened.locator(f"#{plot} .trace").count() > 0


def test_the_changes_that_happened_are_marked_and_named(opened, alien):
    events = alien.mixture_.trace_.events
    kinds = {EVENTS[event.kind][0] for event in events}
    assert set(opened.locator("#by-sweep .legendtext").all_text_contents()) == kinds
    marks = {(event.sweep, event.kind) for event in events}
    assert opened.locator("#by-sweep .scatterlayer .point").count() == len(marks)


def test_all_pairs_of_six_dimensions_are_there(opened):
    assert opened.locator("#pairs .scatterlayer .trace").count() == 15
    assert opened.locator("#pairs .barlayer .trace").count() == 6


def test_another_colouring_repaints_the_points_and_the_legend(opened, run):
    buttons, before = opened.locator("#legend button"), colours(opened)
    assert buttons.count() == run[1]["n_symbols"]
    opened.check("text=component >> input")
    assert buttons.count() == run[1]["n_components"]
    by_component = colours(opened)
    assert by_component != before
    opened.check("text=label >> input")
    assert buttons.all_inner_texts() == [str(label) for label in range(10)]
    assert colours(opened) != by_component
    opened.check("text=symbol >> input")
    assert colours(opened) == before
    assert opened.trouble == []


def test_a_group_can_be_shown_alone(opened):
    before, button = colours(opened), opened.locator("#legend button").first
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert len(set(colours(opened))) == 2
    button.press("Enter")
    assert colours(opened) == before


def test_every_picture_is_shown(opened, run):
    pictures = opened.locator("img")
    assert pictures.count() >= 16 * run[1]["n_symbols"]
    assert pictures.evaluate_all("all => all.every(i => i.complete && i.naturalWidth > 0)")
    strips = opened.locator(".strip")
    assert strips.count() == 2 * run[1]["n_symbols"]
    assert strips.evaluate_all("all => all.every(s => s.ariaLabel.length > 10)")


def test_hostile_names_stay_text(browser, hostile):
    with opened_page(browser, hostile, viewport=DESK) as page:
        page.check("text=label >> input")
        shown = page.locator("#legend button").all_inner_texts()
        assert "<a href=javascript:alert(1)>x</a>" in shown
        page.locator("#pairs .scatterlayer .point").last.hover(force=True)
        page.wait_for_selector("#pairs .hoverlayer text")
        assert page.locator("#pairs a, #pairs b, script[src], iframe, base, link").count() == 0
        assert page.trouble == []
        assert outside(page) == []


@pytest.mark.parametrize("width", [390, 800])
def test_a_narrow_screen_needs_no_sideways_scrolling(browser, run, width):
    size = {"width": width, "height": 800}
    with opened_page(browser, run[0] / "report.html", viewport=size) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.trouble == []


def test_dark_is_dark_and_the_plots_follow(opened):
    def lightness(of):
        red, green, blue = map(int, re.findall(r"\d+", of)[:3])
        return red + green + blue

    background = "getComputedStyle(document.body).backgroundColor"
    text = "getComputedStyle(document.querySelector('#loss .xtick text')).fill"
    assert lightness(opened.evaluate(background)) > 700 > 300 > lightness(opened.evaluate(text))
    opened.emulate_media(color_scheme="dark")
    assert lightness(opened.evaluate(background)) < 100 < 600 < lightness(opened.evaluate(text))
    opened.emulate_media(color_scheme="light")


def test_printing_opens_what_is_folded_and_closes_it_again(opened):
    folded = opened.locator("details:not([open])")
    before = folded.count()
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert folded.count() == 0
    assert opened.locator("#pairs svg.main-svg").first.bounding_box()["width"] <= 680
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    assert folded.count() == before > 0

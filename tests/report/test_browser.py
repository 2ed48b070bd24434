"""The report in a real browser, opened from the disk with the network off."""

import re

import pytest

from browsing import PHONE, opened_page, outside
from xenoglyph.plotting import EVENTS


def test_it_opens_without_error_and_asks_for_nothing(opened, run):
    assert opened.trouble == []
    assert outside(opened) == []
    assert opened.locator("h1").inner_text().startswith(f"{run[1]['n_symbols']} symbols in 1,797")


@pytest.mark.parametrize("plot", ["pairs", "by-k", "by-sweep", "resamplings", "loss"])
def test_every_plot_is_drawn(opened, plot):
    assert opened.locator(f"#{plot} svg.main-svg").count() > 0
    assert opened.locator(f"#{plot} .trace").count() > 0


def test_the_changes_that_happened_are_marked_and_named(opened, alien):
    events = alien.mixture_.trace_.events
    kinds = {EVENTS[event.kind][0] for event in events}
    assert set(opened.locator("#by-sweep .legendtext").all_text_contents()) == kinds
    marks = {(event.sweep, event.kind) for event in events}
    assert opened.locator("#by-sweep .scatterlayer .point").count() == len(marks)


def test_every_picture_is_shown(opened, run):
    pictures = opened.locator("img")
    assert pictures.count() >= 16 * run[1]["n_symbols"]
    assert pictures.evaluate_all("all => all.every(i => i.complete && i.naturalWidth > 0)")
    strips = opened.locator(".symbols .strip")
    assert strips.count() == 3 * run[1]["n_symbols"]
    assert strips.evaluate_all("all => all.every(s => s.ariaLabel.length > 10)")


@pytest.mark.parametrize("width", [320, PHONE["width"], 800])
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
    before = opened.evaluate(text)
    opened.emulate_media(color_scheme="dark")
    for _ in range(100):  # plots are drawn anew, which takes a while
        if opened.evaluate(text) != before:
            break
        opened.wait_for_timeout(100)
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

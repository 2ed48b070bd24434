"""The page with a slider in a real browser, opened from the disk with the network off."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from browsing import DESK, PHONE, opened_page, outside
from films import GROWING, SHRINKING, X, check_components, trace_at_corners
from xenoglyph import animate_fit
from xenoglyph.animation import frames_of

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")


@pytest.fixture(scope="module", params=[SHRINKING, GROWING], ids=["shrinking", "growing"])
def trace(request):
    return trace_at_corners(request.param)


def page_at(browser, path, **options):
    """Open the page; nothing moves by itself, unless that is asked for."""
    options = {"viewport": DESK, "reduced_motion": "reduce"} | options
    return opened_page(browser, path, "figure img:not([hidden])", **options)


@pytest.fixture
def page(trace, tmp_path):
    animate_fit(X, trace, tmp_path / "fit.html")
    return tmp_path / "fit.html"


def pixels(page):
    """Pixels of the frame that is shown, as the browser decoded them."""
    script = """image => {
      const canvas = document.createElement("canvas");
      canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
      canvas.getContext("2d").drawImage(image, 0, 0);
      return canvas.toDataURL("image/png");
    }"""
    data = page.locator("figure img:visible").evaluate(script)
    with Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGB"))


def slide(page, frame):
    page.locator("input").evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')); }", frame
    )


def test_the_slider_of_the_page_shows_every_frame(browser, page, trace):
    sweeps = frames_of(trace)
    with page_at(browser, page) as shown:
        assert shown.locator("figure img").count() == len(sweeps)
        frames = []
        for number, sweep in enumerate(sweeps):
            slide(shown, number)
            assert shown.locator("figure img:visible").count() == 1
            assert f"{sweep.n_components}" in shown.locator("output").inner_text()
            frames.append(pixels(shown))
        check_components(frames, trace)
        assert shown.trouble == []
        assert outside(shown) == []


def test_the_page_plays_to_the_end_and_holds_it(browser, page, trace):
    last = str(len(frames_of(trace)) - 1)
    with page_at(browser, page, reduced_motion="no-preference") as shown:
        assert shown.locator("input").input_value() != last
        playwright.expect(shown.locator("input")).to_have_value(last, timeout=30_000)
        button = shown.locator("button")
        assert button.inner_text() == "Play"
        assert "the shortest message" in shown.locator("output").inner_text()
        button.press("Enter")
        assert button.inner_text() == "Pause"
        assert shown.locator("input").input_value() != last
        shown.locator("input").press("ArrowRight")
        assert button.inner_text() == "Play"
        assert shown.trouble == []


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}])
def test_where_nothing_should_or_can_move_the_end_is_shown(options, browser, page):
    with page_at(browser, page, **options) as shown:
        visible = shown.locator("figure img:visible")
        assert visible.count() == 1
        assert "the shortest message" in visible.get_attribute("alt")


def test_the_page_lets_no_other_script_or_style_in(browser, page):
    text = page.read_text("utf-8")
    page.write_text(text.replace("</main>", "<script>document.title = 'in'</script></main>"))
    with page_at(browser, page) as shown:
        assert shown.title() != "in"
        assert any("Content Security Policy" in trouble for trouble in shown.trouble)


def test_a_narrow_screen_needs_no_sideways_scrolling(browser, page):
    with page_at(browser, page, viewport=PHONE) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

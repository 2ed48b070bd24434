"""Drawing in the page: the same weights give the same pictures as in Python."""

import re

import numpy as np
import pytest

from browsing import DESK, canvas_levels, opened_page, outside
from xenoglyph import ImageSet, SELUAutoencoder, SymbolDiscovery
from xenoglyph.drawing import Sharpening
from xenoglyph.report import draws, write_report
from xenoglyph.report.draws import close_by, gather_decoder, gather_draws
from xenoglyph.sheets import tile


def coloured(shape, n=60):
    """Images of stripes that are moved, in any shape."""
    random = np.random.default_rng(0)
    waves = np.sin(np.indices(shape).sum(axis=0) + 7.0 * random.random((n, *(1,) * len(shape))))
    return ImageSet(((waves + 1) / 2).astype(np.float32), name="stripes")


def some_codes(code_size, n=25):
    return np.random.default_rng(1).normal(0.0, 2.0, (n, code_size))


def check_same_pictures(page, decode, codes):
    """Page and Python decode codes to the same pictures, to one grey level."""
    told = page.evaluate(
        "codes => codes.map((code) => [...xenoglyph.decode(code)])", codes.tolist()
    )
    expected = tile(decode(codes)).reshape(len(codes), -1)
    apart = np.abs(tile(np.array(told)).astype(int) - expected)
    assert apart.max() <= 1
    assert np.ptp(expected) > 50


def check_canvas(page, decode, code):
    """The large canvas shows a code as Python draws it."""
    expected = as_seen(tile(decode(np.array([code])))[0])
    levels = np.reshape(canvas_levels(page, "#picture"), (*expected.shape[:2], 4))
    assert np.abs(as_seen(levels) - expected).max() <= 1


def as_seen(levels):
    """Red, green and blue on black: of what is nearly transparent a canvas keeps no more."""
    levels = np.asarray(levels, dtype=float)
    if levels.ndim == 2:
        return levels[..., None].repeat(3, axis=2)
    return levels[..., :3] * levels[..., 3:] / 255 if levels.shape[2] == 4 else levels


def code_in_hand(page):
    return page.eval_on_selector_all("#code input", "all => all.map(i => i.valueAsNumber)")


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((8, 8), {}),
        ((5, 9), {"hidden_sizes": (7,), "dropout": 0.1, "loss": "gaussian"}),
        ((6, 4, 3), {"hidden_sizes": ()}),
        ((6, 5, 4), {}),
        ((7, 6), {"architecture": "convolutional", "hidden_sizes": (4, 5)}),
        ((9, 8, 3), {"architecture": "convolutional", "hidden_sizes": (6,), "loss": "gaussian"}),
    ],
)
def test_every_decoder_draws_in_the_page_as_in_python(browser, charts, save_page, shape, options):
    fitted, other = (
        SELUAutoencoder(code_size=6, n_epochs=3, random_state=seed, **options).fit(coloured(shape))
        for seed in (0, 1)
    )
    sharpen = Sharpening(power=2.3, odds=0.7)
    path = save_page(draws={**charts["draws"], "decoder": gather_decoder(fitted, sharpen)})
    with opened_page(browser, path, viewport=DESK) as page:
        codes = some_codes(6)
        right, other, blurred = (
            lambda codes, own=own, sharpen=sharpen: sharpen(own.inverse_transform(codes))
            for own, sharpen in ((fitted, sharpen), (other, sharpen), (fitted, Sharpening()))
        )
        check_same_pictures(page, right, codes)
        for wrong in (other, blurred):
            with pytest.raises(AssertionError):
                check_same_pictures(page, wrong, codes)
        check_canvas(page, right, typical(page, 0))
        assert page.trouble == []


def typical(page, symbol):
    """The recognised code that is nearest the middle of its component."""
    data = page.evaluate("JSON.parse(document.getElementById('data').textContent)")
    own = data["draws"]["symbols"][symbol]
    means, factors = (np.array(data["components"][key]) for key in ("means", "factors"))
    codes, components = np.array(own["codes"]), own["components"]
    off = np.linalg.solve(factors[components], (codes - means[components])[:, :, None])
    return codes[np.square(off).sum(axis=(1, 2)).argmin()].tolist()


def test_the_decoder_in_the_report_is_the_discovery(opened, alien):
    codes = alien.evidence_.gallery_codes[::20]
    check_same_pictures(opened, alien.decode, codes)


def test_a_key_draws_new_images_of_the_chosen_symbol(opened):
    pictures = "#drawings canvas"
    seen = []
    opened.locator("input[name=drawn]").first.focus()
    for key in ("ArrowRight", "Enter", "Enter", "ArrowLeft"):
        opened.keyboard.press(key)
        seen += opened.locator(pictures).evaluate_all("all => all.map(c => c.toDataURL())")
    assert len(seen) == len(set(seen)) == 40
    assert opened.locator("#drawn").inner_text().startswith("10 new drawings of symbol 0. ")
    opened.keyboard.press("ArrowRight")
    assert opened.locator("#drawn").inner_text().startswith("10 new drawings of symbol 1. ")
    opened.click("text=Draw again")
    assert opened.url.startswith("file:")
    assert opened.trouble == []
    assert outside(opened) == []


def test_drawings_are_as_often_of_their_symbol_as_the_page_says(opened, alien):
    for symbol in np.linspace(0, alien.n_symbols_ - 1, 3).astype(int):
        opened.check(f"input[name=drawn][value='{symbol}']", force=True)
        levels = []
        for _ in range(20):
            opened.click("text=Draw again")
            levels += opened.locator("#drawings canvas").evaluate_all(
                "all => all.map(c => [...c.getContext('2d').getImageData(0, 0, 8, 8).data])"
            )
        grey = np.array(levels, dtype=np.uint8).reshape(-1, 8, 8, 4)[..., 0]
        share = (alien.predict(grey) == symbol).mean()
        told = opened.locator("#drawn").inner_text().split("Of ")[1]
        trials, hits = map(int, re.findall(r"\d+", told))
        assert trials == draws.TRIALS
        assert share == pytest.approx(hits / trials, abs=0.15)


def test_a_drawing_can_be_taken_up_and_changed(opened, alien):
    before = canvas_levels(opened, "#picture")
    opened.locator("#drawings button").nth(3).press("Enter")
    taken = canvas_levels(opened, "#picture")
    assert taken == canvas_levels(opened, "#drawings button:nth-child(4) canvas") != before
    slider = opened.locator("#code input").nth(2)
    slider.press("ArrowRight")
    slider.press("PageUp")
    assert canvas_levels(opened, "#picture") != taken


def test_every_slider_moves_the_picture(opened, alien):
    for number in range(6):
        slider = opened.locator("#code input").nth(number)
        slider.press("Home")
        low = canvas_levels(opened, "#picture")
        slider.press("End")
        assert canvas_levels(opened, "#picture") != low
    check_canvas(opened, alien.decode, code_in_hand(opened))
    assert opened.locator("#code output").first.inner_text() == f"{code_in_hand(opened)[0]:.2f}"


def test_the_way_leads_from_one_symbol_to_the_other(opened, alien):
    symbols = [1, alien.n_symbols_ - 2]
    opened.select_option("#walk-from", str(symbols[0]))
    opened.select_option("#walk-to", str(symbols[1]))
    ends = [np.array(typical(opened, symbol)) for symbol in symbols]
    walk = opened.locator("#walk")
    for key, share in (("Home", 0.0), ("End", 1.0), ("ArrowLeft", 0.99)):
        walk.press(key)
        check_canvas(opened, alien.decode, (1 - share) * ends[0] + share * ends[1])
    drawn = alien.decode(np.array(ends))
    assert alien.predict(drawn).tolist() == symbols
    assert opened.locator("#steps canvas").count() == 11
    with pytest.raises(AssertionError):
        check_canvas(opened, alien.decode, ends[0])


def test_what_a_code_belongs_to_is_told_as_in_python(opened, alien):
    codes = np.vstack([alien.evidence_.gallery_codes[::20], 1e3 * np.eye(6)])
    told = opened.evaluate("codes => codes.map(xenoglyph.belonging)", codes.tolist())
    expected = alien.mixture_.predict_proba(codes) @ alien.component_symbols_
    near = [own is not None for own in told]
    assert sum(near[:-6]) > 80
    assert not any(near[-6:])
    shares = np.array([own for own in told if own is not None])
    np.testing.assert_allclose(shares, expected[near], atol=5e-3)


def test_small_steps_keep_mean_and_covariance(alien):
    random = np.random.default_rng(0)
    component, n = 0, 100_000
    mean, covariance = alien.mixture_.means_[0], alien.mixture_.covariances_[0]
    codes = random.multivariate_normal(mean, covariance, n)
    near = close_by(alien, codes, np.full(n, component), random.standard_normal(codes.shape))
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((near.mean(axis=0) - mean) / spread, 0.0, atol=0.02)
    scale = np.outer(spread, spread)
    np.testing.assert_allclose(np.cov(near.T) / scale, covariance / scale, atol=0.03)
    moved = (near - codes) / spread
    assert np.abs(moved.std(axis=0) - draws.STEP).max() < 0.05


def test_codes_in_the_page_were_recognised(alien, charts):
    for symbol, own in enumerate(charts["draws"]["symbols"]):
        told = alien.recognise_codes(own["codes"]).argmax(axis=1)
        # Rounded to be short; and where too few are recognised the likest are among them.
        assert (told == symbol).mean() > 0.9
        assert own["components"] == alien.mixture_.predict(own["codes"]).tolist()
        assert 0 <= own["hits"] <= own["trials"]


def test_a_decoder_too_large_is_left_out_and_the_page_says_so(
    browser, alien, save_page, monkeypatch
):
    monkeypatch.setattr(draws, "MOST_WEIGHTS", 100)
    left_out = gather_draws(alien)
    assert left_out["decoder"] is None
    assert left_out["symbols"] == []
    with opened_page(browser, save_page(draws=left_out), viewport=DESK) as page:
        assert "too large for a page" in page.locator("#draw").inner_text()
        assert page.locator("#draw canvas").count() == 0
        assert page.trouble == []


@pytest.mark.parametrize("code_size", [1, 10])
def test_a_discovery_in_colour_draws_in_colour(browser, tmp_path, code_size):
    images = coloured((6, 5, 3), n=200)
    model = SymbolDiscovery(route="codes", code_size=code_size, n_epochs=2, random_state=0)
    write_report(model.fit(images), tmp_path / "report.html")
    with opened_page(browser, tmp_path / "report.html", viewport=DESK) as page:
        assert page.locator("#code input").count() == code_size
        check_same_pictures(page, model.decode, model.codes_[:20])
        page.locator("#walk").press("End")
        page.locator("#code input").first.press("Home")
        levels = np.reshape(canvas_levels(page, "#picture"), (6, 5, 4))
        assert (levels[..., 3] == 255).all()
        assert len(np.unique(levels[..., :3].reshape(-1, 3), axis=0)) > 3
        assert page.trouble == []

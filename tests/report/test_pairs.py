"""The pair plot in a real browser: dots, their images, ellipses, densities, legend."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from browsing import DESK, canvas_levels, opened_page
from xenoglyph.record import count_codes
from xenoglyph.report.charts import FEWEST, MOST_DOTS, gather_charts, spread_over
from xenoglyph.sheets import tile

PANELS = [(column, row) for row in range(6) for column in range(row)]
DOTS = MOST_DOTS // len(PANELS)


def traces(page, kind, panel):
    """Traces of one kind in a panel (column, row), as Plotly has them."""
    x, y = (number + 1 if number else "" for number in panel)  # the first has no number
    axes = f"x{x},y{y}"
    return page.evaluate(
        """([kind, axes]) => document.getElementById("pairs").data
        .filter((own) => (own.mode || own.type) === kind)
        .filter((own) => [own.xaxis, own.yaxis].join() === axes)
        .map(({ x, y, z, line }) => ({ x, y, z, color: line && line.color }))""",
        [kind, axes],
    )


def colours(page):
    dots = page.locator("#pairs .scatterlayer .point")
    return dots.evaluate_all("all => all.map(dot => dot.style.fill)")


def split_at_gaps(line):
    """The closed curves of a trace, shape (points, 2) each: a gap ends every one."""
    points = np.array([line["x"], line["y"]], dtype=float).T
    gaps = np.flatnonzero(np.isnan(points[:, 0]))
    return [part[~np.isnan(part[:, 0])] for part in np.split(points, gaps)[:-1]]


def check_ellipses(mixture, panel, lines):
    """Each component has its ellipse, one standard deviation around its mean."""
    some, found = list(panel), []
    precisions = np.linalg.inv(mixture.covariances_[:, some][:, :, some])
    for ellipse in (own for line in lines for own in split_at_gaps(line)):
        off = ellipse[:, None] - mixture.means_[:, some]
        distances = np.einsum("nki,kij,nkj->nk", off, precisions, off)
        found += np.flatnonzero(np.abs(distances - 1.0).max(axis=0) < 1e-2).tolist()
    assert sorted(found) == list(range(mixture.n_components_))


def test_all_pairs_of_six_dimensions_are_there(opened):
    assert [len(traces(opened, "markers", panel)) for panel in PANELS] == [1] * 15
    assert opened.locator("#pairs .barlayer .trace").count() == 6


@pytest.mark.parametrize("panel", [(0, 1), (1, 4), (4, 5)])
def test_ellipses_are_those_of_the_components(opened, alien, panel):
    lines = traces(opened, "lines", panel)[1::2]  # each lies on a wider one of the paper's colour
    check_ellipses(alien.mixture_, panel, lines)
    with pytest.raises(AssertionError):
        check_ellipses(alien.mixture_, panel[::-1], lines)
    with pytest.raises(AssertionError):
        check_ellipses(alien.mixture_, panel, lines[1:])


def test_an_ellipse_has_the_colour_of_its_symbols_dots(opened, alien):
    index = alien.component_symbols_.argmax(axis=1)
    palette = opened.locator("#legend path").evaluate_all(
        "all => all.map(p => p.attributes.fill.value)"
    )
    lines = traces(opened, "lines", (0, 1))[1::2]
    assert {line["color"] for line in lines} == {palette[symbol] for symbol in index}


def test_ellipses_and_densities_come_and_go(opened):
    for box, kind, count in (("#ellipses", "lines", 2), ("#densities", "heatmap", 1)):
        assert len(traces(opened, kind, (0, 1))) >= count
        opened.uncheck(box)
        assert traces(opened, kind, (0, 1)) == []
        opened.check(box)
        assert len(traces(opened, kind, (0, 1))) >= count


@pytest.mark.parametrize("panel", [(0, 1), (1, 3), (2, 5)])
def test_densities_count_all_codes(opened, alien, panel):
    across, up = panel
    (trace,) = traces(opened, "heatmap", panel)
    edges = alien.evidence_.code_counts.edges
    own = [alien.codes_[:, across], alien.codes_[:, up]]
    expected, *_ = np.histogram2d(*own, [edges[across], edges[up]])
    np.testing.assert_allclose(np.expm1(trace["z"]), expected, atol=1e-9)  # transposed by Plotly
    assert opened.evaluate("document.getElementById('pairs').data.find(t => t.z).transpose")


def test_histograms_count_all_codes(alien):
    counts = count_codes(alien.codes_)
    for own, line, edges in zip(alien.codes_.T, counts.single, counts.edges, strict=True):
        inside = (own >= edges[0]) & (own <= edges[-1])
        assert line.sum() == inside.sum() >= 0.998 * len(own)


def test_without_more_images_than_dots_there_is_no_density(alien, with_evidence):
    few = np.arange(50)
    evidence = alien.evidence_
    small = replace(
        evidence,
        gallery=evidence.gallery[few],
        gallery_codes=evidence.gallery_codes[few],
        gallery_components=evidence.gallery_components[few],
        gallery_symbols=evidence.gallery_symbols[few],
        code_counts=count_codes(evidence.gallery_codes[few]),
    )
    assert gather_charts(with_evidence(small))["counts"]["pairs"] == []
    assert gather_charts(alien)["counts"]["pairs"] != []


def test_dots_come_from_every_component():
    groups = np.repeat([0, 1, 2], [9000, 40, 3])
    shown = spread_over(groups, 1000)
    assert (np.diff(shown) > 0).all()
    counts = np.bincount(groups[shown])
    assert counts[0] == pytest.approx(1000, rel=0.01)
    assert counts[1:].tolist() == [FEWEST, 3]
    np.testing.assert_array_equal(spread_over(groups, 10_000), np.arange(len(groups)))


def test_pointing_at_a_dot_shows_its_image(opened, alien):
    gallery, codes = alien.evidence_.gallery, alien.evidence_.gallery_codes
    shown = spread_over(alien.evidence_.gallery_components, DOTS)
    # The dot that lies farthest from any other: the pointer means no other.
    apart = cdist(codes[shown, :2], codes[shown, :2]) + 1e9 * np.eye(len(shown))
    number = int(apart.min(axis=1).argmax())
    opened.uncheck("#ellipses")
    first = opened.locator("#pairs .cartesianlayer .subplot.xy2 .scatterlayer .trace").last
    dot = first.locator(".point").nth(number).bounding_box()
    opened.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    opened.wait_for_selector("#pointed", state="visible")
    levels = np.reshape(canvas_levels(opened, "#pointed-image"), (8, 8, 4))
    np.testing.assert_array_equal(levels[..., 0], tile(gallery.pixels[shown[number]]))
    image = shown[number]
    assert opened.locator("#pointed-text").inner_text() == (
        f"symbol {alien.evidence_.gallery_symbols[image]}, "
        f"component {alien.evidence_.gallery_components[image]}, label {gallery.labels[image]}"
    )
    opened.mouse.move(2, 2)
    opened.wait_for_selector("#pointed", state="hidden")
    opened.check("#ellipses")
    assert opened.trouble == []


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
    ellipses = len(traces(opened, "lines", (0, 1)))
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert len(set(colours(opened))) == 2
    assert len(traces(opened, "lines", (0, 1))) == 2 < ellipses
    button.press("Enter")
    assert colours(opened) == before


@pytest.mark.parametrize("code_size", [1, 2])
def test_few_dimensions_are_drawn_too(browser, charts, save_page, code_size):
    groups = charts["components"]
    fewer = {
        **groups,
        "means": [mean[:code_size] for mean in groups["means"]],
        "factors": [[row[:code_size] for row in own[:code_size]] for own in groups["factors"]],
    }
    counts = {name: own[:code_size] for name, own in charts["counts"].items()}
    path = save_page(
        codes=charts["codes"][:code_size],
        counts={**counts, "pairs": charts["counts"]["pairs"][: code_size - 1]},
        components=fewer,
        draws={**charts["draws"], "decoder": None},
    )
    with opened_page(browser, path, viewport=DESK) as page:
        assert page.trouble == []
        assert page.locator("#pairs .barlayer .trace").count() == code_size
        assert len(traces(page, "markers", (0, 1))) == code_size - 1

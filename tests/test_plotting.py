"""Pictures show what they were given: counted on the axes, not by eye."""

import re
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from xenoglyph import DataError, ImageSet
from xenoglyph.mixture import Event, Sweep, Trace
from xenoglyph.plotting import (
    COLOURS,
    EVENTS,
    LINES,
    MARKERS,
    bells,
    code_histograms,
    label_heatmap,
    loss_curve,
    message_length_curve,
    mixture_1d,
    mixture_2d,
    outlines,
    pair_plot,
    reconstructions,
    save_figure,
    sweep_curve,
    symbol_sheet,
)
from xenoglyph.plotting.style import HATCHES
from xenoglyph.sheets import sheet
from xenoglyph.symbols import label_table

CODES = np.random.default_rng(0).standard_normal((90, 10))
DIMENSIONS = [1, 2, 3, 6, 10]


@pytest.fixture
def ax():
    return Figure(figsize=(6.0, 4.0)).subplots()


def some_images(n):
    return ImageSet(np.random.default_rng(n).random((n, 5, 4), dtype=np.float32))


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("k", [1, 4, 30])
def test_a_pair_plot_has_every_code_in_every_panel(d, k, ax):
    codes, groups = CODES[:, :d], np.arange(90) % k
    assert pair_plot(codes, groups, ax) is ax
    low, reach = codes.min(axis=0), np.ptp(codes, axis=0)
    panels = [(row, column) for row in range(d) for column in range(d) if row != column]
    for g, line in enumerate(ax.lines[:k]):
        points = line.get_xydata().reshape(len(panels), (groups == g).sum(), 2)
        for (row, column), panel in zip(panels, points, strict=True):
            own = (codes[groups == g] - low) / reach
            place = 0.04 + 0.92 * own[:, [column, row]] + [column, d - 1 - row]
            np.testing.assert_allclose(panel, place)
    assert legend_of(ax) == [str(g) for g in range(k)]


@pytest.mark.parametrize("d", DIMENSIONS)
def test_the_histograms_on_the_diagonal_stack_up_to_all_codes(d, ax):
    groups = np.arange(90) % 3
    pair_plot(CODES[:, :d], groups, ax)
    for j in range(d):
        top, edges, _ = ax.patches[3 * j + 2].get_data()
        assert (edges[0], edges[-1]) == (j, j + 1)
        inside = (top - (d - 1 - j) - 0.04) / 0.92
        assert inside.max() == pytest.approx(1.0)
        # The highest bar is a whole number of codes; all of them together are all codes.
        highest = 90 / inside.sum()
        np.testing.assert_allclose(inside * highest, np.rint(inside * highest), atol=1e-9)
        own = ax.patches[3 * j : 3 * j + 3]
        for lower, upper in pairwise(own):
            np.testing.assert_allclose(upper.get_data()[2], lower.get_data()[0])


@pytest.mark.parametrize("d", [2, 3])
def test_few_dimensions_leave_room_for_names_among_the_points(d, ax):
    groups = np.arange(90) % 3
    pair_plot(CODES[:, :d], groups, ax, ["a", "b", "c"])
    assert [text.get_text() for text in ax.texts] == [n for n in "abc" for _ in range(d * d - d)]


def test_thirty_legend_entries_fit_beside_a_low_picture(ax):
    pair_plot(CODES[:, :1], np.arange(90) % 30, ax)
    figure = ax.get_figure()
    figure.canvas.draw()
    height = ax.get_legend().get_window_extent().height
    assert height <= figure.bbox.height


@pytest.mark.parametrize("looks", [LINES, MARKERS, HATCHES])
def test_thirty_groups_look_different(looks):
    seen = {(COLOURS[g % len(COLOURS)], looks[g // len(COLOURS)]) for g in range(30)}
    assert len(seen) == 30


# What is left of linear light to those who lack one kind of cones: G. M. Machado, M. M. Oliveira
# and L. A. F. Fernandes, IEEE Transactions on Visualization 15(6), 2009, severity 1.
SEEN_BY = {
    "everybody": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, seen):
    """A colour in CIELAB, where distances are what the eye makes of them."""
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(XYZ @ np.clip(seen @ linear, 0.0, 1.0) / XYZ.sum(axis=1))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def closest(colours, seen):
    """Distance of the two colours that look most alike; 2 is hardly noticed side by side."""
    seen = np.array([lab(colour, np.asarray(seen)) for colour in colours])
    distance = np.linalg.norm(seen[:, None] - seen, axis=2)
    return distance[np.triu_indices(len(colours), 1)].min()


@pytest.mark.parametrize("kind", SEEN_BY)
def test_colours_differ_for_colour_blind_readers_and_from_paper(kind):
    assert closest([*COLOURS, "#FFFFFF"], SEEN_BY[kind]) > 12.0


@pytest.mark.parametrize(
    ("instead", "kind"), [("#8A7A00", "protanopia"), ("#FFFFF0", "everybody")]
)
def test_a_palette_that_cannot_be_told_apart_is_found(instead, kind):
    assert closest([*COLOURS[:-1], instead, "#FFFFFF"], SEEN_BY[kind]) < 12.0


def test_names_are_text_and_no_formula(tmp_path):
    axes = [Figure().subplots() for _ in range(3)]
    pair_plot(CODES[:, :2], np.arange(90) % 2, axes[0], ["$x^", "\\frac"])
    label_heatmap(label_table([0, 1], ["$x^", "\\frac"], 2), axes[1])
    symbol_sheet([some_images(2)], ["$x^"], axes[2])
    for number, ax in enumerate(axes):
        save_figure(ax, tmp_path / f"{number}.png")
        with Image.open(tmp_path / f"{number}.png") as picture:
            picture.verify()


@pytest.mark.parametrize("d", DIMENSIONS)
def test_histograms_count_every_code_of_every_dimension(d, ax):
    code_histograms(CODES[:, :d], ax)
    assert len(ax.child_axes) == d
    for j, panel in enumerate(ax.child_axes):
        assert sum(bar.get_height() for bar in panel.patches) == 90
        assert panel.get_xlabel() == f"code {j}"


@pytest.mark.parametrize("k", [1, 2, 10, 30])
def test_ellipses_are_where_the_components_are(k, ax):
    random = np.random.default_rng(k)
    means, A = random.normal(0, 5, (k, 2)), random.normal(0, 1, (k, 2, 2))
    C = A @ A.swapaxes(1, 2)
    points = random.normal(0, 5, (50, 2))
    mixture_2d(points, means, C, ax)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), points)
    (ellipses,) = ax.collections
    drawn = np.stack([path.vertices[:60] for path in ellipses.get_paths()])
    np.testing.assert_allclose(drawn, outlines(means, C))
    looks = zip(
        map(to_hex, ellipses.get_edgecolor()), map(str, ellipses.get_linestyle()), strict=True
    )
    assert len(set(looks)) == k
    assert [text.get_text() for text in ax.texts] == [str(m) for m in range(k)]
    np.testing.assert_allclose([text.xy for text in ax.texts], means)


def test_outlines_are_at_their_distance():
    C = np.array([[[4.0, 1.5], [1.5, 2.0]], [[1.0, -0.2], [-0.2, 0.3]]])
    means = np.array([[1.0, -2.0], [0.0, 5.0]])
    off = outlines(means, C, sd=2.0) - means[:, None]
    distance = np.einsum("kij,kjl,kil->ki", off, np.linalg.inv(C), off)
    np.testing.assert_allclose(distance, 4.0)


@pytest.mark.parametrize("k", [1, 2, 10, 30])
def test_densities_lie_over_a_histogram_of_the_same_area(k, ax):
    random = np.random.default_rng(k)
    weights, means = random.dirichlet(np.ones(k)), random.normal(0, 9, k)
    variances = random.uniform(0.5, 3.0, k)
    values = np.append(random.normal(0, 9, 400), np.nan)
    mixture_1d(values, weights, means, variances, ax)
    bars = [p for p in ax.patches if hasattr(p, "get_width")]
    assert sum(bar.get_height() * bar.get_width() for bar in bars) == pytest.approx(1.0)
    whole, *components = ax.lines
    assert np.trapezoid(whole.get_ydata(), whole.get_xdata()) == pytest.approx(1.0, abs=1e-2)
    for line, alpha in zip(components, weights, strict=True):
        assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(alpha, rel=1e-3)
    assert [text.get_text() for text in ax.texts] == [str(m) for m in range(k)]


def test_a_bell_is_highest_at_its_mean():
    (bell,) = bells(np.array([0.5]), np.array([3.0]), np.array([4.0]), corners=61)
    x, y = bell[bell[:, 1].argmax()]
    assert x == pytest.approx(3.0)
    assert y == pytest.approx(0.5 / np.sqrt(8.0 * np.pi))


def trace_of(*lengths, chosen, events=(), best_by_k=None):
    """Sweeps of ever one component less."""
    k = len(lengths)
    sweeps = [Sweep(s, k - s, length, 0.0, chosen=s == chosen) for s, length in enumerate(lengths)]
    events = [Event(s, kind, 2, 1, 0.5, 1.0, 0.5) for s, kind in events]
    return Trace(tuple(sweeps), tuple(events), best_by_k or {})


def test_the_curve_marks_the_chosen_message_and_the_runner_up(ax):
    trace = trace_of(500.0, 14.0, 12.0, 20.0, chosen=2, best_by_k={3: 14.0, 2: 12.0, 1: 20.0})
    message_length_curve(trace, ax)
    curve, mark, second = ax.lines
    assert curve.get_xydata().tolist() == [[1.0, 8.0], [2.0, 0.0], [3.0, 2.0]]
    assert mark.get_xydata().tolist() == [[2.0, 0.0]]
    assert second.get_xydata().tolist() == [[3.0, 2.0]]
    assert legend_of(ax) == [
        "chosen: 2 components, 12.0 nats",
        "runner-up: 3 components, 2.0 nats more",
    ]


def test_where_no_other_number_was_seen_there_is_no_runner_up(ax):
    message_length_curve(trace_of(12.0, chosen=0, best_by_k={1: 12.0}), ax)
    assert legend_of(ax) == ["chosen: 1 component, 12.0 nats"]


def test_what_is_marked_was_chosen_even_where_something_shorter_was_seen(ax):
    trace = trace_of(14.0, 12.0, chosen=1, best_by_k={2: 11.5, 1: 12.0})
    message_length_curve(trace, ax)
    curve, mark, _ = ax.lines
    assert mark.get_xydata().tolist() == [[1.0, 0.0]]
    assert (curve.get_ydata() >= 0.0).all()


def test_the_path_shows_every_sweep(ax):
    sweep_curve(trace_of(500.0, 14.0, 12.0, 20.0, chosen=2), ax)
    (path,) = ax.lines
    assert path.get_xydata().tolist() == [[0.0, 488.0], [1.0, 2.0], [2.0, 0.0], [3.0, 8.0]]
    assert ax.get_legend() is None
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "1", "10", "100"]


@pytest.mark.parametrize(
    "kinds", [["split"], ["annihilation", "deletion"], ["merge", "split", "split"], [*EVENTS]]
)
def test_the_path_marks_the_changes_of_the_kinds_that_occur(kinds, ax):
    lengths = [500.0, 30.0, 14.0, 12.0, 20.0]
    events = list(enumerate(kinds, start=1))
    events.append(events[0])  # two in one sweep are one mark
    sweep_curve(trace_of(*lengths, chosen=3, events=events), ax)
    lines = {line.get_label(): line for line in ax.lines[1:]}
    assert len(lines) == len(set(kinds))
    for kind in kinds:
        name, marker, colour = EVENTS[kind]
        own = [s for s, other in events[:-1] if other == kind]
        expected = [[s, max(lengths[s] - 12.0, 0.0)] for s in own]
        assert lines[name].get_xydata().tolist() == expected
        assert (lines[name].get_marker(), lines[name].get_color()) == (marker, colour)
    assert sorted(legend_of(ax)) == sorted(EVENTS[kind][0] for kind in set(kinds))


def test_every_kind_of_change_looks_different():
    for looks in zip(*EVENTS.values(), strict=True):
        assert len(set(looks)) == 4


def page_file(*path):
    return files("xenoglyph.report").joinpath("templates", *path).read_text("utf-8")


def test_the_page_uses_the_same_colours():
    palette = re.search(r"^const colours = \[(.*)\];$", page_file("scripts", "common.js"), re.M)[1]
    assert re.findall("#[0-9A-F]{6}", palette) == list(COLOURS)


def test_the_page_calls_changes_by_the_same_names():
    script, page = page_file("scripts", "curves.js"), page_file("page.html.j2")
    for kind, (name, _, _) in EVENTS.items():
        assert f'{kind}: ["{name}", ' in script
        assert f'"{kind}": ("{name}", ' in page


def test_a_sheet_shows_every_image(ax):
    symbol_sheet([some_images(3), some_images(2)], ["a", "b"], ax, columns=3)
    page = np.asarray(ax.images[0].get_array())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    top, bottom = np.split(page, 2)
    np.testing.assert_array_equal(top, sheet(some_images(3), 3))
    two = sheet(some_images(2), 3)
    np.testing.assert_array_equal(bottom[:, : two.shape[1]], two)
    assert (bottom[:, two.shape[1] :] == 255).all()


def test_reconstructions_stand_below_their_originals(ax):
    reconstructions(some_images(4), some_images(3), ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["original", "decoded"]


def test_the_label_table_shows_its_counts(ax):
    label_heatmap(label_table([0, 0, 1], ["x", "y", "y"], 2), ax)
    assert [text.get_text() for text in ax.texts] == ["1", "1", "0", "1"]


def test_losses_are_drawn(ax):
    assert loss_curve({"loss": [0.3, 0.2], "validation_loss": []}, ax) is ax
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0.3, 0.2]]


def test_axes_without_a_figure_are_not_written(tmp_path, ax):
    ax.remove()
    with pytest.raises(DataError, match="no figure"):
        save_figure(ax, tmp_path / "nothing.png")
    assert list(tmp_path.iterdir()) == []

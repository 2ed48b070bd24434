"""Pictures show what they were given: counted on the axes, not by eye."""

import re
from importlib.resources import files

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from xenoglyph import ImageSet
from xenoglyph.plotting import (
    COLOURS,
    EVENTS,
    MARKERS,
    code_histograms,
    label_heatmap,
    loss_curve,
    message_length_curve,
    pair_plot,
    reconstructions,
    save_figure,
    symbol_sheet,
)
from xenoglyph.sheets import sheet
from xenoglyph.symbols import label_table

CODES = np.random.default_rng(0).standard_normal((90, 3))


def some_images(n):
    return ImageSet(np.random.default_rng(n).random((n, 5, 4), dtype=np.float32))


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_a_pair_plot_has_every_code_in_every_panel(d, k):
    codes, groups = CODES[:, :d], np.arange(90) % k
    figure = pair_plot(codes, groups)
    (ax,) = figure.axes
    scattered = ax.lines[:k]
    assert [line.get_label() for line in scattered] == [str(g) for g in range(k)]
    low, reach = codes.min(axis=0), np.ptp(codes, axis=0)
    panels = [(row, column) for row in range(d) for column in range(d) if row != column]
    for g, line in enumerate(scattered):
        points = line.get_xydata().reshape(len(panels), (groups == g).sum(), 2)
        for (row, column), panel in zip(panels, points, strict=True):
            own = (codes[groups == g] - low) / reach
            place = 0.04 + 0.92 * own[:, [column, row]] + [column, d - 1 - row]
            np.testing.assert_allclose(panel, place)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [str(g) for g in range(k)]


def test_thirty_groups_look_different():
    looks = {(COLOURS[g % len(COLOURS)], MARKERS[g // len(COLOURS)]) for g in range(30)}
    assert len(looks) == 30


def test_names_are_text_and_no_formula(tmp_path):
    figure = pair_plot(CODES[:, :2], np.arange(90) % 2, ["$x^", "\\frac"])
    save_figure(figure, tmp_path / "names.png")
    table = label_table([0, 1], ["$x^", "\\frac"], 2)
    save_figure(label_heatmap(table), tmp_path / "table.png")
    save_figure(symbol_sheet([some_images(2)], ["$x^"]), tmp_path / "sheet.png")
    for name in ("names", "table", "sheet"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            picture.verify()


def test_histograms_count_every_code():
    figure = code_histograms(CODES)
    for cell in figure.axes[:3]:
        assert sum(bar.get_height() for bar in cell.patches) == 90


def ledger_of(*lengths, chosen):
    """Sweeps of ever one component less."""
    k = len(lengths)
    return [
        {"sweep": s, "k": k - s, "message_length": length, "chosen": s == chosen}
        for s, length in enumerate(lengths)
    ]


def test_the_curve_marks_the_chosen_message():
    ledger = ledger_of(500.0, 14.0, 12.0, 20.0, chosen=2)
    by_k, by_sweep = message_length_curve(ledger, {3: 14.0, 2: 12.0, 1: 20.0}).axes
    curve, mark = by_k.lines
    assert curve.get_xydata().tolist() == [[1.0, 8.0], [2.0, 0.0], [3.0, 2.0]]
    assert mark.get_xydata().tolist() == [[2.0, 0.0]]
    assert by_k.get_title(loc="left") == "2 components: 12.0 nats"
    (path,) = by_sweep.lines
    assert path.get_xydata().tolist() == [[0.0, 488.0], [1.0, 2.0], [2.0, 0.0], [3.0, 8.0]]
    assert by_sweep.get_legend() is None
    assert [t.get_text() for t in by_k.get_yticklabels()] == ["0", "1", "10", "100"]


def test_what_is_marked_was_chosen_even_where_something_shorter_was_seen():
    by_k, _ = message_length_curve(ledger_of(14.0, 12.0, chosen=1), {2: 11.5, 1: 12.0}).axes
    curve, mark = by_k.lines
    assert mark.get_xydata().tolist() == [[1.0, 0.0]]
    assert (curve.get_ydata() >= 0.0).all()


@pytest.mark.parametrize(
    "kinds", [["split"], ["annihilation", "deletion"], ["merge", "split", "split"], [*EVENTS]]
)
def test_the_curve_marks_the_changes_of_the_kinds_that_occur(kinds):
    lengths = [500.0, 30.0, 14.0, 12.0, 20.0]
    ledger = ledger_of(*lengths, chosen=3)
    events = [{"sweep": s, "kind": kind} for s, kind in enumerate(kinds, start=1)]
    events.append(events[0])  # two in one sweep are one mark
    _, by_sweep = message_length_curve(ledger, {2: 12.0}, events).axes
    lines = {line.get_label(): line for line in by_sweep.lines[1:]}
    assert len(lines) == len(set(kinds))
    for kind in kinds:
        name, marker, colour = EVENTS[kind]
        own = [event["sweep"] for event in events[:-1] if event["kind"] == kind]
        expected = [[s, lengths[s] - 12.0] for s in own]
        assert lines[name].get_xydata().tolist() == expected
        assert (lines[name].get_marker(), lines[name].get_color()) == (marker, colour)
    shown = [text.get_text() for text in by_sweep.get_legend().get_texts()]
    assert sorted(shown) == sorted(EVENTS[kind][0] for kind in set(kinds))


def test_every_kind_of_change_looks_different():
    for looks in zip(*EVENTS.values(), strict=True):
        assert len(set(looks)) == 4


def test_the_page_uses_the_same_colours():
    script = files("xenoglyph.report") / "templates" / "page.js"
    assert re.findall("#[0-9A-F]{6}", script.read_text("utf-8")) == list(COLOURS)


def test_the_page_calls_changes_by_the_same_names():
    templates = files("xenoglyph.report") / "templates"
    script, page = ((templates / f).read_text("utf-8") for f in ("page.js", "page.html.j2"))
    for kind, (name, _, _) in EVENTS.items():
        assert f'{kind}: ["{name}", ' in script
        assert f'"{kind}": ("{name}", ' in page


def test_a_sheet_shows_every_image():
    figure = symbol_sheet([some_images(3), some_images(2)], ["a", "b"], columns=3)
    (ax,) = figure.axes
    page = np.asarray(ax.images[0].get_array())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    top, bottom = np.split(page, 2)
    np.testing.assert_array_equal(top, sheet(some_images(3), 3))
    two = sheet(some_images(2), 3)
    np.testing.assert_array_equal(bottom[:, : two.shape[1]], two)
    assert (bottom[:, two.shape[1] :] == 255).all()


def test_reconstructions_stand_below_their_originals():
    (ax,) = reconstructions(some_images(4), some_images(3)).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["original", "decoded"]


def test_the_label_table_shows_its_counts():
    ax = label_heatmap(label_table([0, 0, 1], ["x", "y", "y"], 2))
    assert [text.get_text() for text in ax.texts] == ["1", "1", "0", "1"]


def test_losses_are_drawn_on_the_axes_given():
    ax = Figure().subplots()
    assert loss_curve({"loss": [0.3, 0.2], "validation_loss": []}, ax) is ax
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0.3, 0.2]]

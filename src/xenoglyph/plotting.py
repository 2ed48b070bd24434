"""Results as Matplotlib pictures; every function draws what it is given and computes nothing more.

Figures are made without pyplot, so that nothing global changes and no window opens. Groups are
told apart by colours that colour-blind readers can tell apart too, and, where there are many, by
markers as well.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from xenoglyph.errors import DataError
from xenoglyph.images import ImageSet
from xenoglyph.sheets import sheet
from xenoglyph.storage import atomic_path
from xenoglyph.symbols import LabelTable

__all__ = [
    "COLOURS",
    "EVENTS",
    "MARKERS",
    "code_histograms",
    "label_heatmap",
    "loss_curve",
    "mark_events",
    "message_length_curve",
    "pair_plot",
    "reconstructions",
    "save_figure",
    "scale_nats",
    "symbol_sheet",
]

Array = NDArray[np.float64]

# Okabe and Ito's palette, its black and yellow replaced by a grey and an olive that are seen on
# white; with four markers it tells 32 groups apart.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#6E6E6E",
    "#8A7A00",
)
MARKERS = ("o", "^", "s", "D")
BARS = "#8FA3B3"
# Kind of a change of the number of components -> what a legend calls it, its marker and colour.
EVENTS = {
    "split": ("split", "^", COLOURS[2]),
    "merge": ("merged", "D", COLOURS[3]),
    "deletion": ("taken out", "x", COLOURS[1]),
    "annihilation": ("starved", "v", "#333333"),
}
PANEL_MARGIN = 0.04


def save_figure(drawn: Figure | Axes, path: str | PathLike[str], dpi: int = 130) -> None:
    """Write a figure, or the figure that axes belong to, whole or not at all."""
    figure = drawn.get_figure(root=True)
    if figure is None:
        raise DataError("The axes given belong to no figure; draw on axes of a figure.")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, facecolor="white")


def pair_plot(codes: Array, groups: ArrayLike, names: Sequence[str] | None = None) -> Figure:
    """Draw every pair of code dimensions against each other, coloured by group.

    Every panel is scaled to its own two dimensions; the row's dimension runs upwards, the
    column's across. All panels stand in one pair of axes, which is many times faster than one
    each.

    Parameters
    ----------
    codes : array of shape (n, d)
    groups : array of shape (n,)
        Group of each code, numbered from 0.
    names : sequence of str, optional
        Names of the groups; their numbers by default.

    Returns
    -------
    Figure
        d x d panels, with a histogram of each dimension on the diagonal.
    """
    group, d = np.asarray(groups), codes.shape[1]
    names = names or [str(g) for g in range(int(group.max()) + 1)]
    side = max(1.9 * d, 3.0)
    figure = Figure(figsize=(side + 1.4, side), layout="constrained")
    ax = figure.subplots()
    low, reach = codes.min(axis=0), np.maximum(np.ptp(codes, axis=0), np.finfo(float).tiny)
    inside = PANEL_MARGIN + (1.0 - 2.0 * PANEL_MARGIN) * (codes - low) / reach
    row, column = (index.ravel() for index in np.indices((d, d)))
    off = row != column
    # Place of each code in each panel off the diagonal, shape (panels, n); row 0 is at the top.
    x = column[off, None] + inside.T[column[off]]
    y = (d - 1 - row[off])[:, None] + inside.T[row[off]]
    for g in np.unique(group):
        own = group == g
        _scatter(ax, x[:, own], y[:, own], int(g), names[int(g)])
    for j in range(d):
        counts, edges = np.histogram(inside[:, j], bins=30, range=(0.0, 1.0))
        base = d - 1 - j + PANEL_MARGIN
        heights = base + (1.0 - 2.0 * PANEL_MARGIN) * counts / counts.max()
        ax.stairs(heights, j + edges, baseline=base, fill=True, color=BARS)
    _panel_frame(ax, d)
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside right upper",
        fontsize=8,
        frameon=False,
        markerscale=2.5,
    )
    return figure


def code_histograms(codes: Array) -> Figure:
    """Draw the histogram of every code dimension, shape (n, d), beside one another."""
    d = codes.shape[1]
    columns = min(d, 3)
    rows = -(-d // columns)
    figure = Figure(figsize=(3.2 * columns, 2.3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for j, cell in enumerate(axes.flat):
        if j < d:
            _histogram(cell, codes[:, j], bins=50)
            cell.set_xlabel(f"code {j}")
        else:
            cell.set_axis_off()
    return figure


def message_length_curve(
    ledger: Sequence[Mapping[str, Any]],
    best_by_k: Mapping[int, float],
    events: Sequence[Mapping[str, Any]] = (),
) -> Figure:
    """Draw the message length against the number of components, and sweep by sweep.

    Parameters
    ----------
    ledger : sequence of mappings
        Every sweep: ``sweep``, ``k``, ``message_length`` and ``chosen``.
    best_by_k : mapping
        Smallest message length that was seen with each k; that which was chosen is marked.
    events : sequence of mappings, optional
        Every change of the number of components: ``sweep`` and ``kind``.

    Returns
    -------
    Figure
        Both panels show by how many nats a message is longer than the chosen one.
    """
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    by_k, by_sweep = figure.subplots(1, 2, sharey=True)
    answer = next(sweep for sweep in ledger if sweep["chosen"])
    k, shortest = answer["k"], answer["message_length"]
    ks = sorted(best_by_k)
    heights = [max(best_by_k[other] - shortest, 0.0) for other in ks]
    by_k.plot(ks, heights, "o-", color=COLOURS[0], ms=4)
    by_k.plot([k], [0.0], "o", color=COLOURS[1], markersize=10, clip_on=False)
    by_k.set_title(f"{k} components: {shortest:,.1f} nats", loc="left", fontsize=10)
    by_k.locator_params(axis="x", integer=True)
    by_k.set(xlabel="number of components", ylabel="nats above the shortest message")
    above = {s["sweep"]: max(s["message_length"] - shortest, 0.0) for s in ledger}
    by_sweep.plot(list(above), list(above.values()), color=COLOURS[0], linewidth=1)
    mark_events(by_sweep, above, events)
    by_sweep.set_xlabel("sweep")
    for ax in (by_k, by_sweep):
        scale_nats(ax, max(above.values()))
        _plain(ax).grid(axis="y", color="#E0E0E0", linewidth=0.6)
    return figure


def mark_events(ax: Axes, above: Mapping[int, float], events: Sequence[Mapping[str, Any]]) -> None:
    """Mark the sweeps in which the number of components changed, and how.

    Parameters
    ----------
    ax : Axes
    above : mapping
        Height of the curve at each sweep.
    events : sequence of mappings
        ``sweep`` and ``kind``; kinds that do not occur are not in the legend either.
    """
    for kind, (name, marker, colour) in EVENTS.items():
        sweeps = sorted({event["sweep"] for event in events if event["kind"] == kind})
        if sweeps:
            heights = [above[sweep] for sweep in sweeps]
            ax.plot(sweeps, heights, marker, color=colour, markersize=5, label=name)
            ax.legend(title="components", frameon=False, alignment="left", fontsize=9)


def scale_nats(ax: Axes, highest: float) -> None:
    """Scale the upward axis linearly near zero and logarithmically above.

    What decides between two mixtures are a few nats among thousands.
    """
    ax.set_yscale("function", functions=(np.log1p, np.expm1))
    powers = [10.0**power for power in range(int(np.log10(max(highest, 1.0))) + 1)]
    ax.set_yticks([0.0, *powers], ["0", *(f"{power:,.0f}" for power in powers)])
    ax.set_yticks([], minor=True)


def symbol_sheet(rows: Sequence[ImageSet], titles: Sequence[str], columns: int = 10) -> Figure:
    """Draw rows of images, one row for each symbol (or component), with its title at the left.

    Parameters
    ----------
    rows : sequence of ImageSet
        Of images of one shape.
    titles : sequence of str
        As many as there are rows.
    columns : int, default=10
        Most images in a row.
    """
    strips = [sheet(images[:columns], columns) for images in rows]
    width = max(strip.shape[1] for strip in strips)
    page = np.concatenate([_widened(strip, width) for strip in strips])
    figure = Figure(figsize=(0.62 * columns + 1.4, 0.62 * len(rows) + 0.2), layout="constrained")
    ax = figure.subplots()
    ax.imshow(page, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    height = len(page) / len(rows)
    ax.set_xticks([])
    # As text, so that a dollar sign in a name is no formula.
    ax.set_yticks(height * (np.arange(len(rows)) + 0.5), titles, parse_math=False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


def reconstructions(originals: ImageSet, decoded: ImageSet) -> Figure:
    """Draw originals above what the decoder makes of their codes."""
    return symbol_sheet([originals, decoded], ["original", "decoded"], len(originals))


def label_heatmap(table: LabelTable, ax: Axes | None = None) -> Axes:
    """Draw how many images of each label each symbol holds, as shares of the symbol."""
    counts = table.counts
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = _axes(ax, (1.6 + 0.5 * counts.shape[1], 1.2 + 0.32 * counts.shape[0]))
    ax.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if share[row, column] > 0.6 else "black"
        ax.text(column, row, str(count), ha="center", va="center", fontsize=7, color=colour)
    ax.set_xticks(range(counts.shape[1]))
    ax.set_xticklabels(table.label_names, parse_math=False)
    ax.set_yticks(range(counts.shape[0]))
    ax.set_xlabel("label")
    ax.set_ylabel("symbol")
    return ax


def loss_curve(history: Mapping[str, Sequence[float]], ax: Axes | None = None) -> Axes:
    """Draw the auto-encoder's losses, in nats per pixel, epoch by epoch."""
    ax = _axes(ax, (6.4, 3.2))
    named = {"loss": "training images", "validation_loss": "held-out images"}
    for colour, (name, label) in zip(COLOURS, named.items(), strict=False):
        losses = history.get(name, [])
        if losses:
            ax.plot(range(1, len(losses) + 1), losses, color=colour, label=label)
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss (nats per pixel)")
    ax.legend(frameon=False)
    return _plain(ax)


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes given, or new ones on a figure of that size in inches."""
    return ax if ax is not None else Figure(figsize=size, layout="constrained").subplots()


def _scatter(ax: Axes, x: Array, y: Array, group: int, name: str) -> None:
    ax.plot(
        x.ravel(),
        y.ravel(),
        MARKERS[group // len(COLOURS) % len(MARKERS)],
        color=COLOURS[group % len(COLOURS)],
        markersize=2.2,
        markeredgewidth=0,
        alpha=0.75,
        label=_as_text(name),
    )


def _panel_frame(ax: Axes, d: int) -> None:
    """Rule the panels of a pair plot, and name rows and columns by their dimension."""
    for line in range(d + 1):
        ax.axhline(line, color="#CCCCCC", linewidth=0.8)
        ax.axvline(line, color="#CCCCCC", linewidth=0.8)
    names = [f"code {j}" for j in range(d)]
    ax.set_xticks(np.arange(d) + 0.5, names)
    ax.set_yticks(d - 0.5 - np.arange(d), names, rotation=90, va="center")
    ax.set(xlim=(0, d), ylim=(0, d), aspect="equal")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _as_text(name: str) -> str:
    """Escape what Matplotlib would read as a formula, or as "not in the legend"."""
    escaped = name.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def _widened(strip: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Return a strip of images filled up with white to the width of the longest."""
    missing = [(0, 0), (0, width - strip.shape[1]), *[(0, 0)] * (strip.ndim - 2)]
    return np.pad(strip, missing, constant_values=255)


def _histogram(ax: Axes, values: Array, bins: int = 30) -> None:
    ax.hist(values, bins=bins, color=BARS)
    ax.set_yticks([])
    _plain(ax)


def _plain(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    return ax

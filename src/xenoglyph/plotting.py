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

from xenoglyph.images import ImageSet
from xenoglyph.storage import atomic_path
from xenoglyph.symbols import LabelTable

__all__ = [
    "COLOURS",
    "MARKERS",
    "code_histograms",
    "label_heatmap",
    "loss_curve",
    "message_length_curve",
    "pair_plot",
    "reconstructions",
    "save_figure",
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


def save_figure(figure: Figure, path: str | PathLike[str], dpi: int = 130) -> None:
    """Write a figure, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, facecolor="white")


def pair_plot(codes: Array, groups: ArrayLike, names: Sequence[str] | None = None) -> Figure:
    """Draw every pair of code dimensions against each other, coloured by group.

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
        d x d axes, with a histogram of each dimension on the diagonal.
    """
    group, d = np.asarray(groups), codes.shape[1]
    names = names or [str(g) for g in range(int(group.max()) + 1)]
    figure = Figure(figsize=(1.9 * d + 1.4, 1.9 * d), layout="constrained")
    axes = figure.subplots(d, d, squeeze=False, sharex="col")
    for row in range(d):
        for column in range(d):
            cell = axes[row, column]
            if row == column:
                _histogram(cell, codes[:, row])
            else:
                _scatter(cell, codes[:, column], codes[:, row], group)
            _label_cell(cell, row, column, d)
    handles = axes[0, 1].get_legend_handles_labels()[0] if d > 1 else []
    shown = [names[int(g)] for g in np.unique(group)]
    figure.legend(handles, shown, loc="outside right upper", fontsize=8, frameon=False, markerscale=2.5)
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
    ledger: Sequence[Mapping[str, float]], best_by_k: Mapping[int, float], ax: Axes | None = None
) -> Axes:
    """Draw the message length in nats against the number of components, the best one marked.

    Parameters
    ----------
    ledger : sequence of mappings
        Every sweep: ``k`` and ``message_length``.
    best_by_k : mapping
        Smallest message length after convergence, for each k.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = _axes(ax, (6.4, 3.8))
    ks = sorted(best_by_k)
    lengths = [best_by_k[k] for k in ks]
    ax.plot(
        [s["k"] for s in ledger],
        [s["message_length"] for s in ledger],
        ".",
        color="#BBBBBB",
        markersize=3,
        label="every sweep",
    )
    ax.plot(ks, lengths, "o-", color=COLOURS[0], markersize=4, label="converged")
    best = ks[int(np.argmin(lengths))]
    ax.plot([best], [min(lengths)], "o", color=COLOURS[1], markersize=9, label=f"{best} components")
    # Early sweeps are far up; what decides is near the bottom.
    reach = max(max(lengths) - min(lengths), 1.0)
    ax.set_ylim(min(lengths) - 0.08 * reach, max(lengths) + 0.12 * reach)
    ax.set_xlabel("number of components")
    ax.set_ylabel("message length (nats)")
    ax.legend(frameon=False)
    return _plain(ax)


def symbol_sheet(rows: Sequence[ImageSet], titles: Sequence[str], columns: int = 10) -> Figure:
    """Draw rows of images, one row for each symbol (or component), with its title at the left.

    Parameters
    ----------
    rows : sequence of ImageSet
    titles : sequence of str
        As many as there are rows.
    columns : int, default=10
        Most images in a row.
    """
    figure = Figure(figsize=(0.62 * columns + 1.6, 0.62 * len(rows)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01)  # type: ignore[union-attr]
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for cells, images, title in zip(axes, rows, titles, strict=True):
        for cell in cells:
            cell.set_axis_off()
        for cell, pixels in zip(cells, images.pixels, strict=False):
            _picture(cell, pixels)
        # As text, so that a dollar sign in a name is no formula.
        cells[0].text(
            -0.25,
            0.5,
            title,
            transform=cells[0].transAxes,
            ha="right",
            va="center",
            fontsize=9,
            parse_math=False,
        )
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


def _scatter(ax: Axes, x: Array, y: Array, groups: NDArray[Any]) -> None:
    for g in np.unique(groups):
        own = groups == g
        ax.scatter(
            x[own],
            y[own],
            s=5,
            color=COLOURS[int(g) % len(COLOURS)],
            marker=MARKERS[int(g) // len(COLOURS) % len(MARKERS)],
            linewidths=0,
            alpha=0.75,
            label=str(g),
        )


def _histogram(ax: Axes, values: Array, bins: int = 30) -> None:
    ax.hist(values, bins=bins, color="#8FA3B3")
    ax.set_yticks([])
    _plain(ax)


def _label_cell(cell: Axes, row: int, column: int, d: int) -> None:
    """Name the outer axes of a pair plot only."""
    cell.tick_params(labelsize=6, labelleft=column == 0 and row > 0, labelbottom=row == d - 1)
    if column == 0:
        cell.set_ylabel(f"code {row}", fontsize=8)
    if row == d - 1:
        cell.set_xlabel(f"code {column}", fontsize=8)


def _picture(cell: Axes, pixels: NDArray[np.float32]) -> None:
    cell.imshow(pixels, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")


def _plain(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    return ax

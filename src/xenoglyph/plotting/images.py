"""Images of symbols, and the table of symbols against labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from xenoglyph.sheets import sheet
from xenoglyph.symbols import LabelTable

if TYPE_CHECKING:
    from xenoglyph.images import ImageSet

__all__ = ["label_heatmap", "reconstructions", "symbol_sheet"]

SHORT = 4  # letters that fit side by side
WHITE_FROM = 0.6  # share from which on black on blue is hard to read


def symbol_sheet(
    rows: Sequence["ImageSet"], titles: Sequence[str], ax: Axes, columns: int = 10
) -> Axes:
    """Draw rows of images, one row for each symbol (or component), with its title at the left.

    Parameters
    ----------
    rows : sequence of ImageSet
        Of images of one shape.
    titles : sequence of str
        As many as there are rows.
    ax : Axes
    columns : int, default=10
        Most images in a row.
    """
    strips = [sheet(images[:columns], columns) for images in rows]
    width = max(strip.shape[1] for strip in strips)
    page = np.concatenate([_widened(strip, width) for strip in strips])
    ax.imshow(page, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    height = len(page) / len(rows)
    ax.set_xticks([])
    # As text, so that a dollar sign in a name is no formula.
    ax.set_yticks(height * (np.arange(len(rows)) + 0.5), titles, parse_math=False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def reconstructions(originals: "ImageSet", decoded: "ImageSet", ax: Axes) -> Axes:
    """Draw originals above what the decoder makes of their codes."""
    return symbol_sheet([originals, decoded], ["original", "decoded"], ax, len(originals))


def label_heatmap(table: LabelTable, ax: Axes) -> Axes:
    """Draw how many images of each label each symbol holds, as shares of the symbol."""
    counts = table.counts
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if share[row, column] > WHITE_FROM else "black"
        ax.text(column, row, str(count), ha="center", va="center", fontsize=7, color=colour)
    upright = max(map(len, table.label_names)) > SHORT
    ax.set_xticks(
        range(counts.shape[1]), table.label_names, parse_math=False, rotation=90 * upright
    )
    ax.set_yticks(range(counts.shape[0]))
    ax.set(xlabel="label", ylabel="symbol")
    return ax


def _widened(strip: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Return a strip of images filled up with white to the width of the longest."""
    missing = [(0, 0), (0, width - strip.shape[1]), *[(0, 0)] * (strip.ndim - 2)]
    return np.pad(strip, missing, constant_values=255)

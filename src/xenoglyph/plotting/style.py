"""What all pictures share: colours, markers, and how one is written."""

from os import PathLike

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from xenoglyph.errors import DataError
from xenoglyph.storage import atomic_path

__all__ = [
    "BARS",
    "COLOURS",
    "EVENTS",
    "LINES",
    "MARKERS",
    "as_text",
    "colour_of",
    "line_of",
    "marker_of",
    "number_components",
    "plain",
    "save_figure",
]

Array = NDArray[np.float64]

# Okabe and Ito's palette, its black and yellow replaced by a grey and an olive that are seen on
# white; with four markers, or four kinds of lines, it tells 32 groups apart.
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
LINES = ("-", "--", "-.", ":")
BARS = "#8FA3B3"
# Kind of a change of the number of components -> what a legend calls it, its marker and colour.
EVENTS = {
    "split": ("split", "^", COLOURS[2]),
    "merge": ("merged", "D", COLOURS[3]),
    "deletion": ("taken out", "x", COLOURS[1]),
    "annihilation": ("starved", "v", "#333333"),
}


def save_figure(drawn: Figure | Axes, path: str | PathLike[str], dpi: int = 130) -> None:
    """Write a figure, or the figure that axes belong to, whole or not at all."""
    figure = drawn.get_figure(root=True)
    if figure is None:
        raise DataError("The axes given belong to no figure; draw on axes of a figure.")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, facecolor="white")


def colour_of(group: int) -> str:
    """Return the colour of a group or component."""
    return COLOURS[group % len(COLOURS)]


def marker_of(group: int) -> str:
    """Return the marker that tells a group from those of the same colour."""
    return MARKERS[group // len(COLOURS) % len(MARKERS)]


def line_of(group: int) -> str:
    """Return the kind of line that tells a component from those of the same colour."""
    return LINES[group // len(COLOURS) % len(LINES)]


def number_components(ax: Axes, places: Array) -> None:
    """Write each component's number at its place, shape (k, 2), readable on any ground."""
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for number, (x, y) in enumerate(places):
        text = ax.annotate(
            str(number), (x, y), ha="center", va="center", fontsize=8, color="black", zorder=4
        )
        text.set_path_effects(halo)


def as_text(name: str) -> str:
    """Escape what Matplotlib would read as a formula, or as "not in the legend"."""
    escaped = name.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def plain(ax: Axes) -> Axes:
    """Take away the frame above and at the right."""
    ax.spines[["top", "right"]].set_visible(False)
    return ax

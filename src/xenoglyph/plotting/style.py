"""What all pictures share: colours, markers, and how one is written."""

from collections.abc import Sequence
from os import PathLike
from typing import Literal

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
    "HATCHES",
    "LINES",
    "MARKERS",
    "as_text",
    "colour_of",
    "hatch_of",
    "line_of",
    "marker_of",
    "plain",
    "save_figure",
    "write_names",
]

Array = NDArray[np.float64]
LineStyle = Literal["-", "--", "-.", ":"]

# Okabe and Ito's palette, with a grey and a brown in the place of its black, which is for text,
# and its yellow, which is not seen on white. With four markers, kinds of lines or hatches it tells
# 32 groups apart.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#6E6E6E",
    "#602000",
)
MARKERS = ("o", "^", "s", "D")
LINES: tuple[LineStyle, ...] = ("-", "--", "-.", ":")
HATCHES = ("", "////", "....", "xxxx")
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


def line_of(group: int) -> LineStyle:
    """Return the kind of line that tells a component from those of the same colour."""
    return LINES[group // len(COLOURS) % len(LINES)]


def write_names(ax: Axes, places: Array, names: Sequence[str]) -> None:
    """Write names at their places, shape (k, 2), readable on any ground."""
    halo = withStroke(linewidth=2.5, foreground="white")
    for name, place in zip(names, places, strict=True):
        text = ax.annotate(name, place, ha="center", va="center", fontsize=8, zorder=4)
        text.set_path_effects([halo])
        text.set_parse_math(False)


def as_text(name: str) -> str:
    """Escape what Matplotlib would read as a formula, or as "not in the legend"."""
    escaped = name.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def hatch_of(group: int) -> str:
    """Return the hatch that tells an area from those of the same colour."""
    return HATCHES[group // len(COLOURS) % len(HATCHES)]


def plain(ax: Axes) -> Axes:
    """Take away the frame above and at the right."""
    ax.spines[["top", "right"]].set_visible(False)
    return ax

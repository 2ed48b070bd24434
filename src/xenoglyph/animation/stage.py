"""A figure in which components and a mark move over what stands still."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.typing import NDArray

from xenoglyph.animation.frames import identities
from xenoglyph.mixture import Sweep, Trace
from xenoglyph.plotting.fits import sweep_curve
from xenoglyph.plotting.mixtures import area_opacity, bells, histogram, outlines, scatter
from xenoglyph.plotting.style import COLOURS, colour_of, line_of

__all__ = ["FADING", "Stage", "title_of"]

Array = NDArray[np.float64]

FADING = (0.7, 0.45, 0.2)  # opacity of a component, now black, in the frames after its end
GROWING = (4.0, 3.2, 2.4)  # width of a component's line in the frames after its birth
LINE = 1.6
# Inches and dots to the inch: an even number of dots each way, as films must have.
SIZE, DPI = (8.0, 4.4), 100
EDGES = {"left": 0.09, "right": 0.98, "bottom": 0.12, "top": 0.86, "wspace": 0.22}


def title_of(sweep: Sweep) -> tuple[str, str]:
    """Say which sweep it is: the large words, and the small."""
    k = sweep.n_components
    if sweep.chosen:
        won = f"the shortest message, found in sweep {sweep.number}"
        return f"{k} component{'s' * (k > 1)}", won
    return f"k = {k}", f"sweep {sweep.number}"


class Stage:
    """Draws the sweeps of a trace, one after another.

    Parameters
    ----------
    points : array of shape (n, d)
        All of them are drawn, in their first two dimensions; in one, as a histogram.
    trace : Trace
        With the mixture of every sweep.
    names : sequence of str
        Names of the dimensions that are drawn.
    """

    def __init__(self, points: Array, trace: Trace, names: Sequence[str]) -> None:
        self.numbers = identities(trace)
        self.ended: dict[int, tuple[Array, int]] = {}
        self.before: dict[int, Array] = {}
        self.ages: dict[int, int] = {}
        figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0), gridspec_kw=EDGES)
        ends = np.concatenate([shapes_of(trace.sweeps[0]), shapes_of(trace.chosen)])
        _still_points(left, points, names, ends)
        sweep_curve(trace, right)
        lengths = np.array([sweep.message_length for sweep in trace.sweeps])
        self.heights = np.maximum(lengths - trace.chosen.message_length, 0.0)
        self.ghosts = PolyCollection([], facecolors="none", linewidths=LINE, animated=True)
        self.shapes = PolyCollection([], animated=True)
        for collection in (self.ghosts, self.shapes):
            left.add_collection(collection, autolim=False)
        self.large = figure.text(0.02, 0.92, "", fontsize=17, weight="bold", animated=True)
        self.small = figure.text(0.98, 0.92, "", fontsize=11, ha="right", animated=True)
        (self.mark,) = right.plot(
            [], [], "o", color=COLOURS[1], markersize=9, clip_on=False, animated=True
        )
        self.moving = ((left, self.ghosts), (left, self.shapes), (right, self.mark))
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(figure.bbox)

    def draw(self, sweep: Sweep) -> NDArray[np.uint8]:
        """Draw one sweep: shape (height, width, 3)."""
        self._move_components(sweep)
        self.mark.set_data([sweep.number], [self.heights[sweep.number]])
        for text, words in zip((self.large, self.small), title_of(sweep), strict=True):
            text.set_text(words)
        self.canvas.restore_region(self.background)
        for ax, artist in self.moving:
            ax.draw_artist(artist)
        for text in (self.large, self.small):
            self.canvas.figure.draw_artist(text)
        return np.asarray(self.canvas.buffer_rgba())[:, :, :3].copy()

    def _move_components(self, sweep: Sweep) -> None:
        """Put the living where they are, the newborn in bold, and let the dead fade."""
        living = dict(zip(self.numbers[sweep.number], shapes_of(sweep), strict=True))
        ended = {number: (shape, age + 1) for number, (shape, age) in self.ended.items()}
        ended |= {number: (self.before[number], 0) for number in self.before.keys() - living}
        self.ended = {
            number: (shape, age)
            for number, (shape, age) in ended.items()
            if age < len(FADING) and number not in living and not sweep.chosen
        }
        # Those of the first frame were there from the start; the last is not one step further.
        born = 0 if self.before and not sweep.chosen else len(GROWING)
        self.ages = {number: max(self.ages.get(number, -1) + 1, born) for number in living}
        self.before = living
        self.ghosts.set_verts([shape for shape, _ in self.ended.values()])
        self.ghosts.set_edgecolor(
            [to_rgba("black", FADING[age]) for _, age in self.ended.values()]
        )
        colours, opacity = [colour_of(number) for number in living], area_opacity(len(living))
        self.shapes.set_verts(list(living.values()))
        self.shapes.set_edgecolor(colours)
        self.shapes.set_linestyle([line_of(number) for number in living])
        widths = [*GROWING, LINE]
        self.shapes.set_linewidth([widths[min(self.ages[n], len(GROWING))] for n in living])
        self.shapes.set_facecolor([to_rgba(colour, opacity) for colour in colours])


def shapes_of(sweep: Sweep) -> Array:
    """Ellipses in the first two dimensions, or curves in the only one, shape (k, corners, 2)."""
    assert sweep.weights is not None
    assert sweep.means is not None
    assert sweep.covariances is not None
    if sweep.means.shape[1] == 1:
        return bells(sweep.weights, sweep.means[:, 0], sweep.covariances[:, 0, 0])
    return outlines(sweep.means[:, :2], sweep.covariances[:, :2, :2])


def _still_points(ax: Axes, points: Array, names: Sequence[str], ends: Array) -> None:
    """Draw the rows, with room for the first mixture and the one that won."""
    if points.shape[1] == 1:
        histogram(ax, points[:, 0])
        ax.set_ylim(0.0, 1.1 * max(ax.get_ylim()[1], ends[..., 1].max()))
        ax.set_ylabel("density")
    else:
        scatter(ax, points[:, :2])
        ax.update_datalim(ends.reshape(-1, 2))
        ax.autoscale_view()
        ax.set_ylabel(names[1], parse_math=False)
    ax.set_xlabel(names[0], parse_math=False)

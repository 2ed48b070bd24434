"""A fit as an animation: the first two dimensions, sweep by sweep, beside the message length."""

from dataclasses import asdict
from itertools import pairwise
from os import PathLike

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from xenoglyph.errors import DataError
from xenoglyph.mixture import Sweep, Trace
from xenoglyph.plotting import COLOURS, EVENTS, mark_events, scale_nats
from xenoglyph.storage import atomic_path

__all__ = ["animate_fit", "frames_of", "identities", "outlines"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

MOST_FRAMES = 60
MOST_POINTS = 2000
FRAME_MILLISECONDS, HOLD_MILLISECONDS = 120, 4000
PALETTE_SIZE = 96
FADING = (0.9, 0.6, 0.3)  # opacity of a component in the frames after its end
GROWING = (4.0, 3.2, 2.4)  # width of a component's line in the frames after its birth
LINE = 1.6
AREA = 0.12  # opacity of a component's area


def animate_fit(points: Array, trace: Trace, path: str | PathLike[str]) -> None:
    """Write the fit as an animated picture that ends on, and holds, the mixture that won.

    Parameters
    ----------
    points : array of shape (n, d)
        The fitted rows; at most 2,000 of them, evenly spaced, are drawn, in their first two
        dimensions.
    trace : Trace
        Of a fit with ``record_parameters=True``.
    path : path-like
        The file to write or replace; its suffix says the format, .gif or .webp.

    Raises
    ------
    DataError
        If the trace did not record the mixtures.
    OSError
        If the file cannot be written.
    """
    if any(sweep.means is None for sweep in trace.sweeps):
        raise DataError(
            "the trace holds no mixtures to draw; fit with record_parameters=True and try again"
        )
    shown = points[np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).astype(int)]
    stage = _Stage(_plane(shown), trace)
    sweeps = frames_of(trace)
    frames = [stage.draw(sweep) for sweep in sweeps]
    # Mixed colours are those of the last frame and of that with the most components.
    fullest = int(np.argmax([sweep.n_components for sweep in sweeps]))
    palette = _palette(np.concatenate([frames[fullest], frames[-1]]))
    plain = Image.Dither.NONE
    pictures = [Image.fromarray(f).quantize(palette=palette, dither=plain) for f in frames]
    milliseconds = [FRAME_MILLISECONDS] * (len(frames) - 1) + [HOLD_MILLISECONDS]
    with atomic_path(path) as temporary:
        pictures[0].save(
            temporary, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0
        )


def _palette(picture: NDArray[np.uint8]) -> Image.Image:
    """One palette for all frames keeps the colours still, and the file small.

    Those of lines and of areas are in it as they are, what the picture holds besides at best.
    """
    pure = [
        to_rgba(colour) for colour in (*COLOURS, *(colour for _, _, colour in EVENTS.values()))
    ]
    own = np.array([colour[:3] for colour in pure])
    own = np.unique(np.rint(255 * np.vstack([own, 1.0 - AREA * (1.0 - own)])), axis=0)
    rest = PALETTE_SIZE - len(own)
    mixed = Image.fromarray(picture).quantize(rest).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*own.astype(int).ravel().tolist(), *mixed[: 3 * rest]])
    return palette


def frames_of(trace: Trace, most: int = MOST_FRAMES) -> list[Sweep]:
    """Choose sweeps to show: those in which k changed, others evenly between, the winner last.

    Parameters
    ----------
    trace : Trace
    most : int, default=60
        Most frames.

    Returns
    -------
    list of Sweep
    """
    sweeps = trace.sweeps
    ks = np.array([sweep.n_components for sweep in sweeps])
    changes = np.flatnonzero(np.diff(ks, prepend=0))
    room = max(most - 1 - len(changes), 0)
    chosen = np.union1d(changes, np.linspace(0, len(sweeps) - 1, room).astype(int))
    if len(chosen) > most - 1:
        chosen = chosen[np.linspace(0, len(chosen) - 1, most - 1).astype(int)]
    return [*(sweeps[i] for i in chosen), trace.chosen]


def identities(trace: Trace) -> list[Integers]:
    """Give each component a number that it keeps as long as it lives.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    list of arrays of shape (k,)
        One for each sweep. Where components came or went, those of the sweep and of the sweep
        before are paired so that all pairs together are nearest; what is left over of the sweep
        is new, and has a number that no component had.
    """
    sweeps = trace.sweeps
    changed = {event.sweep for event in trace.events}
    numbers = [np.arange(sweeps[0].n_components)]
    fresh = sweeps[0].n_components
    scale = _spread(sweeps[0])
    for before, now in pairwise(sweeps):
        k = now.n_components
        if k == before.n_components and now.number not in changed:
            numbers.append(numbers[-1])
            continue
        distance = cdist(_shapes(before, scale), _shapes(now, scale))
        earlier, later = linear_sum_assignment(distance)
        own = np.full(k, -1)
        own[later] = numbers[-1][earlier]
        born = np.flatnonzero(own < 0)
        own[born] = fresh + np.arange(len(born))
        fresh += len(born)
        numbers.append(own)
    return numbers


def _spread(sweep: Sweep) -> Array:
    """Return the standard deviation of each feature under a mixture, shape (d,)."""
    assert sweep.weights is not None
    assert sweep.means is not None
    assert sweep.covariances is not None
    squares = np.diagonal(sweep.covariances, axis1=1, axis2=2) + sweep.means**2
    centre = sweep.weights @ sweep.means
    return np.asarray(np.sqrt(sweep.weights @ squares - centre**2))


def _shapes(sweep: Sweep, scale: Array) -> Array:
    """Means and roots of the covariances, shape (k, d + d * d), of features in units of `scale`.

    Their Euclidean distance is the Wasserstein distance of Gaussians whose axes are parallel.
    """
    assert sweep.means is not None
    assert sweep.covariances is not None
    values, vectors = np.linalg.eigh(sweep.covariances / np.outer(scale, scale))
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :] @ vectors.swapaxes(1, 2)
    return np.hstack([sweep.means / scale, roots.reshape(len(roots), -1)])


def outlines(means: Array, covariances: Array, sd: float = 2.0, corners: int = 60) -> Array:
    """Ellipses at `sd` standard deviations from the means.

    Parameters
    ----------
    means : array of shape (k, 2)
    covariances : array of shape (k, 2, 2)
    sd : float, default=2
    corners : int, default=60

    Returns
    -------
    array of shape (k, corners, 2)
    """
    angle = np.linspace(0.0, 2.0 * np.pi, corners)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    values, vectors = np.linalg.eigh(covariances)
    axes = np.sqrt(np.maximum(values, 0.0))[:, None, :] * vectors
    return np.asarray(means[:, None, :] + sd * circle @ axes.swapaxes(1, 2))


def _plane(rows: Array) -> Array:
    """Bring rows, shape (..., d), to two dimensions: the first two, or one and a zero."""
    missing = max(2 - rows.shape[-1], 0)
    return np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, missing)])[..., :2]


class _Stage:
    """A figure in which components and a mark move over what stands still."""

    def __init__(self, points: Array, trace: Trace) -> None:
        self.numbers = identities(trace)
        self.ended: dict[int, tuple[Array, int]] = {}
        self.before: dict[int, Array] = {}
        self.ages: dict[int, int] = {}
        figure = Figure(figsize=(8.0, 4.2), dpi=90, facecolor="white")
        self.canvas = FigureCanvasAgg(figure)
        edges = {"left": 0.09, "right": 0.98, "bottom": 0.12, "top": 0.92, "wspace": 0.2}
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0), gridspec_kw=edges)
        _still_points(left, points)
        self.heights = _still_curve(right, trace)
        self.ghosts = PolyCollection([], linestyles=":", facecolors="none", animated=True)
        self.shapes = PolyCollection([], animated=True)
        for collection in (self.ghosts, self.shapes):
            left.add_collection(collection, autolim=False)
        self.title = left.set_title(" ", loc="left", fontsize=11)
        (self.mark,) = right.plot([], [], "o", color=COLOURS[1], markersize=9, clip_on=False)
        for artist in (self.title, self.mark):
            artist.set_animated(True)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(figure.bbox)

    def draw(self, sweep: Sweep) -> NDArray[np.uint8]:
        """Draw one sweep: shape (height, width, 3)."""
        self._move_components(sweep)
        self.mark.set_data([sweep.number], [self.heights[sweep.number]])
        won = ", the shortest message" if sweep.chosen else ""
        self.title.set_text(f"k = {sweep.n_components}, sweep {sweep.number}{won}")
        self.canvas.restore_region(self.background)
        for artist in (self.ghosts, self.shapes, self.title, self.mark):
            artist.axes.draw_artist(artist)  # type: ignore[union-attr]
        return np.asarray(self.canvas.buffer_rgba())[:, :, :3].copy()

    def _move_components(self, sweep: Sweep) -> None:
        """Put the living where they are, the newborn in bold, and let the dead fade."""
        assert sweep.means is not None
        assert sweep.covariances is not None
        plane = _plane(_plane(sweep.covariances).swapaxes(1, 2))
        living = dict(
            zip(self.numbers[sweep.number], outlines(_plane(sweep.means), plane), strict=True)
        )
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
        self.ghosts.set_edgecolor([to_rgba("0.45", FADING[age]) for _, age in self.ended.values()])
        colours = [COLOURS[number % len(COLOURS)] for number in living]
        self.shapes.set_verts(list(living.values()))
        self.shapes.set_edgecolor(colours)
        widths = [*GROWING, LINE]
        self.shapes.set_linewidth([widths[min(self.ages[n], len(GROWING))] for n in living])
        self.shapes.set_facecolor([to_rgba(colour, AREA) for colour in colours])


def _still_points(ax: Axes, points: Array) -> None:
    ax.plot(*points.T, ".", color="0.6", markersize=2)
    ax.margins(0.1)
    ax.set(xlabel="dimension 0", ylabel="dimension 1")
    ax.spines[["top", "right"]].set_visible(False)


def _still_curve(ax: Axes, trace: Trace) -> Array:
    """Draw the message length; return, for each sweep, the nats above the winner's."""
    lengths = np.array([sweep.message_length for sweep in trace.sweeps])
    above = np.maximum(lengths - trace.chosen.message_length, 0.0)
    ax.plot(above, color="0.45", linewidth=1)
    mark_events(ax, dict(enumerate(above)), [asdict(event) for event in trace.events])
    scale_nats(ax, above.max())
    ax.set_title("nats above the shortest message", loc="left", fontsize=11)
    ax.set_xlabel("sweep")
    ax.spines[["top", "right"]].set_visible(False)
    return above

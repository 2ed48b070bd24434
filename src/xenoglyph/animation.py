"""A fit as an animation: the first two dimensions, sweep by sweep, beside the message length."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from xenoglyph.errors import DataError
from xenoglyph.mixture import Sweep, Trace
from xenoglyph.plotting import COLOURS
from xenoglyph.storage import atomic_path

__all__ = ["animate_fit", "ellipse", "frames_of"]

Array = NDArray[np.float64]

MOST_FRAMES = 60
MOST_POINTS = 2000
FRAME_MILLISECONDS, HOLD_MILLISECONDS = 120, 4000


def animate_fit(points: Array, trace: Trace, path: str | PathLike[str]) -> None:
    """Write the fit as an animated picture that ends on, and holds, the mixture that won.

    Parameters
    ----------
    points : array of shape (n, d)
        The fitted rows; at most `MOST_POINTS` of them, evenly spaced, are drawn.
    trace : Trace
        Of a fit with ``record_parameters=True``.
    path : path-like
        Its suffix says the format: .gif or .webp.

    Raises
    ------
    DataError
        If the trace did not record the mixtures.
    """
    if any(sweep.means is None for sweep in trace.sweeps):
        raise DataError(
            "The trace holds no mixtures to draw; fit with record_parameters=True and try again."
        )
    shown = points[np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).astype(int)]
    stage = _Stage(shown, trace)
    pictures = [stage.draw(sweep) for sweep in frames_of(trace)]
    last = len(pictures) - 1
    milliseconds = [FRAME_MILLISECONDS] * last + [HOLD_MILLISECONDS]
    # One palette for all frames keeps the colours still and the file small.
    palette = pictures[last].quantize(64)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    with atomic_path(path) as temporary:
        indexed[0].save(
            temporary, save_all=True, append_images=indexed[1:], duration=milliseconds, loop=0
        )


def frames_of(trace: Trace, most: int = MOST_FRAMES) -> list[Sweep]:
    """Choose sweeps to show: the first at each k, others evenly among them, the winner last.

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
    ks = [sweep.n_components for sweep in sweeps]
    changes = [i for i in range(len(sweeps)) if i == 0 or ks[i] != ks[i - 1]]
    room = max(most - 1 - len(changes), 0)
    others = np.linspace(0, len(sweeps) - 1, room).astype(int).tolist()
    chosen = sorted({*changes, *others})
    if len(chosen) > most - 1:
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, most - 1).astype(int)]
    winner = next(sweep for sweep in sweeps if sweep.chosen)
    return [*(sweeps[i] for i in chosen), winner]


def ellipse(mean: Array, covariance: Array, sd: float = 2.0, corners: int = 60) -> Array:
    """Outline of a component at `sd` standard deviations, in its first two dimensions.

    Parameters
    ----------
    mean : array of shape (d,)
    covariance : array of shape (d, d)
    sd : float, default=2
    corners : int, default=60

    Returns
    -------
    array of shape (corners, 2)
        A bar for d = 1, whose second coordinate is 0.
    """
    angle = np.linspace(0.0, 2.0 * np.pi, corners)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    if len(mean) == 1:
        reach = sd * np.sqrt(covariance[0, 0])
        return np.column_stack([mean[0] + reach * circle[:, 0], np.zeros(corners)])
    values, vectors = np.linalg.eigh(covariance[:2, :2])
    return np.asarray(mean[:2] + sd * (circle * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


@dataclass
class _Stage:
    """The figure whose artists move from frame to frame, drawn over what stands still."""

    points: Array
    trace: Trace

    def __post_init__(self) -> None:
        self.figure = Figure(figsize=(8.0, 4.2), dpi=90, layout="constrained", facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        left, right = self.figure.subplots(1, 2, width_ratios=(1.25, 1.0))
        self.title = left.set_title(" ", loc="left", fontsize=11)
        self._still_points(left)
        self._still_curve(right)
        self.left = left
        self.ghosts = LineCollection([], colors="#BBBBBB", linewidths=1.0, animated=True)
        self.outlines = LineCollection([], linewidths=1.8, animated=True)
        for collection in (self.ghosts, self.outlines):
            left.add_collection(collection, autolim=False)
        (self.mark,) = right.plot([], [], "o", color=COLOURS[1], markersize=9)
        self.mark.set_animated(True)
        self.title.set_animated(True)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(self.figure.bbox)
        self.before: Sequence[Array] = ()

    def draw(self, sweep: Sweep) -> Image.Image:
        """Draw one sweep; the outlines of the frame before fade behind it."""
        assert sweep.means is not None
        assert sweep.covariances is not None
        assert sweep.weights is not None
        self.canvas.restore_region(self.background)
        outlines = [ellipse(m, C) for m, C in zip(sweep.means, sweep.covariances, strict=True)]
        self.ghosts.set_segments(self.before)
        self.outlines.set_segments(outlines)
        strength = 0.35 + 0.65 * np.minimum(1.0, sweep.weights * sweep.n_components)
        self.outlines.set_color([to_rgba(COLOURS[1], alpha) for alpha in strength])
        for collection in (self.ghosts, self.outlines):
            self.left.draw_artist(collection)
        self.before = outlines
        self.mark.set_data([sweep.number], [sweep.message_length])
        self.mark.axes.draw_artist(self.mark)
        won = ", the shortest message" if sweep.chosen else ""
        self.title.set_text(f"{sweep.n_components} components, sweep {sweep.number}{won}")
        self.left.draw_artist(self.title)
        return Image.fromarray(np.asarray(self.canvas.buffer_rgba())[:, :, :3].copy())

    def _still_points(self, ax: Axes) -> None:
        x = self.points[:, 0]
        y = self.points[:, 1] if self.points.shape[1] > 1 else np.zeros_like(x)
        ax.plot(x, y, ".", color="#7A8B99", markersize=2, alpha=0.6)
        ax.set_xlabel("dimension 0")
        ax.set_ylabel("dimension 1" if self.points.shape[1] > 1 else "")
        ax.spines[["top", "right"]].set_visible(False)

    def _still_curve(self, ax: Axes) -> None:
        lengths = [sweep.message_length for sweep in self.trace.sweeps]
        ax.plot([sweep.number for sweep in self.trace.sweeps], lengths, color=COLOURS[0])
        low, high = min(lengths), float(np.quantile(lengths, 0.97))
        reach = max(high - low, 1.0)
        ax.set_ylim(low - 0.1 * reach, high + 0.1 * reach)
        ax.set_xlabel("sweep")
        ax.set_ylabel("message length (nats)")
        ax.spines[["top", "right"]].set_visible(False)

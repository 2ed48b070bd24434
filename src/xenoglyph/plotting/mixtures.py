"""A mixture over the rows it was fitted to, in one dimension and in two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from numpy.typing import ArrayLike, NDArray

from xenoglyph.errors import DataError
from xenoglyph.plotting.display import Display, codes_of, rows_of, some_of
from xenoglyph.plotting.style import BARS, colour_of, line_of, plain, write_names

__all__ = [
    "AREA",
    "MixtureDisplay",
    "area_opacity",
    "bells",
    "histogram",
    "mixture_1d",
    "mixture_2d",
    "outlines",
    "scatter",
]

Array = NDArray[np.float64]

CORNERS = 60
AREA, MOST_AREAS = 0.12, 12


def mixture_1d(
    values: Array, weights: ArrayLike, means: ArrayLike, variances: ArrayLike, ax: Axes
) -> Axes:
    """Draw the densities of a mixture over the histogram of the rows.

    Parameters
    ----------
    values : array of shape (n,)
    weights, means, variances : arrays of shape (k,)
    ax : Axes
        Gets the density of each component, times its weight, with its number at the top, and
        their sum in black.
    """
    histogram(ax, values)
    curves = bells(np.asarray(weights), np.asarray(means), np.asarray(variances))
    x = np.unique(curves[..., 0])
    ax.plot(x, _density(x, weights, means, variances).sum(axis=0), color="black", linewidth=1.0)
    for component, curve in enumerate(curves):
        ax.fill(*curve.T, color=colour_of(component), alpha=area_opacity(len(curves)), linewidth=0)
        ax.plot(*curve.T, line_of(component), color=colour_of(component), linewidth=1.4)
    tops = np.stack([curve[curve[:, 1].argmax()] for curve in curves])
    write_names(ax, tops, [str(m) for m in range(len(curves))])
    ax.set_ylabel("density")
    return ax


def mixture_2d(points: Array, means: Array, covariances: Array, ax: Axes) -> Axes:
    """Draw a mixture's components as ellipses, two standard deviations wide, over the rows.

    Parameters
    ----------
    points : array of shape (n, 2)
    means : array of shape (k, 2)
    covariances : array of shape (k, 2, 2)
    ax : Axes
        Every ellipse has its component's number in the middle.
    """
    scatter(ax, points)
    numbers, k = range(len(means)), len(means)
    colours = [colour_of(m) for m in numbers]
    ellipses = PolyCollection(
        list(outlines(means, covariances)),
        edgecolors=colours,
        facecolors=[to_rgba(colour, area_opacity(k)) for colour in colours],
        linestyles=[line_of(m) for m in numbers],
        linewidths=1.6,
        zorder=3,
    )
    ax.add_collection(ellipses)
    ax.autoscale_view()
    write_names(ax, means, [str(m) for m in numbers])
    return ax


@dataclass(eq=False)
class MixtureDisplay(Display):
    """A Gaussian mixture over the rows it was fitted to, in one or two dimensions.

    Parameters
    ----------
    points : array of shape (n, d)
        d is 1 or 2.
    weights : array of shape (k,)
    means : array of shape (k, d)
    covariances : array of shape (k, d, d)
    names : sequence of str
        Names of the dimensions.
    """

    points: Array
    weights: Array
    means: Array
    covariances: Array
    names: Sequence[str]

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        dimensions: int | Sequence[int] = (0, 1),
        subsample: int | None = 5000,
        ax: Axes | None = None,
    ) -> Self:
        """Draw a fitted mixture over X.

        Parameters
        ----------
        estimator : MMLGaussianMixture or SymbolDiscovery
            Fitted.
        X : ImageSet or array
            The rows of the mixture, or the images of the discovery.
        dimensions : int or two of them, default=(0, 1)
            Which to draw: one as densities, two as ellipses. A mixture of one dimension is drawn
            as densities in any case.
        subsample : int or None, default=5000
            How many rows to draw, evenly spaced; None draws all.
        ax : Axes, optional
            See `plot`.

        Raises
        ------
        DataError
            If there is no such dimension.
        """
        mixture = getattr(estimator, "mixture_", estimator)
        codes = codes_of(estimator, rows_of(X, some_of(len(X), subsample)))
        d = codes.shape[1]
        shown = [0] if d == 1 else np.atleast_1d(dimensions).tolist()
        if not 1 <= len(shown) <= 2 or not set(shown) <= set(range(d)):
            raise DataError(
                f"dimensions={dimensions!r} cannot be drawn; choose one or two of 0 to {d - 1}."
            )
        given = getattr(mixture, "feature_names_in_", None)
        names = [f"dimension {j}" if given is None else str(given[j]) for j in shown]
        covariances = mixture.covariances_[:, shown][:, :, shown]
        means = mixture.means_[:, shown]
        return cls(codes[:, shown], mixture.weights_, means, covariances, names).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        return 6.4, 5.0

    def _draw(self, ax: Axes) -> None:
        if self.points.shape[1] == 1:
            one = self.points[:, 0], self.weights, self.means[:, 0], self.covariances[:, 0, 0]
            mixture_1d(*one, ax)
        else:
            mixture_2d(self.points, self.means, self.covariances, ax)
            ax.set_ylabel(self.names[1], parse_math=False)
        ax.set_xlabel(self.names[0], parse_math=False)


def scatter(ax: Axes, points: Array) -> Axes:
    """Draw rows, shape (n, 2), as small grey dots."""
    ax.plot(*points.T, ".", color="0.6", markersize=2.5, markeredgewidth=0)
    ax.margins(0.08)
    return plain(ax)


def histogram(ax: Axes, values: Array) -> Axes:
    """Draw the histogram of values, shape (n,), as a density."""
    known = values[np.isfinite(values)]  # a mixture may be fitted around missing values
    bins = int(np.clip(2.0 * np.sqrt(len(known)), 10, 100))
    ax.hist(known, bins=bins, density=True, color=BARS, alpha=0.6)
    return plain(ax)


def area_opacity(k: int) -> float:
    """Return how opaque the areas of k components are; many, one over the other, were mud."""
    return AREA if k <= MOST_AREAS else 0.0


def bells(weights: Array, means: Array, variances: Array, corners: int = CORNERS) -> Array:
    """Curves of the densities of one-dimensional components, each times its weight.

    Parameters
    ----------
    weights, means, variances : arrays of shape (k,)
    corners : int, default=60

    Returns
    -------
    array of shape (k, corners, 2)
        Up to four standard deviations from the means.
    """
    z = np.linspace(-4.0, 4.0, corners)
    x = means[:, None] + np.sqrt(variances)[:, None] * z
    peaks = weights / np.sqrt(2.0 * np.pi * variances)
    return np.stack([x, peaks[:, None] * np.exp(-0.5 * z**2)], axis=-1)


def outlines(means: Array, covariances: Array, sd: float = 2.0, corners: int = CORNERS) -> Array:
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


def _density(x: Array, weights: ArrayLike, means: ArrayLike, variances: ArrayLike) -> Array:
    """Density of each component at x, times its weight, shape (k, len(x))."""
    alpha, mu, C = (np.asarray(of)[:, None] for of in (weights, means, variances))
    return np.asarray(alpha * np.exp(-0.5 * (x - mu) ** 2 / C) / np.sqrt(2.0 * np.pi * C))

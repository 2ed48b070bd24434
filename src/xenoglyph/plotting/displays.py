"""Pictures of an estimator in one call, after the manner of scikit-learn's displays."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

import xenoglyph
from xenoglyph.errors import DataError
from xenoglyph.mixture import Event, MMLGaussianMixture, Sweep, Trace
from xenoglyph.plotting.codes import code_histograms, pair_plot
from xenoglyph.plotting.images import label_heatmap, reconstructions, symbol_sheet
from xenoglyph.plotting.mixtures import mixture_1d, mixture_2d
from xenoglyph.plotting.training import message_length_curve, sweep_curve
from xenoglyph.symbols import LabelTable, label_table

if TYPE_CHECKING:
    from xenoglyph import ImageSet

__all__ = [
    "CodeHistogramsDisplay",
    "Display",
    "LabelTableDisplay",
    "MessageLengthDisplay",
    "MixtureDisplay",
    "PairPlotDisplay",
    "ReconstructionsDisplay",
    "SymbolSheetDisplay",
]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


class Display(ABC):
    """A result that is ready to be drawn.

    Attributes
    ----------
    ax_ : Axes
        On which it was drawn last.
    figure_ : Figure
        To which they belong.
    """

    ax_: Axes
    figure_: Figure

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional
            A new figure of fitting size, made by pyplot, by default.

        Returns
        -------
        self
        """
        if ax is None:
            _, ax = plt.subplots(figsize=self.size, layout="constrained")
        self._draw(ax)
        figure = ax.get_figure(root=True)
        assert figure is not None
        self.ax_, self.figure_ = ax, figure
        return self

    @property
    @abstractmethod
    def size(self) -> tuple[float, float]:
        """Width and height, in inches, in which it can be read."""

    @abstractmethod
    def _draw(self, ax: Axes) -> None:
        """Draw on the axes given."""


@dataclass(eq=False)
class PairPlotDisplay(Display):
    """Codes, or rows of a table, every dimension against every other, coloured by group.

    Parameters
    ----------
    codes : array of shape (n, d)
    groups : array of shape (n,)
        Group of each code, numbered from 0.
    names : sequence of str, optional
        Names of the groups; their numbers by default.
    """

    codes: Array
    groups: Integers
    names: Sequence[str] | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike | None = None,
        *,
        subsample: int | None = 1000,
        ax: Axes | None = None,
    ) -> Self:
        """Draw what an estimator makes of X.

        Parameters
        ----------
        estimator : SymbolDiscovery, MMLGaussianMixture or SELUAutoencoder
            Fitted.
        X : ImageSet or array
            Images, or the rows of a mixture.
        y : array of shape (n,), optional
            Labels to colour by; by default the predicted symbols or components, and one colour
            for an auto-encoder, which has neither.
        subsample : int or None, default=1000
            How many of them to draw, evenly spaced; None draws all.
        ax : Axes, optional
            See `plot`.
        """
        some = _some(len(X), subsample)
        shown = _rows(X, some)
        if y is not None:
            groups = np.asarray(y)[some]
        elif hasattr(estimator, "predict"):
            groups = estimator.predict(shown)
        else:
            groups = np.zeros(len(some), dtype=np.intp)
        present, index = np.unique(groups, return_inverse=True)
        names = [str(group) for group in present]
        return cls(_codes(estimator, shown), index, names).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        side = max(1.9 * self.codes.shape[1], 4.0)
        return side + 1.4, side

    def _draw(self, ax: Axes) -> None:
        pair_plot(self.codes, self.groups, ax, self.names)


@dataclass(eq=False)
class CodeHistogramsDisplay(Display):
    """Histogram of every dimension of codes, shape (n, d)."""

    codes: Array

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Axes | None = None) -> Self:
        """Draw the codes that a `SymbolDiscovery` or `SELUAutoencoder` gives images X."""
        return cls(_codes(estimator, X)).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        d = self.codes.shape[1]
        return 3.2 * min(d, 3), 2.2 * -(-d // 3)

    def _draw(self, ax: Axes) -> None:
        code_histograms(self.codes, ax)


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
        codes = _codes(estimator, _rows(X, _some(len(X), subsample)))
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


@dataclass(eq=False)
class MessageLengthDisplay(Display):
    """Why this number of components: the message length of a fit.

    Parameters
    ----------
    trace : Trace
    kind : {"components", "sweeps"}, default="components"
        Against the number of components, or sweep by sweep.
    """

    trace: Trace
    kind: str = "components"

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, kind: str = "components", ax: Axes | None = None
    ) -> Self:
        """Draw the message length of a fitted `MMLGaussianMixture` or `SymbolDiscovery`.

        Raises
        ------
        DataError
            If the mixture was read from a file, which holds no trace, or `kind` is unknown.
        """
        return cls(_trace(estimator), kind).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        return 6.4, 4.4

    def _draw(self, ax: Axes) -> None:
        kinds = {"components": message_length_curve, "sweeps": sweep_curve}
        if self.kind not in kinds:
            raise DataError(f"kind={self.kind!r} is unknown; choose one of {', '.join(kinds)}.")
        kinds[self.kind](self.trace, ax)


@dataclass(eq=False)
class SymbolSheetDisplay(Display):
    """Rows of images, one for each symbol.

    Parameters
    ----------
    rows : sequence of ImageSet
    titles : sequence of str
    columns : int, default=10
        Most images in a row.
    """

    rows: Sequence["ImageSet"]
    titles: Sequence[str]
    columns: int = 10

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        by: str = "symbol",
        n_images: int = 10,
        random_state: int | np.random.RandomState | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw new images of every symbol, or component, of a fitted `SymbolDiscovery`.

        Parameters
        ----------
        estimator : SymbolDiscovery
        by : {"symbol", "component"}, default="symbol"
        n_images : int, default=10
            How many of each.
        random_state : int, RandomState or None, default=None
            See `SymbolDiscovery.sample`.
        ax : Axes, optional
            See `plot`.
        """
        counts = {"symbol": estimator.n_symbols_, "component": estimator.n_components_}
        if by not in counts:
            raise DataError(f"by={by!r} is unknown; choose one of {', '.join(counts)}.")
        how = {"random_state": random_state}
        rows = [estimator.sample(n_images, **how, **{by: m}) for m in range(counts[by])]
        shares = estimator.evidence_.shares if by == "symbol" else estimator.mixture_.weights_
        titles = [f"{m}  ({100 * share:.1f} %)" for m, share in enumerate(shares)]
        return cls(rows, titles, n_images).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        return 0.62 * self.columns + 1.4, 0.62 * len(self.rows) + 0.2

    def _draw(self, ax: Axes) -> None:
        symbol_sheet(self.rows, self.titles, ax, self.columns)


@dataclass(eq=False)
class ReconstructionsDisplay(Display):
    """Images above what the decoder makes of their codes."""

    originals: "ImageSet"
    decoded: "ImageSet"

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, n_images: int = 10, ax: Axes | None = None
    ) -> Self:
        """Draw some images of X, evenly spaced, as an auto-encoder gives them back.

        Parameters
        ----------
        estimator : SymbolDiscovery or SELUAutoencoder
            Fitted.
        X : ImageSet or array
        n_images : int, default=10
        ax : Axes, optional
            See `plot`.
        """
        encoder = getattr(estimator, "autoencoder_", estimator)
        images = xenoglyph.as_images(X, image_shape=encoder.image_shape_)
        some = images[_some(len(images), n_images)]
        decoded = encoder.inverse_transform(encoder.transform(some))
        return cls(some, xenoglyph.ImageSet(decoded, name="decoded")).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        return 0.62 * len(self.originals) + 1.4, 1.44

    def _draw(self, ax: Axes) -> None:
        reconstructions(self.originals, self.decoded, ax)


@dataclass(eq=False)
class LabelTableDisplay(Display):
    """How many images of each label each symbol holds."""

    table: LabelTable

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, *, ax: Axes | None = None
    ) -> Self:
        """Draw the symbols that a fitted `SymbolDiscovery` gives images X against labels y."""
        return cls(label_table(estimator.predict(X), y, estimator.n_symbols_)).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        n_symbols, n_labels = self.table.counts.shape
        return 1.6 + 0.5 * n_labels, 1.2 + 0.32 * n_symbols

    def _draw(self, ax: Axes) -> None:
        label_heatmap(self.table, ax)


def _some(n: int, most: int | None) -> Integers:
    """Numbers of at most so many of n things, evenly spaced."""
    return np.linspace(0, n - 1, n if most is None else min(n, most)).astype(np.intp)


def _rows(X: Any, some: Integers) -> Any:
    """Return some rows of images, an array, or a frame, whose columns keep their names."""
    if hasattr(X, "iloc"):
        return X.iloc[some]
    return X[some] if hasattr(X, "__array__") or hasattr(X, "pixels") else np.asarray(X)[some]


def _codes(estimator: Any, X: Any) -> Array:
    """Return the codes of images; a mixture's rows are codes themselves."""
    own = isinstance(estimator, MMLGaussianMixture)
    return np.asarray(X if own else estimator.transform(X), dtype=np.float64)


def _trace(estimator: Any) -> Trace:
    """Return the trace of a mixture or a discovery; that of a file is in its evidence."""
    mixture = getattr(estimator, "mixture_", estimator)
    trace: Trace | None = getattr(mixture, "trace_", None)
    if trace is not None:
        return trace
    evidence = getattr(estimator, "evidence_", None)
    if evidence is None:
        raise DataError("The mixture was read from a file, which holds no trace; fit it anew.")
    sweeps = (
        Sweep(s["sweep"], s["k"], s["message_length"], s["log_likelihood"], chosen=s["chosen"])
        for s in evidence.ledger
    )
    events = tuple(Event(**event) for event in evidence.events)
    return Trace(tuple(sweeps), events, evidence.best_by_k)

"""Images of symbols, and the table of symbols against labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

import xenoglyph
from xenoglyph.errors import DataError
from xenoglyph.plotting.display import Display, some_of
from xenoglyph.sheets import sheet
from xenoglyph.symbols import LabelTable, label_table

if TYPE_CHECKING:
    from xenoglyph.images import ImageSet

__all__ = [
    "LabelTableDisplay",
    "ReconstructionsDisplay",
    "SymbolSheetDisplay",
    "label_heatmap",
    "reconstructions",
    "symbol_sheet",
]

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
        some = images[some_of(len(images), n_images)]
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


def _widened(strip: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Return a strip of images filled up with white to the width of the longest."""
    missing = [(0, 0), (0, width - strip.shape[1]), *[(0, 0)] * (strip.ndim - 2)]
    return np.pad(strip, missing, constant_values=255)

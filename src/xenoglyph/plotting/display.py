"""What all displays have, after the manner of scikit-learn's, and how they ask an estimator."""

from abc import ABC, abstractmethod
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from xenoglyph.mixture import MMLGaussianMixture

__all__ = ["Display", "codes_of", "rows_of", "some_of"]

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


def some_of(n: int, most: int | None) -> Integers:
    """Numbers of at most so many of n things, evenly spaced."""
    return np.linspace(0, n - 1, n if most is None else min(n, most)).astype(np.intp)


def rows_of(X: Any, some: Integers) -> Any:
    """Return some rows of images, an array, or a frame, whose columns keep their names."""
    if hasattr(X, "iloc"):
        return X.iloc[some]
    return X[some] if hasattr(X, "__array__") or hasattr(X, "pixels") else np.asarray(X)[some]


def codes_of(estimator: Any, X: Any) -> Array:
    """Return the codes of images; a mixture's rows are codes themselves."""
    own = isinstance(estimator, MMLGaussianMixture)
    return np.asarray(X if own else estimator.transform(X), dtype=np.float64)

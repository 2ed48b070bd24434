"""Codes: every pair of their dimensions, and each by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from xenoglyph.plotting.display import Display, codes_of, rows_of, some_of
from xenoglyph.plotting.style import (
    BARS,
    as_text,
    colour_of,
    hatch_of,
    marker_of,
    plain,
    write_names,
)

__all__ = ["CodeHistogramsDisplay", "PairPlotDisplay", "code_histograms", "pair_plot"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

PANEL_MARGIN = 0.04
BINS = 30
LEGEND_ROW = 0.17  # inches
FEW = 3  # dimensions, whose panels are large enough for names


def pair_plot(
    codes: Array, groups: ArrayLike, ax: Axes, names: Sequence[str] | None = None
) -> Axes:
    """Draw every pair of code dimensions against each other, coloured by group.

    Every panel is scaled to its own two dimensions; the row's dimension runs upwards, the
    column's across. The diagonal has each dimension's histogram, the groups stacked. All panels
    stand in one pair of axes, which is many times faster than one each.

    Parameters
    ----------
    codes : array of shape (n, d)
    groups : array of shape (n,)
        Group of each code, numbered from 0.
    ax : Axes
    names : sequence of str, optional
        Names of the groups; their numbers by default.
    """
    group, d = np.asarray(groups), codes.shape[1]
    names = names or [str(g) for g in range(int(group.max()) + 1)]
    low, reach = codes.min(axis=0), np.maximum(np.ptp(codes, axis=0), np.finfo(float).tiny)
    inside = PANEL_MARGIN + (1.0 - 2.0 * PANEL_MARGIN) * (codes - low) / reach
    row, column = (index.ravel() for index in np.indices((d, d)))
    off = row != column
    # Place of each code in each panel off the diagonal, shape (panels, n); row 0 is at the top.
    x = column[off, None] + inside.T[column[off]]
    y = (d - 1 - row[off])[:, None] + inside.T[row[off]]
    present = [int(g) for g in np.unique(group)]
    for g in present:
        own = group == g
        _scatter(ax, x[:, own], y[:, own], g, 4.0 if d <= FEW else 3.2)
        if 1 < d <= FEW:
            places = np.median([x[:, own], y[:, own]], axis=2).T
            write_names(ax, places, [names[g]] * len(places))
    for j in range(d):
        _stacked_histogram(ax, [inside[group == g, j] for g in present], present, j, d - 1 - j)
    _panel_frame(ax, d)
    # In one dimension there are histograms alone.
    handles = ax.lines[: len(present)] if d > 1 else ax.patches
    _legend_beside(ax, handles, [as_text(names[g]) for g in present])
    return ax


def code_histograms(codes: Array, ax: Axes) -> Axes:
    """Draw the histogram of every code dimension side by side, up to three in a row.

    Parameters
    ----------
    codes : array of shape (n, d)
    ax : Axes
        Made invisible; the histograms stand in it as ``ax.child_axes``.
    """
    d = codes.shape[1]
    columns = min(d, 3)
    rows = -(-d // columns)
    ax.set_axis_off()
    for j in range(d):
        row, column = divmod(j, columns)
        # Between histograms there is room for what is written below each.
        width, height = 1.0 / columns, 1.0 / rows
        left, bottom = (column + 0.06) * width, 1.0 - (row + 0.72) * height
        panel = ax.inset_axes((left, bottom, 0.88 * width, 0.7 * height))
        panel.hist(codes[:, j], bins=BINS, color=BARS)
        panel.set_yticks([])
        panel.set_xlabel(f"code {j}")
        plain(panel)
    return ax


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
        some = some_of(len(X), subsample)
        shown = rows_of(X, some)
        if y is not None:
            groups = np.asarray(y)[some]
        elif hasattr(estimator, "predict"):
            groups = estimator.predict(shown)
        else:
            groups = np.zeros(len(some), dtype=np.intp)
        present, index = np.unique(groups, return_inverse=True)
        names = [str(group) for group in present]
        return cls(codes_of(estimator, shown), index, names).plot(ax)

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
        return cls(codes_of(estimator, X)).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        d = self.codes.shape[1]
        return 3.2 * min(d, 3), 2.2 * -(-d // 3)

    def _draw(self, ax: Axes) -> None:
        code_histograms(self.codes, ax)


def _scatter(ax: Axes, x: Array, y: Array, group: int, size: float) -> None:
    ax.plot(
        x.ravel(),
        y.ravel(),
        marker_of(group),
        color=colour_of(group),
        markersize=size,
        markeredgewidth=0,
        alpha=0.75,
    )


def _stacked_histogram(
    ax: Axes, values: Sequence[Array], groups: Sequence[int], column: int, row: int
) -> None:
    """Fill a panel with the groups' histograms, one on top of the other."""
    edges = np.linspace(0.0, 1.0, BINS + 1)
    counts = np.cumsum([np.histogram(own, edges)[0] for own in values], axis=0)
    heights = row + PANEL_MARGIN + (1.0 - 2.0 * PANEL_MARGIN) * counts / counts[-1].max()
    base = np.full(BINS, row + PANEL_MARGIN)
    for group, top in zip(groups, heights, strict=True):
        bars = ax.stairs(top, column + edges, baseline=base, fill=True)
        bars.set(facecolor=colour_of(group), hatch=hatch_of(group), edgecolor="white", lw=0.4)
        base = top


def _panel_frame(ax: Axes, d: int) -> None:
    """Rule the panels of a pair plot, and name rows and columns by their dimension."""
    for line in range(d + 1):
        ax.axhline(line, color="#CCCCCC", linewidth=0.8)
        ax.axvline(line, color="#CCCCCC", linewidth=0.8)
    names = [f"code {j}" for j in range(d)]
    ax.set_xticks(np.arange(d) + 0.5, names)
    ax.set_yticks(d - 0.5 - np.arange(d), names, rotation=90, va="center")
    ax.set(xlim=(0, d), ylim=(0, d), aspect="equal")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _legend_beside(ax: Axes, handles: Sequence[Artist], names: Sequence[str]) -> None:
    """Put the legend at the right, in as many columns as its rows need."""
    inches = ax.get_window_extent().height / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
    rows = max(int(inches / LEGEND_ROW), 1)
    ax.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        ncols=-(-len(names) // rows),
        fontsize=8,
        frameon=False,
        handletextpad=0.2,
        columnspacing=0.8,
        markerscale=1.8,
    )

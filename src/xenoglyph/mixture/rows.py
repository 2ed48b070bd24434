"""The rows of a table as the kernels want them: standardised, weighted, feature by feature.

Rows come in one order whatever that of the table, and equal rows are one row of their summed
weight: neither the order of a table nor repetition instead of weights makes a difference.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError
from xenoglyph.mixture import kernels

if TYPE_CHECKING:
    from xenoglyph.mixture.state import Mixture

__all__ = [
    "Rows",
    "Standardisation",
    "centre_and_scale",
    "checked_units",
    "complete_rows",
    "in_one_order",
    "resolution",
    "scatter",
    "standardisation",
]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Standardisation:
    """Centre and scale of every feature: results do not depend on units or origin."""

    centre: Array
    """Weighted means, shape (d,), in the units of the data."""
    scale: Array
    """Weighted standard deviations, shape (d,), positive."""

    def apply(self, X: Array) -> Array:
        """Return X of shape (n, d), standardised, as a C-contiguous array of shape (d, n)."""
        Z = np.array(X.T, order="C")
        self.apply_in_place(Z)
        return Z

    def apply_in_place(self, Z: Array) -> None:
        """Standardise features of shape (d, n)."""
        Z -= self.centre[:, None]
        Z /= self.scale[:, None]

    def revert(self, Z: Array) -> Array:
        """Return standardised rows of shape (n, d) in the units of the data."""
        return Z * self.scale + self.centre

    @property
    def log_volume(self) -> float:
        """Nats by which one row's log density falls when the units of the data return."""
        return float(np.log(self.scale).sum())


@dataclass(frozen=True, eq=False)
class Rows:
    """Standardised rows without missing values: ``Z`` of shape (d, n), weights ``s`` (n,)."""

    Z: Array
    s: Array
    standardisation: Standardisation
    threads: int = 1
    compiled: ClassVar[bool] = True
    """Whether the kernels can run whole sweeps over such rows."""

    @cached_property
    def n(self) -> float:
        """Sum of the sample weights."""
        return float(self.s.sum())

    @property
    def d(self) -> int:
        """Number of features."""
        return len(self.Z)

    def log_volumes(self) -> Array | float:
        """Nats by which each row's log density falls when the units of the data return."""
        return self.standardisation.log_volume

    def take(self, index: Integers, s: Array) -> "Rows":
        """Return some of the rows, with other weights."""
        return Rows(self._columns(index), s, self.standardisation, self.threads)

    def _columns(self, index: Integers) -> Array:
        """Z of some rows; no copy where it is all of them."""
        if len(index) == self.Z.shape[1]:
            return self.Z
        return np.take(self.Z, index, axis=1)

    def filled(self, mu: Array, C: Array) -> Array:
        """Z, its missing values (here none) as a Gaussian would expect them."""
        return self.Z

    def moments(self, x: "Mixture", m: int) -> tuple[float, Array, Array]:
        """E-step for component m: sum of w, and its first two moments about the present mean."""
        d, diagonal = self.d, x.objective.structure.diagonal
        sums = np.empty(1 + d + (d if diagonal else d * (d + 1) // 2))
        kernels.moments(self.Z, self.s, x.terms[m], x.total, x.mu[m], diagonal, sums)
        if diagonal:
            return float(sums[0]), sums[1 : 1 + d], sums[1 + d :]
        second = np.empty((d, d))
        triangle = np.triu_indices(d)
        second[triangle] = second.T[triangle] = sums[1 + d :]
        return float(sums[0]), sums[1 : 1 + d], second

    def exchange(self, x: "Mixture", m: int) -> None:
        """Put the terms of component m's present parameters in the place of its old ones."""
        kernels.exchange(self.Z, self.s, *x.state(), m, self.threads)

    def resum(self, x: "Mixture", anew: bool) -> float:
        """Add every row's terms afresh; return the sum of their weighted logarithms."""
        return float(kernels.resum(self.Z, self.s, *x.state(), anew, self.threads))

    def log_density(self, mu: Array, C: Array, rounding: Array) -> Array:
        """Log density of every row under one Gaussian, in nats, shape (n,)."""
        factor, log_norm, log_det = np.empty_like(C[None]), np.empty(1), np.empty(1)
        kernels.prepare(np.ascontiguousarray(C[None]), rounding, factor, log_norm, log_det)
        out = np.empty(self.Z.shape[1])
        kernels.log_density(self.Z, mu, factor[0], float(log_norm[0]), out)
        return out


def in_one_order(X: Array, s: Array) -> tuple[Array, Array]:
    """Sort rows by their values, put equal ones together, and turn them feature by feature.

    Parameters
    ----------
    X : array of shape (n, d)
        NaN where a value is missing.
    s : array of shape (n,)

    Returns
    -------
    Y : array of shape (d, n')
        Distinct rows; a copy.
    s : array of shape (n',)
        Their summed weights.
    """
    first = X[:, 0]
    order = np.argsort(first, kind="stable")
    ties = first[order[1:]] == first[order[:-1]]
    if ties.any() or np.isnan(first[order[-1]]):
        order = np.lexsort(X.T[::-1])
    Y, s = np.empty(X.shape[::-1]), s[order]
    same = np.ones(len(s) - 1, dtype=bool)
    for feature, values in zip(Y, X.T, strict=True):
        feature[:] = values[order]
        after, before = feature[1:], feature[:-1]
        same &= (after == before) | (np.isnan(after) & np.isnan(before))
    if not same.any():
        return Y, s
    distinct = np.flatnonzero(np.concatenate([[True], ~same]))
    return np.take(Y, distinct, axis=1), np.add.reduceat(s, distinct)


def scatter(Z: Array, s: Array, centre: Array) -> Array:
    """``sum_i s_i (z_i - centre)(z_i - centre)^T``, shape (d, d), some rows at a time.

    Parameters
    ----------
    Z : array of shape (d, n)
    s : array of shape (n,)
    centre : array of shape (d,)
    """
    total = np.zeros((len(Z), len(Z)))
    for first in range(0, len(s), ROWS_AT_ONCE):
        part = slice(first, first + ROWS_AT_ONCE)
        D = Z[:, part] - centre[:, None]
        total += (s[part] * D) @ D.T
    return total


def complete_rows(Z: Array, s: Array, units: Standardisation, threads: int = 1) -> Rows:
    """Sort rows by their distance from the centre.

    In the metric of the data's covariance, which no change of units, axes or origin alters.

    Parameters
    ----------
    Z : array of shape (d, n)
        Standardised, finite; changed in place.
    s : array of shape (n,)
        Positive weights.
    units : Standardisation
        Of Z.
    """
    with np.errstate(under="ignore"):
        C = scatter(Z, s, np.zeros(len(Z))) / s.sum()
        values, vectors = np.linalg.eigh(C)
        axes = vectors / np.sqrt(np.maximum(values, 1e-12 * values[-1]))
        distance = np.zeros(len(s))
        for axis in axes.T:
            distance += (axis @ Z) ** 2
    order = np.argsort(distance, kind="stable")
    for feature in Z:
        feature[:] = feature[order]
    return Rows(Z, s[order], units, threads)


def standardisation(Y: Array, s: Array) -> Standardisation:
    """Find each feature's weighted mean and standard deviation, without overflow.

    Differences from the first value are divided by their largest, so that features of any
    magnitude and offset that float64 can hold keep their digits. Missing values (NaN) are left
    out.

    Parameters
    ----------
    Y : array of shape (d, n)
    s : array of shape (n,)
        Positive sample weights.

    Raises
    ------
    DataError
        If a feature is constant or without any value, or its range exceeds what float64 can hold.
    """
    d = len(Y)
    centre, scale, reach = np.empty(d), np.empty(d), np.empty(d)
    empty = np.array([np.isnan(y).all() for y in Y])
    for j in np.flatnonzero(~empty):
        there = ~np.isnan(Y[j])
        centre[j], scale[j], reach[j] = centre_and_scale(Y[j, there], s[there])
    return checked_units(centre, scale, reach, empty)


def checked_units(
    centre: Array, scale: Array, reach: Array, empty: NDArray[np.bool_]
) -> Standardisation:
    """Refuse features that no density can describe.

    Parameters
    ----------
    centre, scale : arrays of shape (d,)
    reach : array of shape (d,)
        Largest distance between values, or from the first.
    empty : array of bool, shape (d,)
        Features without any value; their other entries are not looked at.

    Raises
    ------
    DataError
        See `standardisation`.
    """
    _refuse(empty, "are all missing; drop them")
    _refuse(~np.isfinite(reach), "range beyond what float64 holds; divide them by a constant")
    _refuse(reach == 0.0, "are constant, which no density can describe; drop them")
    # Covariances are in squared units.
    _refuse(scale > 1e152, "have squares beyond float64; divide them by a constant")
    _refuse(scale < 1e-152, "have squares too small for float64; multiply them by a constant")
    return Standardisation(centre, scale)


def centre_and_scale(x: Array, s: Array) -> tuple[float, float, float]:
    """Weighted mean and standard deviation, and the largest distance from the first value.

    Parameters
    ----------
    x : array of shape (n,)
        At least one value, none missing.
    s : array of shape (n,)
        Positive weights.
    """
    with np.errstate(over="ignore", under="ignore"):
        difference = x - x[0]
        reach = float(np.abs(difference).max())
        if reach == 0.0 or not np.isfinite(reach):
            return float(x[0]), 0.0, reach
        share = s / s.sum()
        centre = x[0] + reach * float(share @ (difference / reach))
        residual = (x - centre) / reach
        correction = float(share @ residual)
        residual -= correction
        scale = reach * float(np.sqrt(share @ residual**2))
    return float(centre + reach * correction), scale, reach


def resolution(Z: Array, n: float) -> Array:
    """Width of the steps in which each feature was recorded; 0 where there is no sign of any.

    A feature of which most values occur more than once is taken to be rounded to the smallest
    difference between two of them.

    Parameters
    ----------
    Z : array of shape (d, n_rows)
        Distinct rows, standardised.
    n : float
        Sum of their weights.

    Returns
    -------
    array of shape (d,)
    """
    steps = np.zeros(len(Z))
    for j, feature in enumerate(Z):
        values = np.unique(feature[~np.isnan(feature)])
        if len(values) > n / 2:
            continue
        gaps = np.diff(values)
        gaps = gaps[gaps > 1e-9 * (values[-1] - values[0])]
        steps[j] = gaps.min() if gaps.size else 0.0
    return steps


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    """Raise if any feature is bad, naming the first ten."""
    if bad.any():
        columns = np.flatnonzero(bad)
        named = ", ".join(map(str, columns[:10])) + (", ..." if len(columns) > 10 else "")
        raise DataError(f"The values of column(s) {named} {what}.")

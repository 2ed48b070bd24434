"""Rows of which some values are missing at random, by the exact marginal densities.

What is missing takes no part in a row's density. In the M-step it is replaced by what the
component expects given the row's other values, and what that expectation leaves uncertain is
added to the scatter (Ghahramani & Jordan, "Supervised learning from incomplete data via an EM
approach", NIPS 6, 1994).

Rows that lack the same values share a pattern. For a component of covariance C and a pattern
with the values o there, ``K`` is the inverse of C_oo, bordered with zeros.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.blocks import Rows, Standardisation
from xenoglyph.mixture.kernels import numpy_kernels

if TYPE_CHECKING:
    from xenoglyph.mixture.state import Mixture

__all__ = ["IncompleteRows", "incomplete_rows"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class IncompleteRows(Rows):
    """Standardised rows whose missing values are NaN in ``Z``."""

    compiled: ClassVar[bool] = False
    there: NDArray[np.bool_] = field(init=False)
    """Patterns, shape (p, d): which values are there."""
    pattern: Integers = field(init=False)
    """Pattern of each row, shape (n,)."""

    def __post_init__(self) -> None:
        there, pattern = np.unique(~np.isnan(self.Z.T), axis=0, return_inverse=True)
        object.__setattr__(self, "there", there)
        object.__setattr__(self, "pattern", pattern.reshape(-1))

    def log_volumes(self) -> Array:
        """Nats by which each row's log density falls when the units of the data return."""
        scale = np.log(self.standardisation.scale)
        return np.asarray((self.there @ scale)[self.pattern])

    def take(self, index: Integers, s: Array) -> "IncompleteRows":
        """Return some of the rows, with other weights."""
        Z = np.ascontiguousarray(self.Z[:, index])
        return IncompleteRows(Z, s, self.standardisation, self.threads)

    def filled(self, mu: Array, C: Array) -> Array:
        """Z, its missing values as a Gaussian expects them, given the others."""
        dense = np.diag(C) if C.ndim == 1 else C
        K, _ = self._precisions(dense)
        return mu[:, None] + self._expected(mu, dense, K)

    def moments(self, x: "Mixture", m: int) -> tuple[float, Array, Array]:
        """E-step for component m: sum of w, and its first two moments about the present mean."""
        dense = x.objective.structure.dense(x.C[m : m + 1], self.d)[0]
        K, _ = self._precisions(dense)
        w = x.responsibility(m)
        difference = self._expected(x.mu[m], dense, K)
        second = (w * difference) @ difference.T
        by_pattern = np.bincount(self.pattern, w, minlength=len(self.there))
        # What is uncertain still: C - C K C, zero where a value is there.
        second += by_pattern.sum() * dense - dense @ np.tensordot(by_pattern, K, 1) @ dense
        if x.objective.structure.diagonal:
            second = np.diagonal(second).copy()
        return float(w.sum()), difference @ w, second

    def exchange(self, x: "Mixture", m: int) -> None:
        """Put the terms of component m's present parameters in the place of its old ones."""
        exponent = np.full(len(self.s), -np.inf)
        if x.log_a[m] > -np.inf:
            exponent = self._exponent(x, m)
        doubtful = numpy_kernels.put_term(exponent, x.terms, m, x.offset, x.total)
        if doubtful.size:
            exponents = self._exponents(x)[:, doubtful]
            numpy_kernels.rescale(exponents, doubtful, x.terms, x.offset, x.total)

    def resum(self, x: "Mixture", anew: bool) -> float:
        """Add every row's terms afresh; return the sum of their weighted logarithms."""
        if anew:
            every = slice(None)
            numpy_kernels.rescale(self._exponents(x), every, x.terms, x.offset, x.total)
        else:
            x.total[:] = np.sum(x.terms, axis=0)
        return float(self.s @ (x.offset + np.log(x.total)))

    def log_density(self, mu: Array, C: Array, rounding: Array) -> Array:
        """Log density of what is there of every row, in nats, shape (n,)."""
        if C.ndim == 1:
            C, rounding = np.diag(C), np.diag(rounding)
        K, log_det = self._precisions(C)
        y = np.nan_to_num(self.Z - mu[:, None], nan=0.0)
        square = np.empty(len(self.s))
        for p in range(len(self.there)):
            own = self.pattern == p
            square[own] = np.einsum("ji,jk,ki->i", y[:, own], K[p], y[:, own])
        constant = -0.5 * (self.there.sum(axis=1) * np.log(2.0 * np.pi) + log_det)
        constant -= 0.5 * np.einsum("pij,ij->p", K, rounding)
        return np.asarray(constant[self.pattern] - 0.5 * square)

    def _exponents(self, x: "Mixture") -> Array:
        exponents = np.full((x.k, len(self.s)), -np.inf)
        for m in np.flatnonzero(x.log_a > -np.inf):
            exponents[m] = self._exponent(x, int(m))
        return exponents

    def _exponent(self, x: "Mixture", m: int) -> Array:
        return np.asarray(x.log_a[m] + self.log_density(x.mu[m], x.C[m], x.objective.rounding))

    def _precisions(self, C: Array) -> tuple[Array, Array]:
        """K of each pattern, shape (p, d, d), and log |C_oo|, shape (p,)."""
        both = self.there[:, :, None] & self.there[:, None, :]
        bordered = np.where(both, C, np.eye(self.d))
        log_det = np.linalg.slogdet(bordered)[1]
        return np.where(both, np.linalg.inv(bordered), 0.0), log_det

    def _expected(self, mu: Array, C: Array, K: Array) -> Array:
        """``z - mu``, where missing its expectation given the rest; shape (d, n)."""
        y = np.nan_to_num(self.Z - mu[:, None], nan=0.0)
        out = np.empty_like(y)
        for p in range(len(self.there)):
            own = self.pattern == p
            out[:, own] = C @ K[p] @ y[:, own]
        return out


def incomplete_rows(X: Array, s: Array, units: Standardisation, threads: int = 1) -> Rows:
    """Standardise rows of which some values are missing, sorted by what is there.

    Parameters
    ----------
    X : array of shape (n, d)
        NaN where a value is missing; none of the rows is all NaN.
    s : array of shape (n,)
        Positive weights.
    """
    Z = units.apply(X)
    order = np.lexsort((*np.nan_to_num(Z, nan=np.inf), np.nansum(Z**2, axis=0)))
    return IncompleteRows(np.ascontiguousarray(Z[:, order]), s[order], units, threads)

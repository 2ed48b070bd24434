"""Rows of which some values are missing at random, by the exact marginal densities.

What is missing takes no part in a row's density. In the M-step it is replaced by what the
component expects given the row's other values, and what that expectation leaves uncertain is
added to the scatter (Ghahramani & Jordan, "Supervised learning from incomplete data via an EM
approach", NIPS 6, 1994).

Rows that lack the same values share a pattern. For a component of covariance C and a pattern
with the values o there, ``W`` is the inverse of the Cholesky factor of C_oo, bordered with zeros:
``W^T W`` is the inverse of C_oo.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.kernels import numpy_kernels
from xenoglyph.mixture.rows import Rows, Standardisation

if TYPE_CHECKING:
    from xenoglyph.mixture.state import Mixture

__all__ = ["IncompleteRows", "incomplete_rows"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

# No component scatters more than so many times all rows do about its mean.
MOST_SCATTER = 4.0


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
        return IncompleteRows(self._columns(index), s, self.standardisation, self.threads)

    def filled(self, mu: Array, C: Array) -> Array:
        """Z, its missing values as a Gaussian expects them, given the others."""
        dense = np.diag(C) if C.ndim == 1 else C
        return mu[:, None] + self._expected(mu, self._gains(dense))

    def moments(self, x: "Mixture", m: int) -> tuple[float, Array, Array]:
        """E-step for component m: sum of w, and its first two moments about the present mean."""
        dense = x.objective.structure.dense(x.C[m : m + 1], self.d)[0]
        gains = self._gains(dense)
        w = x.responsibility(m)
        difference = self._expected(x.mu[m], gains)
        second = (w * difference) @ difference.T
        by_pattern = np.bincount(self.pattern, w, minlength=len(self.there))
        # What is uncertain still, in a form that rounding cannot make indefinite.
        left = np.eye(self.d) - gains
        uncertain = left @ dense @ left.transpose(0, 2, 1)
        second += np.tensordot(by_pattern, uncertain, 1)
        # Where a component has no value of a feature, nothing else would hold its variance.
        most = MOST_SCATTER * self.n * (1.0 + x.mu[m] ** 2)
        shrink = np.sqrt(most / np.maximum(np.diagonal(second), most))
        second *= np.outer(shrink, shrink)
        if x.objective.structure.diagonal:
            second = np.diagonal(second).copy()
        return float(w.sum()), shrink * (difference @ w), second

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
        W = self._inverse_factors(C)
        y = self._times(W, np.nan_to_num(self.Z - mu[:, None], nan=0.0))
        diagonal = np.diagonal(W, axis1=1, axis2=2)
        constant = np.log(np.where(self.there, diagonal, 1.0)).sum(axis=1)
        constant -= 0.5 * self.there.sum(axis=1) * np.log(2.0 * np.pi)
        constant -= 0.5 * np.einsum("pij,pik,jk->p", W, W, rounding)
        return np.asarray(constant[self.pattern] - 0.5 * np.einsum("ji,ji->i", y, y))

    def _exponents(self, x: "Mixture") -> Array:
        exponents = np.full((x.k, len(self.s)), -np.inf)
        for m in np.flatnonzero(x.log_a > -np.inf):
            exponents[m] = self._exponent(x, int(m))
        return exponents

    def _exponent(self, x: "Mixture", m: int) -> Array:
        return np.asarray(x.log_a[m] + self.log_density(x.mu[m], x.C[m], x.objective.rounding))

    def _inverse_factors(self, C: Array) -> Array:
        """W of each pattern, shape (p, d, d), lower triangles."""
        both = self.there[:, :, None] & self.there[:, None, :]
        bordered = np.where(both, C, np.eye(self.d))
        return np.where(both, np.tril(np.linalg.inv(np.linalg.cholesky(bordered))), 0.0)

    def _gains(self, C: Array) -> Array:
        """``C W^T W`` of each pattern: what is expected of every value, given those there."""
        W = self._inverse_factors(C)
        gains = C @ W.transpose(0, 2, 1) @ W
        # Exactly what is there, where it is there.
        return np.where(self.there[:, :, None], np.eye(self.d), gains)

    def _expected(self, mu: Array, gains: Array) -> Array:
        """``z - mu``, where missing its expectation given the rest; shape (d, n)."""
        return self._times(gains, np.nan_to_num(self.Z - mu[:, None], nan=0.0))

    def _times(self, matrices: Array, y: Array) -> Array:
        """Each column of y times the matrix of its row's pattern, alike whatever the others."""
        out = np.zeros_like(y)
        for a, b in np.argwhere(np.any(matrices, axis=0)):
            out[a] += matrices[self.pattern, a, b] * y[b]
        return out


def incomplete_rows(Z: Array, s: Array, units: Standardisation, threads: int = 1) -> Rows:
    """Sort rows of which some values are missing by what is there.

    Parameters
    ----------
    Z : array of shape (d, n)
        Standardised; NaN where a value is missing. None of the rows is all NaN.
    s : array of shape (n,)
        Positive weights.
    units : Standardisation
        Of Z.
    """
    order = np.lexsort((*np.nan_to_num(Z, nan=np.inf), np.nansum(Z**2, axis=0)))
    return IncompleteRows(np.ascontiguousarray(Z[:, order]), s[order], units, threads)

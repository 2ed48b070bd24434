"""What a mixture says of rows: no more than parameters and units, light enough to send around."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from xenoglyph.errors import DataError
from xenoglyph.mixture.checks import refuse_not_finite
from xenoglyph.mixture.missing import IncompleteRows
from xenoglyph.mixture.rows import Rows, Standardisation
from xenoglyph.mixture.state import Parameters

__all__ = ["Density", "Told"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

# Farther from the centre, in standard deviations, squares leave float64.
FAR = 1e140
ROWS_AT_ONCE = 16_384


@dataclass(frozen=True, eq=False)
class Density:
    """A mixture, of rows in the units of the data; methods take checked tables of shape (n, d)."""

    parameters: Parameters
    units: Standardisation

    @property
    def k(self) -> int:
        """Number of components."""
        return self.parameters.k

    def log_terms(self, table: Array) -> Array:
        """``log alpha_m + log p(x_i | m)``, shape (k, n)."""
        with np.errstate(over="ignore"):
            Z = self.units.apply(table)
            np.clip(Z, -FAR, FAR, out=Z)
        make = IncompleteRows if np.isnan(Z).any() else Rows
        rows = make(Z, np.ones(len(table)), self.units)
        p = self.parameters
        terms = np.empty((p.k, len(table)))
        none = np.zeros_like(p.C[0])
        for m in range(p.k):
            terms[m] = rows.log_density(p.mu[m], p.C[m], none)
        terms += np.log(p.alpha)[:, None]
        terms -= rows.log_volumes()
        return terms

    def labels(self, table: Array) -> Integers:
        """Most probable component of each row, shape (n,), some rows at a time."""
        labels = np.empty(len(table), dtype=np.intp)
        for first in range(0, len(table), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            labels[part] = self.log_terms(table[part]).argmax(axis=0)
        return labels

    def posterior(self, table: Array) -> Array:
        """Posterior probability of each component, shape (n, k)."""
        terms = self.log_terms(table)
        # Far rows have terms so large that adding the logarithm of a sum is lost on them.
        terms -= terms.max(axis=0)
        np.exp(terms, out=terms)
        terms /= terms.sum(axis=0)
        return np.ascontiguousarray(terms.T)

    def log_density(self, table: Array) -> Array:
        """Log density in nats, shape (n,)."""
        return np.asarray(logsumexp(self.log_terms(table), axis=0))


@dataclass(frozen=True, eq=False)
class Told:
    """What a mixture says of a whole table: a `Statistic` of four numbers.

    Log-likelihood in nats, number of rows, sum of their weights, and the sum of the entropies of
    their posteriors in nats, without weights.
    """

    density: Density
    missing: bool
    """Whether values may be missing."""

    def of(self, X: Array, s: Array) -> Array:
        """See `Statistic`."""
        refuse_not_finite(X, self.missing)
        if not (s >= 0.0).all():
            raise DataError("sample_weight has negative or missing entries; give zero or more.")
        terms = self.density.log_terms(X)
        log_density = logsumexp(terms, axis=0)
        posterior = np.exp(terms - log_density)
        entropy = -float((posterior * np.log(np.maximum(posterior, 1e-300))).sum())
        return np.array([(s * log_density).sum(), len(s), s.sum(), entropy])

    def combine(self, a: Array, b: Array) -> Array:
        """See `Statistic`."""
        return a + b

"""The usual criteria of model choice beside the message length, for every number of components."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, xlogy
from scipy.stats import multivariate_normal

from xenoglyph.errors import DataError
from xenoglyph.mixture.estimator import MMLGaussianMixture
from xenoglyph.mixture.trace import Sweep

__all__ = ["Criteria", "criteria_by_k"]

Array = NDArray[np.float64]

BLOCK = 1 << 14
"""Rows that are looked at together."""


@dataclass(frozen=True)
class Criteria:
    """One number of components under every criterion; of each, less is better."""

    n_components: int
    message_length: float
    """In nats; BIC, AIC and ICL are about twice as long, by their definition."""
    bic: float
    aic: float
    icl: float


def criteria_by_k(mixture: MMLGaussianMixture, X: ArrayLike) -> list[Criteria]:
    """Judge the best mixture that the fit passed with each number of components.

    Parameters
    ----------
    mixture : MMLGaussianMixture
        Fitted to X with ``record_parameters=True``, without weights.
    X : array of shape (n, d)

    Returns
    -------
    list of Criteria
        One for each number of components in the trace's sweeps, rising. Each is that of the sweep
        with the shortest message, which need not have converged: see `MMLGaussianMixture.aic`,
        `bic` and `icl` for the definitions.

    Raises
    ------
    DataError
        If the fit did not record its mixtures.
    """
    best: dict[int, Sweep] = {}
    for sweep in mixture.trace_.sweeps:
        if sweep.means is None:
            raise DataError("The trace holds no mixtures; fit with record_parameters=True.")
        known = best.get(sweep.n_components, sweep)
        best[sweep.n_components] = min(sweep, known, key=lambda one: one.message_length)
    table = np.asarray(X, np.float64)
    structure, (n, d) = mixture._structure, table.shape
    rows = []
    for k, sweep in sorted(best.items()):
        sums = [_sums(sweep, table[first : first + BLOCK]) for first in range(0, n, BLOCK)]
        log_likelihood, entropy = map(float, np.sum(sums, axis=0))
        p = k * structure.n_parameters(d) + structure.n_shared(d) + k - 1
        bic, aic = -2 * log_likelihood + p * float(np.log(n)), -2 * log_likelihood + 2 * p
        rows.append(Criteria(k, sweep.message_length, bic, aic, bic + 2 * entropy))
    return rows


def _sums(sweep: Sweep, table: Array) -> tuple[float, float]:
    """Log-likelihood of some rows, and the entropy of their posterior."""
    terms = _log_terms(sweep, table)
    density = logsumexp(terms, axis=0)
    posterior = np.exp(terms - density)
    return float(density.sum()), -float(xlogy(posterior, posterior).sum())


def _log_terms(sweep: Sweep, table: Array) -> Array:
    """``log alpha_m + log p(x_i | m)`` of a mixture that was passed, shape (k, n)."""
    assert sweep.weights is not None
    assert sweep.means is not None
    assert sweep.covariances is not None
    with np.errstate(divide="ignore"):
        weights = np.log(sweep.weights)
    density = [
        multivariate_normal.logpdf(table, mean, covariance, allow_singular=True).reshape(-1)
        for mean, covariance in zip(sweep.means, sweep.covariances, strict=True)
    ]
    return np.asarray(weights[:, None] + np.stack(density))

"""What every answer is judged by, whoever gave it: written here once, with SciPy."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

__all__ = ["Answer", "message_length", "refusal"]

Array = NDArray[np.float64]

# Rows whose densities are held at once.
BLOCK = 1 << 16


class Answer(NamedTuple):
    """A mixture that some program found."""

    weights: Array
    """Shape (k,)."""
    means: Array
    """Shape (k, d)."""
    covariances: Array
    """Shape (k, d, d)."""


def refusal(answer: Answer, d: int) -> str | None:
    """Say why an answer is no mixture of d-dimensional Gaussians; None where it is one."""
    weights, means, covariances = answer
    k = len(weights)
    if k < 1 or means.shape != (k, d) or covariances.shape != (k, d, d):
        return f"shapes {weights.shape}, {means.shape}, {covariances.shape} do not fit together"
    if not all(np.isfinite(part).all() for part in answer):
        return "not finite"
    if weights.min() <= 0.0 or abs(weights.sum() - 1.0) > 1e-9:
        return f"weights from {weights.min()}, of sum {weights.sum()}"
    sd = np.sqrt(np.abs(np.diagonal(covariances, axis1=1, axis2=2)))
    skew = np.abs(covariances - covariances.transpose(0, 2, 1))
    if (skew > 1e-8 * sd[:, :, None] * sd[:, None, :]).any():
        return "a covariance is not symmetric"
    if np.linalg.eigvalsh(covariances).min() <= 0.0:
        return "a covariance is not positive definite"
    return None


def message_length(X: Array, answer: Answer) -> float:
    """Nats of rows and mixture by the criterion that Figueiredo & Jain's own program minimises.

    ``dl = -log p(X) + N/2 sum_m log alpha_m + (N + 1)/2 k log n``, with N = d + d (d + 1)/2.
    """
    n, d = X.shape
    k, N = len(answer.weights), d + d * (d + 1) // 2
    components = [
        multivariate_normal(mean, covariance)
        for mean, covariance in zip(answer.means, answer.covariances, strict=True)
    ]
    log_likelihood = 0.0
    for start in range(0, n, BLOCK):
        rows = X[start : start + BLOCK]
        terms = [np.atleast_1d(component.logpdf(rows)) for component in components]
        terms = [t + np.log(w) for t, w in zip(terms, answer.weights, strict=True)]
        log_likelihood += float(logsumexp(terms, axis=0).sum())
    model = 0.5 * N * float(np.log(answer.weights).sum()) + 0.5 * (N + 1) * k * np.log(n)
    return float(model) - log_likelihood

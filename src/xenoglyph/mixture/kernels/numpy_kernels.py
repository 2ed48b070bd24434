"""The loops over rows, in NumPy: the definition of what ``kernels.cpp`` computes.

Letters: ``Z`` data, feature by feature; ``s`` sample weights. A mixture's state is kept in the
arrays that `cem2.Mixture` describes: ``terms[m][i]`` is the density of row i under component m
times its weight, divided by ``exp(offset[i])``, and ``total[i]`` the sum of the terms.

``factor`` is the d x d upper triangular P with ``P P^T`` the precision, or P's diagonal.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "exchange",
    "log_density",
    "moments",
    "prepare",
    "put_term",
    "rescale",
    "resum",
]

Array = NDArray[np.float64]

# A total that keeps less than this share of the term just taken out of it has lost digits by
# cancellation, and one that is this small or holds a term this large has left its scale; such
# rows are summed afresh.
CANCELLATION = 1e-3
TINY, HUGE_TERM = 1e-200, 1e200
SMALLEST_PIVOT = 1e-15


def log_density(Z: Array, mean: Array, factor: Array, log_norm: float, out: Array) -> None:
    """Write ``log_norm - |P^T (z_i - mean)|^2 / 2`` for every row into `out`.

    Parameters
    ----------
    Z : array of shape (d, n)
    mean : array of shape (d,)
    factor : array of shape (d, d) or (d,)
    log_norm : float
        Logarithm of the density at the mean, in nats.
    out : array of shape (n,)
    """
    difference = Z - mean[:, None]
    y = factor[:, None] * difference if factor.ndim == 1 else factor.T @ difference
    np.einsum("ji,ji->i", y, y, out=out)
    out *= -0.5
    out += log_norm


def prepare(C: Array, rounding: Array, factor: Array, log_norm: Array, log_det: Array) -> None:
    """Derive from covariances what densities need.

    Parameters
    ----------
    C : array of shape (k, d, d) or (k, d)
    rounding : array of shape (d, d) or (d,)
        Covariance of each row about where it was recorded.
    factor : array of the shape of C
        Output.
    log_norm : array of shape (k,)
        Output: mean log density, in nats, of rows at the mean but for their `rounding`.
    log_det : array of shape (k,)
        Output: log |P| = -log |C| / 2.
    """
    d = C.shape[1]
    for m, covariance in enumerate(C):
        if covariance.ndim == 1:
            factor[m] = 1.0 / np.sqrt(covariance)
            log_det[m] = np.log(factor[m]).sum()
            trace = factor[m] ** 2 @ rounding
        else:
            factor[m] = _precision_factor(covariance)
            log_det[m] = np.log(np.diagonal(factor[m])).sum()
            trace = np.einsum("ij,ik,kj->", factor[m], rounding, factor[m])
        log_norm[m] = log_det[m] - 0.5 * d * np.log(2.0 * np.pi) - 0.5 * trace


def _precision_factor(C: Array) -> Array:
    """Transposed inverse of the Cholesky factor, which rounding cannot make singular."""
    try:
        L = np.linalg.cholesky(C)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(C)
        values = np.maximum(values, SMALLEST_PIVOT * values[-1])
        L = np.asarray(np.linalg.qr((vectors * np.sqrt(values)).T, mode="r")).T
        L *= np.sign(np.diagonal(L))
    return np.triu(np.linalg.inv(L).T)


def exchange(
    Z: Array,
    s: Array,
    terms: Sequence[Array],
    offset: Array,
    total: Array,
    log_a: Array,
    mu: Array,
    C: Array,
    factor: Array,
    log_norm: Array,
    m: int,
    threads: int,
) -> None:
    """Put the terms of component m's present parameters in the place of its old ones.

    A component of log weight minus infinity is taken out.
    """
    exponent = np.full(Z.shape[1], -np.inf)
    if log_a[m] > -np.inf:
        log_density(Z, mu[m], factor[m], log_a[m] + log_norm[m], exponent)
    doubtful = put_term(exponent, terms, m, offset, total)
    if doubtful.size:
        alive = np.flatnonzero(log_a > -np.inf)
        exponents = np.full((len(log_a), doubtful.size), -np.inf)
        part = np.ascontiguousarray(Z[:, doubtful])
        for j in alive:
            log_density(part, mu[j], factor[j], log_a[j] + log_norm[j], exponents[j])
        rescale(exponents, doubtful, terms, offset, total)


def put_term(
    exponent: Array, terms: Sequence[Array], m: int, offset: Array, total: Array
) -> NDArray[np.intp]:
    """Put ``exp(exponent)`` in the place of term m; totals that lost digits are added afresh.

    Returns
    -------
    array of int
        Rows that have left their scale: see `rescale`.
    """
    with np.errstate(over="ignore"):
        after = np.exp(exponent - offset)
    before = terms[m].copy()
    terms[m][:] = after
    with np.errstate(invalid="ignore"):
        total += after - before
        rows = np.flatnonzero(
            ~((total > CANCELLATION * before) & (total > TINY) & (after < HUGE_TERM))
        )
    if rows.size:
        stack = np.stack([term[rows] for term in terms])
        total[rows] = stack.sum(axis=0)
        left = ~((total[rows] > TINY) & (stack.max(axis=0) < HUGE_TERM))
        rows = rows[left]
    return rows


def rescale(
    exponents: Array,
    rows: NDArray[np.intp] | slice,
    terms: Sequence[Array],
    offset: Array,
    total: Array,
) -> None:
    """Write the terms of some rows on a scale on which the largest of each row is one.

    Parameters
    ----------
    exponents : array of shape (k, len(rows))
        Logarithms of the terms.
    """
    offset[rows] = exponents.max(axis=0)
    values = np.exp(exponents - offset[rows])
    total[rows] = values.sum(axis=0)
    for term, value in zip(terms, values, strict=True):
        term[rows] = value


def moments(
    Z: Array, s: Array, term: Array, total: Array, mean: Array, diagonal: bool, sums: Array
) -> None:
    """Sum one component's responsibilities and its first two moments about `mean`.

    Parameters
    ----------
    Z : array of shape (d, n)
    s, term, total : arrays of shape (n,)
    mean : array of shape (d,)
    diagonal : bool
        Whether only the diagonal of the second moment is wanted.
    sums : array of shape (1 + d + d(d+1)/2,), or (1 + 2d,) if `diagonal`
        Output: sum w, sum w (z - mean), and the upper triangle, row by row, of
        sum w (z - mean)(z - mean)^T, where w_i = s_i term_i / total_i.
    """
    d = len(mean)
    w = s * term / total
    difference = Z - mean[:, None]
    weighted = w * difference
    sums[0] = w.sum()
    sums[1 : 1 + d] = weighted.sum(axis=1)
    if diagonal:
        sums[1 + d :] = np.einsum("ji,ji->j", weighted, difference)
    else:
        sums[1 + d :] = (weighted @ difference.T)[np.triu_indices(d)]


def resum(
    Z: Array,
    s: Array,
    terms: Sequence[Array],
    offset: Array,
    total: Array,
    log_a: Array,
    mu: Array,
    C: Array,
    factor: Array,
    log_norm: Array,
    anew: bool,
    threads: int,
) -> float:
    """Add the terms up afresh, free of what running sums have lost.

    Parameters
    ----------
    anew : bool
        Whether the terms are computed from the parameters first.

    Returns
    -------
    float
        ``sum_i s_i log(exp(offset_i) total_i)``: the log-likelihood in nats, where the weights
        sum to one.
    """
    if anew:
        exponents = np.full((len(log_a), Z.shape[1]), -np.inf)
        for m in np.flatnonzero(log_a > -np.inf):
            log_density(Z, mu[m], factor[m], log_a[m] + log_norm[m], exponents[m])
        rescale(exponents, slice(None), terms, offset, total)
    else:
        total[:] = 0.0
        for term in terms:
            total += term
    return float(s @ (offset + np.log(total)))

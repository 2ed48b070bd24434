"""The four loops over rows, in NumPy: the definition of what ``kernels.cpp`` computes.

Letters: ``Z`` data, feature by feature; ``s`` sample weights; ``log_u[m, i]`` log density of row
i under component m; ``log_a[m]`` log weight of component m, up to a constant common to all.
The mixture's density of row i is kept as ``exp(offset[i]) * total[i]``, in the same constant.

``factor`` is the d x d upper triangular P with ``P P^T`` the precision, or P's diagonal.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["exchange", "log_density", "moments", "resum"]

Array = NDArray[np.float64]

# A running total that keeps less than this share of the term just taken out of it has lost
# digits by cancellation; such rows are summed afresh.
CANCELLATION = 1e-3
TINY, HUGE_TERM = 1e-200, 1e200


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


def moments(
    Z: Array,
    s: Array,
    log_u: Array,
    log_a: float,
    offset: Array,
    total: Array,
    mean: Array,
    diagonal: bool,
    sums: Array,
) -> None:
    """Sum one component's responsibilities and its first two moments about `mean`.

    Parameters
    ----------
    Z : array of shape (d, n)
    s, log_u, offset, total : arrays of shape (n,)
        ``log_u`` is the component's own row.
    log_a : float
    mean : array of shape (d,)
    diagonal : bool
        Whether only the diagonal of the second moment is wanted.
    sums : array of shape (1 + d + d(d+1)/2,), or (1 + 2d,) if `diagonal`
        Output: sum w, sum w (z - mean), and the upper triangle, row by row, of
        sum w (z - mean)(z - mean)^T, where w_i = s_i p(component | z_i).
    """
    d = len(mean)
    w = s * np.exp(log_a + log_u - offset) / total
    difference = Z - mean[:, None]
    weighted = w * difference
    sums[0] = w.sum()
    sums[1 : 1 + d] = weighted.sum(axis=1)
    if diagonal:
        sums[1 + d :] = np.einsum("ji,ji->j", weighted, difference)
    else:
        sums[1 + d :] = (weighted @ difference.T)[np.triu_indices(d)]


def exchange(
    Z: Array,
    mean: Array,
    factor: Array,
    log_norm: float,
    m: int,
    log_a_new: float,
    log_u: Array,
    log_a: Array,
    offset: Array,
    total: Array,
    fresh: Array,
) -> None:
    """Put component m's new parameters in place of its old ones, row by row.

    Parameters
    ----------
    Z : array of shape (d, n)
    mean, factor, log_norm
        The component's new parameters, as for `log_density`.
    m : int
    log_a_new : float
        New log weight; minus infinity takes the component out.
    log_u : array of shape (k, n)
        Row m is written.
    log_a : array of shape (k,)
        Log weights, still with the old one of m.
    offset, total : arrays of shape (n,)
        Kept up to date by subtracting the old term and adding the new one.
    fresh : array of shape (n,)
        The new term is added: after a sweep over all components it is the total, free of
        cancellation.
    """
    before = np.exp(log_a[m] + log_u[m] - offset)
    if log_a_new > -np.inf:
        log_density(Z, mean, factor, log_norm, log_u[m])
    exponent = log_a_new + log_u[m] - offset
    after = np.exp(np.minimum(exponent, np.log(HUGE_TERM)))
    total += after - before
    fresh += after
    safe = (total > CANCELLATION * before) & (total > TINY) & (after < HUGE_TERM)
    rows = np.flatnonzero(~safe)
    if rows.size:
        log_a_after = log_a.copy()
        log_a_after[m] = log_a_new
        terms = log_a_after[:, None] + log_u[:, rows]
        offset[rows] = terms.max(axis=0)
        terms = np.exp(terms - offset[rows])
        total[rows] = terms.sum(axis=0)
        fresh[rows] = terms[: m + 1].sum(axis=0)


def resum(log_u: Array, log_a: Array, offset: Array, total: Array) -> None:
    """Sum every row's terms afresh: ``exp(offset) total = sum_m exp(log_a[m] + log_u[m])``.

    Parameters
    ----------
    log_u : array of shape (k, n)
    log_a : array of shape (k,)
    offset, total : arrays of shape (n,)
        Output; the largest term's logarithm, and the sum relative to it.
    """
    terms = log_a[:, None] + log_u
    np.max(terms, axis=0, out=offset)
    terms -= offset
    np.exp(terms, out=terms)
    np.sum(terms, axis=0, out=total)

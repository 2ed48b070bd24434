"""Doing without a component: what the message would lose at most, before any sweep.

Taking out component m leaves row i the density ``p_i (1 - w_im) / (1 - alpha_m)``; two components
may be replaced by the Gaussian of their joint mean and covariance. Both are mixtures, so their
message lengths can be had exactly, at the price of about one component update each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.rows import ROWS_AT_ONCE
from xenoglyph.mixture.state import Mixture, Parameters

__all__ = ["Candidate", "candidates", "overlap"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

# Components nearby, that follow when one is taken out or two become one.
NEAR = 6
# A row that the two describe much worse than one would, is held to gain so many nats.
MOST = 700.0
# Two components are worth merging if they share so much of the smaller one's rows.
LEAST_OVERLAP = 0.02


@dataclass(frozen=True, eq=False)
class Candidate:
    """A mixture of one component less."""

    kind: str
    """"deletion" or "merge"."""
    gone: tuple[int, ...]
    """Components, by their numbers before, that are taken out or become one."""
    dearer: float
    """Nats by which the message is longer before any sweep."""
    weight: float
    """Share of the rows that is concerned."""
    near: Integers
    """Components, by their numbers in `parameters`, that the change concerns most."""
    parameters: Parameters
    """The merged component is the last one."""


def candidates(x: Mixture) -> list[Candidate]:
    """Every deletion, and the merges of each component with that which it overlaps most."""
    now, change = x.parameters(), x.objective.constant(x.k - 1) - x.objective.constant(x.k)
    N, shared = x.objective.N, overlap(x)
    np.fill_diagonal(shared, 0.0)
    found = []
    for m in range(x.k):
        fewer = now.without(m)
        model = 0.5 * N * float(np.log(fewer.alpha).sum() - np.log(now.alpha).sum())
        dearer = model + change - x.penalty_of(now.C[m]) + x.loss_without(m)
        near = _nearest(shared, [m])
        found.append(Candidate("deletion", (m,), dearer, float(now.alpha[m]), near, fewer))
    counts = now.alpha * x.n
    part = shared / np.minimum(counts[:, None], counts[None, :])
    pairs = {(min(m, j), max(m, j)) for m, j in enumerate(part.argmax(axis=1).tolist())}
    for m, j in sorted(pairs):
        if part[m, j] > LEAST_OVERLAP:
            near = np.append(_nearest(shared, [m, j]), now.k - 2)
            found.append(_merge(x, now, change, m, j, near))
    return found


def _merge(
    x: Mixture, now: Parameters, change: float, m: int, j: int, near: Integers
) -> Candidate:
    structure, N = x.objective.structure, x.objective.N
    alpha = now.alpha[m] + now.alpha[j]
    share = now.alpha[m] / alpha
    mu = share * now.mu[m] + (1.0 - share) * now.mu[j]
    apart = now.mu[m] - now.mu[j]
    between = share * (1.0 - share) * structure.sees(np.outer(apart, apart))
    C = share * now.C[m] + (1.0 - share) * now.C[j]
    if not structure.shared:
        C = structure.from_scatter(C + between, 1.0)
    kept = np.setdiff1d(np.arange(now.k), (m, j))
    parameters = Parameters(
        np.append(now.alpha[kept], alpha),
        np.concatenate([now.mu[kept], mu[None]]),
        np.concatenate([now.C[kept], C[None]]),
    )
    rounding = x.objective.rounding
    term = np.log(alpha) + x.rows.log_density(mu, C, rounding) - x.offset
    np.exp(np.minimum(term, MOST), out=term)
    rest = np.maximum(x.total - x.terms[m] - x.terms[j], 0.0)
    gained = float(x.rows.s @ np.log(np.maximum((rest + term) / x.total, 1e-300)))
    logs = np.log(alpha) - np.log(now.alpha[m]) - np.log(now.alpha[j])
    penalty = x.penalty_of(C) - x.penalty_of(now.C[m]) - x.penalty_of(now.C[j])
    dearer = 0.5 * N * float(logs) + change + penalty - gained
    return Candidate("merge", (m, j), dearer, float(alpha), near, parameters)


def overlap(x: Mixture) -> Array:
    """``sum_i s_i w_im w_ij`` of every two components, shape (k, k)."""
    together = np.zeros((x.k, x.k))
    for first in range(0, len(x.total), ROWS_AT_ONCE):
        part = slice(first, first + ROWS_AT_ONCE)
        w = np.stack([term[part] for term in x.terms]) / x.total[part]
        together += (w * x.rows.s[part]) @ w.T
    return together


def _nearest(shared: Array, which: list[int]) -> Integers:
    """Return the others that overlap `which` most, by their numbers once it is gone."""
    others = np.setdiff1d(np.arange(len(shared)), which)
    overlaps = shared[which].sum(axis=0)[others]
    return np.sort(np.argsort(-overlaps, kind="stable")[:NEAR])

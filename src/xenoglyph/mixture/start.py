"""Where a fit starts: the spread of the data, and components on rows drawn by weight."""

import warnings

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DegenerateDataWarning
from xenoglyph.mixture.blocks import Rows
from xenoglyph.mixture.cem2 import Parameters
from xenoglyph.mixture.covariance import Covariance

__all__ = ["random_start", "spread_of"]

Array = NDArray[np.float64]

# Shares of the variance: below the first a direction counts as missing, and no direction of the
# spread, from which components and their prior are made, is taken for flatter than the second.
MISSING, FLATTEST = 1e-12, 1e-6


def spread_of(rows: Rows) -> Array:
    """Covariance of the standardised features, no direction flatter than `FLATTEST`.

    Returns
    -------
    array of shape (d, d)
        Positive definite.

    Warns
    -----
    DegenerateDataWarning
        If features are linearly dependent: their density is then the prior's, not the data's.
    """
    values, vectors = np.linalg.eigh(rows.covariance())
    rank = int((values > MISSING).sum())
    if rank < rows.d:
        warnings.warn(
            f"The {rows.d} columns vary in {rank} directions only: some are linear combinations "
            "of others, or there are too few rows. The fit goes on with a small variance in the "
            "missing directions; dropping or combining columns would be better.",
            DegenerateDataWarning,
            stacklevel=3,
        )
    if values[0] >= FLATTEST:
        return rows.covariance()
    return np.asarray((vectors * np.maximum(values, FLATTEST)) @ vectors.T)


def random_start(
    rows: Rows, structure: Covariance, spread: Array, k: int, random: np.random.RandomState
) -> Parameters:
    """Place k equal components on distinct rows, each with a tenth of the data's `spread`.

    Rows are drawn in proportion to their weights, from an order that depends on their values
    alone: neither the order of the table nor repetition instead of weights makes a difference.

    Parameters
    ----------
    rows : Rows
    structure : Covariance
    spread : array of shape (d, d)
    k : int
        Wanted number of components; fewer where there are fewer distinct rows.
    random : RandomState
    """
    chosen = _distinct_rows(rows, k, random)
    scatter = np.diagonal(spread).copy() if structure.diagonal else spread
    C = structure.from_scatter(scatter, 10.0)
    k = len(chosen)
    return Parameters(np.full(k, 1.0 / k), rows.Z[:, chosen].T.copy(), np.stack([C] * k))


def _distinct_rows(rows: Rows, k: int, random: np.random.RandomState) -> NDArray[np.intp]:
    """Draw up to k rows of different values by inverting the distribution of the weights."""
    # A sum along the features, term by term, is the same number for equal rows wherever they
    # stand; the multipliers keep different rows apart.
    key = np.zeros(rows.Z.shape[1])
    for j, feature in enumerate(rows.Z):
        key += feature * np.sqrt(2.0 + j)
    order = np.argsort(key, kind="stable")
    reached = np.cumsum(rows.s[order])
    chosen: dict[float, int] = {}
    for _ in range(100):
        for place in np.searchsorted(reached, random.uniform(0.0, reached[-1], k), side="right"):
            row = int(order[min(place, len(order) - 1)])
            if len(chosen) < k:
                chosen.setdefault(float(key[row]), row)
        if len(chosen) == k:
            break
    return np.array(list(chosen.values()), dtype=np.intp)

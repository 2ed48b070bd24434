"""Where a fit starts, and what it measures by: the spread of the data, and first guesses."""

import warnings

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DegenerateDataWarning
from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.covariance import Covariance, Full
from xenoglyph.mixture.message_length import Criterion
from xenoglyph.mixture.rows import Rows, resolution, scatter
from xenoglyph.mixture.state import Mixture, Objective, Parameters

__all__ = ["cells", "objective_for", "one_component", "random_start"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

# Variances below which a direction of standardised rows counts as missing, and that which no
# direction of the spread is taken to be below.
MISSING, FLATTEST = 1e-12, 1e-6
# A variance that is estimated around missing values has fewer digits: the rows that keep it from
# vanishing, how many times the least of it still counts as missing, and what stands for that.
SMALL, STILL_SMALL, FLATTEST_AROUND = 1e-8, 100.0, 1e-4


def objective_for(
    rows: Rows,
    structure: Covariance,
    criterion: Criterion,
    prior_scatter: float,
    k_min: int,
    k_max: float,
    exact: bool,
) -> Objective:
    """Gather what is to be minimised.

    Parameters
    ----------
    rows : Rows
    structure : Covariance
    criterion : Criterion
    prior_scatter : float
        Scatter that every component is given before it sees a row, in rows' worth of the data's
        own covariance.
    k_min, k_max : int
        Fewest and most components.
    exact : bool
        Whether weights take the step that minimises the message length.

    Warns
    -----
    DegenerateDataWarning
        If features are linearly dependent: in the missing directions the density is that of a
        small variance which the data do not have.
    """
    C, missing, flattest = _covariance(rows)
    rounding = np.diag(resolution(rows.Z, rows.n) ** 2 / 12.0)
    values, vectors = np.linalg.eigh(C)
    rank = int((values > missing).sum())
    if rank < rows.d:
        warnings.warn(
            f"The {rows.d} columns vary in {rank} directions only: some are linear combinations "
            "of others, or there are too few rows. The fit goes on with a small variance in the "
            "missing directions; dropping or combining columns would be better.",
            DegenerateDataWarning,
            stacklevel=4,
        )
        flat = vectors[:, values <= missing]
        rounding = rounding + flattest**2 * flat @ flat.T
    spread = C
    if values[0] < flattest:
        spread = (vectors * np.maximum(values, flattest)) @ vectors.T
    prior, rounding = prior_scatter * structure.sees(spread), structure.sees(rounding)
    return Objective(structure, criterion, rows.n, spread, prior, rounding, k_min, k_max, exact)


def _covariance(rows: Rows) -> tuple[Array, float, float]:
    """Weighted covariance of the standardised features, and what is little in it.

    Returns
    -------
    C : array of shape (d, d)
    missing : float
        Variance below which a direction counts as missing.
    flattest : float
        Variance that no direction is taken to be below.
    """
    if rows.compiled:
        C = scatter(rows.Z, rows.s, np.zeros(rows.d)) / rows.n
        return C, MISSING, FLATTEST
    # Of incomplete rows: a single Gaussian, by EM.
    small = SMALL * np.eye(rows.d)
    plain = Criterion(0.0)
    o = Objective(Full(), plain, rows.n, np.eye(rows.d), small, 0.0 * small)
    start = Parameters(np.ones(1), np.zeros((1, rows.d)), np.eye(rows.d)[None])
    one = Mixture(rows, o, start)
    converge(one, 200, 1e-6 * rows.n)
    return np.asarray(one.C[0]), STILL_SMALL * SMALL / rows.n, FLATTEST_AROUND


def one_component(rows: Rows, objective: Objective) -> Parameters:
    """Return the converged mixture of a single component."""
    structure, d = objective.structure, rows.d
    C = structure.from_scatter(structure.sees(objective.spread), 1.0)
    start = Parameters(np.ones(1), np.zeros((1, d)), C[None])
    x = Mixture(rows, objective, start)
    converge(x, 2 if rows.compiled else 200, 1e-9 * rows.n)
    return x.parameters()


def random_start(
    rows: Rows, objective: Objective, k: int, random: np.random.RandomState
) -> Parameters:
    """Place k equal spheres on distinct rows, each with a tenth of the features' variance.

    Parameters
    ----------
    rows : Rows
    objective : Objective
    k : int
        Wanted number of components; fewer where there are fewer distinct rows.
    random : RandomState
        Rows are drawn in proportion to their weights.
    """
    structure = objective.structure
    C = structure.from_scatter(structure.sees(np.eye(rows.d)), 10.0)
    chosen = _distinct_rows(rows.s, k, random)
    Z = rows.filled(np.zeros(rows.d), objective.spread)
    k = len(chosen)
    return Parameters(np.full(k, 1.0 / k), Z[:, chosen].T.copy(), np.stack([C] * k))


def _distinct_rows(s: Array, k: int, random: np.random.RandomState) -> Integers:
    """Draw up to k different rows by inverting the distribution of their weights."""
    if k >= len(s):
        return np.arange(len(s))
    reached = np.cumsum(s)
    chosen: dict[int, None] = {}
    for _ in range(100):
        drawn = np.searchsorted(reached, random.uniform(0.0, reached[-1], k), side="right")
        for row in drawn:
            if len(chosen) < k:
                chosen.setdefault(int(min(row, len(s) - 1)))
        if len(chosen) == k:
            break
    return np.array(list(chosen), dtype=np.intp)


def cells(
    Z: Array, s: Array, objective: Objective, k: int, fewest: int | None = None
) -> Parameters:
    """Cut the rows into k cells, always the one with the most scatter along one axis in two.

    The cut goes through the cell's mean, across its longest axis in the metric of the spread.

    Parameters
    ----------
    Z : array of shape (d, n)
        Without missing values.
    s : array of shape (n,)
        Positive weights.
    objective : Objective
    k : int
        Wanted number of cells; fewer where rows are too few or too alike.
    fewest : int, optional
        Rows of a cell at least; d + 1 by default.

    Returns
    -------
    start : Parameters
        Weights and means of the cells; covariances halfway between the cell's and their mean.
    """
    structure, fewest = objective.structure, fewest or objective.d + 1
    Y = np.linalg.inv(np.linalg.cholesky(objective.spread)) @ Z
    parts = [_cell(Y, s, np.arange(len(s)))]
    while len(parts) < k:
        parts.sort(key=lambda part: -part[1])
        for position, (index, _, side) in enumerate(parts):
            left, right = index[side], index[~side]
            if min(len(left), len(right)) >= fewest:
                parts[position : position + 1] = [_cell(Y, s, left), _cell(Y, s, right)]
                break
        else:
            break
    sums = np.array([s[index].sum() for index, _, _ in parts])
    alpha = sums / sums.sum()
    mu = np.stack([Z[:, i] @ s[i] / w for (i, _, _), w in zip(parts, sums, strict=True)])
    scatters = [
        structure.sees(scatter(Z[:, i], s[i], centre))
        for (i, _, _), centre in zip(parts, mu, strict=True)
    ]
    pooled = np.sum(scatters, axis=0) / sums.sum()
    C = [
        structure.from_scatter(
            0.5 * ((S + objective.prior) / w + pooled) + objective.rounding, 1.0
        )
        for S, w in zip(scatters, sums, strict=True)
    ]
    return Parameters(alpha, mu, np.stack(C))


def _cell(Y: Array, s: Array, index: Integers) -> tuple[Integers, float, NDArray[np.bool_]]:
    """Return a cell's rows, its scatter along its longest axis, and the side each row is on."""
    w = s[index]
    D = Y[:, index] - (Y[:, index] @ w / w.sum())[:, None]
    values, vectors = np.linalg.eigh((w * D) @ D.T)
    along = vectors[:, -1] @ D
    # An axis has no sign of its own; the rows' skewness gives it one.
    return index, float(values[-1]), (along > 0.0) == (w @ (along * along * along) >= 0.0)

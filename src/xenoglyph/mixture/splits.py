r"""Splitting a component: what the rows of one component would gain from being several.

With the responsibilities :math:`w_{im}` at hand, Jensen's inequality says what replacing each
density :math:`\alpha_m u_m` by some :math:`f_m` does to the log-likelihood at least:

.. math:: \sum_i \log \frac{\sum_m f_m(y_i)}{p(y_i)} \ge
          \sum_m \sum_i w_{im} \log \frac{f_m(y_i)}{\alpha_m u_m(y_i)} .

So a mixture fitted to the rows of one component alone, weighted by its responsibilities, tells
how much a split of that component saves at least; and since the sum runs over the components,
what several splits save at least adds up. Components with a covariance of their own may be split
all at once, and the message gets shorter by what was promised or more.

No random number is drawn. A pair of components starts apart along four directions that turn with
the data: the two in which the rows, whitened, have the least kurtosis (two groups of like size),
that in which they have the most (a group aside), and the longest axis relative to all the data;
once, where there are many features, whose noise drowns those directions, cut in two along the
direction of least kurtosis of any; and once with the same centre, one narrow and one wide. Where
no pair saves anything, several components start on cells and die by the same rules as in the whole
mixture.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.message_length import order_saving
from xenoglyph.mixture.rows import Rows, scatter
from xenoglyph.mixture.start import cells
from xenoglyph.mixture.state import Mixture, Objective, Parameters

__all__ = ["Split", "split_into_cells", "split_into_two"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

# A row counts as a component's with at least this responsibility.
LEAST_SHARE = 1e-5
# The starts race on at most so many rows, or so many times d^2, for so many sweeps a lap.
RACE_ROWS, RACE_ROWS_BY_D2, RACE_SWEEPS = 1000, 5, 5
# How many of them go on after each lap of the race.
FIELD = (2, 1)
# Then it goes on by so many sweeps a step, for so many steps at most.
STEP, MOST_STEPS = 5, 20
# Nats per row that a sweep must save for the next one to follow.
ENOUGH = 2e-5
# What is so many times its last step's saving away from paying is given up.
PATIENCE = 5.0
# With more features a direction is pursued too, for so many steps.
FEW_FEATURES, PURSUIT = 10, 10
CELLS, CELL_SWEEPS = 8, 15
# Components are taken out of them until so many components' worth of nats is lost.
GIVE_UP = 1.0
# Distance of the halves' means of a Gaussian cut in the middle, in standard deviations.
HALF = float(np.sqrt(2.0 / np.pi))


@dataclass(frozen=True, eq=False)
class Split:
    """What a component could become."""

    saved: float
    """Nats by which the message gets shorter, at least."""
    saved_model: float
    """The mixture's part of it."""
    parts: Parameters
    """Weights are shares of the component's own weight."""

    @property
    def saved_data(self) -> float:
        """The data's part of it."""
        return self.saved - self.saved_model


@dataclass(frozen=True, eq=False)
class Local:
    """The rows of one component, and what a message about them costs."""

    rows: Rows
    objective: Objective
    alpha: float
    k: int
    """Components of the whole mixture."""
    Z: Array
    """The rows without missing values."""

    @classmethod
    def of(cls, x: Mixture, m: int) -> "Local":
        """Take the rows of component m."""
        w = x.responsibility(m)
        index = np.flatnonzero(w > LEAST_SHARE * x.rows.s)
        rows = x.rows.take(index, np.ascontiguousarray(w[index]))
        objective = replace(x.objective, k_min=1)
        return cls(rows, objective, float(x.alpha[m]), x.k, rows.filled(x.mu[m], x.C[m]))

    def thinned(self) -> "Local":
        """Return evenly spaced rows, of as much weight together."""
        few = max(RACE_ROWS, RACE_ROWS_BY_D2 * self.rows.d**2)
        step = -(-len(self.rows.s) // few)
        if step == 1:
            return self
        index = np.arange(0, len(self.rows.s), step)
        s = self.rows.s[index]
        rows = self.rows.take(index, s * (self.rows.n / s.sum()))
        return Local(rows, self.objective, self.alpha, self.k, self.Z[:, index])

    def one(self) -> Mixture:
        """Return the component as it is: the best single one for its rows."""
        n = self.rows.n
        mu = self.Z @ self.rows.s / n
        C = self.covariance(scatter(self.Z, self.rows.s, mu) / n)
        start = Parameters(np.ones(1), mu[None], C[None])
        x = Mixture(self.rows, self.objective, start)
        converge(x, 2 if self.rows.compiled else 20, ENOUGH * n)
        return x

    def covariance(self, matrix: Array) -> Array:
        """Return what the structure makes of a covariance, with rounding and prior in it."""
        o = self.objective
        seen = o.structure.sees(matrix) + o.rounding + o.prior / self.rows.n
        return o.structure.from_scatter(seen, 1.0)

    def saved(self, one: Mixture, x: Mixture) -> tuple[float, float]:
        """Nats by which x is shorter than `one` in the whole mixture, and the model's part."""
        more, criterion = x.k - 1, self.objective.criterion
        dearer = x.model() - x.objective.constant(x.k) - one.model() + one.objective.constant(1)
        dearer += more * (
            self.objective.per_component + 0.5 * self.objective.N * np.log(self.alpha)
        )
        if criterion.unordered:
            dearer -= order_saving(self.k + more) - order_saving(self.k)
        return float(x.log_likelihood - one.log_likelihood - dearer), -float(dearer)


def split_into_two(x: Mixture, m: int) -> Split | None:
    """Find the best two components in the place of component m.

    Returns
    -------
    Split or None
        Its `saved` may be negative; None where two cannot live.
    """
    local = Local.of(x, m)
    if len(local.rows.s) < local.rows.d + 2:
        return None
    race = local.thinned()
    whole = race.one()
    field = [Mixture(race.rows, race.objective, start) for start in _pairs(race)]
    for contenders in FIELD:
        for pair in field:
            converge(pair, RACE_SWEEPS, ENOUGH * race.rows.n)
        field = [pair for pair in field if pair.k == 2]
        field = sorted(field, key=lambda pair: pair.length())[:contenders]
    return _finish(local, race, whole, field[0]) if field else None


def split_into_cells(x: Mixture, m: int) -> Split | None:
    """Find the best few components in the place of component m, starting from cells.

    Returns
    -------
    Split or None
        None where no two can live.
    """
    local = Local.of(x, m)
    if len(local.rows.s) < local.rows.d + 2:
        return None
    race = local.thinned()
    k = min(CELLS, int(race.rows.n / (2.0 * max(race.objective.fewest_rows, 1.0))))
    if k < 3:
        return None
    whole = race.one()
    start = cells(race.Z, race.rows.s, race.objective, k)
    several = Mixture(race.rows, race.objective, start)
    converge(several, CELL_SWEEPS, ENOUGH * race.rows.n)
    several = _weeded(race, whole, several)
    return None if several.k < 2 else _finish(local, race, whole, several)


def _finish(local: Local, race: Local, whole: Mixture, winner: Mixture) -> Split | None:
    """Let the winner of a race go on with all rows, until it pays or is beyond hope."""
    if local is not race:
        whole = local.one()
        winner = Mixture(local.rows, local.objective, winner.parameters())
    enough = ENOUGH * local.rows.n
    saved, _ = local.saved(whole, winner)
    for _ in range(MOST_STEPS):
        before = saved
        ended, _ = converge(winner, STEP, enough)
        if winner.k < 2:
            return None
        saved, model = local.saved(whole, winner)
        hopeless = saved + PATIENCE * (saved - before) < 0.0
        if saved > enough or hopeless or len(ended) < STEP:
            break
    return Split(saved, model, winner.parameters())


def _weeded(race: Local, whole: Mixture, x: Mixture) -> Mixture:
    """Take out one component after another; return the mixture that saves most."""
    best, most = x, race.saved(whole, x)[0]
    while x.k > 2:
        losses = [x.loss_without(m) - 0.5 * x.objective.N * x.log_a[m] for m in range(x.k)]
        fewer = x.parameters().without(int(np.argmin(losses)))
        x = Mixture(race.rows, race.objective, fewer)
        converge(x, RACE_SWEEPS, ENOUGH * race.rows.n)
        saved = race.saved(whole, x)[0]
        if x.k > 1 and saved > most:
            best, most = x, saved
        elif saved < most - GIVE_UP * abs(whole.objective.per_component):
            break
    return best


def _pairs(local: Local) -> list[Parameters]:
    """Return starts for two components; see the module."""
    s, Z = local.rows.s, local.Z
    d, n = Z.shape[0], s.sum()
    mean = Z @ s / n
    D = Z - mean[:, None]
    C = (s * D) @ D.T / n
    tiny = 1e-12 * np.trace(C) / d * np.eye(d) + 1e-14 * local.objective.spread
    centre, A, Y, inner = _robust_axes(Z, s, mean, C, tiny)
    squares = np.einsum("ji,ji->i", Y, Y)
    kurtosis = (inner * squares * Y) @ Y.T / inner.sum()
    vectors = np.linalg.eigh(kurtosis)[1]
    directions = [vectors[:, j] for j in sorted({0, min(1, d - 1), d - 1})]
    # The longest axis relative to all the data, as the whitened rows see it.
    relative = np.linalg.solve(np.linalg.cholesky(local.objective.spread), A)
    directions.append(np.linalg.svd(relative)[2][0])
    halves = np.full(2, 0.5)
    core = A @ A.T
    starts = []
    for direction in directions:
        along = direction @ Y
        # A direction has no sign of its own; the rows' skewness gives it one.
        step = HALF * (A @ direction) * (1.0 if inner @ (along * along * along) >= 0.0 else -1.0)
        half = local.covariance(core - 0.98 * np.outer(step, step))
        starts.append(
            Parameters(halves, np.stack([centre + step, centre - step]), np.stack([half] * 2))
        )
    if d > FEW_FEATURES:
        cut = _cut(local, _pursued(vectors.T, Y, inner) @ Y)
        starts += [] if cut is None else [cut]
    narrow, wide = local.covariance(0.4 * core), local.covariance(1.6 * C)
    starts.append(Parameters(halves, np.stack([centre, mean]), np.stack([narrow, wide])))
    return starts


def _cut(local: Local, along: Array) -> Parameters | None:
    """Cut the rows in two where two Gaussians describe best how they lie along a direction.

    None where no place leaves both sides the rows that a component needs.
    """
    order = np.argsort(along, kind="stable")
    s, y = local.rows.s[order], along[order]
    sums = np.cumsum([s, s * y, s * y**2], axis=1)
    left, right = sums[:, :-1], sums[:, -1:] - sums[:, :-1]
    cost = np.zeros(len(y) - 1)
    for n, first, second in (left, right):
        variance = np.maximum(second / n - (first / n) ** 2, LEAST_SHARE)
        cost += n * (np.log(variance) - 2.0 * np.log(n))
        cost[n <= local.objective.fewest_rows] = np.inf
    place = int(np.argmin(cost)) + 1 if len(cost) else 0
    if not place or not np.isfinite(cost[place - 1]):
        return None
    alpha, mu, C = [], [], []
    for side in (order[:place], order[place:]):
        w, Z = local.rows.s[side], local.Z[:, side]
        alpha.append(w.sum() / local.rows.n)
        mu.append(Z @ w / w.sum())
        C.append(local.covariance(scatter(Z, w, mu[-1]) / w.sum()))
    return Parameters(np.array(alpha), np.stack(mu), np.stack(C))


def _pursued(directions: Array, Y: Array, inner: Array) -> Array:
    """Turn directions until the rows have a kurtosis unlike 3 along them; return the least.

    The kurtosis of the rows along one direction is known better than the matrix of them all: the
    fixed point of A. Hyvarinen and E. Oja, "A fast fixed-point algorithm for independent component
    analysis", Neural Computation 9(7), 1483-1492, 1997.

    Parameters
    ----------
    directions : array of shape (g, d)
    Y : array of shape (d, n)
        Whitened rows.
    inner : array of shape (n,)
        Their weights.
    """
    w = inner / inner.sum()
    for _ in range(PURSUIT):
        along = directions @ Y
        squares = along * along
        directions = (w * squares * along) @ Y.T - 3.0 * (squares @ w)[:, None] * directions
        directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-300)
    return np.asarray(directions[np.argmin(np.square(np.square(directions @ Y)) @ w)])


def _robust_axes(
    Z: Array, s: Array, mean: Array, C: Array, tiny: Array, steps: int = 3
) -> tuple[Array, Array, Array, Array]:
    """Whiten by a scatter on which far rows have little influence (of a Cauchy distribution).

    Returns
    -------
    centre : array of shape (d,)
    A : array of shape (d, d)
        ``A y + centre`` is the row whose whitened coordinates are y.
    Y : array of shape (d, n)
        Whitened rows.
    inner : array of shape (n,)
        Weights of the rows, next to nothing for far ones.
    """
    d, n = len(Z), s.sum()
    centre, scatter = mean, C
    for _ in range(steps):
        D = Z - centre[:, None]
        Y = np.linalg.inv(np.linalg.cholesky(scatter + tiny)) @ D
        w = s * (1.0 + d) / (1.0 + np.einsum("ji,ji->i", Y, Y))
        centre = Z @ w / w.sum()
        D = Z - centre[:, None]
        scatter = (w * D) @ D.T / n
    L = np.linalg.cholesky(scatter + tiny)
    Y = np.linalg.inv(L) @ (Z - centre[:, None])
    near = 3.0 * (d + 2.0) / np.maximum(np.einsum("ji,ji->i", Y, Y), 1e-300)
    inner = s * np.minimum(near, 1.0) ** 2
    M = np.linalg.cholesky((inner * Y) @ Y.T / inner.sum() + 1e-12 * np.eye(d))
    return centre, np.asarray(L @ M), np.asarray(np.linalg.inv(M) @ Y), np.asarray(inner)

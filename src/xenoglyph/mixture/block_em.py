"""EM over the blocks of a table: the objective of `cem2`, all components in one pass.

Component-wise EM would need the terms of every row at hand. Here a pass adds up what the M-steps
of all components need, and they are taken at once; the message gets shorter with every pass. Of
the components that the data do not pay for, one dies in a pass: what its rows need then, its
neighbours may be paid for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.blocks import Blocks
from xenoglyph.mixture.cem2 import new_weights, own_covariance, shared_covariance
from xenoglyph.mixture.ledger import Ledger
from xenoglyph.mixture.missing import IncompleteRows
from xenoglyph.mixture.rows import Rows, Standardisation
from xenoglyph.mixture.splits import LEAST_SHARE
from xenoglyph.mixture.state import Mixture, Objective, Parameters

__all__ = [
    "Expectation",
    "Moments",
    "Splitting",
    "Whole",
    "converge_blocks",
    "maximise",
    "rows_in",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """What a pass over the rows adds up, under a mixture of k components."""

    log_likelihood: float
    """In nats, of the standardised rows."""
    volume: float
    """Nats by which it falls when the units of the data return."""
    count: Array
    """Of each component's responsibilities, shape (k,)."""
    first: Array
    """First moments about the component's mean, shape (k, d)."""
    second: Array
    """Second moments, shape (k, d, d) or (k, d)."""


@dataclass(frozen=True, eq=False)
class Expectation:
    """The E-step for all components: a `Statistic` of rows in the units of the data."""

    units: Standardisation
    objective: Objective
    parameters: Parameters

    def of(self, X: Array, s: Array) -> Array:
        """See `Statistic`."""
        return self.sums_of(rows_in(X, s, self.units))

    def sums_of(self, rows: Rows) -> Array:
        """Return the vector of some standardised rows."""
        p = self.parameters
        sums = np.zeros(1 + _width(p))
        if not len(rows.s):
            return sums
        x = Mixture(rows, self.objective, p)
        sums[:2] = x.log_likelihood, (rows.s * rows.log_volumes()).sum()
        for m, own in enumerate(sums[2:].reshape(p.k, -1)):
            own[0], own[1 : 1 + rows.d], second = rows.moments(x, m)
            own[1 + rows.d :] = second.ravel()
        return sums

    def combine(self, a: Array, b: Array) -> Array:
        """See `Statistic`."""
        return a + b

    def read(self, total: Array) -> Moments:
        """Give names to the numbers of a vector."""
        p = self.parameters
        d = p.mu.shape[1]
        moments = total[2:].reshape(p.k, -1)
        second = moments[:, 1 + d :].reshape(p.C.shape)
        log_likelihood, volume = total[:2].tolist()
        return Moments(log_likelihood, volume, moments[:, 0], moments[:, 1 : 1 + d], second)


@dataclass(frozen=True, eq=False)
class Splitting:
    """The E-step inside components that would become several: a `Statistic`.

    The responsibilities :math:`w_{im}` stay what they are under the whole mixture. By Jensen's
    inequality a component m that becomes ``f_m`` saves in the data's part of the message at least
    ``sum_i w_im log f_m(y_i) / (alpha_m u_m(y_i))`` (see `splits`).
    """

    whole: Expectation
    parts: Mapping[int, Parameters]
    """Of the components that would be split; weights are shares of the component's own."""

    def of(self, X: Array, s: Array) -> Array:
        """See `Statistic`."""
        rows = rows_in(X, s, self.whole.units)
        if not len(rows.s):
            return np.zeros(sum(2 + _width(p) for p in self.parts.values()))
        x = Mixture(rows, self.whole.objective, self.whole.parameters)
        told: list[Array] = []
        for m, p in self.parts.items():
            w = x.responsibility(m)
            index = np.flatnonzero(w > LEAST_SHARE * rows.s)
            before = w[index] @ (np.log(x.terms[m][index]) + x.offset[index])
            own = rows.take(index, w[index])
            told.append(np.array([own.n * np.log(x.alpha[m]) - before]))
            told.append(Expectation(rows.standardisation, self.whole.objective, p).sums_of(own))
        return np.concatenate(told)

    def combine(self, a: Array, b: Array) -> Array:
        """See `Statistic`."""
        return a + b

    def read(self, total: Array) -> dict[int, tuple[float, Moments]]:
        """Return what each split saves of the data, and the sums for its parts' M-step."""
        found, first = {}, 0
        for m, p in self.parts.items():
            last = first + 2 + _width(p)
            step = Expectation(self.whole.units, self.whole.objective, p)
            sums = step.read(total[first + 1 : last])
            found[m] = float(total[first]) + sums.log_likelihood, sums
            first = last
        return found


def _width(p: Parameters) -> int:
    """Numbers of an `Expectation`, less one."""
    return 1 + p.k + p.mu.size + p.C.size


class Whole(Mixture):
    """A mixture of rows that are elsewhere, and of which only the log-likelihood is known."""

    def __init__(self, few: Rows, objective: Objective, p: Parameters, sums: Moments) -> None:
        super().__init__(few, objective, p)
        self.log_likelihood = sums.log_likelihood

    @property
    def n(self) -> float:
        """Sum of the weights of all the rows."""
        return self.objective.n


def rows_in(X: Array, s: Array, units: Standardisation) -> Rows:
    """Standardise a block, in its own order, without rows that tell nothing."""
    kept = s > 0.0
    missing = np.isnan(X.sum())
    if missing:
        kept &= ~np.isnan(X).all(axis=1)
    if not kept.all():
        X, s = X[kept], s[kept]
    return (IncompleteRows if missing else Rows)(units.apply(X), s, units)


def maximise(o: Objective, p: Parameters, sums: Moments) -> tuple[Parameters, int | None]:
    """M-step for all components; the weakest of those that starve dies.

    Parameters
    ----------
    o : Objective
    p : Parameters
        Under which the sums were taken.
    sums : Moments

    Returns
    -------
    parameters : Parameters
    dead : int or None
        Component that is gone.
    """
    weakest = int(sums.count.argmin())
    if p.k > o.k_min and p.k > 1 and sums.count[weakest] <= o.fewest_rows:
        dead = weakest
        kept = np.delete(np.arange(p.k), dead)
    else:
        dead, kept = None, np.arange(p.k)
    count = sums.count[kept]
    mu, C, moments = p.mu[kept].copy(), p.C[kept].copy(), []
    for place, m in enumerate(kept):
        if sums.count[m] <= 0.0:
            continue
        step = sums.first[m] / sums.count[m]
        mu[place] += step
        moments.append((float(sums.count[m]), step, sums.second[m]))
        if not o.structure.shared:
            C[place] = own_covariance(o, *moments[-1])
    if o.structure.shared:
        C[:] = shared_covariance(o, o.n, len(kept), moments)
    return Parameters(new_weights(count, o), mu, C), dead


def converge_blocks(
    blocks: Blocks,
    few: Rows,
    o: Objective,
    p: Parameters,
    ledger: Ledger,
    most: int,
    enough: float,
    tell: Callable[[Whole], None],
) -> tuple[Whole, bool]:
    """Pass over the blocks until a pass at one k saves less than `enough` nats.

    Parameters
    ----------
    blocks : Blocks
    few : Rows
        Some standardised rows, whichever: of the whole mixture's units.
    o : Objective
    p : Parameters
        The start.
    ledger : Ledger
        Written on.
    most : int
        Most passes.
    enough : float
        Nats.
    tell : callable
        Is given the mixture after each pass.

    Returns
    -------
    x : Whole
        The last mixture whose message length is known.
    settled : bool
        False if the most passes did not do.
    """
    before, dead = None, None
    for _ in range(most):
        step = Expectation(few.standardisation, o, p)
        sums = step.read(blocks.total(step))
        x = Whole(few, o, p, sums)
        ledger.volume = sums.volume
        ledger.begin(x)
        tell(x)
        if before is not None and dead is not None:
            saved, model = before.length() - x.length(), before.model() - x.model()
            ledger.event(
                "annihilation", before.k, x.k, float(before.alpha[dead]), saved, model,
                len(ledger.path.sweeps) - 1,
            )  # fmt: skip
        elif before is not None and before.length() - x.length() < enough:
            ledger.path.mark(converged=True)
            break
        before, (p, dead) = x, maximise(o, p, sums)
    ledger.see(x.k, x.length())
    return x, bool(ledger.path.sweeps[-1].converged)

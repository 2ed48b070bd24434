"""Component-wise EM with annihilation: the CEM2 of Figueiredo & Jain (2002), figure 2.

Letters as in the paper: ``alpha`` weights, ``mu`` means, ``C`` covariances, ``u`` component
densities, ``w`` responsibilities, ``N`` parameters of one component, ``n`` rows, ``k`` components
alive. Where the algorithm departs from the paper is told in the package's ``__init__``.

`sweep` is the definition. Where the kernels are compiled and no value is missing, `converge` has
them run the same sweep.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture import kernels
from xenoglyph.mixture.state import Mixture, Objective

__all__ = [
    "LEAST_COUNT",
    "Death",
    "Ended",
    "converge",
    "divisor",
    "new_weight",
    "new_weights",
    "own_covariance",
    "shared_covariance",
    "shared_divisor",
    "sweep",
]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


# What only k_min keeps alive stays where it is when no row is left for it: no place is the best.
LEAST_COUNT = 0.01


class Ended(NamedTuple):
    """How a sweep ended."""

    k: int
    log_likelihood: float
    """In nats, of the standardised rows."""
    log_weights: float
    """sum_m log alpha_m."""
    penalties: float
    """Nats that depend on the covariances."""

    def changing(self, N: int) -> float:
        """Nats of the message that change while k stays the same."""
        return 0.5 * N * self.log_weights + self.penalties - self.log_likelihood


class Death(NamedTuple):
    """An annihilation in a sweep."""

    sweep: int
    """Counted from the first of the sweeps that were asked for."""
    component: int
    weight: float
    """Before the step that ended it."""


def new_weight(count: float, alpha: float, n: float, k: int, N: int, exact: bool = True) -> float:
    """Weight step for one component (equation 17), the others keeping their proportions.

    The exact minimiser is ``(count - N/2) / (n - k N/2)``. Where the data cannot pay for the
    other components together it would be one or more and end them all at once; there the
    weight is given what the authors' program gives, and never lowered.

    The program gives ``(count - N/2) / n`` and then scales all weights to a sum of one. Its
    steps are smaller, starve more components, and often make the message longer.

    Parameters
    ----------
    count : float
        Sum of the component's responsibilities.
    alpha : float
        Its present weight.
    n : float
        Number of rows.
    k : int
        Number of components alive.
    N : int
        Parameters of one component.
    exact : bool, default=True
        False for the step of the program.

    Returns
    -------
    float
        New weight in [0, 1]; zero means that the component is annihilated.
    """
    if k == 1:
        return 1.0
    own, others = count - 0.5 * N, n - count - 0.5 * N * (k - 1)
    if own <= 0.0:
        return 0.0
    if exact and others > 0.0:
        return own / (own + others)
    share = own / n
    weight = share / (1.0 - alpha + share)
    return max(alpha, weight) if exact else weight


def new_weights(count: Array, o: Objective) -> Array:
    """Weight step for all components at once, of which none is annihilated.

    Parameters
    ----------
    count : array of shape (k,)
        Sums of the components' responsibilities.
    o : Objective
    """
    # What only k_min, or another's death, keeps alive takes the weight of plain EM.
    starved = count <= o.fewest_rows
    own = np.where(starved, np.maximum(count, 1.0), count - 0.5 * o.N)
    return np.asarray(own / own.sum())


def sweep(x: Mixture, order: Integers, number: int = 0) -> tuple[Ended, list[Death]]:
    """Update every component in `order` once, as figure 2 has it; the starved ones die."""
    deaths = []
    fewest = x.objective.fewest_rows
    for m in order:
        k = int((x.log_a > -np.inf).sum())
        if x.log_a[m] == -np.inf:
            continue
        alpha = float(x.alpha[m])
        count, first, second = x.rows.moments(x, m)
        weight = new_weight(count, alpha, x.n, k, x.objective.N, x.objective.exact)
        if k > 1 and count <= fewest:
            weight = 0.0
        if weight == 0.0 and k > x.objective.k_min:
            deaths.append(Death(number, int(m), alpha))
            x.log_a[m], x.penalty[m] = -np.inf, 0.0
        else:
            # What only k_min keeps alive takes the weight of plain EM: there L has no minimum.
            weight = weight or max(count, 1.0) / (x.n + 1.0)
            if count > LEAST_COUNT:
                _maximise(x, m, count, first, second)
            if k > 1:
                others = np.logaddexp.reduce(np.delete(x.log_a, m))
                x.log_a[m] = others + np.log(weight) - np.log1p(-weight)
        x.rows.exchange(x, m)
    if x.objective.structure.shared:
        _maximise_shared(x)
    shift = np.logaddexp.reduce(x.log_a)
    x.log_a -= shift
    x.offset -= shift
    x.log_likelihood = x.rows.resum(x, False)
    alive = x.log_a > -np.inf
    penalties = float(x.penalty[alive].sum())
    ended = Ended(int(alive.sum()), x.log_likelihood, float(x.log_a[alive].sum()), penalties)
    return ended, deaths


def _maximise(x: Mixture, m: int, count: float, first: Array, second: Array) -> None:
    """M-step for component m, given its moments about its present mean."""
    step = first / count
    x.mu[m] += step
    if x.objective.structure.shared:
        return
    x.C[m] = own_covariance(x.objective, count, step, second)
    x.derive(m)


def own_covariance(o: Objective, count: float, step: Array, second: Array) -> Array:
    """M-step for one component's covariance.

    Parameters
    ----------
    o : Objective
    count : float
        Sum of the component's responsibilities, positive.
    step : array of shape (d,)
        By which its mean has moved.
    second : array of shape (d, d) or (d,)
        Its second moment about the mean before that.
    """
    scatter = second - count * (step**2 if o.structure.diagonal else np.outer(step, step))
    return o.structure.from_scatter(scatter + o.prior + count * o.rounding, divisor(o, count))


def divisor(o: Objective, count: float) -> float:
    """Return what the scatter of so many rows is divided by."""
    narrowness = o.narrowness[0]
    # What only k_min keeps alive may have too few rows for the exact step.
    return count - narrowness if count > narrowness + 1.0 else 0.5 * count


def _maximise_shared(x: Mixture) -> None:
    """M-step for the means and the covariance that all share, at once."""
    alive = np.flatnonzero(x.log_a > -np.inf).tolist()
    moments = []
    for m in alive:
        count, first, second = x.rows.moments(x, m)
        if count > 0.0:
            step = first / count
            x.mu[m] += step
            moments.append((count, step, second))
    x.C[:] = shared_covariance(x.objective, x.n, len(alive), moments)
    x.derive()
    x.rows.resum(x, True)


def shared_covariance(
    o: Objective, n: float, k: int, moments: Iterable[tuple[float, Array, Array]]
) -> Array:
    """M-step for the covariance that k components share.

    Parameters
    ----------
    o : Objective
    n : float
        Sum of the rows' weights.
    k : int
    moments : iterable of (count, step, second)
        Of each component that has rows; see `own_covariance`.
    """
    pooled = o.prior + n * o.rounding
    for count, step, second in moments:
        outer = step**2 if o.structure.diagonal else np.outer(step, step)
        pooled = pooled + second - count * outer
    return o.structure.from_scatter(pooled, shared_divisor(o, n, k))


def shared_divisor(o: Objective, n: float, k: int) -> float:
    """Return what the scatter of n rows about the means of k components is divided by."""
    own, shared = o.narrowness
    return n - min(k * own + shared, 0.5 * n)


def converge(
    x: Mixture, most: int, enough: float, order: Integers | None = None
) -> tuple[list[Ended], list[Death]]:
    """Sweep until a sweep at one k saves less than `enough` nats, or `most` times.

    Components that die are gone from `x` afterwards.

    Parameters
    ----------
    x : Mixture
        Changed in place.
    most : int
        Most sweeps.
    enough : float
        Nats.
    order : array of int, optional
        Components to update in each sweep, in this order; all of them by default.

    Returns
    -------
    ended : list of Ended
        One for each sweep.
    deaths : list of Death
        Components by their number in `x` before the call.
    """
    order = np.arange(x.k) if order is None else order
    if kernels.sweeps is None or not x.rows.compiled:
        ended, deaths = _converge(x, most, enough, order)
    else:
        o, (own, shared) = x.objective, x.objective.narrowness
        history, dead = kernels.sweeps(
            x.rows.Z, x.rows.s, *x.state(), x.penalty, o.prior, o.rounding,
            o.structure.spherical, o.structure.shared, o.exact, x.n, float(o.N), own, shared,
            o.fewest_rows, o.k_min, order.tolist(), most, x.changing(), enough, x.rows.threads,
        )  # fmt: skip
        ended, deaths = [Ended(*e) for e in history], [Death(*e) for e in dead]
    if ended:
        x.log_likelihood = ended[-1].log_likelihood
    x.drop_dead()
    return ended, deaths


def _converge(
    x: Mixture, most: int, enough: float, order: Integers
) -> tuple[list[Ended], list[Death]]:
    """Do what `converge` says, sweep by sweep."""
    history: list[Ended] = []
    deaths: list[Death] = []
    before, k_before = x.changing(), x.k
    for number in range(most):
        ended, dead = sweep(x, order, number)
        deaths += dead
        history.append(ended)
        length = ended.changing(x.objective.N)
        if ended.k == k_before and before - length < enough:
            break
        before, k_before = length, ended.k
    return history, deaths

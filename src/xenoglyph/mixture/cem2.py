"""Component-wise EM with annihilation: the CEM2 of Figueiredo & Jain (2002), figure 2.

Letters as in the paper: ``alpha`` weights, ``mu`` means, ``C`` covariances, ``u`` component
densities, ``w`` responsibilities, ``N`` parameters of one component, ``n`` rows, ``k`` components
alive. Where the algorithm departs from the paper is told in the package's ``__init__``.
"""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from xenoglyph.mixture import kernels
from xenoglyph.mixture.blocks import Rows
from xenoglyph.mixture.covariance import Covariance
from xenoglyph.mixture.message_length import model_length
from xenoglyph.mixture.trace import Annihilation, Sweep, Trace
from xenoglyph.progress import Progress, quiet

__all__ = ["Ledger", "Objective", "Parameters", "cem2"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Parameters:
    """A mixture in standardised units."""

    alpha: Array
    """Weights, shape (k,), of sum one."""
    mu: Array
    """Means, shape (k, d)."""
    C: Array
    """Covariances, shape (k, ...) as the covariance structure has it."""


@dataclass(frozen=True, eq=False)
class Objective:
    """What is minimised: the message length with the prior on the covariances."""

    structure: Covariance
    kappa: float
    """The criterion's constant, see ``message_length``."""
    prior_scatter: Array
    """Scatter that every component is given before it sees a row; shape (d, d) or (d,)."""


@dataclass
class Ledger:
    """What happened so far, in the units of the data."""

    rows: Rows
    structure: Covariance
    record_parameters: bool = False
    sweeps: list[Sweep] = field(default_factory=list)
    annihilations: list[Annihilation] = field(default_factory=list)

    def add(self, mixture: "Mixture", length: float, log_likelihood: float) -> None:
        """Write down the sweep that has just ended."""
        sweep = Sweep(len(self.sweeps), mixture.k, length, log_likelihood)
        if self.record_parameters:
            now, units = mixture.parameters(), self.rows.standardisation
            C = self.structure.in_units(now.C, units.scale)
            dense = self.structure.dense(C, self.rows.d)
            means = now.mu * units.scale + units.centre
            sweep = replace(sweep, weights=now.alpha, means=means, covariances=dense)
        self.sweeps.append(sweep)

    def trace(self) -> Trace:
        """Return the finished ledger."""
        lengths = [sweep.message_length for sweep in self.sweeps]
        ended = [
            replace(a, saved=lengths[a.sweep - 1] - lengths[a.sweep]) for a in self.annihilations
        ]
        return Trace(tuple(self.sweeps), tuple(ended))


class Mixture:
    """A mixture under way: parameters, and every row's density under every component.

    Weights are kept as ``log_a``, up to a constant that is common to all, so that changing one
    leaves the others' terms alone; a dead component has minus infinity.
    """

    def __init__(self, rows: Rows, objective: Objective, start: Parameters) -> None:
        self.rows, self.objective = rows, objective
        self.N = objective.structure.n_parameters(rows.d)
        self.n = rows.n
        self.triangle = np.triu_indices(rows.d)
        self.log_a, self.mu, self.C = np.log(start.alpha), start.mu.copy(), start.C.copy()
        self.penalty = np.zeros(self.k)
        n_rows = len(rows.s)
        self.log_u = np.empty((self.k, n_rows))
        self.offset, self.total, self.fresh = (np.zeros(n_rows) for _ in range(3))
        for m in self.alive():
            factor, log_norm = self._density(m, self.C[m])
            kernels.log_density(rows.Z, self.mu[m], factor, log_norm, self.log_u[m])
        kernels.resum(self.log_u, self.log_a, self.offset, self.total)

    def alive(self) -> NDArray[np.intp]:
        """Numbers of the components that live."""
        return np.flatnonzero(self.log_a > -np.inf)

    @property
    def k(self) -> int:
        """How many components live."""
        return len(self.alive())

    @property
    def alpha(self) -> Array:
        """Weights of all components, the dead ones zero."""
        a = np.exp(self.log_a - self.log_a.max())
        return np.asarray(a / a.sum())

    def parameters(self) -> Parameters:
        """Return a copy of the living components' parameters."""
        alive = self.alive()
        return Parameters(self.alpha[alive], self.mu[alive], self.C[alive])

    def expect(self, m: int) -> tuple[float, Array, Array]:
        """E-step for component m: sum of w, mean, and scatter about that mean."""
        d, diagonal = self.rows.d, self.objective.structure.diagonal
        sums = np.empty(1 + d + (d if diagonal else len(self.triangle[0])))
        kernels.moments(
            self.rows.Z,
            self.rows.s,
            self.log_u[m],
            self.log_a[m],
            self.offset,
            self.total,
            self.mu[m],
            diagonal,
            sums,
        )
        count = float(sums[0])
        if count <= 0.0:
            return 0.0, self.mu[m], self.C[m]
        step, second = sums[1 : 1 + d] / count, sums[1 + d :]
        if diagonal:
            return count, self.mu[m] + step, second - count * step**2
        scatter = np.empty((d, d))
        scatter[self.triangle] = scatter.T[self.triangle] = second
        return count, self.mu[m] + step, scatter - count * np.outer(step, step)

    def maximise(self, m: int, weight: float, mu: Array, scatter: Array, count: float) -> None:
        """M-step for component m, then its new densities in place of the old ones."""
        structure, prior = self.objective.structure, self.objective.prior_scatter
        C = structure.from_scatter(scatter + prior, count)
        self.mu[m], self.C[m] = mu, C
        factor, log_norm = self._density(m, C)
        self._exchange(m, self._log_a_for(m, weight), factor, log_norm)

    def annihilate(self, m: int) -> None:
        """Take component m out; its rows fall to the others."""
        self.penalty[m] = 0.0
        self._exchange(m, -np.inf, np.ones(self.rows.d), 0.0)

    def end_sweep(self) -> None:
        """Take over the totals that were summed afresh, and let the weights sum to one."""
        self.total, self.fresh = self.fresh, self.total
        shift = np.logaddexp.reduce(self.log_a)
        self.log_a -= shift
        self.offset -= shift

    def log_likelihood(self) -> float:
        """``log p(Y | theta)`` in nats, in the units of the data."""
        per_row = self.offset + np.log(self.total)
        in_units = self.n * self.rows.standardisation.log_volume
        scale = np.logaddexp.reduce(self.log_a)
        return float(self.rows.s @ per_row) - self.n * float(scale) - in_units

    def lengths(self) -> tuple[float, float]:
        """Message length and log-likelihood, in nats."""
        log_likelihood = self.log_likelihood()
        model = model_length(self.alpha[self.alive()], self.N, self.n, self.objective.kappa)
        return model + float(self.penalty.sum()) - log_likelihood, log_likelihood

    def _density(self, m: int, C: Array) -> tuple[Array, float]:
        """Precision factor and log normalisation of component m; notes its prior's penalty."""
        structure, d = self.objective.structure, self.rows.d
        factor = structure.precision_factor(C, d)
        self.penalty[m] = structure.penalty(factor, self.objective.prior_scatter)
        return factor, structure.log_determinant(factor) - 0.5 * d * float(np.log(2 * np.pi))

    def _log_a_for(self, m: int, weight: float) -> float:
        """Return the value of ``log_a[m]`` that makes its weight `weight`, others unchanged."""
        others = np.delete(self.log_a, m)
        if self.k == 1:
            return float(self.log_a[m])
        return float(np.logaddexp.reduce(others) + np.log(weight) - np.log1p(-weight))

    def _exchange(self, m: int, log_a: float, factor: Array, log_norm: float) -> None:
        kernels.exchange(
            self.rows.Z,
            self.mu[m],
            factor,
            log_norm,
            m,
            log_a,
            self.log_u,
            self.log_a,
            self.offset,
            self.total,
            self.fresh,
        )
        self.log_a[m] = log_a


def new_weight(count: float, alpha: float, n: float, k: int, N: int) -> float:
    """Weight step for one component (equation 17), the others keeping their proportions.

    The exact minimiser is ``(count - N/2) / (n - k N/2)``. Where the data cannot pay for the
    other components together it would be one or more and end them all at once; there the
    weight is given what the authors' program gives, and never lowered.

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
    if others > 0.0:
        return own / (own + others)
    share = own / n
    return max(alpha, share / (1.0 - alpha + share))


def sweep(mixture: Mixture, ledger: Ledger, k_min: int) -> None:
    """Update every living component once; the starved ones die, down to `k_min`."""
    mixture.fresh[:] = 0.0
    for m in mixture.alive():
        alpha, k = float(mixture.alpha[m]), mixture.k
        count, mu, scatter = mixture.expect(m)
        weight = new_weight(count, alpha, mixture.n, k, mixture.N)
        if weight == 0.0 and k > k_min:
            ledger.annihilations.append(Annihilation(len(ledger.sweeps), k, alpha, False, 0.0))
            mixture.annihilate(m)
        elif count > 0.0:
            # What only k_min keeps alive takes the weight of plain EM: there L has no minimum.
            weight = weight or max(count, 1.0) / (mixture.n + 1.0)
            mixture.maximise(m, weight, mu, scatter, count)
    mixture.end_sweep()
    ledger.add(mixture, *mixture.lengths())


def converge(mixture: Mixture, ledger: Ledger, k_min: int, tol: float, max_sweeps: int) -> None:
    """Sweep until a whole sweep at one k saves less than `tol` nats per row."""
    for _ in range(max_sweeps):
        before = ledger.sweeps[-1]
        sweep(mixture, ledger, k_min)
        now = ledger.sweeps[-1]
        saved = before.message_length - now.message_length
        if now.n_components == before.n_components and saved < tol * mixture.n:
            return
    warnings.warn(
        f"The fit did not converge within {max_sweeps} sweeps at {mixture.k} components; "
        "raise max_sweeps or tol.",
        ConvergenceWarning,
        stacklevel=2,
    )


def cem2(
    rows: Rows,
    start: Parameters,
    objective: Objective,
    *,
    k_min: int = 1,
    tol: float = 1e-5,
    max_sweeps: int = 1000,
    record_parameters: bool = False,
    progress: Progress = quiet,
) -> tuple[Parameters, Trace]:
    """Minimise the message length over parameters and number of components.

    Parameters
    ----------
    rows : Rows
    start : Parameters
        The first mixture, with the largest number of components.
    objective : Objective
    k_min : int, default=1
        Fewest components to try.
    tol : float, default=1e-5
        Nats per row that a sweep must save for the next one to follow.
    max_sweeps : int, default=1000
        Most sweeps at one number of components.
    record_parameters : bool, default=False
        Whether the trace keeps the mixture of every sweep.
    progress : callable
        See `xenoglyph.progress`.

    Returns
    -------
    best : Parameters
        The mixture of the smallest message length among those that converged.
    trace : Trace

    Warns
    -----
    ConvergenceWarning
        If `max_sweeps` is reached.
    """
    mixture = Mixture(rows, objective, start)
    k_max = mixture.k
    ledger = Ledger(rows, objective.structure, record_parameters)
    ledger.add(mixture, *mixture.lengths())
    best, best_length, best_sweep = start, np.inf, 0
    while True:
        converge(mixture, ledger, k_min, tol, max_sweeps)
        now = ledger.sweeps[-1]
        ledger.sweeps[-1] = replace(now, converged=True)
        if now.message_length <= best_length:
            best, best_length, best_sweep = mixture.parameters(), now.message_length, now.number
        progress("mixture", k_max - mixture.k, k_max - k_min, f"{mixture.k} components")
        if mixture.k <= k_min:
            ledger.sweeps[best_sweep] = replace(ledger.sweeps[best_sweep], chosen=True)
            return best, ledger.trace()
        alpha = np.where(mixture.alpha > 0.0, mixture.alpha, np.inf)
        weakest = int(alpha.argmin())
        ledger.annihilations.append(
            Annihilation(len(ledger.sweeps), mixture.k, float(alpha[weakest]), True, 0.0)
        )
        mixture.annihilate(weakest)

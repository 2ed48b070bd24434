"""A mixture under way: its parameters, what is minimised, and what every row thinks of it.

Letters as in the paper: ``alpha`` weights, ``mu`` means, ``C`` covariances, ``u`` component
densities, ``w`` responsibilities, ``N`` parameters of one component, ``n`` rows, ``k`` components.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture import kernels
from xenoglyph.mixture.covariance import Covariance
from xenoglyph.mixture.message_length import (
    Criterion,
    component_cost,
    order_saving,
    shared_cost,
    weight_cost,
)
from xenoglyph.mixture.rows import Rows

__all__ = ["Mixture", "Objective", "Parameters"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Parameters:
    """A mixture in standardised units."""

    alpha: Array
    """Weights, shape (k,), of sum one."""
    mu: Array
    """Means, shape (k, d)."""
    C: Array
    """Covariances, shape (k, d, d), or (k, d) where the structure is diagonal."""

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.alpha)

    def without(self, m: int) -> "Parameters":
        """Return what is left when component m is gone, the others keeping their proportions."""
        kept = np.arange(self.k) != m
        alpha = self.alpha[kept] / self.alpha[kept].sum()
        return Parameters(alpha, self.mu[kept], self.C[kept])


@dataclass(frozen=True, eq=False)
class Objective:
    """What is minimised: the message length, with what keeps covariances from vanishing."""

    structure: Covariance
    criterion: Criterion
    n: float
    """Rows, or the sum of their weights."""
    spread: Array
    """Covariance of all the data, shape (d, d)."""
    prior: Array
    """Scatter that every component is given before it sees a row; shape (d, d) or (d,)."""
    rounding: Array
    """Covariance of each row about where it was recorded; shape (d, d) or (d,)."""
    k_min: int = 1
    k_max: float = np.inf
    exact: bool = True
    """Whether weights take the step that minimises the message length; see `new_weight`."""

    @property
    def d(self) -> int:
        """Number of features."""
        return len(self.spread)

    @cached_property
    def N(self) -> int:  # noqa: N802  # as in the paper
        """Parameters of one component."""
        return self.structure.n_parameters(self.d)

    @cached_property
    def narrowness(self) -> tuple[float, float]:
        """Rows that the price of narrow covariances takes from a component, and from all."""
        if not self.criterion.narrow:
            return 0.0, 0.0
        return self.structure.narrowness(self.d), self.structure.narrowness_shared(self.d)

    @cached_property
    def per_component(self) -> float:
        """Nats that one component costs, whatever its parameters."""
        log_rows = self.criterion.log_rows(self.n)
        cost = component_cost(1, self.N, log_rows)
        if self.criterion.narrow:
            # Means spread as the data do, covariances as the structure sees them do.
            mean, rest = self._log_spreads
            cost += 0.5 * (mean + (self.narrowness[0] - 1.0) * rest)
        return cost

    @cached_property
    def shared(self) -> float:
        """Nats that the parameters common to all components cost, whatever they are."""
        log_rows = self.criterion.log_rows(self.n)
        cost = shared_cost(self.structure.n_shared(self.d), log_rows)
        return cost + 0.5 * self.narrowness[1] * self._log_spreads[1]

    def constant(self, k: int) -> float:
        """Nats that k components cost, whatever their parameters."""
        saved = order_saving(k) if self.criterion.unordered else 0.0
        return k * self.per_component + self.shared - saved

    @cached_property
    def _log_spreads(self) -> tuple[float, float]:
        """Return log |S|, of all of it and of what the structure sees of it."""
        whole = float(np.linalg.slogdet(self.spread)[1])
        return whole, self.structure.log_determinant(self.structure.sees(self.spread))

    @cached_property
    def fewest_rows(self) -> float:
        """Rows that a component needs to live.

        N/2, as in the paper. Where narrow components cost more there is a cost of parameters
        that must not be negative, n alpha >= exp(-kappa), and a covariance that must exist.
        """
        if not self.criterion.narrow:
            return 0.5 * self.N
        own = 0.0 if self.structure.shared else self.narrowness[0] + 1.0
        return max(0.5 * self.N + float(np.exp(-self.criterion.kappa)), own)


class Mixture:
    """A mixture under way: parameters, and what every row thinks of every component.

    Weights are kept as ``log_a``, their logarithms up to a constant that is common to all, so
    that changing one leaves the others' terms alone; a dead component has minus infinity.
    ``terms[m][i]`` is ``alpha_m u_m(y_i) / exp(offset[i])``, ``total[i]`` the sum of the terms.
    """

    def __init__(self, rows: Rows, objective: Objective, start: Parameters) -> None:
        self.rows, self.objective = rows, objective
        self.terms: list[Array] = []
        self.offset, self.total = np.empty(len(rows.s)), np.empty(len(rows.s))
        self.restart(start)

    def restart(self, start: Parameters) -> None:
        """Go on from other parameters; the room for the terms is used again."""
        self.log_a = np.log(start.alpha)
        self.mu = np.array(start.mu, order="C")
        self.C = np.array(start.C, order="C")
        self.factor, self.log_norm = np.empty_like(self.C), np.empty(self.k)
        self.penalty = np.zeros(self.k)
        del self.terms[self.k :]
        self.terms += [np.empty(len(self.rows.s)) for _ in range(self.k - len(self.terms))]
        self.derive()
        self.log_likelihood = self.rows.resum(self, True)

    def state(self) -> tuple[list[Array], Array, Array, Array, Array, Array, Array, Array]:
        """Return the arrays that the kernels take."""
        return (
            self.terms, self.offset, self.total, self.log_a, self.mu, self.C, self.factor,
            self.log_norm,
        )  # fmt: skip

    @property
    def k(self) -> int:
        """How many components there are."""
        return len(self.log_a)

    @property
    def alpha(self) -> Array:
        """Weights of all components, the dead ones zero."""
        a = np.exp(self.log_a - self.log_a.max())
        return np.asarray(a / a.sum())

    @property
    def n(self) -> float:
        """Number of rows, or the sum of their weights."""
        return self.rows.n

    def parameters(self) -> Parameters:
        """Return a copy of the parameters."""
        return Parameters(self.alpha, self.mu.copy(), self.C.copy())

    def responsibility(self, m: int) -> Array:
        """``w_m`` of every row, sample weight included."""
        return np.asarray(self.rows.s * self.terms[m] / self.total)

    def loss_without(self, m: int) -> float:
        """Log-likelihood that is lost when component m goes, before any sweep, in nats.

        Row i keeps the density ``p_i (1 - w_im) / (1 - alpha_m)``.
        """
        left = np.maximum(1.0 - self.terms[m] / self.total, 1e-300)
        rest = np.log1p(-min(self.alpha[m], 1.0 - 1e-12))
        return float(self.n * rest - self.rows.s @ np.log(left))

    def changing(self) -> float:
        """Nats of the message that change while k stays the same."""
        log_alpha = self.log_a - np.logaddexp.reduce(self.log_a)
        cost = weight_cost(log_alpha, self.objective.N) + float(self.penalty.sum())
        return cost - self.log_likelihood

    def model(self) -> float:
        """Nats of the message before the data."""
        return self.changing() + self.log_likelihood + self.objective.constant(self.k)

    def length(self) -> float:
        """Message length in nats, of the standardised rows."""
        return self.model() - self.log_likelihood

    def derive(self, m: int | None = None) -> None:
        """Let factor, normalisation and penalty follow the covariances, or one of them."""
        one = slice(None) if m is None else slice(m, m + 1)
        log_det = np.empty(len(self.log_norm[one]))
        rounding = self.objective.rounding
        kernels.prepare(self.C[one], rounding, self.factor[one], self.log_norm[one], log_det)
        own, shared = self.objective.narrowness
        prior = 0.5 * _traces(self.factor[one], self.objective.prior)
        if self.objective.structure.shared:
            first = int((self.log_a > -np.inf).argmax())  # once for all of them
            prior[np.arange(self.k) != first] = 0.0
            prior[first] += shared * log_det[first]
        self.penalty[one] = prior + own * log_det

    def penalty_of(self, C: Array) -> float:
        """Nats that one component's covariance costs; those of a shared one are not its own."""
        factor, log_norm, log_det = np.empty_like(C[None]), np.empty(1), np.empty(1)
        kernels.prepare(C[None].copy(), self.objective.rounding, factor, log_norm, log_det)
        own, _ = self.objective.narrowness
        shared = self.objective.structure.shared
        prior = 0.0 if shared else 0.5 * float(_traces(factor, self.objective.prior)[0])
        return prior + own * float(log_det[0])

    def drop_dead(self) -> None:
        """Forget the components that are dead."""
        alive = self.log_a > -np.inf
        if alive.all():
            return
        self.terms = [term for term, lives in zip(self.terms, alive, strict=True) if lives]
        for name in ("log_a", "mu", "C", "factor", "log_norm", "penalty"):
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[alive]))


def _traces(factors: Array, A: Array) -> Array:
    """``tr(A P P^T)`` of every factor P, shape (k,)."""
    if factors.ndim == 2:
        return np.asarray(factors**2 @ A)
    return np.asarray((factors * (A @ factors)).sum(axis=(1, 2)))

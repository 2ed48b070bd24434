"""What a stream leaves of its rows: sums to each component, from which the M-step follows.

Letters as in the package: ``count`` is the sum of a component's responsibilities, ``mu`` the mean
of its rows, ``scatter`` their second moment about it. Sums about the mean keep their digits
however far a component is from the origin.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.cem2 import (
    LEAST_COUNT,
    divisor,
    new_weights,
    own_covariance,
    shared_covariance,
    shared_divisor,
)
from xenoglyph.mixture.rows import Standardisation
from xenoglyph.mixture.state import Mixture, Objective, Parameters

__all__ = ["Sums"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over the rows, faded as these are, in standardised units."""

    count: Array
    """Shape (k,)."""
    mu: Array
    """Shape (k, d)."""
    scatter: Array
    """Shape (k, d, d), or (k, d) where the structure is diagonal."""

    @property
    def n(self) -> float:
        """What all rows together count for."""
        return float(self.count.sum())

    @classmethod
    def of(cls, parameters: Parameters, n: float, o: Objective) -> "Sums":
        """Return the sums of n rows whose M-step gives these parameters."""
        k, C = parameters.k, parameters.C
        # As many rows as the weights of all components cost are shared out equally.
        equal = min(0.5 * o.N, 0.5 * n / k)
        count = equal + parameters.alpha * (n - k * equal)
        if o.structure.shared:
            pooled = C[0] * shared_divisor(o, n, k) - o.prior - n * o.rounding
            scatter = [own / n * pooled for own in count]
        else:
            scatter = [
                own_C * divisor(o, own) - o.prior - own * o.rounding
                for own_C, own in zip(C, count.tolist(), strict=True)
            ]
        return cls(count, parameters.mu, _without_negative(np.stack(scatter)))

    def plus(self, x: Mixture, fade: float) -> "Sums":
        """Fade, and add the rows of a mixture whose means are those of the sums."""
        # What only k_min keeps alive stays where it is when no row is left for it.
        left = np.maximum(fade, np.minimum(LEAST_COUNT / self.count, 1.0))
        count, mu = left * self.count, self.mu.copy()
        scatter = (left * self.scatter.T).T
        for m in range(x.k):
            own, first, second = x.rows.moments(x, m)
            count[m] += own
            step = first / count[m]
            mu[m] += step
            between = step**2 if x.objective.structure.diagonal else np.outer(step, step)
            scatter[m] += second - count[m] * between
        return Sums(count, mu, scatter)

    def without(self, m: int) -> "Sums":
        """Leave out component m and its rows."""
        kept = np.arange(len(self.count)) != m
        return Sums(self.count[kept], self.mu[kept], self.scatter[kept])

    def patched(self, source: NDArray[np.intp], fresh: "Sums") -> "Sums":
        """Return component ``source[m]`` of these sums as the m-th; of `fresh` where negative."""
        new = source < 0
        own = Sums(self.count[source], self.mu[source], self.scatter[source])
        own.count[new], own.mu[new], own.scatter[new] = (
            fresh.count[new], fresh.mu[new], fresh.scatter[new],
        )  # fmt: skip
        return own

    def maximised(self, o: Objective) -> Parameters:
        """M-step of the message length, for all components at once."""
        alpha = new_weights(self.count, o)
        still = np.zeros(o.d)  # the means are where they belong
        moments = [(n, still, T) for n, T in zip(self.count.tolist(), self.scatter, strict=True)]
        if o.structure.shared:
            one = shared_covariance(o, self.n, len(alpha), moments)
            return Parameters(alpha, self.mu, np.stack([one] * len(alpha)))
        return Parameters(alpha, self.mu, np.stack([own_covariance(o, *own) for own in moments]))

    def in_units(self, old: Standardisation, new: Standardisation) -> "Sums":
        """Return the same in other standardised units."""
        ratio = old.scale / new.scale
        mu = self.mu * ratio + (old.centre - new.centre) / new.scale
        square = ratio**2 if self.scatter.ndim == 2 else np.outer(ratio, ratio)
        return Sums(self.count, mu, _without_negative(self.scatter * square))


def _without_negative(scatter: Array) -> Array:
    """Put zero in the place of negative variances, which rounding leaves behind."""
    if scatter.ndim == 2:
        return np.maximum(scatter, 0.0)
    values, vectors = np.linalg.eigh(scatter)
    if values.min() >= 0.0:
        return scatter
    return np.asarray((vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.swapaxes(1, 2))

"""A sample of bounded size of a stream of which what is older counts for less.

Row i, of weight s_i, is ``t_i`` rows old when that many rows have come after it. With the
forgetting rate r it counts for ::

    w_i = exp(-r t_i) (1 - exp(-r s_i)) / r

so that a row of weight two counts as two rows do, and a stream without end for 1 / r rows.

Each row is given a random number ``e_i`` of the exponential distribution, and those with the
smallest ``e_i / w_i`` are held: a weighted sample without replacement (Efraimidis & Spirakis,
"Weighted random sampling with a reservoir", Information Processing Letters 97(5), 2006). All
weights fade alike, so that the order of ``e_i / w_i`` never changes. Let tau be the smallest one
that was given away. A row was held with probability ``1 - exp(-tau w_i)``, and with ``w_i`` over
that probability for its weight the sample stands for the stream without bias (Cohen & Kaplan,
"Summarizing data using bottom-k sketches", PODC 2007). Before anything is given away the sample
is the stream.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reservoir", "counted", "counted_new"]

Array = NDArray[np.float64]

# A row that counts for less than exp(-FORGOTTEN) of what it once did is forgotten.
FORGOTTEN = 7.0


def counted(s: Array, rate: float) -> tuple[Array, float]:
    """Return what rows of weights s, in their order, count for after the last of them.

    Parameters
    ----------
    s : array of shape (n,)
        Positive weights.
    rate : float
        Forgetting rate.

    Returns
    -------
    w : array of shape (n,)
    fade : float
        What is left of each nat, row and count that was there before the first of them.
    """
    if rate == 0.0:
        return s, 1.0
    with np.errstate(under="ignore"):
        later = np.cumsum(s[::-1])[::-1]
        w = np.exp(-rate * (later - s)) * counted_new(s, rate)
        return w, float(np.exp(-rate * later[0]))


def counted_new(s: Array, rate: float) -> Array:
    """Return what rows of weights s count for when nothing has come after them."""
    return np.asarray(-np.expm1(-rate * s) / rate) if rate > 0.0 else s


@dataclass(eq=False)
class Reservoir:
    """The sample, in the order in which its rows came. No array is changed in place."""

    capacity: int
    X: Array
    """Rows, shape (m, d), in the units of the data."""
    s: Array
    """What each counted for when it came."""
    w: Array
    """What each counts for now."""
    e: Array
    """Its random number."""
    tau: float = np.inf
    """Smallest ``e / w`` of what was given away."""

    @classmethod
    def empty(cls, capacity: int, d: int) -> "Reservoir":
        """Return a reservoir for rows of d features."""
        none = np.empty(0)
        return cls(capacity, np.empty((0, d)), none, none, none)

    @property
    def whole(self) -> bool:
        """Whether nothing was given away: the sample is the stream, as far as it is remembered."""
        return self.tau == np.inf

    @property
    def full(self) -> bool:
        """Whether another row would have to take the place of one that is held."""
        return len(self.s) >= self.capacity

    def add(self, X: Array, s: Array, rate: float, random: np.random.RandomState) -> None:
        """Let rows of weights s come after those that were there, and forget as `counted` does."""
        w, fade = counted(s, rate)
        e = random.standard_exponential(len(w))
        with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
            left = self.w * fade
            self.tau = float(np.divide(self.tau, fade))
            comes = np.flatnonzero(e < self.tau * w)
        self.X = np.concatenate([self.X, X[comes]])
        self.s = np.append(self.s, counted_new(s[comes], rate))
        self.w, self.e = np.append(left, w[comes]), np.append(self.e, e[comes])
        self._keep(np.flatnonzero(self.w > np.exp(-FORGOTTEN) * self.s))
        if len(self.s) > self.capacity:
            keys = self.e / self.w
            order = np.argpartition(keys, self.capacity)
            self.tau = float(keys[order[self.capacity]])
            self._keep(np.sort(order[: self.capacity]))

    def _keep(self, kept: NDArray[np.intp]) -> None:
        if len(kept) < len(self.s):
            self.X, self.s = self.X[kept], self.s[kept]
            self.w, self.e = self.w[kept], self.e[kept]

    def weights(self) -> tuple[Array, Array]:
        """Return the rows' weights, as the stream and as a sample.

        Returns
        -------
        of_stream : array of shape (m,)
            Their sum estimates what the whole stream counts for.
        of_sample : array of shape (m,)
            The same, scaled down until they sum to no more than the rows that are held: what
            was not seen is no evidence.
        """
        with np.errstate(over="ignore"):
            of_stream = self.w / -np.expm1(-self.tau * self.w)
        return of_stream, of_stream * min(1.0, self.s.sum() / of_stream.sum())

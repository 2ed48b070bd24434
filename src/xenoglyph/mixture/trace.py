"""The ledger of a fit: every sweep and every annihilation, with the nats that it saved."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Annihilation", "Sweep", "Trace"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sweep:
    """The mixture after one sweep over all components, in the units of the data."""

    number: int
    """Counted from 0, which is the start before any sweep."""
    n_components: int
    message_length: float
    """In nats."""
    log_likelihood: float
    """In nats."""
    converged: bool = False
    """Whether this sweep ended the inner loop at its number of components."""
    chosen: bool = False
    """Whether this sweep's mixture is the fit's answer."""
    weights: Array | None = None
    """Shape (k,); None unless the fit was asked to record its path."""
    means: Array | None = None
    """Shape (k, d)."""
    covariances: Array | None = None
    """Shape (k, d, d)."""


@dataclass(frozen=True)
class Annihilation:
    """A component's end."""

    sweep: int
    """The first sweep without the component."""
    n_components_before: int
    """How many there were, this one included."""
    weight: float
    """Its weight before the step that ended it."""
    forced: bool
    """Whether it was taken out to try fewer components, rather than starved."""
    saved: float
    """Nats by which the message is shorter at the end of that sweep than one sweep earlier."""


@dataclass(frozen=True, eq=False)
class Trace:
    """All that happened in a fit."""

    sweeps: tuple[Sweep, ...]
    annihilations: tuple[Annihilation, ...]

    @property
    def best_by_k(self) -> dict[int, float]:
        """Smallest message length after convergence, in nats, for each k where that happened."""
        best: dict[int, float] = {}
        for sweep in self.sweeps:
            if sweep.converged:
                k = sweep.n_components
                best[k] = min(sweep.message_length, best.get(k, np.inf))
        return best

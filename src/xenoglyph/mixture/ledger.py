"""Sweeping with a ledger: the algorithm runs, and what happens is written down."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.cem2 import Death, Ended, converge
from xenoglyph.mixture.rows import Rows
from xenoglyph.mixture.state import Mixture, Objective
from xenoglyph.mixture.trace import Event, Path, Sweep, Trace

__all__ = ["Ledger"]

Array = NDArray[np.float64]


@dataclass
class Ledger:
    """Writes down the sweeps of one mixture, in the units of the data."""

    rows: Rows
    objective: Objective
    record_parameters: bool = False
    path: Path = field(default_factory=Path)
    chosen: int = -1
    """Number of the sweep whose mixture is the answer."""

    def __post_init__(self) -> None:
        self.volume = float((self.rows.s * self.rows.log_volumes()).sum())
        """Nats by which the log-likelihood falls when the units of the data return."""

    def begin(self, x: Mixture) -> None:
        """Write down the mixture as it stands, the start of sweeps to come."""
        self._add(x, x.k, x.length(), x.log_likelihood)

    def converge(self, x: Mixture, most: int, enough: float) -> bool:
        """Sweep until a sweep at one k saves less than `enough` nats; False if `most` did not do.

        Where parameters are recorded the sweeps are asked for one at a time.
        """
        step = 1 if self.record_parameters else most
        done = 0
        while done < most:
            before, k = x.changing(), x.k
            ended, deaths = converge(x, step, enough)
            self._write(x, ended, deaths, k)
            done += len(ended)
            if len(ended) > 1:
                before, k = ended[-2].changing(self.objective.N), ended[-2].k
            if ended[-1].k == k and before - ended[-1].changing(self.objective.N) < enough:
                self.path.mark(converged=True)
                self.see(x.k, x.length())
                return True
        self.see(x.k, x.length())
        return False

    def bookmark(self) -> tuple[int, int]:
        """Return a place to which `rewind` can go back."""
        return len(self.path.sweeps), len(self.path.events)

    def rewind(self, bookmark: tuple[int, int]) -> None:
        """Forget what was written since; what was seen with each number of components stays."""
        sweeps, events = bookmark
        del self.path.sweeps[sweeps:]
        del self.path.events[events:]

    def event(
        self,
        kind: str,
        before: int,
        after: int,
        weight: float,
        saved: float,
        model: float,
        sweep: int | None = None,
    ) -> None:
        """Write down a change of the number of components, by default with the next sweep."""
        number = len(self.path.sweeps) if sweep is None else sweep
        self.path.events.append(Event(number, kind, before, after, weight, saved, model))

    def see(self, k: int, length: float) -> None:
        """Note the message length, of the standardised rows, of a mixture with k components."""
        self.path.see(k, length + self.volume)

    def trace(self) -> Trace:
        """Return the finished ledger."""
        return self.path.trace(self.chosen)

    def _write(self, x: Mixture, ended: list[Ended], deaths: list[Death], k: int) -> None:
        """Write down sweeps that have just been made, and the annihilations in them."""
        o = self.objective
        first = len(self.path.sweeps)
        for end in ended:
            model = 0.5 * o.N * end.log_weights + end.penalties + o.constant(end.k)
            self._add(x, end.k, model - end.log_likelihood, end.log_likelihood)
        for death in deaths:
            now, then = (
                self.path.sweeps[first + death.sweep],
                self.path.sweeps[first + death.sweep - 1],
            )
            saved = then.message_length - now.message_length
            data = now.log_likelihood - then.log_likelihood
            self.path.events.append(
                Event(now.number, "annihilation", k, k - 1, death.weight, saved, saved - data)
            )
            k -= 1

    def _add(self, x: Mixture, k: int, length: float, log_likelihood: float) -> None:
        volume = self.volume
        sweep = Sweep(len(self.path.sweeps), k, length + volume, log_likelihood - volume)
        if self.record_parameters:
            now, units = x.parameters(), self.rows.standardisation
            structure = self.objective.structure
            C = structure.dense(structure.in_units(now.C, units.scale), self.rows.d)
            sweep = Sweep(
                sweep.number, k, sweep.message_length, sweep.log_likelihood,
                weights=now.alpha, means=units.revert(now.mu), covariances=C,
            )  # fmt: skip
        self.path.sweeps.append(sweep)

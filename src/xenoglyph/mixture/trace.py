"""The ledger of a fit: every sweep, and every change of the number of components, in nats."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DependencyError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Event", "Sweep", "Trace"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sweep:
    """The mixture after one sweep over its components, in the units of the data."""

    number: int
    """Counted from 0, which is the start before any sweep."""
    n_components: int
    message_length: float
    """In nats."""
    log_likelihood: float
    """In nats; the data's part of the message is its negative, the rest tells the mixture."""
    converged: bool = False
    """Whether the sweeps at this number of components ended here."""
    chosen: bool = False
    """Whether this sweep's mixture is the fit's answer."""
    weights: Array | None = None
    """Shape (k,); None unless the fit was asked to record its path."""
    means: Array | None = None
    """Shape (k, d)."""
    covariances: Array | None = None
    """Shape (k, d, d)."""


@dataclass(frozen=True)
class Event:
    """One change of the number of components."""

    sweep: int
    """The first sweep without what was there before."""
    kind: str
    """"annihilation": a component starved. "deletion": one was taken out to see whether the
    message gets shorter. "merge": two became one. "split": one became two or more. "search": in
    a stream, the full search found a shorter message."""
    n_components_before: int
    n_components_after: int
    weight: float
    """Share of the rows that the component had, or those that were merged had together."""
    saved: float
    """Nats by which the message got shorter. An annihilation is judged by the sweep in which it
    happened, a deletion or merge by the converged mixtures before and after; of a split, it is
    what it saves at least."""
    saved_model: float
    """The part of `saved` that the description of the mixture got shorter by."""

    @property
    def saved_data(self) -> float:
        """The part of `saved` that the description of the data got shorter by."""
        return self.saved - self.saved_model


@dataclass(frozen=True, eq=False)
class Trace:
    """All that happened in a fit."""

    sweeps: tuple[Sweep, ...]
    events: tuple[Event, ...]
    best_by_k: dict[int, float] = field(default_factory=dict)
    """Smallest message length, in nats, seen with each number of components that was visited or
    tried. What was only tried and given up was not converged: the least length with that many
    components may be smaller."""
    converged: bool = True
    """Whether the most sweeps were enough."""

    @property
    def chosen(self) -> Sweep:
        """The sweep whose mixture is the fit's answer."""
        return next(sweep for sweep in self.sweeps if sweep.chosen)

    @property
    def runner_up(self) -> tuple[int, float] | None:
        """The next best number of components, and by how many nats its message is longer.

        None where no other number was seen.
        """
        k = self.chosen.n_components
        others = {other: length for other, length in self.best_by_k.items() if other != k}
        if not others:
            return None
        second = min(others, key=lambda other: others[other])
        return second, others[second] - self.chosen.message_length

    def to_frame(self) -> "DataFrame":
        """Return the events as a pandas DataFrame, a row each.

        Raises
        ------
        DependencyError
            If pandas is not installed.
        """
        try:
            pd = import_module("pandas")  # optional, and slow to import
        except ImportError as error:
            raise DependencyError(
                "to_frame() needs pandas: pip install pandas. trace_.events holds the same."
            ) from error
        columns = [*(one.name for one in fields(Event)), "saved_data"]
        rows = [[getattr(event, name) for name in columns] for event in self.events]
        frame: DataFrame = pd.DataFrame(rows, columns=columns)
        return frame

    def __str__(self) -> str:
        """Return a table of the events, the answer and the runner-up."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{'sweep':>6}  {'event':<12}  {'k':>9}  {'saved':>10}  {'model':>10}  {'data':>10}"
        for e in self.events:
            change = f"{e.n_components_before}->{e.n_components_after}"
            yield (
                f"{e.sweep:>6}  {e.kind:<12}  {change:>9}  {e.saved:>10.1f}"
                f"  {e.saved_model:>10.1f}  {e.saved_data:>10.1f}"
            )
        answer = self.chosen
        yield f"{answer.n_components} components: {answer.message_length:.1f} nats"
        if self.runner_up is not None:
            k, distance = self.runner_up
            yield f"runner-up: {k} components, {distance:.1f} nats more"


@dataclass
class Path:
    """What happened so far: a trace under way."""

    sweeps: list[Sweep] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    best_by_k: dict[int, float] = field(default_factory=dict)
    converged: bool = True

    def see(self, k: int, length: float) -> None:
        """Note that a mixture of k components has this message length."""
        self.best_by_k[k] = min(length, self.best_by_k.get(k, np.inf))

    def mark(self, **flags: Any) -> None:
        """Set flags of the last sweep."""
        self.sweeps[-1] = replace(self.sweeps[-1], **flags)

    def trace(self, chosen: int = -1) -> Trace:
        """Return the finished ledger, sweep number `chosen` being the answer."""
        sweeps = list(self.sweeps)
        sweeps[chosen] = replace(sweeps[chosen], chosen=True)
        best = dict(sorted(self.best_by_k.items()))
        events = tuple(sorted(self.events, key=lambda event: event.sweep))
        return Trace(tuple(sweeps), events, best, self.converged)

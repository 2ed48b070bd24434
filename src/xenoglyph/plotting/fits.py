"""How a fit went: the message length of the mixture, the losses of the auto-encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from xenoglyph.errors import DataError
from xenoglyph.mixture import Event, Sweep, Trace
from xenoglyph.plotting.display import Display
from xenoglyph.plotting.style import COLOURS, EVENTS, plain

__all__ = ["MessageLengthDisplay", "loss_curve", "message_length_curve", "sweep_curve"]


def message_length_curve(trace: Trace, ax: Axes) -> Axes:
    """Draw the message length against the number of components.

    Parameters
    ----------
    trace : Trace
    ax : Axes
        Shows by how many nats the shortest message seen with each number is longer than the
        chosen one, which is marked, as is the runner-up.
    """
    k, shortest = trace.chosen.n_components, trace.chosen.message_length
    ks = sorted(trace.best_by_k)
    heights = [max(trace.best_by_k[other] - shortest, 0.0) for other in ks]
    ax.plot(ks, heights, "o-", color=COLOURS[0], markersize=4)
    found = f"chosen: {_components(k)}, {shortest:,.1f} nats"
    ax.plot([k], [0.0], "o", color=COLOURS[1], markersize=10, clip_on=False, label=found)
    if trace.runner_up is not None:
        other, nats = trace.runner_up
        second = f"runner-up: {_components(other)}, {nats:,.1f} nats more"
        ax.plot(
            [other], [max(nats, 0.0)], "D", color=COLOURS[3], markersize=7, clip_on=False,
            label=second,
        )  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    ax.set(xlabel="number of components", ylabel="nats above the chosen message")
    ax.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return _nats(ax, max(heights, default=0.0))


def sweep_curve(trace: Trace, ax: Axes) -> Axes:
    """Draw the message length sweep by sweep.

    Parameters
    ----------
    trace : Trace
    ax : Axes
        Shows by how many nats every sweep's message is longer than the chosen one, and marks the
        sweeps in which the number of components changed, and how.
    """
    shortest = trace.chosen.message_length
    above = {s.number: max(s.message_length - shortest, 0.0) for s in trace.sweeps}
    ax.plot(list(above), list(above.values()), color=COLOURS[0], linewidth=1.2)
    for kind, (name, marker, colour) in EVENTS.items():
        sweeps = sorted({event.sweep for event in trace.events if event.kind == kind})
        if sweeps:
            heights = [above[sweep] for sweep in sweeps]
            ax.plot(sweeps, heights, marker, color=colour, markersize=5, label=name)
            ax.legend(title="components", frameon=False, alignment="left", fontsize=9)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    ax.set(xlabel="sweep", ylabel="nats above the chosen message")
    return _nats(ax, max(above.values()))


def loss_curve(history: Mapping[str, Sequence[float]], ax: Axes) -> Axes:
    """Draw the auto-encoder's losses, in nats per pixel, epoch by epoch."""
    named = {"loss": "training images", "validation_loss": "held-out images"}
    for colour, (name, label) in zip(COLOURS, named.items(), strict=False):
        losses = history.get(name, [])
        if losses:
            ax.plot(range(1, len(losses) + 1), losses, color=colour, label=label)
    ax.set(xlabel="epoch", ylabel="loss (nats per pixel)")
    ax.legend(frameon=False)
    return plain(ax)


@dataclass(eq=False)
class MessageLengthDisplay(Display):
    """Why this number of components: the message length of a fit.

    Parameters
    ----------
    trace : Trace
    kind : {"components", "sweeps"}, default="components"
        Against the number of components, or sweep by sweep.
    """

    trace: Trace
    kind: str = "components"

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, kind: str = "components", ax: Axes | None = None
    ) -> Self:
        """Draw the message length of a fitted `MMLGaussianMixture` or `SymbolDiscovery`.

        Raises
        ------
        DataError
            If the mixture was read from a file, which holds no trace, or `kind` is unknown.
        """
        return cls(_trace(estimator), kind).plot(ax)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches."""
        return 6.4, 4.4

    def _draw(self, ax: Axes) -> None:
        kinds = {"components": message_length_curve, "sweeps": sweep_curve}
        if self.kind not in kinds:
            raise DataError(f"kind={self.kind!r} is unknown; choose one of {', '.join(kinds)}.")
        kinds[self.kind](self.trace, ax)


def _components(k: int) -> str:
    return "1 component" if k == 1 else f"{k} components"


def _nats(ax: Axes, highest: float) -> Axes:
    """Scale the upward axis linearly near zero and logarithmically above.

    What decides between two mixtures are a few nats among thousands.
    """
    ax.set_yscale("function", functions=(np.log1p, np.expm1))
    powers = [10.0**power for power in range(int(np.log10(max(highest, 1.0))) + 1)]
    ax.set_yticks([0.0, *powers], ["0", *(f"{power:,.0f}" for power in powers)])
    ax.set_yticks([], minor=True)
    ax.grid(axis="y", color="#E0E0E0", linewidth=0.6)
    return plain(ax)


def _trace(estimator: Any) -> Trace:
    """Return the trace of a mixture or a discovery; that of a file is in its evidence."""
    mixture = getattr(estimator, "mixture_", estimator)
    trace: Trace | None = getattr(mixture, "trace_", None)
    if trace is not None:
        return trace
    evidence = getattr(estimator, "evidence_", None)
    if evidence is None:
        raise DataError("The mixture was read from a file, which holds no trace; fit it anew.")
    sweeps = (
        Sweep(s["sweep"], s["k"], s["message_length"], s["log_likelihood"], chosen=s["chosen"])
        for s in evidence.ledger
    )
    events = tuple(Event(**event) for event in evidence.events)
    return Trace(tuple(sweeps), events, evidence.best_by_k)

"""Births, merges and deletions in the mixture of a stream, judged on a sample of it.

There are two yardsticks. A split must pay on the sample alone, whose rows count for no more than
they are: what was not seen is no evidence for one more component. What is there already goes only
if the whole stream does not pay for it, as far as the sample can tell; there the sample's rows
count for those that they stand for. What has too few rows in the sample is not judged by it.

The stream's mixture need not be the best for the sample, and a new component may then only mend
that. So splits, merges and deletions are compared with the mixture as the sample would have it. Of
what comes out, only the components concerned, and those that overlap them, are taken over; the
sums of the others keep what they know of rows that the sample does not hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.merges import LEAST_OVERLAP, Candidate, candidates, overlap
from xenoglyph.mixture.rows import Rows
from xenoglyph.mixture.splits import Split, split_into_cells, split_into_two
from xenoglyph.mixture.state import Mixture, Objective, Parameters
from xenoglyph.mixture.sums import Sums
from xenoglyph.mixture.trace import Event

__all__ = ["Review"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

# Nats that a split must save beyond none. The same sample is asked many questions, and the best of
# many answers looks better than it is.
MARGIN = 5.0
# Splits are made together, and where that does not pay, so many of them one by one; so many merges
# and deletions are tried.
TRIALS = 3
# Most sweeps to the mixture as the sample would have it, and nats per row that one must save.
SWEEPS, ENOUGH = 100, 3e-5
# A merge or deletion is tried if the message is no longer than by so many nats before any sweep.
HOPE = 50.0
# Times the rows with which a component starves, with which it is safe.
SAFE = 2.0
# What comes from a component that is split or from two that merge.
NEW = -1


@dataclass(eq=False)
class Review:
    """One review of a mixture."""

    sums: Sums
    objective: Objective
    """Of the whole stream."""
    sample: Rows
    number: int
    """Of the update after which it takes place, for the ledger."""
    events: list[Event] = field(default_factory=list)

    def settle(self) -> None:
        """Sweep over the sample, where it is the stream: what it forgot, the sums forget too."""
        x = Mixture(self.sample, replace(self.objective, n=self.sample.n), self.parameters())
        if self._settled(x):
            self.sums = Sums.of(x.parameters(), self.sums.n, self.objective)

    def split(self) -> None:
        """Split whatever it pays to split, round by round."""
        o = replace(self.objective, n=self.sample.n)
        x = Mixture(self.sample, o, self.parameters())
        while x.k < o.k_max and _offers(x) and self._settled(x):
            length, before = x.length(), x.parameters()
            for splits in _attempts(x, _offers(x)):
                after, source = _split(before, splits)
                x.restart(after)
                if self._settled(x) and x.length() < length - MARGIN and _viable(x, source):
                    break
            else:
                return
            k = before.k
            for m, split in splits.items():
                more = split.parts.k - 1
                self._note("split", k, k + more, before.alpha[m], split.saved, split.saved_model)
                k += more
            self._take(x, source)

    def shrink(self) -> None:
        """Do without a component, or with one in the place of two, as long as that pays."""
        o, up = self.objective, self.objective.n / self.sample.n
        x = Mixture(replace(self.sample, s=self.sample.s * up), o, self.parameters())
        while x.k > o.k_min:
            hopeful = sorted(self._hopeful(x, up), key=lambda one: one.dearer)[:TRIALS]
            if not hopeful:
                return
            before = x.parameters()
            if not self._settled(x, up):
                x.restart(before)  # one would starve: it is among those that may go
            length, model = x.length(), x.model()
            for one in hopeful:
                after, source = _joined(one, self.sums.count)
                x.restart(after)
                if self._settled(x, up) and x.length() < length:
                    break
            else:
                return
            saved, saved_model = length - x.length(), model - x.model()
            self._note(one.kind, x.k + 1, x.k, one.weight, saved, saved_model)
            self._take(x, source)

    def parameters(self) -> Parameters:
        """Return the M-step of the sums as they are now."""
        return self.sums.maximised(self.objective)

    def _hopeful(self, x: Mixture, up: float) -> list[Candidate]:
        """Return the merges and deletions of components that the sample can judge."""
        seen = _count(x) > up * x.objective.fewest_rows
        return [one for one in candidates(x) if one.dearer < HOPE and seen[list(one.gone)].all()]

    def _settled(self, x: Mixture, up: float = 1.0) -> bool:
        """Sweep over the components that cannot starve soon; False if one did all the same."""
        k, safe = x.k, _count(x) > SAFE * up * x.objective.fewest_rows
        converge(x, SWEEPS, ENOUGH * x.n, np.flatnonzero(safe))
        return x.k == k

    def _take(self, x: Mixture, source: Integers) -> None:
        """Take over what is new in x, and what overlaps it; x goes on from there."""
        shared = overlap(x)
        count = np.maximum(shared.sum(axis=1), 1e-300)
        near = shared > LEAST_OVERLAP * np.minimum(count[:, None], count[None, :])
        source = np.where(near[source == NEW].any(axis=0), NEW, source)
        self.sums = self.sums.patched(source, Sums.of(x.parameters(), self.sums.n, self.objective))
        x.restart(self.parameters())

    def _note(
        self, kind: str, before: int, after: int, weight: float, saved: float, model: float
    ) -> None:
        event = Event(self.number, kind, before, after, float(weight), saved, model)
        self.events.append(event)


def _count(x: Mixture) -> Array:
    """Sum of each component's responsibilities."""
    return np.array([x.responsibility(m).sum() for m in range(x.k)])


def _viable(x: Mixture, source: Integers) -> bool:
    """Whether what is new would not starve as soon as a few rows are forgotten."""
    return bool((_count(x)[source == NEW] > SAFE * x.objective.fewest_rows).all())


def _offers(x: Mixture) -> dict[int, Split]:
    """Return the splits that save enough: in two, or else in several."""
    offers: dict[int, Split] = {}
    for split_one in (split_into_two, split_into_cells):
        for m in range(x.k):
            if x.alpha[m] * x.n < 2.0 * x.objective.fewest_rows or m in offers:
                continue
            split = split_one(x, m)
            if split is not None and split.saved > MARGIN:
                offers[m] = split
    return offers


def _attempts(x: Mixture, offers: dict[int, Split]) -> Iterator[dict[int, Split]]:
    """All splits at once, as far as there is room, and then the best ones singly."""
    room, chosen = x.objective.k_max - x.k, []
    for m in sorted(offers, key=lambda m: -offers[m].saved):
        if offers[m].parts.k - 1 <= room:
            chosen.append(m)
            room -= offers[m].parts.k - 1
    if chosen:
        yield {m: offers[m] for m in chosen}
    if len(chosen) > 1:
        yield from ({m: offers[m]} for m in chosen[:TRIALS])


def _split(before: Parameters, splits: dict[int, Split]) -> tuple[Parameters, Integers]:
    """Put the heaviest part in the place of what is split, and the others at the end.

    Returns
    -------
    after : Parameters
    source : array of int
        Number of each component before, or `NEW`.
    """
    alpha, mu, C, source = [*before.alpha], [*before.mu], [*before.C], [*range(before.k)]
    for m, split in splits.items():
        parts = split.parts
        first, *others = np.argsort(-parts.alpha, kind="stable").tolist()
        alpha += [before.alpha[m] * parts.alpha[j] for j in others]
        mu += [parts.mu[j] for j in others]
        C += [parts.C[j] for j in others]
        source += [NEW] * len(others)
        alpha[m], source[m] = before.alpha[m] * parts.alpha[first], NEW
        mu[m], C[m] = parts.mu[first], parts.C[first]
    return Parameters(np.array(alpha), np.stack(mu), np.stack(C)), np.array(source)


def _joined(one: Candidate, count: Array) -> tuple[Parameters, Integers]:
    """Put what was merged in the place of the heavier one; returns what `_split` does."""
    source = np.setdiff1d(np.arange(len(count)), one.gone)
    if one.kind == "deletion":
        return one.parameters, source
    place = int(np.searchsorted(source, max(one.gone, key=lambda m: float(count[m]))))
    order = np.insert(np.arange(len(source)), place, len(source))
    after = one.parameters
    after = Parameters(after.alpha[order], after.mu[order], after.C[order])
    return after, np.insert(source, place, NEW)

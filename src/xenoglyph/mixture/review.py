"""Births, merges and deletions in the mixture of a stream, judged on a sample of it.

There are two yardsticks. A split must pay on the sample alone, whose rows count for no more than
they are: what was not seen is no evidence for one more component. What is there already goes only
if the whole stream does not pay for it, as far as the sample can tell; there the sample's rows
count for those that they stand for. What has too few rows in the sample is not judged by it.

Only the sums of the components concerned change, and those of the others keep what they know.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.merges import candidates
from xenoglyph.mixture.rows import Rows
from xenoglyph.mixture.search import after_splits
from xenoglyph.mixture.splits import Split, split_into_cells, split_into_two
from xenoglyph.mixture.state import Mixture, Objective, Parameters
from xenoglyph.mixture.sums import Sums
from xenoglyph.mixture.trace import Event

__all__ = ["Review"]

# Nats that a change must save beyond none. The same sample is asked many questions, and the best
# of many answers looks better than it is.
MARGIN = 5.0
# Splits are made together, and where that does not pay, so many of them one by one.
TRIALS = 3
# Sweeps with which splits are judged.
SWEEPS = 5


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

    def __post_init__(self) -> None:
        o = replace(self.objective, n=self.sample.n)
        self.x = Mixture(self.sample, o, self.parameters())

    def parameters(self) -> Parameters:
        """Return the M-step of the sums as they are now."""
        return self.sums.maximised(self.objective)

    def split(self) -> None:
        """Split whatever it pays to split, round by round."""
        x = self.x
        while x.k < x.objective.k_max:
            offers = self._offers()
            taken = next((one for one in self._attempts(offers) if self._pays(one)), None)
            if taken is None:
                break
            weights = x.alpha.tolist()
            for m, split in taken.items():
                k = len(self.sums.count)
                after = k + split.parts.k - 1
                self._note("split", k, after, weights[m], split.saved, split.saved_model)
                parts = Sums.of(split.parts, float(self.sums.count[m]), self.objective)
                self.sums = self.sums.split(m, parts)
            x.restart(self.parameters())

    def _offers(self) -> dict[int, Split]:
        """Return the splits that save enough; the halves first, and cells where none does."""
        x, offers = self.x, {}
        for split_one in (split_into_two, split_into_cells):
            for m in range(x.k):
                if x.alpha[m] * x.n < 2.0 * x.objective.fewest_rows or m in offers:
                    continue
                split = split_one(x, m)
                if split is not None and split.saved > MARGIN:
                    offers[m] = split
        return offers

    def _attempts(self, offers: dict[int, Split]) -> Iterator[dict[int, Split]]:
        """All splits at once, as far as there is room, and then the best ones singly."""
        ranked = sorted(offers, key=lambda m: -offers[m].saved)
        room, chosen = self.x.objective.k_max - self.x.k, []
        for m in ranked:
            if offers[m].parts.k - 1 <= room:
                chosen.append(m)
                room -= offers[m].parts.k - 1
        if chosen:
            yield {m: offers[m] for m in chosen}
        if len(chosen) > 1:
            yield from ({m: offers[m]} for m in chosen[:TRIALS])

    def _pays(self, splits: dict[int, Split]) -> bool:
        """Whether the sample's message is shorter with the splits, both after a few sweeps."""
        x, before = self.x, self.x.parameters()
        converge(x, SWEEPS, 0.0)
        length = x.length()
        x.restart(after_splits(before, splits))
        k = x.k
        converge(x, SWEEPS, 0.0)
        pays = x.k == k and x.length() < length - MARGIN
        x.restart(before)
        return pays

    def shrink(self) -> None:
        """Do without a component, or with one in the place of two, as long as that pays."""
        o, share = self.objective, self.sample.n / self.objective.n
        x = Mixture(replace(self.sample, s=self.sample.s / share), o, self.parameters())
        while x.k > o.k_min:
            seen = share * np.array([x.responsibility(m).sum() for m in range(x.k)])
            judged = [
                one
                for one in candidates(x)
                if one.dearer < -MARGIN and seen[list(one.gone)].min() > o.fewest_rows
            ]
            if not judged:
                break
            best = min(judged, key=lambda one: one.dearer)
            merge, length, model = best.kind == "merge", x.length(), x.model()
            self.sums = self.sums.merged(*best.gone) if merge else self.sums.without(*best.gone)
            x.restart(self.parameters())
            self._note(best.kind, x.k + 1, x.k, best.weight, length - x.length(), model - x.model())

    def _note(
        self, kind: str, before: int, after: int, weight: float, saved: float, model: float
    ) -> None:
        self.events.append(Event(self.number, kind, before, after, weight, saved, model))

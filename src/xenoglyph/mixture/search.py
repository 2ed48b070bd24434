"""How a fit finds its number of components, on the one objective of `cem2`.

`annihilate` is the outer loop of Figueiredo & Jain (2002): from many components down to few,
always without the lightest. `split_and_merge`, the default, has what that loop lacks: it grows
from few components by splits that the message length asks for (`splits`), and then tries to do
without any one component, or with one in the place of two, judged by the message length too.
Neither a seed nor a number of components to start from decides.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.ledger import Ledger
from xenoglyph.mixture.merges import candidates
from xenoglyph.mixture.splits import Split, split_into_cells, split_into_two
from xenoglyph.mixture.state import Mixture, Parameters
from xenoglyph.progress import Progress, quiet

__all__ = ["after_splits", "annihilate", "split_and_merge"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

# While components are still being split, a sweep must save so many times more.
LOOSE = 10.0
# Deletions and merges that are tried after one another before the search gives up.
TRIALS = 3
# A trial goes on in steps of a few sweeps over the components nearby, while what it still lacks
# is less than so many times what the last step saved.
TRIAL_SWEEPS, TRIAL_STEPS, TRIAL_PATIENCE = 3, 6, 6.0
# A component is not split anew before its count, mean or spread has changed by this share.
CHANGE = 0.15
MOST_ROUNDS = 100


def annihilate(
    x: Mixture, ledger: Ledger, tol: float, max_sweeps: int, progress: Progress = quiet
) -> Parameters:
    """Sweep, take out the lightest component, and again; return the best converged mixture.

    Parameters
    ----------
    x : Mixture
        The start, with the most components; changed in place.
    ledger : Ledger
        Written on.
    tol : float
        Nats per row that a sweep must save for the next one to follow.
    max_sweeps : int
        Most sweeps at one number of components.
    progress : callable
        See `xenoglyph.progress`.
    """
    k_min, k_max = x.objective.k_min, x.k
    ledger.begin(x)
    best, shortest, chosen, settled = x.parameters(), np.inf, 0, True
    removed: tuple[float, float, int, float] | None = None
    while True:
        settled &= ledger.converge(x, max_sweeps, tol * x.n)
        if removed is not None:
            _note_deletion(ledger, x, *removed)
        if x.length() <= shortest:
            best, shortest = x.parameters(), x.length()
            chosen = len(ledger.path.sweeps) - 1
        progress("mixture", k_max - x.k, k_max - k_min, f"{x.k} components")
        if x.k <= k_min:
            break
        weakest = int(x.log_a.argmin())
        removed = x.length(), x.model(), len(ledger.path.sweeps), float(x.alpha[weakest])
        x.restart(x.parameters().without(weakest))
    ledger.chosen = chosen
    if not settled:
        ledger.path.converged = False
    return best


def _note_deletion(
    ledger: Ledger, x: Mixture, length: float, model: float, sweep: int, weight: float
) -> None:
    """Write down a deletion, now that the mixture without the component has converged."""
    before = ledger.path.sweeps[sweep - 1].n_components
    saved, saved_model = length - x.length(), model - x.model()
    ledger.event("deletion", before, before - 1, weight, saved, saved_model, sweep)


@dataclass
class Refused:
    """Components that were not worth splitting, so that they are not tried again and again."""

    features: list[Array] = field(default_factory=list)
    scales: list[Array] = field(default_factory=list)

    def add(self, x: Mixture, m: int) -> None:
        """Remember component m."""
        features, scales = _features(x, m)
        self.features.append(features)
        self.scales.append(scales)

    def holds(self, x: Mixture, m: int) -> bool:
        """Whether component m is much like one that was refused."""
        if not self.features:
            return False
        change = np.abs(np.stack(self.features) - _features(x, m)[0])
        return bool((change < CHANGE * np.stack(self.scales)).all(axis=1).any())


def _features(x: Mixture, m: int) -> tuple[Array, Array]:
    """Count, mean and standard deviations of component m, and what counts as large in each."""
    C = x.C[m]
    count, sd = x.alpha[m : m + 1] * x.n, np.sqrt(C if C.ndim == 1 else np.diagonal(C))
    return np.concatenate([count, x.mu[m], sd]), np.concatenate([count, sd, sd])


def split_and_merge(
    x: Mixture, ledger: Ledger, tol: float, max_sweeps: int, progress: Progress = quiet
) -> Parameters:
    """Grow by splits, shrink by deletions and merges, until neither makes the message shorter.

    Parameters and the returned value are those of `annihilate`; the start may have any
    number of components.
    """
    ledger.begin(x)
    search = _Search(x, ledger, tol * x.n, max_sweeps, progress)
    for _ in range(MOST_ROUNDS):
        before = x.length()
        search.grow(split_into_two, search.not_paired)
        search.grow(split_into_cells, search.not_celled)
        search.settle()
        search.shrink()
        if before - x.length() < 2.0 * search.enough:
            break
    if not search.settle():
        ledger.path.converged = False
    ledger.chosen = len(ledger.path.sweeps) - 1
    return x.parameters()


@dataclass
class _Search:
    """The moves of `split_and_merge` on one mixture."""

    x: Mixture
    ledger: Ledger
    enough: float
    max_sweeps: int
    progress: Progress
    not_paired: Refused = field(default_factory=Refused)
    not_celled: Refused = field(default_factory=Refused)

    def settle(self, looseness: float = 1.0) -> bool:
        """Sweep to convergence; False if the most sweeps did not do."""
        settled = self.ledger.converge(self.x, self.max_sweeps, looseness * self.enough)
        self.progress("mixture", 0, 0, f"{self.x.k} components")
        return settled

    def grow(self, split_one: Callable[[Mixture, int], Split | None], refused: Refused) -> None:
        """Split whatever it pays to split, round by round."""
        x = self.x
        while x.k < x.objective.k_max:
            offers: dict[int, Split] = {}
            for m in range(x.k):
                if x.alpha[m] * x.n < 2.0 * x.objective.fewest_rows or refused.holds(x, m):
                    continue
                split = split_one(x, m)
                if split is not None and split.saved > self.enough:
                    offers[m] = split
                    continue
                refused.add(x, m)
                if split is not None:
                    self.ledger.see(x.k + split.parts.k - 1, x.length() - split.saved)
            if not offers or not self._take(offers, refused):
                return

    def _take(self, offers: dict[int, Split], refused: Refused) -> bool:
        """Make the splits on offer: all at once, or where that does not help the best of them."""
        x, before, length = self.x, self.x.parameters(), self.x.length()
        ranked = sorted(offers, key=lambda m: -offers[m].saved)
        room = x.objective.k_max - x.k
        chosen: list[int] = []
        for m in ranked:
            if offers[m].parts.k - 1 <= room:
                chosen.append(m)
                room -= offers[m].parts.k - 1
        singly = chosen[:TRIALS] if len(chosen) > 1 else []
        bookmark = self.ledger.bookmark()
        for attempt in [chosen, *([m] for m in singly)]:
            made = {m: offers[m] for m in attempt}
            x.restart(after_splits(before, made))
            self._note_splits(before, made)
            self.settle(LOOSE)
            # What starves may take the saving with it.
            if length - x.length() > self.enough:
                return True
            self.ledger.rewind(bookmark)
        x.restart(before)
        for m in ranked:
            refused.add(x, m)
        return False

    def _note_splits(self, before: Parameters, made: dict[int, Split]) -> None:
        k = before.k
        for m, split in made.items():
            after = k + split.parts.k - 1
            weight = float(before.alpha[m])
            self.ledger.event("split", k, after, weight, split.saved, split.saved_model)
            k = after
        self.ledger.begin(self.x)

    def shrink(self) -> None:
        """Do without a component, or with one in the place of two, as long as that pays."""
        x = self.x
        while x.k > x.objective.k_min:
            before, length, model = x.parameters(), x.length(), x.model()
            ranked = sorted(candidates(x), key=lambda candidate: candidate.dearer)
            for candidate in ranked[:TRIALS]:
                x.restart(candidate.parameters)
                if self._pays(length, candidate.near):
                    self.ledger.begin(x)
                    event = len(self.ledger.path.sweeps) - 1
                    self.settle()
                    saved, saved_model = length - x.length(), model - x.model()
                    self.ledger.event(
                        candidate.kind, before.k, before.k - 1, candidate.weight, saved,
                        saved_model, event,
                    )  # fmt: skip
                    break
            else:
                x.restart(before)
                return

    def _pays(self, length: float, order: Integers) -> bool:
        """Whether the message gets shorter than `length` in a few sweeps over some components."""
        x, previous = self.x, self.x.length()
        for _ in range(TRIAL_STEPS):
            k = x.k
            converge(x, TRIAL_SWEEPS, 0.0, order)
            now = x.length()
            if x.k < k:
                return False
            if now < length - self.enough:
                return True
            saved = previous - now
            if saved < self.enough or now - length > TRIAL_PATIENCE * saved:
                break
            previous = now
        self.ledger.see(x.k, x.length())
        return False


def after_splits(before: Parameters, splits: dict[int, Split]) -> Parameters:
    """Return the mixture with some components split."""
    alpha, mu, C = [], [], []
    for m in range(before.k):
        parts = splits[m].parts if m in splits else None
        alpha.append(before.alpha[m : m + 1] * (1.0 if parts is None else parts.alpha))
        mu.append(before.mu[m : m + 1] if parts is None else parts.mu)
        C.append(before.C[m : m + 1] if parts is None else parts.C)
    return Parameters(np.concatenate(alpha), np.concatenate(mu), np.concatenate(C))

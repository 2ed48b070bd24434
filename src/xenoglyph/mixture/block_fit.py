"""Fitting a table that comes in blocks: structure from a sample, parameters from every row.

1. A first pass finds centre, scale and what is wrong with the table (`scan`).
2. The search of `fitting` runs on a sample that fits into memory. Where the sample is the whole
   table, that is the answer, bit for bit that of an array.
3. EM passes over all blocks (`block_em`), with the message length of all rows.
4. With more rows more structure may pay. The sample, each row counting for as many as it stands
   for, proposes splits; what a split saves on the sample is too much, since it was fitted there,
   so a few passes over all rows tell what each saves at least. Deletions and merges are proposed
   likewise, and kept where the message about all rows gets shorter.
"""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from xenoglyph.memory import check_memory
from xenoglyph.mixture.block_em import Expectation, Splitting, Whole, converge_blocks, maximise
from xenoglyph.mixture.blocks import Blocks
from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.fitting import Fitted, Settings, Start, by_weight, find_mixture, rows_of
from xenoglyph.mixture.ledger import Ledger
from xenoglyph.mixture.merges import candidates
from xenoglyph.mixture.rows import Rows
from xenoglyph.mixture.scan import Scanned
from xenoglyph.mixture.search import after_splits
from xenoglyph.mixture.splits import Split, split_into_cells, split_into_two
from xenoglyph.mixture.state import Mixture, Objective, Parameters
from xenoglyph.mixture.trace import Trace
from xenoglyph.progress import Progress

__all__ = ["Sample", "check_fits", "find_in_blocks", "sample_rows"]

Array = NDArray[np.float64]

SAMPLE_BYTES, LEAST_SAMPLE, MOST_SAMPLE = 1 << 28, 2_000, 1_000_000
"""Memory that a fit of the sample may take, and the bounds of its rows."""
COPIES, COLUMNS = 4, 80
"""Copies of the sample, and further numbers for each row, that a fit of it takes."""
TRIALS, TRIAL_SWEEPS = 3, 10
"""Deletions and merges that are tried after one another, and sweeps over the sample for each."""
MOST_ROUNDS = 20
LOOSE = 10.0
"""While the structure still changes, a pass must save so many times more."""
LOCAL_PASSES = 10
"""Passes over all rows in which the parts of a split find their places."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows on which the structure of a mixture was sought, and how far they can be trusted."""

    n_rows: int
    """Rows of the sample."""
    n_total: int
    """Rows of the table."""
    standard_error: float
    """Of the sample's mean log density, in nats per row: by so much the data's part of the
    message would differ from sample to sample."""
    gained: float
    """Nats per row by which the message about all rows got shorter afterwards, by passes over all
    of them and what these changed in the structure."""
    n_components: int
    """Found on the sample."""
    trace: Trace = field(repr=False)
    """Of the search on the sample."""


def sample_rows(d: int) -> int:
    """Rows of a table of d columns whose fit takes at most `SAMPLE_BYTES`, roughly."""
    rows = SAMPLE_BYTES // (8 * (COPIES * d + COLUMNS))
    return int(min(max(rows, LEAST_SAMPLE), MOST_SAMPLE))


def check_fits(n: int, d: int) -> None:
    """Refuse a fit of so many rows and columns in memory where it would not fit.

    Raises
    ------
    NotEnoughMemoryError
    """
    check_memory(
        8 * n * (COPIES * d + COLUMNS),
        f"A search on {n:,} rows of {d} columns",
        "give sample_size, so that a sample is searched, or a memory map or a Dask array",
    )


def find_in_blocks(
    blocks: Blocks,
    scanned: Scanned,
    sample: tuple[Array, Array],
    settings: Settings,
    random: np.random.RandomState,
    start: Start | None,
    progress: Progress,
    threads: int,
) -> tuple[Fitted, Sample]:
    """Find the mixture of least message length, where it can be told from a sample and passes.

    Parameters
    ----------
    blocks : Blocks
    scanned : Scanned
        What the first pass told.
    sample : (array of shape (n, d), array of shape (n,))
        Rows by chance, and their weights.
    settings, random, start, progress
        See `find_mixture`.
    threads : int
        For the sample's part.
    """
    rows = rows_of(*sample, threads, scanned.units)
    found = find_mixture(rows, settings, random, start, progress)
    o = replace(found.objective, n=scanned.n)
    weighted = rows.take(np.arange(len(rows.s)), rows.s * (scanned.n / rows.n))
    whole = _Blockwise(blocks, weighted, o, settings, progress)
    whole.settle(found.parameters)
    first = whole.x
    error = whole.standard_error(rows)
    for _ in range(MOST_ROUNDS if settings.split_and_merge else 0):
        before = whole.x.length()
        whole.grow()
        whole.shrink()
        whole.settle(whole.x.parameters())
        if before - whole.x.length() < 2.0 * whole.enough:
            break
    trace = whole.ledger.trace()
    if not trace.converged:
        warnings.warn(
            f"{settings.max_sweeps} passes over all rows did not do; raise max_sweeps or tol.",
            ConvergenceWarning,
            stacklevel=3,
        )
    gained = (trace.sweeps[0].message_length - trace.chosen.message_length) / scanned.n
    told = Sample(len(sample[1]), scanned.n_rows, error, gained, first.k, found.trace)
    fitted = Fitted(by_weight(whole.x.parameters()), o, scanned.units, trace)
    return fitted, told


class _Blockwise:
    """A mixture of all rows, and the moves that its sample proposes."""

    def __init__(
        self, blocks: Blocks, sample: Rows, o: Objective, settings: Settings, progress: Progress
    ) -> None:
        self.blocks, self.sample, self.o, self.settings = blocks, sample, o, settings
        self.progress = progress
        self.few = sample.take(np.arange(1), sample.s[:1])
        self.local = replace(o, k_min=1)
        self.enough = settings.tol * o.n
        self.ledger = Ledger(sample, o, settings.record_parameters)
        self.passes = 0

    def settle(self, p: Parameters) -> None:
        """Pass over all rows to convergence, and keep the mixture."""
        self.x, self.ledger.path.converged = self._converge(p)

    def grow(self) -> None:
        """Split what it pays to split, by all rows."""
        while self.x.k < self.o.k_max:
            splits = self._paid(self._proposals())
            if not splits or not self._better(
                after_splits(self.x.parameters(), splits), "split", splits
            ):
                return

    def shrink(self) -> None:
        """Do without a component, or with one in the place of two, as long as that pays."""
        while self.x.k > self.o.k_min:
            y = Mixture(self.sample, self.o, self.x.parameters())
            length = y.length()
            for candidate in sorted(candidates(y), key=lambda one: one.dearer)[:TRIALS]:
                y.restart(candidate.parameters)
                converge(y, TRIAL_SWEEPS, 0.0, candidate.near)
                if y.length() < length and self._better(y.parameters(), candidate.kind):
                    break
            else:
                return

    def standard_error(self, rows: Rows) -> float:
        """Of the mean log density over a sample like this one, in nats per row."""
        y = Mixture(rows, self.o, self.x.parameters())
        log_density = y.offset + np.log(y.total)
        mean = rows.s @ log_density / rows.n
        return float(np.sqrt(rows.s @ (log_density - mean) ** 2) / rows.n)

    def _proposals(self) -> dict[int, Split]:
        """Return the best split of each component that pays on the sample."""
        y = Mixture(self.sample, self.o, self.x.parameters())
        found = {}
        for m in range(y.k):
            if y.alpha[m] * y.n < 2.0 * self.o.fewest_rows:
                continue
            ways = [way(y, m) for way in (split_into_two, split_into_cells)]
            best = max((one for one in ways if one), key=lambda one: one.saved, default=None)
            if best is not None and best.saved > self.enough:
                found[m] = best
        return found

    def _paid(self, proposals: dict[int, Split]) -> dict[int, Split]:
        """Fit the splits to all rows; return those that pay, as many as there is room for."""
        now = self.x.parameters()
        step = Expectation(self.few.standardisation, self.o, now)
        parts = {m: split.parts for m, split in proposals.items()}
        paid: dict[int, Split] = {}
        for _ in range(LOCAL_PASSES):
            if not parts:
                break
            split = Splitting(step, parts)
            self._note_pass(self.x.k)
            for m, (data, sums) in split.read(self.blocks.total(split)).items():
                model = self._dearer(now, m, parts[m])
                paid[m] = Split(data - model, -model, parts[m])
                parts[m] = maximise(self.local, parts[m], sums)[0]
            parts = {m: p for m, p in parts.items() if p.k > 1}
        room, kept = self.o.k_max - self.x.k, {}
        for m, one in sorted(paid.items(), key=lambda item: -item[1].saved):
            if one.saved > self.enough and one.parts.k - 1 <= room:
                kept[m] = one
                room -= one.parts.k - 1
        return kept

    def _dearer(self, now: Parameters, m: int, parts: Parameters) -> float:
        """Nats by which the mixture's part of the message is longer when m is split."""
        split = after_splits(now, {m: Split(0.0, 0.0, parts)})
        return Mixture(self.few, self.o, split).model() - self.x.model()

    def _better(self, p: Parameters, kind: str, splits: dict[int, Split] | None = None) -> bool:
        """Go on from other parameters if that makes the message about all rows shorter."""
        before, bookmark = self.x, self.ledger.bookmark()
        if splits:
            k = before.k
            for m, split in splits.items():
                after, weight = k + split.parts.k - 1, float(before.alpha[m])
                self.ledger.event(kind, k, after, weight, split.saved, split.saved_model)
                k = after
        x, settled = self._converge(p, LOOSE)
        saved = before.length() - x.length()
        if saved <= self.enough:
            self.ledger.rewind(bookmark)
            return False
        if not splits:
            self.ledger.event(
                kind,
                before.k,
                p.k,
                float(p.alpha[-1]),
                saved,
                before.model() - x.model(),
                bookmark[0],
            )
        self.x, self.ledger.path.converged = x, settled
        return True

    def _converge(self, p: Parameters, looseness: float = 1.0) -> tuple[Whole, bool]:
        return converge_blocks(
            self.blocks, self.few, self.o, p, self.ledger, self.settings.max_sweeps,
            looseness * self.enough, self._tell,
        )  # fmt: skip

    def _tell(self, x: Whole) -> None:
        self._note_pass(x.k)

    def _note_pass(self, k: int) -> None:
        self.passes += 1
        self.progress("mixture", 0, 0, f"{k} components, pass {self.passes} over all rows")

r"""The mixture of a stream: rows come, count for less and less, and are gone.

What is minimised is the message length of the stream as it is remembered. Row i counts for w_i,
which falls with every row that comes after it (see `reservoir`), and n is the sum of the w_i: in
the end 1 / r rows, r being the forgetting rate. This is the criterion of Zivkovic and van der
Heijden, "Recursive unsupervised learning of finite mixture models", IEEE TPAMI 26(5), 2004, with
the package's message length in the place of equation 15's.

1. A block of rows is judged by the present mixture; its sums are added to what is left of the
   older ones, and the M-step follows from the sums (`sums`). Weights are in proportion to
   count - N/2, and a component that speaks for too few rows is annihilated: one in a block at
   most, so that others can take over what it leaves.
2. When new rows are a good part of what is remembered, or are described worse than those before,
   the mixture is reviewed on a sample of bounded size, and components are born or merge
   (`review`).
3. As long as the sample has not had to give a row away it is the stream. Then the full search is
   asked, whenever there are twice as many rows as the last time.
"""

import copy
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from xenoglyph.errors import DataError
from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.fitting import Fitted, Settings, rows_of
from xenoglyph.mixture.missing import IncompleteRows
from xenoglyph.mixture.reservoir import Reservoir, counted
from xenoglyph.mixture.review import ENOUGH, SWEEPS, Review
from xenoglyph.mixture.rows import Rows, Standardisation, standardisation
from xenoglyph.mixture.start import objective_for
from xenoglyph.mixture.state import Mixture
from xenoglyph.mixture.sums import Sums
from xenoglyph.mixture.trace import Event, Sweep, Trace

__all__ = ["Stream", "Way"]

Array = NDArray[np.float64]

# Rows of the sample; what it takes to tell a component of a 200th of the rows.
SAMPLE = 16_384
# Rows of a block, and its share of all that is remembered, at most.
BLOCK, BLOCK_SHARE = 4096, 0.125
# New rows, as a share of what was remembered at the last review, with which the next one is due;
# and a share of those with which it is due where they are described worse than others, by so many
# standard errors.
RENEWED, EARLY, WORSE = 0.25, 0.125, 5.0
# Units and spread of the features are those of the sample, once it stands for so much of all.
KNOWN = 0.5
# The sample is all that is remembered, but for what is long past.
WHOLE = 0.99
# The mixture is searched for anew when there are so many times the rows of the last time.
GROWN = 2.0
# Updates and events that the trace goes back.
REMEMBERED = 1000
# Farther from the centre, in standard deviations, sums of squares would leave float64.
FAR = 1e60


@dataclass(frozen=True)
class Way:
    """How rows are learned: what the estimator's parameters say at the time."""

    rate: float
    """Forgetting rate."""
    search: Callable[[Rows], tuple[Fitted, str]]
    """Finds the mixture of some rows, and its type of covariance."""
    settings: Callable[[str], Settings]
    """Of a fit with that type of covariance."""
    least: int
    """Fewest components."""
    threads: int


@dataclass
class Described:
    """How well rows were described by the mixture that had not seen them yet."""

    n: float
    total: float
    """Sum of the rows' log densities, in nats and in the units of the data."""
    square: float
    """Sum of their squares."""
    lately: Array = field(default_factory=lambda: np.zeros(2))
    """The first two sums since the last review."""

    def add(self, w: Array, log_density: Array, fade: float) -> None:
        """Fade, and add rows."""
        sums = np.array([w.sum(), w @ log_density])
        self.n = fade * self.n + float(sums[0])
        self.total = fade * self.total + float(sums[1])
        self.square = fade * self.square + float(w @ log_density**2)
        self.lately = fade * self.lately + sums

    def worse(self) -> bool:
        """Whether rows have been described worse since the last review than all together."""
        mean = self.total / self.n
        variance = max(self.square / self.n - mean**2, 0.0)
        n, total = self.lately
        return bool(total - n * mean < -WORSE * np.sqrt(variance * n))


@dataclass(eq=False)
class Stream:
    """All that is remembered of a stream."""

    sample: Reservoir
    random: np.random.RandomState
    found: Fitted | None = None
    """The mixture as it is now; None while there are too few rows."""
    covariance_type: str = ""
    sums: Sums = field(init=False)
    described: Described = field(init=False)
    searched: float = np.inf
    """Rows that the full search was asked about last; never after a fit, whose rows are gone."""
    due: float = np.inf
    """Rows until the next review."""
    fresh: float = 0.0
    """Rows since the last one."""
    updates: int = 0
    sweeps: deque[Sweep] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def absorb(self, X: Array, s: Array, way: Way) -> None:
        """Learn from rows and forget others, block by block.

        Raises
        ------
        DataError
            If a row is too far from all others, or a full sample has a constant feature. What is
            left is of no use then.
        """
        first = 0
        while first < len(s):
            last = first + self._room(s[first : first + BLOCK])
            self._take(X[first:last], s[first:last], way)
            first = last
        if self.found is None and self._enough(way):
            self._search(way)
        if self.found is not None:
            self._note(self.found)

    def _room(self, s: Array) -> int:
        """How many of the next rows make a block: no more than up to the next review."""
        if self.found is None:
            return len(s)
        most = min(BLOCK_SHARE * self.sums.n, self.due - self.fresh)
        return 1 + int(np.searchsorted(np.cumsum(s[:-1]), most))

    def _take(self, X: Array, s: Array, way: Way) -> None:
        """Learn a block of rows."""
        if self.found is not None:
            self._update(X, s, self.found, way)
        self.sample.add(X, s, way.rate, self.random)
        if self.found is None:
            if self.sample.full:
                self._search(way)
        elif self.sample.whole and self.sample.w.sum() >= GROWN * self.searched:
            self._search(way)
        elif self.fresh >= self.due or (self.fresh >= EARLY * self.due and self.described.worse()):
            self._review(self.found, way)

    def _enough(self, way: Way) -> bool:
        """Whether the first rows say something about every direction."""
        X = self.sample.X
        least = max(2 * (X.shape[1] + 1), way.least)
        return len(X) >= least and bool(_varied(X).all()) and len(np.unique(X, axis=0)) >= least

    def _search(self, way: Way) -> None:
        """Ask the full search about the sample, and take its answer if the message is shorter."""
        of_stream, of_sample = self.sample.weights()
        rows = rows_of(self.sample.X, of_sample, way.threads)
        with threadpool_limits(limits=1, user_api="blas"):
            before, (found, name) = self.found, way.search(rows)
            if before is not None and name == self.covariance_type:
                found = self._shorter(before, found, rows)
        self.covariance_type, self.searched = name, float(of_stream.sum())
        self.begin(found, self.searched)

    def _shorter(self, before: Fitted, found: Fitted, rows: Rows) -> Fitted:
        """Return what the search has found, or what was there before if its message is shorter."""
        sums = self.sums.in_units(before.standardisation, rows.standardisation)
        present = Mixture(rows, found.objective, sums.maximised(found.objective))
        converge(present, SWEEPS, ENOUGH * rows.n)
        new = Mixture(rows, found.objective, found.parameters)
        saved = present.length() - new.length()
        if saved < 0.0:
            return replace(found, parameters=present.parameters())
        if new.k != before.parameters.k:
            model = present.model() - new.model()
            self._event("search", before.parameters.k, new.k, 1.0, saved, model)
        return found

    def begin(self, found: Fitted, n: float) -> None:
        """Go on from a fit, as if it was of n rows that have just come."""
        o = replace(found.objective, n=n)
        self.found = replace(found, objective=o)
        self.sums = Sums.of(found.parameters, n, o)
        mean = found.trace.chosen.log_likelihood / found.objective.n
        self.described = Described(n, n * mean, n * (mean**2 + 0.5 * o.d))
        self.due, self.fresh = RENEWED * n, 0.0

    def _update(self, X: Array, s: Array, found: Fitted, way: Way) -> None:
        """E-step of a block of rows, and the M-step of all sums."""
        w, fade = counted(s, way.rate)
        rows = _block(X, w, found.standardisation, way.threads)
        x = Mixture(rows, found.objective, found.parameters)
        self.described.add(w, x.offset + np.log(x.total) - rows.log_volumes(), fade)
        self.sums = self.sums.plus(x, fade)
        self.updates += 1
        self.fresh += float(s.sum())
        self._starve(x)
        o = replace(found.objective, n=self.sums.n)
        self.found = replace(found, parameters=self.sums.maximised(o), objective=o)

    def _starve(self, x: Mixture) -> None:
        """Annihilate the lightest component if it speaks for too few rows."""
        m = int(self.sums.count.argmin())
        if x.k > x.objective.k_min and self.sums.count[m] <= x.objective.fewest_rows:
            fewer = Mixture(x.rows, x.objective, x.parameters().without(m))
            saved = x.model() - fewer.model()
            self._event("annihilation", x.k, x.k - 1, float(x.alpha[m]), saved, saved)
            self.sums = self.sums.without(m)

    def _review(self, found: Fitted, way: Way) -> None:
        """Ask the sample for births and merges, in units of the features as they are now."""
        self.due, self.fresh = RENEWED * self.sums.n, 0.0
        self.described.lately = np.zeros(2)
        if not _varied(self.sample.X).any():
            return
        of_stream, of_sample = self.sample.weights()
        settings = way.settings(self.covariance_type)
        if of_stream.sum() < KNOWN * self.sums.n:  # of the rows before a fit ended none is there
            units, o = found.standardisation, found.objective
            rows = rows_of(self.sample.X, of_sample, way.threads, units)
        else:
            units = _units(self.sample.X, of_sample, found.standardisation)
            rows = rows_of(self.sample.X, of_sample, way.threads, units)
            o = objective_for(
                rows, settings.structure, settings.criterion, settings.prior_scatter,
                settings.min_components, min(settings.max_components or np.inf, len(rows.s)),
                settings.split_and_merge,
            )  # fmt: skip
        sums = self.sums.in_units(found.standardisation, rows.standardisation)
        review = Review(sums, replace(o, n=sums.n), rows, self.updates)
        with threadpool_limits(limits=1, user_api="blas"):
            if self.sample.whole and of_stream.sum() > WHOLE * sums.n:
                review.settle()
            review.split()
            review.shrink()
        self.events += review.events
        self.sums, o = review.sums, replace(o, n=review.sums.n)
        parameters = self.sums.maximised(o)
        self.found = replace(
            found, parameters=parameters, objective=o, standardisation=rows.standardisation
        )

    def _event(
        self, kind: str, before: int, after: int, weight: float, saved: float, model: float
    ) -> None:
        self.events.append(Event(self.updates, kind, before, after, weight, saved, model))

    def _note(self, found: Fitted) -> None:
        """Write down the mixture as it is now."""
        d, units = found.objective.d, found.standardisation
        nowhere = Rows(np.zeros((d, 1)), np.ones(1), units)
        model = Mixture(nowhere, found.objective, found.parameters).model()
        data, k = self.described.total, found.parameters.k
        self.sweeps.append(Sweep(self.updates, k, model - data, data, converged=True))
        sweeps = [*self.sweeps]
        sweeps[-1] = replace(sweeps[-1], chosen=True)
        trace = Trace(tuple(sweeps), tuple(self.events), {k: model - data})
        self.found = replace(found, trace=trace)

    def copy(self) -> "Stream":
        """Return a stream that goes on alone; no array is ever changed in place."""
        other = copy.copy(self)
        other.sample, other.random = copy.copy(self.sample), copy.deepcopy(self.random)
        other.sweeps, other.events = self.sweeps.copy(), self.events.copy()
        if self.found is not None:
            other.described = copy.copy(self.described)
        return other


def _varied(X: Array) -> NDArray[np.bool_]:
    """Whether each feature has two values."""
    return np.asarray(np.fmax.reduce(X) > np.fmin.reduce(X))


def _units(X: Array, s: Array, old: Standardisation) -> Standardisation:
    """Standardise features; one that has come to rest keeps its old scale."""
    varied, centre, scale = _varied(X), np.fmin.reduce(X), old.scale.copy()
    centre = np.where(np.isnan(centre), old.centre, centre)
    if varied.any():
        new = standardisation(np.ascontiguousarray(X.T[varied]), s)
        centre[varied], scale[varied] = new.centre, new.scale
    return Standardisation(centre, scale)


def _block(X: Array, w: Array, units: Standardisation, threads: int) -> Rows:
    """Standardise some rows of a stream."""
    with np.errstate(over="ignore"):
        Z = units.apply(X)
    if not (np.nan_to_num(np.abs(Z), nan=0.0) < FAR).all():
        raise DataError(
            f"A row is more than {FAR:g} standard deviations away from those before; drop it, or "
            "start anew with fit."
        )
    make = IncompleteRows if np.isnan(Z).any() else Rows
    return make(Z, w, units, threads)

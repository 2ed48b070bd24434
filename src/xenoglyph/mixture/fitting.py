"""From a checked table to the mixture of least message length: what a fit consists of."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from xenoglyph.errors import DataError
from xenoglyph.mixture.covariance import Covariance
from xenoglyph.mixture.ledger import Ledger
from xenoglyph.mixture.message_length import Criterion
from xenoglyph.mixture.missing import incomplete_rows
from xenoglyph.mixture.rows import (
    Rows,
    Standardisation,
    complete_rows,
    in_one_order,
    standardisation,
)
from xenoglyph.mixture.search import annihilate, split_and_merge
from xenoglyph.mixture.start import cells, objective_for, one_component, random_start
from xenoglyph.mixture.state import Mixture, Objective, Parameters
from xenoglyph.mixture.trace import Trace
from xenoglyph.progress import Progress

__all__ = ["Fitted", "Settings", "Start", "by_weight", "find_mixture", "rows_of"]

Array = NDArray[np.float64]
Start = Callable[[Standardisation], Parameters]
"""Gives the parameters to go on from, in the units of its argument."""

# Where "annihilation" starts unless it is told; and the share of the components of the start
# beyond which the answer is taken to be held down by it.
FIRST_START, SATURATED = 25, 0.8
# Up to so many rows "split-merge" makes a second start, from so many components, and the shorter
# message wins.
FEW_ROWS, MANY = 4000, 64


@dataclass(frozen=True)
class Settings:
    """What a fit is asked for."""

    structure: Covariance
    criterion: Criterion
    split_and_merge: bool
    min_components: int
    max_components: int | None
    """None where there is no bound."""
    prior_scatter: float
    tol: float
    max_sweeps: int
    record_parameters: bool


@dataclass(frozen=True, eq=False)
class Fitted:
    """The answer."""

    parameters: Parameters
    objective: Objective
    standardisation: Standardisation
    trace: Trace


def rows_of(X: Array, s: Array, threads: int, units: Standardisation | None = None) -> Rows:
    """Standardise a table, whose values may be missing (NaN).

    Parameters
    ----------
    X : array of shape (n, d)
        None of the rows is all NaN.
    s : array of shape (n,)
        Positive weights.
    threads : int
    units : Standardisation, optional
        Of a larger table; their own by default.
    """
    Z, s = in_one_order(X, s)
    units = units or standardisation(Z, s)
    units.apply_in_place(Z)
    make = incomplete_rows if np.isnan(Z).any() else complete_rows
    return make(Z, s, units, threads)


def find_mixture(
    rows: Rows,
    settings: Settings,
    random: np.random.RandomState,
    start: Start | None,
    progress: Progress,
) -> Fitted:
    """Find the mixture of least message length.

    Parameters
    ----------
    rows : Rows
    settings : Settings
    random : RandomState
        Chooses the rows from which "annihilation" starts.
    start : callable, optional
        See `Start`.
    progress : callable
        See `xenoglyph.progress`.

    Raises
    ------
    DataError
        If there are fewer different rows than `min_components`.
    """
    if len(rows.s) < settings.min_components:
        raise DataError(
            f"min_components={settings.min_components} was given, but X has only {len(rows.s)} "
            "different rows; give fewer components or more rows."
        )
    most = min(settings.max_components or np.inf, len(rows.s))
    o = objective_for(
        rows, settings.structure, settings.criterion, settings.prior_scatter,
        settings.min_components, most, settings.split_and_merge,
    )  # fmt: skip
    given = None if start is None else start(rows.standardisation)
    if settings.split_and_merge:
        starts = _starts(rows, o, random) if given is None else iter([given])
        runs = [_run(split_and_merge, Mixture(rows, o, one), settings, progress) for one in starts]
        parameters, trace = _shortest(runs, settings.tol * rows.n)
    elif given is not None or settings.max_components is not None:
        k = min(settings.max_components or FIRST_START, len(rows.s))
        first = random_start(rows, o, k, random) if given is None else given
        parameters, trace = _run(annihilate, Mixture(rows, o, first), settings, progress)
    else:
        parameters, trace = _from_ever_more(rows, o, settings, random, progress)
    if not trace.converged:
        warnings.warn(
            f"The fit did not converge within {settings.max_sweeps} sweeps in a row; raise "
            "max_sweeps or tol.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return Fitted(by_weight(parameters), o, rows.standardisation, trace)


def _shortest(runs: list[tuple[Parameters, Trace]], enough: float) -> tuple[Parameters, Trace]:
    """Return the shortest message; of those as short but for `enough` nats, the first."""
    lengths = [trace.chosen.message_length for _, trace in runs]
    return runs[next(i for i, length in enumerate(lengths) if length <= min(lengths) + enough)]


def _starts(rows: Rows, o: Objective, random: np.random.RandomState) -> Iterator[Parameters]:
    """As few components as are allowed; where rows are few, many too.

    Many clusters of few rows each are hard to split off one by one.
    """
    Z = rows.filled(np.zeros(rows.d), o.spread)
    few = one_component(rows, o) if o.k_min == 1 else cells(Z, rows.s, o, o.k_min)
    if few.k < o.k_min:
        few = cells(Z, rows.s, o, o.k_min, fewest=1)
    yield few if few.k == o.k_min else random_start(rows, o, o.k_min, random)
    k = int(min(MANY, o.k_max, rows.n / (2.0 * max(o.fewest_rows, 1.0))))
    if rows.compiled and len(rows.s) <= FEW_ROWS and k > 2 * o.k_min:
        yield cells(Z, rows.s, o, k)


def _from_ever_more(
    rows: Rows,
    o: Objective,
    settings: Settings,
    random: np.random.RandomState,
    progress: Progress,
) -> tuple[Parameters, Trace]:
    """Annihilate from more and more components, until the answer stays well below them."""
    k = FIRST_START
    while True:
        k = min(max(k, settings.min_components), len(rows.s))
        x = Mixture(rows, o, random_start(rows, o, k, random))
        parameters, trace = _run(annihilate, x, settings, progress)
        alive = trace.sweeps[1].n_components if len(trace.sweeps) > 1 else k
        if parameters.k <= SATURATED * min(k, alive) or k == len(rows.s):
            return parameters, trace
        k *= 2


def _run(
    search: Callable[[Mixture, Ledger, float, int, Progress], Parameters],
    x: Mixture,
    settings: Settings,
    progress: Progress,
) -> tuple[Parameters, Trace]:
    ledger = Ledger(x.rows, x.objective, settings.record_parameters)
    parameters = search(x, ledger, settings.tol, settings.max_sweeps, progress)
    return parameters, ledger.trace()


def by_weight(parameters: Parameters) -> Parameters:
    """Put the heaviest component first, equals in the order of their means."""
    order = np.lexsort((*parameters.mu.T[::-1], -parameters.alpha))
    return Parameters(parameters.alpha[order], parameters.mu[order], parameters.C[order])

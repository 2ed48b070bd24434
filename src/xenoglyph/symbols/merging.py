"""Which components of a mixture are one symbol.

Components are cheap pieces: a symbol whose codes are not Gaussian takes several. Two pieces are
joined when too many rows of one would be taken for the other. Asked is either the mixture itself
(`merge_components`; by directly estimated misclassification probabilities, as Hennig has it in
"Methods for merging Gaussian mixture components", Advances in Data Analysis and Classification 4,
3-34 (2010), section 4.2), or somebody who learnt the pieces from other rows (`merge_pieces`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import xlogy

from xenoglyph.errors import DataError, ModelFileError

__all__ = [
    "Merge",
    "Symbols",
    "check_tolerance",
    "information",
    "joint_confusion",
    "merge_components",
    "merge_joint",
    "merge_pieces",
    "symbols_from_settings",
    "symbols_to_settings",
]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

TINY = float(np.finfo(np.float64).tiny)

PRESUMED = 1.0
"""Rows of a small group that are presumed confused although they were not seen to be."""
EXCUSED = 0.05
"""Largest share of mistakes that says more of whoever was asked than of two groups."""
CLEAR = 0.1
"""Largest seen confusion that can be excused for being far below all of those joined before,"""
DROP = 3.0
"""that is, so many times less."""


@dataclass(frozen=True)
class Merge:
    """One join in the tree of components."""

    first: tuple[int, ...]
    """Components on one side."""
    second: tuple[int, ...]
    """Components on the other side."""
    confusion: float
    """How often rows of one side would be taken for the other: see `merge_joint`."""
    excused: float
    """How much of it says nothing of the two sides: see `merge_joint`."""
    joined: bool
    """Whether the rest was large enough to make them one symbol."""
    holds_from: float
    """The least tolerance at which these two, and no others, would be next; or where they are not
    joined, none."""
    nats: float
    """What the join costs: so many nats less does what all rows are taken for tell of what they
    are (mutual information times the number of rows)."""

    @property
    def unexcused(self) -> float:
        """The tolerance from which on the two sides stay apart."""
        return max(0.0, self.confusion - self.excused)


@dataclass(frozen=True, eq=False)
class Symbols:
    """How the components of a mixture are gathered into symbols."""

    component_symbol: Integers
    """Symbol of each component, shape (k,); symbol 0 has the largest share of the rows."""
    merges: tuple[Merge, ...]
    """The whole tree, in the order in which the sides become one, confusion falling or not."""
    confusion: Array
    """How confused any two symbols are, as `Merge.confusion` has it, shape (n_symbols, n_symbols);
    zero on the diagonal."""

    @property
    def n_symbols(self) -> int:
        """How many symbols there are."""
        return int(self.component_symbol.max()) + 1

    @property
    def tolerance_interval(self) -> tuple[float, float]:
        """Tolerances from the first to below the second give the same symbols."""
        n_joined = sum(merge.joined for merge in self.merges)
        held = (merge.holds_from for merge in self.merges[: n_joined + 1])
        joined = (merge.unexcused for merge in self.merges[:n_joined])
        return max(held, default=0.0), min(joined, default=1.0)

    def components(self, symbol: int) -> Integers:
        """Components of one symbol, in rising order."""
        return np.flatnonzero(self.component_symbol == symbol)

    def numbered_by(self, sizes: NDArray[Any]) -> "Symbols":
        """Return the same symbols, numbered so that their `sizes`, shape (n_symbols,), fall."""
        number = np.empty(self.n_symbols, np.intp)
        order = np.argsort(-sizes, kind="stable")
        number[order] = np.arange(self.n_symbols)
        confusion = self.confusion[np.ix_(order, order)]
        return Symbols(number[self.component_symbol], self.merges, confusion)

    @property
    def nearest(self) -> Integers:
        """The symbol that each symbol is most confused with, shape (n_symbols,); -1 if alone."""
        if self.n_symbols == 1:
            return np.array([-1])
        others = self.confusion - np.eye(self.n_symbols)
        return np.asarray(others.argmax(axis=1))

    @property
    def separation(self) -> Array:
        """One less the largest confusion with another symbol, shape (n_symbols,)."""
        return np.asarray(1.0 - self.confusion.max(axis=1))

    def pool(self, posterior: Array) -> Array:
        """Add the columns of `posterior`, shape (n, k), symbol by symbol: shape (n, n_symbols)."""
        pooled = np.zeros((len(posterior), self.n_symbols))
        np.add.at(pooled.T, self.component_symbol, posterior.T)
        return pooled


def information(taken: Array) -> float:
    """Tell how much what rows are taken for says of what they are.

    Parameters
    ----------
    taken : array of shape (g, g)
        Number of rows of group i that are taken for group j.

    Returns
    -------
    float
        Mutual information of the two, times the number of rows, in nats.
    """
    n = max(float(taken.sum()), TINY)
    parts = (xlogy(sums, sums / n).sum() for sums in (taken, taken.sum(axis=1), taken.sum(axis=0)))
    joint, rows, columns = parts
    return float(joint - rows - columns)


def merge_components(posterior: Array, tolerance: float) -> Symbols:
    """Join the most confused components until no two are confused by more than `tolerance`.

    Parameters
    ----------
    posterior : array of shape (n, k)
        Probability of each component for each row.
    tolerance : float
        See `merge_joint`.

    Returns
    -------
    Symbols

    Raises
    ------
    DataError
        If the tolerance is not in [0, 1].
    """
    return merge_joint(joint_confusion(posterior.argmax(axis=1), posterior), tolerance)


def merge_pieces(pieces: Integers, held_out: Array, tolerance: float) -> Symbols:
    """Join the most confused pieces until no two groups are confused by more than `tolerance`.

    What is said of a row must not come from somebody who has learnt that row: else it is what
    was learnt, and no pieces are confused.

    Parameters
    ----------
    pieces : array of shape (n,)
        Piece of each row, from 0 to k - 1.
    held_out : array of shape (n, k)
        Probability of each piece for each row, by somebody who has not seen it.
    tolerance : float
        See `merge_joint`.

    Returns
    -------
    Symbols

    Raises
    ------
    DataError
        If the tolerance is not in [0, 1].
    """
    return merge_joint(joint_confusion(pieces, held_out), tolerance)


def joint_confusion(pieces: Integers, held_out: Array, weights: Array | None = None) -> Array:
    """Count rows by what they are and what they are taken for, in both directions alike.

    Parameters
    ----------
    pieces : array of shape (n,)
    held_out : array of shape (n, k)
        See `merge_pieces`.
    weights : array of shape (n,), optional
        What each row counts for.

    Returns
    -------
    array of shape (k, k), symmetric
    """
    n, k = held_out.shape
    counts = np.ones(n) if weights is None else weights
    taken = sparse.csr_array((counts, (pieces, np.arange(n))), shape=(k, n)) @ held_out
    return np.asarray((taken + taken.T) / 2)


def merge_joint(joint: Array, tolerance: float) -> Symbols:
    """Join groups until no two are confused by more than `tolerance`.

    Two groups are seen to be as confused as somebody would err who had to choose between the two
    alone: the share of the rows of one that are taken for the other, among those taken for either;
    the mean of both directions. Of a group smaller than the average of all groups, `PRESUMED` rows
    more count as confused, as far as it is smaller: what a handful of rows shows is little.

    Whoever was asked may err about everything, having seen few rows. Not more than `tolerance`
    may therefore be the confusion of two symbols less the share of all rows that are taken for
    another group than their own; but of that not more than `EXCUSED`. Of the pairs that have more,
    the one that was seen to be the most confused is joined: what is only presumed says that a
    group is no symbol, but not which other it is part of. And where every pair is seen to be
    `DROP` times less confused than any that was joined before, and by at most `CLEAR`, all that
    was seen is excused: pieces of one symbol are not that much easier to tell apart than other
    pieces of one symbol.

    Parameters
    ----------
    joint : array of shape (k, k), symmetric
        What `joint_confusion` counted.
    tolerance : float
        In [0, 1].

    Returns
    -------
    Symbols

    Raises
    ------
    DataError
        If the tolerance is not in [0, 1].
    """
    check_tolerance(tolerance)
    mass = joint.sum(axis=0)
    groups: list[tuple[int, ...]] = [(m,) for m in range(len(joint))]
    table = joint
    merges: list[Merge] = []
    end, least = (groups, table), 0.0
    while len(groups) > 1:
        one, other = np.triu_indices(len(groups), 1)
        seen, presumed = (found[one, other] for found in _confused(table))
        confusion = np.minimum(1.0, seen + presumed)
        excused = _excused(table, seen, least)
        rest = confusion - excused
        # Once two groups were kept apart, everything further up the tree stays apart.
        together = bool(rest.max() > tolerance) and all(merge.joined for merge in merges)
        most = np.where(rest > tolerance, seen, -1.0) if together else confusion
        pair = int(most.argmax())
        sooner = rest[seen > seen[pair]] if together else rest
        least = min(least, float(seen[pair])) if merges else float(seen[pair])
        i, j = int(one[pair]), int(other[pair])
        told, table = information(table), _added(table, i, j)
        merges.append(
            Merge(
                groups[i],
                groups[j],
                float(confusion[pair]),
                float(excused[pair]),
                together,
                float(sooner.max(initial=0.0)),
                max(0.0, told - information(table)),
            )
        )
        groups = [g if a != i else groups[i] + groups[j] for a, g in enumerate(groups) if a != j]
        end = (groups, table) if together else end
    falling = sorted(range(len(end[0])), key=lambda g: -mass[list(end[0][g])].sum())
    apart = np.minimum(1.0, sum(_confused(end[1])))[np.ix_(falling, falling)]
    np.fill_diagonal(apart, 0.0)
    return Symbols(_numbered([end[0][g] for g in falling], len(mass)), tuple(merges), apart)


def _excused(table: Array, seen: Array, least: float) -> Array:
    """Tell how much of what was seen of each pair says nothing of the two: see `merge_joint`."""
    general = min(EXCUSED, 1.0 - float(np.trace(table) / max(table.sum(), TINY)))
    clear = seen.max() <= min(CLEAR, least / DROP)
    return np.asarray(np.maximum(general, clear * seen))


def _confused(table: Array) -> tuple[Array, Array]:
    """Tell how confused any two groups are, seen and presumed: see `merge_joint`.

    Both of shape (g, g) and symmetric. The second is more than one where one of the two is tiny.
    """
    mass = np.maximum(table.sum(axis=0), TINY)
    taken = table / np.maximum(table + np.diag(table)[:, None], TINY)
    smaller = 1.0 / np.minimum.outer(mass, mass) - len(mass) / mass.sum()
    return (taken + taken.T) / 2, PRESUMED * np.maximum(0.0, smaller)


def _added(table: Array, i: int, j: int) -> Array:
    """Make the table in which group j is part of group i."""
    belongs = np.eye(len(table))
    belongs[:, i] += belongs[:, j]
    belongs = np.delete(belongs, j, axis=1)
    return np.asarray(belongs.T @ table @ belongs)


def check_tolerance(tolerance: float) -> None:
    """Refuse what is no share.

    Raises
    ------
    DataError
        If the tolerance is not in [0, 1].
    """
    if not 0.0 <= tolerance <= 1.0:
        raise DataError(f"tolerance={tolerance!r} was given; give a share between 0 and 1.")


def _numbered(groups: list[tuple[int, ...]], n_components: int) -> Integers:
    """Symbol of each component: the number of the group that it is in."""
    component_symbol = np.empty(n_components, dtype=np.intp)
    for symbol, group in enumerate(groups):
        component_symbol[list(group)] = symbol
    return component_symbol


def symbols_to_settings(symbols: Symbols) -> dict[str, Any]:
    """Return the symbols as plain lists and numbers, for a model file."""
    return {
        "component_symbol": symbols.component_symbol.tolist(),
        "merges": [
            [m.first, m.second, m.confusion, m.excused, m.joined, m.holds_from, m.nats]
            for m in symbols.merges
        ],
        "confusion": symbols.confusion.tolist(),
    }


def symbols_from_settings(settings: dict[str, Any], n_components: int) -> Symbols:
    """Make the symbols that `symbols_to_settings` took apart.

    Raises
    ------
    ModelFileError
        If they do not fit `n_components`, or the symbols are not numbered from zero on.
    """
    component_symbol = np.asarray(settings["component_symbol"], dtype=np.intp)
    numbers = np.unique(component_symbol)
    if component_symbol.shape != (n_components,) or not np.array_equal(
        numbers, np.arange(len(numbers))
    ):
        raise ModelFileError("The symbols in the model file do not fit its mixture.")
    merges = tuple(
        Merge(
            tuple(map(int, a)),
            tuple(map(int, b)),
            float(share),
            float(excused),
            bool(joined),
            float(held),
            float(nats),
        )
        for a, b, share, excused, joined, held, nats in settings["merges"]
    )
    confusion = np.asarray(settings["confusion"], np.float64)
    if confusion.shape != (len(numbers), len(numbers)):
        raise ModelFileError("The confusion in the model file does not fit its symbols.")
    return Symbols(component_symbol, merges, confusion)

"""Which components of a mixture are one symbol.

Components are cheap pieces: a symbol whose codes are not Gaussian takes several. Two pieces are
joined when the mixture itself would take too many rows of one for the other: the directly
estimated misclassification probabilities of Hennig, "Methods for merging Gaussian mixture
components", Advances in Data Analysis and Classification 4, 3-34 (2010), section 4.2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError, ModelFileError

__all__ = [
    "Merge",
    "Symbols",
    "confusion",
    "merge_components",
    "symbols_from_settings",
    "symbols_to_settings",
]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Merge:
    """One join in the tree of components."""

    first: tuple[int, ...]
    """Components on one side."""
    second: tuple[int, ...]
    """Components on the other side."""
    confusion: float
    """Share of the rows of one side that would be taken for the other; the larger of the two."""
    joined: bool
    """Whether it was large enough to make them one symbol."""


@dataclass(frozen=True, eq=False)
class Symbols:
    """How the components of a mixture are gathered into symbols."""

    component_symbol: Integers
    """Symbol of each component, shape (k,); symbol 0 has the largest share of the rows."""
    merges: tuple[Merge, ...]
    """The whole tree, in the order in which the sides become one, confusion falling or not."""

    @property
    def n_symbols(self) -> int:
        """How many symbols there are."""
        return int(self.component_symbol.max()) + 1

    def components(self, symbol: int) -> Integers:
        """Components of one symbol, in rising order."""
        return np.flatnonzero(self.component_symbol == symbol)

    def pool(self, posterior: Array) -> Array:
        """Add the columns of `posterior`, shape (n, k), symbol by symbol: shape (n, n_symbols)."""
        pooled = np.zeros((len(posterior), self.n_symbols))
        np.add.at(pooled.T, self.component_symbol, posterior.T)
        return pooled


def confusion(posterior: Array) -> Array:
    """Estimate how often rows of one group are taken for another.

    Parameters
    ----------
    posterior : array of shape (n, g)
        Probability of each group for each row.

    Returns
    -------
    array of shape (g, g)
        Entry (i, j): share of the rows of group i that the most probable group calls j.
    """
    g = posterior.shape[1]
    taken_for = np.eye(g)[posterior.argmax(axis=1)]
    mass = np.maximum(posterior.sum(axis=0), np.finfo(np.float64).tiny)
    return np.asarray(posterior.T @ taken_for / mass[:, None])


def merge_components(posterior: Array, tolerance: float) -> Symbols:
    """Join the most confused groups until no two are confused more often than `tolerance`.

    Parameters
    ----------
    posterior : array of shape (n, k)
        Probability of each component for each row.
    tolerance : float
        Largest share of one symbol's rows that may be taken for another symbol, in [0, 1].

    Returns
    -------
    Symbols

    Raises
    ------
    DataError
        If the tolerance is not in [0, 1].
    """
    if not 0.0 <= tolerance <= 1.0:
        raise DataError(f"tolerance={tolerance!r} was given; give a share between 0 and 1.")
    groups: list[tuple[int, ...]] = [(m,) for m in range(posterior.shape[1])]
    joined = groups
    merges: list[Merge] = []
    P = posterior.copy()
    while len(groups) > 1:
        either = confusion(P)
        np.fill_diagonal(either, -1.0)
        either = np.maximum(either, either.T)
        i, j = sorted(int(index) for index in np.unravel_index(either.argmax(), either.shape))
        # Once two groups were kept apart, everything further up the tree stays apart.
        belongs = float(either[i, j]) > tolerance and all(merge.joined for merge in merges)
        merges.append(Merge(groups[i], groups[j], float(either[i, j]), belongs))
        P[:, i] += P[:, j]
        P = np.delete(P, j, axis=1)
        groups = [g if a != i else groups[i] + groups[j] for a, g in enumerate(groups) if a != j]
        joined = groups if belongs else joined
    return Symbols(_numbered(joined, posterior), tuple(merges))


def _numbered(groups: list[tuple[int, ...]], posterior: Array) -> Integers:
    """Symbol of each component, symbols in order of falling share."""
    mass = posterior.sum(axis=0)
    falling = sorted(groups, key=lambda group: -mass[list(group)].sum())
    component_symbol = np.empty(posterior.shape[1], dtype=np.intp)
    for symbol, group in enumerate(falling):
        component_symbol[list(group)] = symbol
    return component_symbol


def symbols_to_settings(symbols: Symbols) -> dict[str, Any]:
    """Return the symbols as plain lists and numbers, for a model file."""
    return {
        "component_symbol": symbols.component_symbol.tolist(),
        "merges": [[m.first, m.second, m.confusion, m.joined] for m in symbols.merges],
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
        Merge(tuple(map(int, first)), tuple(map(int, second)), float(share), bool(joined))
        for first, second, share, joined in settings["merges"]
    )
    return Symbols(component_symbol, merges)

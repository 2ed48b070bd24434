"""Tables as blocks of rows: sums over tables that do not fit into memory.

Whatever is asked of a table is a `Statistic`: a vector for each block of rows, and how two vectors
become one. Vectors are put together in a tree whose shape depends on the blocks alone, so that
neither threads nor workers nor the order in which they finish change a bit of the result.

A table is a NumPy array or a memory map (`ArrayBlocks`), or a Dask array or DataFrame
(`DaskBlocks`). Nothing here imports Dask: whoever has such a table has Dask, and everything is
asked of the table itself.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from xenoglyph.errors import DataError
from xenoglyph.memory import forget_pages

__all__ = [
    "ArrayBlocks",
    "Blocks",
    "DaskBlocks",
    "Statistic",
    "blocks_of",
    "is_lazy",
    "lazy_table",
]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

T = TypeVar("T")

ROWS = 1 << 14
"""Rows of a block."""
FAN_IN = 8
"""Vectors that one task of Dask puts together."""
AHEAD = 4
"""Blocks under way for each thread."""
KEPT = 1 << 26
"""Bytes of a memory map that are read before the system is told that they are not needed now."""


class Statistic(Protocol):
    """A vector that is known of a table when it is known of its parts."""

    def of(self, X: Array, s: Array) -> Array:
        """Return the vector of some rows, shape (n, d), of weights s, shape (n,)."""

    def combine(self, a: Array, b: Array) -> Array:
        """Return the vector of two sets of rows, given that of each."""


class Blocks(Protocol):
    """Rows that come in blocks, always the same blocks in the same order."""

    @property
    def d(self) -> int:
        """Number of columns."""

    def total(self, statistic: Statistic) -> Array:
        """Return the vector of the whole table."""

    def counts(self) -> Integers:
        """Return the number of rows in each block."""

    def pick(self, numbers: Integers, seed: int) -> tuple[Array, Array]:
        """Draw so many rows of each block; return them, shape (sum of numbers, d), and weights."""


@dataclass(frozen=True, eq=False)
class ArrayBlocks:
    """An array or a memory map of shape (n, d), read some rows at a time."""

    X: NDArray[Any]
    s: NDArray[Any] | None = None
    threads: int = 1

    @property
    def d(self) -> int:
        """Number of columns."""
        return int(self.X.shape[1])

    def total(self, statistic: Statistic) -> Array:
        """See `Blocks`."""

        def of(part: slice) -> Array:
            return statistic.of(*self._rows(part))

        return _in_a_tree(
            self._forgetting(_in_order(of, self._parts(), self.threads)), statistic.combine
        )

    def counts(self) -> Integers:
        """See `Blocks`."""
        return np.array([part.stop - part.start for part in self._parts()], np.intp)

    def pick(self, numbers: Integers, seed: int) -> tuple[Array, Array]:
        """See `Blocks`."""
        drawn = (
            self._rows(part.start + _drawn(part.stop - part.start, int(number), seed, block))
            for block, (part, number) in enumerate(zip(self._parts(), numbers, strict=True))
        )
        X, s = zip(*self._forgetting(drawn), strict=True)
        return np.concatenate(X), np.concatenate(s)

    def _forgetting(self, answers: Iterator[T]) -> Iterator[T]:
        """Hand on what blocks were asked; of a memory map, let go of what was read for it."""
        size = ROWS * self.X[:1].nbytes
        for number, answer in enumerate(answers, 1):
            yield answer
            if number * size % KEPT < size:
                forget_pages(self.X)

    def _parts(self) -> Iterator[slice]:
        return row_parts(len(self.X))

    def _rows(self, part: slice | Integers) -> tuple[Array, Array]:
        X = np.asarray(self.X[part], np.float64)
        s = np.ones(len(X)) if self.s is None else np.asarray(self.s[part], np.float64)
        return X, s


@dataclass(frozen=True, eq=False)
class DaskBlocks:
    """A Dask array of shape (n, d), each of whose chunks is a block; n may be unknown."""

    X: Any
    """Not cut by columns."""
    s: Any = None
    """Weights, shape (n, 1), in the same chunks."""

    @property
    def d(self) -> int:
        """Number of columns."""
        return int(self.X.shape[1])

    def total(self, statistic: Statistic) -> Array:
        """See `Blocks`."""
        parts, n_blocks = self._map(_chunk_total, statistic=statistic), self.X.numblocks[0]
        while n_blocks > 1:
            parts = parts.rechunk({0: FAN_IN})
            n_blocks = parts.numblocks[0]
            parts = parts.map_blocks(
                _together, statistic=statistic, dtype=float, chunks=((1,) * n_blocks, (np.nan,))
            )
        return np.asarray(parts.compute()[0])

    def counts(self) -> Integers:
        """See `Blocks`."""
        known = self.X.chunks[0]
        if not np.isnan(known).any():
            return np.array(known, np.intp)
        return np.asarray(self._map(_chunk_rows).compute()[:, 0], np.intp)

    def pick(self, numbers: Integers, seed: int) -> tuple[Array, Array]:
        """See `Blocks`."""
        drawn = self._arguments()[0].map_blocks(
            _chunk_drawn, *self._arguments()[1:], numbers=tuple(map(int, numbers)), seed=seed,
            dtype=float, chunks=(tuple(map(int, numbers)), (self.d + 1,)),
        ).compute()  # fmt: skip
        return np.ascontiguousarray(drawn[:, :-1]), drawn[:, -1].copy()

    def _map(self, function: Callable[..., Array], **settings: Any) -> Any:
        """Return a lazy array of one vector for each chunk."""
        first, *rest = self._arguments()
        return first.map_blocks(
            function, *rest, **settings, dtype=float,
            chunks=((1,) * self.X.numblocks[0], (np.nan,)),
        )  # fmt: skip

    def _arguments(self) -> tuple[Any, ...]:
        return (self.X,) if self.s is None else (self.X, self.s)


def is_lazy(X: object) -> bool:
    """Whether X is a collection of Dask's."""
    return hasattr(X, "__dask_graph__")


def is_mapped(X: Any, most: Callable[[int], int] = lambda d: ROWS) -> bool:
    """Whether X is a memory map of numbers, of two dimensions and more than so many rows."""
    if not isinstance(X, np.memmap) or X.ndim != 2 or X.dtype.kind not in "fiub":
        return False
    return bool(X.shape[1] and len(X) > most(X.shape[1]))


def row_parts(n: int) -> Iterator[slice]:
    """Cut n rows into blocks."""
    return (slice(first, min(first + ROWS, n)) for first in range(0, n, ROWS))


def blocks_of(
    X: Any, sample_weight: Any, threads: int, most: Callable[[int], int]
) -> Blocks | None:
    """Return a collection of Dask's, or a long memory map, as blocks.

    Parameters
    ----------
    X, sample_weight
        As `fit` takes them.
    threads : int
    most : callable
        Takes a number of columns; returns the rows of such a map that count as few.

    Returns
    -------
    Blocks or None
        None for any other table.

    Raises
    ------
    DataError
        If X is no table, or the weights do not fit it.
    """
    if is_lazy(X):
        return _dask_blocks(X, sample_weight)
    if not is_mapped(X, most):
        return None
    if sample_weight is None:
        return ArrayBlocks(X, None, threads)
    s = sample_weight if isinstance(sample_weight, np.memmap) else np.asarray(sample_weight)
    if s.shape != (len(X),) or s.dtype.kind not in "fiub":
        raise DataError(
            f"sample_weight has shape {s.shape} and type {s.dtype}; give {len(X)} numbers."
        )
    return ArrayBlocks(X, s, threads)


def _dask_blocks(X: Any, sample_weight: Any) -> DaskBlocks:
    table = lazy_table(X)
    if sample_weight is None:
        return DaskBlocks(table)
    if not is_lazy(sample_weight):
        raise DataError("X is Dask's and sample_weight is not; give it as a Dask array too.")
    s = sample_weight if hasattr(sample_weight, "map_blocks") else sample_weight.to_dask_array()
    if s.ndim != 1 or s.numblocks[0] != table.numblocks[0]:
        raise DataError(
            f"sample_weight has {s.ndim} dimension(s) in {s.numblocks[0]} chunks; give one in the "
            f"{table.numblocks[0]} chunks of X."
        )
    return DaskBlocks(table, s[:, None])


def lazy_table(X: Any) -> Any:
    """Return a collection of Dask's as an array that is not cut by columns.

    Raises
    ------
    DataError
        If it is no table.
    """
    table = X if hasattr(X, "map_blocks") else X.to_dask_array()
    if table.ndim != 2 or not table.shape[1] or not table.numblocks[0]:
        raise DataError(
            f"X has shape {table.shape}; give two rows or more, of one column or more."
        )
    return table if table.numblocks[1] == 1 else table.rechunk({1: -1})


@cache
def _blas() -> ThreadpoolController:
    """Look for BLAS once: to look takes as long as some thousand rows."""
    return ThreadpoolController()


def _in_order(
    function: Callable[[slice], Array], parts: Iterator[slice], threads: int
) -> Iterator[Array]:
    """Results in the order of the parts, a few of them under way at a time."""
    with _blas().limit(limits=1, user_api="blas"):
        if threads == 1:
            yield from map(function, parts)
            return
        with ThreadPoolExecutor(threads) as pool:
            under_way = deque(
                pool.submit(function, part) for part in islice(parts, AHEAD * threads)
            )
            while under_way:
                yield under_way.popleft().result()
                under_way.extend(pool.submit(function, part) for part in islice(parts, 1))


def _in_a_tree(vectors: Iterable[Array], combine: Callable[[Array, Array], Array]) -> Array:
    """Put neighbours together, then neighbours of these; hold no more than the tree is deep."""
    waiting: list[tuple[int, Array]] = []
    for vector in vectors:
        height, own = 0, vector
        while waiting and waiting[-1][0] == height:
            own = combine(waiting.pop()[1], own)
            height += 1
        waiting.append((height, own))
    _, whole = waiting.pop()
    while waiting:
        whole = combine(waiting.pop()[1], whole)
    return whole


def _drawn(n: int, number: int, seed: int, block: int) -> Integers:
    """Numbers of so many of a block's n rows, by chance, in rising order."""
    if number == n:
        return np.arange(n)
    random = np.random.default_rng((seed, block))
    return np.sort(random.choice(n, number, replace=False, shuffle=False))


def _chunk(X: Any, s: Any = None) -> ArrayBlocks:
    """Return one chunk of a Dask array, and of its weights, in blocks of their own."""
    weights = None if s is None else np.asarray(s)[:, 0]
    return ArrayBlocks(np.asarray(X), weights)


def _chunk_total(X: Any, s: Any = None, *, statistic: Statistic) -> Array:
    """Return the vector of one chunk, shape (1, length)."""
    if not len(X):  # as filters leave them: without any row, and still with a vector
        return statistic.of(np.empty((0, X.shape[1])), np.empty(0))[None]
    return _chunk(X, s).total(statistic)[None]


def _chunk_rows(X: Any, s: Any = None) -> Array:
    return np.full((1, 1), len(X))


def _chunk_drawn(
    X: Any, s: Any = None, *, numbers: tuple[int, ...], seed: int, block_id: tuple[int, ...]
) -> Array:
    """Return rows of one chunk with their weights as a last column."""
    block = block_id[0]
    index = _drawn(len(X), numbers[block], seed, block)
    rows, weights = _chunk(X, s)._rows(index)
    return np.column_stack([rows, weights])


def _together(vectors: Array, *, statistic: Statistic) -> Array:
    return _in_a_tree(iter(vectors), statistic.combine)[None]

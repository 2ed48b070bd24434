"""Rows to fit a mixture to: toy sets that are drawn when asked for, and CSV files of numbers."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import make_blobs, make_circles, make_moons

from xenoglyph.errors import DataError

__all__ = ["TOY_SETS", "Points", "load_points"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Points:
    """Rows of numbers, with the names of their columns."""

    rows: Array
    """Shape (n, d)."""
    names: tuple[str, ...]


def _blobs(n: int, seed: int) -> Array:
    """Draw five round clusters; where they lie depends on the seed."""
    return np.asarray(make_blobs(n, centers=5, random_state=seed)[0])


def _circles(n: int, seed: int) -> Array:
    """Draw a circle in a circle."""
    return np.asarray(make_circles(n, noise=0.05, factor=0.5, random_state=seed)[0])


def _moons(n: int, seed: int) -> Array:
    """Draw two half circles, one in the other."""
    return np.asarray(make_moons(n, noise=0.08, random_state=seed)[0])


def _gaussians(n: int, seed: int) -> Array:
    """Draw four Gaussians that overlap, two of them with one mean (Figueiredo & Jain, 2002)."""
    random = np.random.default_rng(seed)
    means = np.array([[-4.0, -4.0], [-4.0, -4.0], [2.0, 2.0], [-1.0, -6.0]])
    covariances = [
        [[1.0, 0.5], [0.5, 1.0]],
        [[6.0, -2.0], [-2.0, 6.0]],
        [[2.0, -1.0], [-1.0, 2.0]],
        [[0.125, 0.0], [0.0, 0.125]],
    ]
    counts = random.multinomial(n, [0.3, 0.3, 0.3, 0.1])
    drawn = zip(means, covariances, counts, strict=True)
    rows = [random.multivariate_normal(mu, C, count) for mu, C, count in drawn]
    return random.permutation(np.concatenate(rows))


TOY_SETS: dict[str, Callable[[int, int], Array]] = {
    "blobs": _blobs,
    "circles": _circles,
    "moons": _moons,
    "gaussians": _gaussians,
}
"""Name to a function of how many rows, and a seed."""


def load_points(
    source: str, *, columns: Sequence[str] | None = None, n_rows: int = 2000, random_state: int = 0
) -> Points:
    """Draw the rows of a toy set, or read those of a CSV file.

    Parameters
    ----------
    source : str
        A name in `TOY_SETS`, or the path of a CSV file. Its first line may name the columns.
    columns : sequence of str, optional
        Which columns of a file to read, by name, or by number (from 0) where they have none; by
        default those whose first value is a number.
    n_rows : int, default=2000
        How many rows of a toy set to draw.
    random_state : int, default=0
        Of the toy set.

    Raises
    ------
    DataError
        If there is no such set, file or column, or a value is no number.
    """
    if source in TOY_SETS:
        if columns is not None:
            raise DataError(f"{source} has no columns to choose from; a file has.")
        return Points(TOY_SETS[source](n_rows, random_state), ("x", "y"))
    path = Path(source).expanduser()
    if not path.is_file():
        raise DataError(f"{source!r} is no CSV file, nor one of {', '.join(TOY_SETS)}.")
    return _read(path, columns)


def _read(path: Path, columns: Sequence[str] | None) -> Points:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file: {error}.") from error
    if not lines:
        raise DataError(f"{path} is empty; expected a row of numbers in each line.")
    first = lines[0][1]
    named = not any(_is_number(cell) for cell in first)
    names = [cell.strip() for cell in first] if named else [str(j) for j in range(len(first))]
    body = lines[named:]
    if not body:
        raise DataError(f"{path} names its columns, and holds no rows.")
    chosen = _chosen(path, names, body[0][1], columns)
    rows = [_numbers(path, number, row, names, chosen) for number, row in body]
    labels = tuple(names[j] if named else f"column {j}" for j in chosen)
    return Points(np.array(rows, dtype=np.float64), labels)


def _chosen(
    path: Path, names: Sequence[str], first: Sequence[str], columns: Sequence[str] | None
) -> list[int]:
    """Return which columns to read."""
    if columns is None:
        numeric = [j for j in range(min(len(names), len(first))) if _is_number(first[j])]
        if not numeric:
            raise DataError(f"{path} has no column of numbers.")
        return numeric
    for name in columns:
        if name not in names:
            raise DataError(f"{path} has no column {name!r}; it has {', '.join(names)}.")
        if names.count(name) > 1:
            raise DataError(f"{path}: {name!r} is the name of more than one column.")
        if columns.count(name) > 1:
            raise DataError(f"{name!r} is named twice; name each column once.")
    return [names.index(name) for name in columns]


def _numbers(
    path: Path, number: int, row: Sequence[str], names: Sequence[str], chosen: Sequence[int]
) -> list[float]:
    if len(row) != len(names):
        raise DataError(f"{path}, line {number}: {len(row)} values, expected {len(names)}.")
    wrong = [j for j in chosen if not _is_number(row[j])]
    if wrong:
        raise DataError(
            f"{path}, line {number}, column {names[wrong[0]]}: {row[wrong[0]]!r} is no number."
        )
    return [float(row[j]) for j in chosen]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

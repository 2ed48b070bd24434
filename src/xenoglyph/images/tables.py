"""Tables in which every row is an image: CSV, and Parquet where pyarrow is installed."""

import csv
import importlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xenoglyph.errors import DataError, DependencyError
from xenoglyph.images.conversion import as_labels
from xenoglyph.images.raw import (
    LABEL_NAMES,
    RawImages,
    check_read,
    check_unpacked,
    named_errors,
    source_file,
)

__all__ = ["read_csv", "read_parquet"]

ROWS = 4096
SAVED = "save the pixels as an .npy file of uint8, which is read from the disk as it is needed"
NUMERIC = re.compile(r"u?int\d+|halffloat|float|double|bool")


def read_csv(path: Path) -> RawImages:
    """Read a CSV file whose first line names the columns.

    Parameters
    ----------
    path : Path
        A column called ``labels``, ``label``, ``class``, ``target`` or ``y`` holds labels; the
        other columns whose first value is a number hold pixels, row by row of the image. A
        column without a name (an index) is passed over.

    Returns
    -------
    RawImages
        Rows of pixels; their image size where the number of pixels is a square.

    Raises
    ------
    DataError
        If the columns cannot be told apart, a value is no number, or pixels leave both 0..1
        and 0..255.
    """
    with named_errors(path):
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            names, first = next(rows, []), next(rows, [])
        label, pixels = _columns(names, [_is_number(cell) for cell in first])
        # As many rows as there would be if all were as long as the first.
        n_rows = path.stat().st_size // max(1, len(",".join(first)) + 1)
        check_read((n_rows, len(pixels)), 4, path, SAVED)
        values = _load_numbers(path, pixels)
        labels = None if label is None else _load_columns(path, [label], np.str_)
        return _table(values, labels, path)


def read_parquet(path: Path) -> RawImages:
    """Read a Parquet file with the columns that :func:`read_csv` describes.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    RawImages
        Rows of pixels; their image size where the number of pixels is a square.

    Raises
    ------
    DataError
        As :func:`read_csv`.
    DependencyError
        If pyarrow is not installed.
    """
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DependencyError(
            f"{path}: Parquet needs pyarrow: pip install 'xenoglyph[tables]'"
        ) from error
    with named_errors(path):
        try:
            with parquet.ParquetFile(path) as file:
                return _read_parquet(file, path)
        except arrow.ArrowException as error:  # not all of them are errors of Python's kinds
            raise DataError(f"is no Parquet file, or damaged: {str(error)[:100]}") from error


def _read_parquet(file: Any, path: Path) -> RawImages:
    names, types = file.schema_arrow.names, file.schema_arrow.types
    label, pixels = _columns(names, [bool(NUMERIC.fullmatch(str(kind))) for kind in types])
    check_unpacked(file.metadata.num_rows * len(pixels), path)
    check_read((file.metadata.num_rows, len(pixels)), 4, path, SAVED)
    values = _read_batches(file, [names[i] for i in pixels])
    labels = None if label is None else file.read([names[label]]).column(names[label])
    return _table(values, labels, path)


def _columns(names: Sequence[str], numeric: Sequence[bool]) -> tuple[int | None, list[int]]:
    """Index of the column of labels, if there is one, and those of the columns of pixels."""
    if len(set(names)) < len(names):
        raise DataError("the first line must name the columns, each by a name of its own")
    if len(names) != len(numeric):
        raise DataError(f"{len(names)} columns are named, the first row has {len(numeric)}")
    labels = [i for i, name in enumerate(names) if name.strip().lower() in LABEL_NAMES]
    if len(labels) > 1:
        named = ", ".join(names[i] for i in labels)
        raise DataError(f"only one column may hold labels; came {named}")
    pixels = [i for i, name in enumerate(names) if numeric[i] and name.strip() and i not in labels]
    if not pixels:
        raise DataError("no column holds pixels: expected one row of numbers for each image")
    return (labels[0] if labels else None), pixels


def _is_number(cell: str) -> bool:
    """Whether a cell is a number, or is missing where one may be expected."""
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


def _load_numbers(path: Path, columns: Sequence[int]) -> NDArray[Any]:
    try:
        # Whole numbers are read five times as fast as such, and most tables hold nothing else.
        return _load_columns(path, columns, np.uint8)
    except ValueError:
        return _load_columns(path, columns, np.float32)


def _load_columns(path: Path, columns: Sequence[int], dtype: type) -> NDArray[Any]:
    return np.loadtxt(
        path,
        dtype,
        comments=None,
        delimiter=",",
        quotechar='"',
        skiprows=1,
        usecols=columns,
        ndmin=2,
        encoding="utf-8",
    )


def _read_batches(file: Any, columns: list[str]) -> NDArray[np.float32]:
    values = np.empty((file.metadata.num_rows, len(columns)), np.float32)
    start = 0
    for batch in file.iter_batches(ROWS, columns=columns):
        stop = start + len(batch)
        for j, name in enumerate(columns):
            values[start:stop, j] = batch.column(name).to_numpy(zero_copy_only=False)
        start = stop
    return values


def _table(values: NDArray[Any], labels: ArrayLike | None, path: Path) -> RawImages:
    if not len(values):
        raise DataError("holds no rows")
    side = math.isqrt(values.shape[1])
    return RawImages(
        _brightness(values),
        None if labels is None else _whole_or_text(labels),
        (source_file(path),),
        image_shape=(side, side) if side**2 == values.shape[1] else None,
    )


def _brightness(values: NDArray[Any]) -> NDArray[np.float32]:
    """Values in 0..1 as they are, and in 0..255 (told by any value above 1) divided by 255."""
    low, high = values.min(), values.max()
    if not 0 <= low <= high <= 255:
        raise DataError(f"pixels must lie in 0..255 or in 0..1; came {low:g}..{high:g}")
    pixels = values.astype(np.float32, copy=False)
    if high > 1:
        pixels /= np.float32(255)
    return pixels


def _whole_or_text(labels: ArrayLike) -> NDArray[Any]:
    """Labels as integers where all of them can be read so."""
    known = as_labels(labels)
    try:
        return known.astype(np.int64)
    except ValueError:
        return known

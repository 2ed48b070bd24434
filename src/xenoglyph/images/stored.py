"""Pixels that stay as they are stored, most of all in files; some at a time come as float32."""

import math
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from xenoglyph.errors import DataError
from xenoglyph.memory import check_memory, forget_pages

__all__ = [
    "StoredPixels",
    "as_float",
    "check_unit",
    "file_region",
    "is_large",
    "read_some",
    "unit_range",
]

Array = NDArray[Any]

LARGE = 1 << 30
"""Bytes: pixels that would take more as float32 are left as they are stored."""
BLOCK = 1 << 24
"""Bytes of float32 that are looked at together."""


@dataclass(frozen=True, eq=False)
class StoredPixels:
    """An array of images in the type, and the place, in which they are stored.

    It is indexed like an array of float32 in [0, 1], and gives such arrays: ``pixels[:100]`` reads
    a hundred images. ``np.asarray(pixels)`` reads them all, where they fit into memory.

    Parameters
    ----------
    stored : array of shape (n, h, w) or (n, h, w, c)
        uint8, bool or floats in [0, 1]; each image in C order.
    index : array of shape (n,), optional
        Which of the stored images there are; all of them by default.
    """

    stored: Array
    index: NDArray[np.intp] | None = None

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Type of what is read: float32."""
        return np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, h, w) or (n, h, w, c)."""
        return (len(self), *self.stored.shape[1:])

    @property
    def ndim(self) -> int:
        """3, or 4 of coloured images."""
        return self.stored.ndim

    @property
    def size(self) -> int:
        """Number of pixels of all images."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.stored if self.index is None else self.index)

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        """Read some images, or parts of some."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, int | np.integer):
            number = range(len(self))[first]
            return np.asarray(self[number : number + 1][(0, *rest)])
        return np.asarray(as_float(read_some(self.stored, self._own(first)))[(slice(None), *rest)])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Read all images, if they fit into memory."""
        if copy is False:
            raise ValueError("stored pixels cannot be read without a copy")
        check_memory(4 * self.size, f"all pixels of {len(self):,} images", "read some of them")
        pixels = np.empty(self.shape, np.float32)
        done = 0
        for block in self.blocks():
            pixels[done : done + len(block)] = block
            done += len(block)
        return pixels.astype(dtype or np.float32, copy=False)

    def subset(self, index: Any) -> "StoredPixels":
        """Return some images, not read."""
        own = np.arange(len(self.stored)) if self.index is None else self.index
        return StoredPixels(self.stored, own[index])

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """All images in their order, some at a time."""
        size = max(1, BLOCK // (4 * math.prod(self.shape[1:])))
        for first in range(0, len(self), size):
            yield self[first : first + size]

    def _own(self, key: Any) -> Any:
        return key if self.index is None else self.index[key]


def is_large(shape: tuple[int, ...]) -> bool:
    """Tell whether images would take more than `LARGE` bytes as float32."""
    return 4 * math.prod(shape) > LARGE


def read_some(stored: Array, rows: Any) -> Array:
    """Copy some images, or rows of pixels, to uint8 or float32 in C order.

    Those of a file are read, not looked at through its map: with every row that is looked at here
    and there, the system may bring in two megabytes of the map.
    """
    region = file_region(stored) if hasattr(os, "preadv") else None
    some = stored[rows] if region is None else _read(stored, *region, rows)
    if some.dtype == np.bool_:
        some = some.astype(np.uint8) * np.uint8(255)
    kind = np.uint8 if some.dtype == np.uint8 else np.float32
    # What overflows float32 is refused with the other values outside [0, 1].
    with np.errstate(over="ignore"):
        copied = np.array(some, dtype=kind, order="C", copy=region is None or None)
    if region is None:
        forget_pages(stored)
    return copied


def _read(stored: Array, file: str, offset: int, rows: Any) -> Array:
    """Read rows from the file that a map is of."""
    size = math.prod(stored.shape[1:]) * stored.itemsize
    runs = list(_runs(rows, len(stored)))
    count = sum(length for _, length in runs)
    into, done = np.empty(count * size, np.uint8), 0
    descriptor = os.open(file, os.O_RDONLY)
    try:
        for first, length in runs:
            end = done + length * size
            place = offset + first * size - done
            while done < end:
                got = os.preadv(descriptor, [into[done:end].data], place + done)
                if not got:
                    raise DataError(f"{file} was cut short while it was read")
                done += got
    finally:
        os.close(descriptor)
    return into.view(stored.dtype).reshape(count, *stored.shape[1:])


def _runs(rows: Any, n: int) -> Iterator[tuple[int, int]]:
    """Where rows begin that follow each other, and how many there are."""
    if rows is ... or (isinstance(rows, slice) and rows.step in (None, 1)):
        first, stop, _ = (slice(None) if rows is ... else rows).indices(n)
        yield first, max(0, stop - first)
        return
    index = np.arange(n)[rows] if isinstance(rows, slice) else np.asarray(rows)
    if index.dtype == np.bool_:
        index = np.flatnonzero(index)
    if len(index) and not (-n <= index.min() and index.max() < n):
        raise IndexError(f"there are {n} images; {index.min()} to {index.max()} were asked for")
    yield from ((number, 1) for number in np.where(index < 0, index + n, index).tolist())


def as_float(rows: Array) -> NDArray[np.float32]:
    """Bring pixels of uint8 or float32 to float32 in [0, 1]."""
    return np.divide(rows, np.float32(255)) if rows.dtype == np.uint8 else rows


def unit_range(blocks: Iterator[Array]) -> tuple[float, float]:
    """Return the least and the greatest pixel of all blocks; NaN where there is any."""
    ends = [(block.min(), block.max()) for block in blocks]
    return float(np.min(ends)), float(np.max(ends))


def check_unit(low: float, high: float) -> None:
    """Raise DataError unless the least and the greatest pixel lie in [0, 1]."""
    if math.isnan(low) or math.isnan(high):
        raise DataError("the pixels hold NaN; replace or drop those images")
    if low < 0 or high > 1:
        raise DataError(
            f"pixels must lie in [0, 1]; came {low:g}..{high:g}: pass uint8, or divide by the "
            "largest value that a pixel can take"
        )


def file_region(array: Array) -> tuple[str, int] | None:
    """Tell in which file an array lies as it is, and where it begins there.

    Returns
    -------
    (file, offset) or None
        None where the array is no map of a file, not in C order, or may differ from its file.
    """
    pages, file = getattr(array, "_mmap", None), getattr(array, "filename", None)
    if pages is None or file is None or not array.flags.c_contiguous or _is_private(array):
        return None
    # The offset that a part of a map tells is that of the whole map.
    offset = int(getattr(array, "offset", 0))
    begin = offset - offset % mmap.ALLOCATIONGRANULARITY
    return str(file), begin + array.ctypes.data - np.frombuffer(pages, np.uint8).ctypes.data


def _is_private(array: Array) -> bool:
    """Whether changes of a map are kept from its file, and are nowhere else."""
    return getattr(array, "mode", "c") == "c"

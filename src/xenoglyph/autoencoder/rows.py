"""Images as rows of pixels, wherever they lie: taken batch by batch, never copied as a whole."""

import hashlib
import math
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from xenoglyph.errors import DataError
from xenoglyph.images import ImageSet, StoredPixels
from xenoglyph.images.packing import from_dask, is_dask
from xenoglyph.images.stored import as_float, check_unit, file_region, read_some, unit_range

__all__ = ["BLOCK_BYTES", "Place", "Rows", "as_pixels", "image_rows"]

Pixels = NDArray[Any]

BLOCK_BYTES = 1 << 24
"""Of images that are looked at together."""
# 1 / 255 in two parts, of which the first has 16 bits: its product with 8 bits is exact.
HIGH = np.float32(round(2**23 / 255) / 2**23)
LOW = np.float32(1 / 255 - float(HIGH))
SAMPLED = 1000
"""Images whose pixels are part of a fingerprint."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Images [n, n_pixels] of uint8, or float32 in [0, 1]; in memory or mapped into it.

    Attributes
    ----------
    table : array of shape (n, n_pixels)
        uint8, bool or floats.
    image_shape : tuple of int
        (h, w), (h, w, c), or (n_pixels,) of a table.
    index : array of shape (n,), optional
        Which of the table's rows there are; all of them by default.
    """

    table: Pixels
    image_shape: tuple[int, ...]
    index: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.table if self.index is None else self.index)

    @property
    def n_pixels(self) -> int:
        """Numbers in an image."""
        return int(self.table.shape[1])

    @property
    def bytes(self) -> int:
        """What an image takes when it is taken."""
        return self.n_pixels * (4 if self.table.dtype.kind == "f" else 1)

    def subset(self, index: NDArray[np.intp]) -> "Rows":
        """Return some images, not copied."""
        own = index if self.index is None else self.index[index]
        return Rows(self.table, self.image_shape, own)

    def take(self, index: NDArray[np.integer[Any]] | slice) -> Pixels:
        """Return some images, copied, as uint8 or float32."""
        own = index if self.index is None else self.index[index]
        return read_some(self.table, own)

    def blocks(self, n_bytes: int = BLOCK_BYTES) -> Iterator[Pixels]:
        """All images in their order, some at a time."""
        for part in self.parts(max(1, n_bytes // self.bytes)):
            yield part.take(slice(None))

    def parts(self, size: int) -> Iterator["Rows"]:
        """All images in their order, `size` at a time, not yet looked at."""
        for first in range(0, max(len(self), 1), size):
            own = slice(first, first + size)
            if self.index is None:
                yield Rows(self.table[own], self.image_shape)
            else:
                yield Rows(self.table, self.image_shape, self.index[own])

    def portable(self) -> "Rows | Place":
        """Return what another process needs: the place of a map, else the images themselves."""
        region = file_region(self.table)
        if region is None:
            return Rows(self.take(slice(None)), self.image_shape)
        shape = (len(self.table), self.n_pixels)
        return Place(*region, self.table.dtype.str, shape, self.image_shape, self.index)

    def open(self) -> "Rows":
        """Return the rows, which are at hand: see `Place`."""
        return self

    def fingerprint(self) -> str:
        """SHA-256 of shape, type and some of the images, evenly spaced."""
        index = np.unique(np.linspace(0, len(self) - 1, SAMPLED).astype(np.intp))
        digest = hashlib.sha256(repr((len(self), self.image_shape)).encode())
        digest.update(np.asarray(as_float(self.take(index))).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Place:
    """Where rows lie in a file, for a process that is to map them itself.

    Attributes
    ----------
    file : str
    offset : int
        Bytes before the first row.
    dtype : str
    shape : tuple of int
        Of the table.
    image_shape : tuple of int
    index : array, optional
        As of `Rows`.
    """

    file: str
    offset: int
    dtype: str
    shape: tuple[int, int]
    image_shape: tuple[int, ...]
    index: NDArray[np.intp] | None

    def portable(self) -> "Place":
        """Return itself: see `Rows`."""
        return self

    def open(self) -> Rows:
        """Map the images.

        Raises
        ------
        DataError
            If there is no such file where this process runs.
        """
        try:
            table = np.memmap(self.file, self.dtype, "r", self.offset, self.shape)
        except OSError as error:
            raise DataError(
                f"the images lie in {self.file}, which cannot be read on {socket.gethostname()}: "
                f"{error.strerror}; put them where all machines see them by the same path"
            ) from error
        return Rows(table, self.image_shape, self.index)


def image_rows(X: ImageSet | ArrayLike, image_shape: tuple[int, ...] | None = None) -> Rows:
    """Lay images out as rows, and check them.

    Parameters
    ----------
    X : ImageSet or array of shape (n, h, w), (n, h, w, c) or (n, n_pixels)
        uint8, bool or floats in [0, 1]; a memory map stays one.
    image_shape : tuple of int, optional
        The shape that an image must have.

    Raises
    ------
    DataError
        If X holds no images, images of another shape, or values that are no pixels.
    """
    array: Any = X.pixels if isinstance(X, ImageSet) else _array(X)
    index = None
    if isinstance(array, StoredPixels):
        array, index = array.stored, array.index
    came = array.shape[1:]
    if len(came) == 3 and came[-1] == 1:
        came = came[:-1]
    if image_shape not in (None, came):
        raise DataError(f"images of shape {image_shape} were fitted; came images of shape {came}")
    rows = Rows(array.reshape(len(array), math.prod(came)), came, index)
    if not isinstance(X, ImageSet) and array.dtype.kind == "f":
        check_unit(*unit_range(rows.blocks()))
    return rows


def as_pixels(rows: jax.Array) -> jax.Array:
    """Bring pixels of uint8 or float32 to float32 in [0, 1] on the device.

    The quotient by 255 to the last bit: XLA would multiply by 1 / 255 and round twice.
    """
    if rows.dtype != jnp.uint8:
        return rows
    levels = rows.astype(jnp.float32)
    return levels * HIGH + levels * LOW


def _array(X: ArrayLike) -> Any:
    """Return X as an array of images; a memory map as itself."""
    if issparse(X):
        raise DataError("images came as a sparse matrix; give X.toarray()")
    array = _numbers(X)
    if array.dtype.kind == "c":
        raise DataError("Complex data not supported: images must be uint8, bool or floats")
    if array.dtype != np.uint8 and array.dtype.kind not in "bf":
        raise DataError(f"images must be uint8, bool or floats in [0, 1]; came {array.dtype}")
    if array.ndim not in (2, 3, 4):
        raise DataError(
            f"images must have shape (n, h, w), (n, h, w, c) or (n, n_pixels), not {array.shape}: "
            "Reshape your data, which needs a first axis even for one image"
        )
    if array.ndim == 4 and array.shape[3] not in (1, 3, 4):
        raise DataError(f"images must have 1, 3 or 4 channels; came {array.shape[3]}")
    if array.size == 0:
        what = "0 feature(s)" if len(array) else "0 sample(s)"
        raise DataError(
            f"no images: {what} (shape={array.shape}) while a minimum of 1 is required."
        )
    return array


def _numbers(X: ArrayLike) -> Pixels:
    """Return X as an array, objects that are numbers as floats."""
    if isinstance(X, np.memmap):
        return X
    if is_dask(X):
        return from_dask(X)
    try:
        array = np.asarray(X)
        return array.astype(np.float64) if array.dtype.kind == "O" else array
    except ValueError as error:
        raise DataError(f"images must be numbers, and all of one size: {error}") from error

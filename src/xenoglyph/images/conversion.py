"""Arrays of other types and shapes, brought to the ones that an ImageSet holds."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xenoglyph.errors import DataError
from xenoglyph.images.packing import from_dask, is_dask
from xenoglyph.images.stored import StoredPixels, check_unit, is_large, unit_range
from xenoglyph.memory import check_memory

__all__ = ["as_labels", "shaped", "unit_pixels"]


def unit_pixels(
    X: ArrayLike, image_shape: Sequence[int] | None = None
) -> NDArray[np.float32] | StoredPixels:
    """Bring an array of images to float32 in C order, uint8 divided by 255.

    A memory map is left where it is, and so are more images than would fill a gibibyte.

    Parameters
    ----------
    X : array of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
        uint8, bool or floats; a memory map or an array of Dask, too.
    image_shape : (h, w) or (h, w, c), optional
        Size of one image: needed where X holds rows of pixels, checked elsewhere.

    Returns
    -------
    ndarray of float32 or StoredPixels, shape (n, h, w) or (n, h, w, c)
        A single channel is dropped.

    Raises
    ------
    DataError
        If X has another type or number of dimensions, or disagrees with `image_shape`; of
        images that are left where they are, if their values leave [0, 1].
    """
    array = _array(X)
    if array.dtype != np.uint8 and array.dtype.kind not in "bf":
        raise DataError(f"images must be uint8, bool or floats in [0, 1]; came {array.dtype}")
    array = shaped(array, image_shape)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if _stays(array):
        return _stored(array)
    if array.dtype == np.uint8:
        pixels: NDArray[np.float32] = np.divide(array, np.float32(255), order="C")
        return pixels
    # What overflows float32 is refused with the other values outside [0, 1].
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def as_labels(labels: ArrayLike) -> NDArray[Any]:
    """Bring labels to one dimension of int64 or strings.

    Parameters
    ----------
    labels : array of shape (n,) or (n, 1)
        Integers, whole floats, booleans or strings.

    Returns
    -------
    ndarray of int64 or str, shape (n,)

    Raises
    ------
    DataError
        If they are of another type or shape.
    """
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"labels must have one dimension; came shape {array.shape}")
    whole = array.dtype.kind == "f" and np.isfinite(array).all() and (array % 1 == 0).all()
    if whole or array.dtype.kind in "biu":
        return array.astype(np.int64)
    if array.dtype.kind == "U" or all(isinstance(label, str) for label in array):
        return array.astype(np.str_)
    raise DataError(f"labels must be integers or strings; came {array.dtype}")


def _array(X: Any) -> NDArray[Any]:
    if is_dask(X):
        return from_dask(X)
    return X if isinstance(X, np.memmap) else np.asarray(X)


def _stays(array: NDArray[Any]) -> bool:
    """Whether images are left as they are stored."""
    ready = array.dtype == np.float32 and array.flags.c_contiguous
    return isinstance(array, np.memmap) or (is_large(array.shape) and not ready)


def _stored(array: NDArray[Any]) -> StoredPixels:
    if len(array) and not array[0].flags.c_contiguous:
        what = f"{len(array):,} images in Fortran's order"
        check_memory(array.nbytes, what, "save them in C order to have them mapped")
        array = np.ascontiguousarray(array)
    pixels = StoredPixels(array)
    if array.dtype.kind == "f" and array.size:
        check_unit(*unit_range(pixels.blocks()))
    return pixels


def shaped(array: Any, image_shape: Sequence[int] | None) -> Any:
    """Bring rows of pixels to images of a shape; refuse images of another shape."""
    if image_shape is None:
        if array.ndim == 2:
            raise DataError(f"an array of shape {array.shape} needs image_shape=(h, w)")
        return array
    shape = tuple(image_shape)
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise DataError(f"image_shape must be (h, w) or (h, w, c); came {shape}")
    if array.ndim == 2 and array.shape[1] == math.prod(shape):
        return array.reshape(len(array), *shape)
    if array.shape[1:] in (shape, (*shape, 1)):
        return array
    raise DataError(f"an array of shape {array.shape} holds no images of image_shape {shape}")

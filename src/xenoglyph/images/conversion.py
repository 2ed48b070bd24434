"""Arrays of other types and shapes, brought to the ones that an ImageSet holds."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xenoglyph.errors import DataError

__all__ = ["as_labels", "unit_pixels"]


def unit_pixels(X: ArrayLike, image_shape: Sequence[int] | None = None) -> NDArray[np.float32]:
    """Bring an array of images to float32 in C order, uint8 divided by 255.

    Parameters
    ----------
    X : array of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
        uint8, bool or floats.
    image_shape : (h, w) or (h, w, c), optional
        Size of one image: needed where X holds rows of pixels, checked elsewhere.

    Returns
    -------
    ndarray of float32, shape (n, h, w) or (n, h, w, c)
        A single channel is dropped.

    Raises
    ------
    DataError
        If X has another type or number of dimensions, or disagrees with `image_shape`.
    """
    array = np.asarray(X)
    if array.dtype != np.uint8 and array.dtype.kind not in "bf":
        raise DataError(f"images must be uint8, bool or floats in [0, 1]; came {array.dtype}")
    array = _shaped(array, image_shape)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
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


def _shaped(array: NDArray[Any], image_shape: Sequence[int] | None) -> NDArray[Any]:
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

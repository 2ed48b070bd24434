"""What `SELUAutoencoder` refuses, each with one error."""

import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xenoglyph.errors import DataError
from xenoglyph.images import ImageSet, as_images

__all__ = ["check_choice", "check_number", "check_variety", "image_table"]

Pixels = NDArray[np.float32]


def check_number(name: str, value: Any, kind: type, least: int) -> None:
    """Raise DataError unless `value` is a finite number of that kind, of at least `least`."""
    number = isinstance(value, kind) and not isinstance(value, bool)
    if not number or not least <= value < math.inf:
        noun = "an integer" if kind is Integral else "a number"
        raise DataError(f"{name}={value!r} was given; give {noun} of at least {least}")


def check_choice(name: str, value: Any, known: Iterable[str]) -> None:
    """Raise DataError unless `value` is one of the names."""
    names = list(known)
    if value not in names:
        raise DataError(f"{name}={value!r} was given; give one of {', '.join(names)}")


def check_variety(pixels: Pixels) -> None:
    """Raise DataError where images [n, n_pixels] are too few or too alike to learn from."""
    if len(pixels) < 2:
        raise DataError("one image was given; give two or more")
    if (pixels == pixels[0]).all():
        raise DataError(f"all {len(pixels)} images are the same; there is nothing to tell apart")


def image_table(
    X: ImageSet | ArrayLike, image_shape: tuple[int, ...] | None = None
) -> tuple[Pixels, tuple[int, ...]]:
    """Lay images out as rows.

    Parameters
    ----------
    X : ImageSet or array of shape (n, h, w), (n, h, w, c) or (n, n_pixels)
        uint8, bool or floats in [0, 1].
    image_shape : tuple of int, optional
        The shape that an image must have.

    Returns
    -------
    pixels : array of shape (n, n_pixels), float32
    image_shape : tuple of int
        (h, w), (h, w, c), or (n_pixels,) of a table.

    Raises
    ------
    DataError
        If X holds no images, or images of another shape.
    """
    array = X if isinstance(X, ImageSet) else np.asarray(X)
    if isinstance(array, ImageSet) or array.ndim != 2:
        images = as_images(array)
        came = images.image_shape
    else:
        images = as_images(array, image_shape=(1, array.shape[1]))
        came = array.shape[1:]
    if image_shape not in (None, came):
        raise DataError(f"images of shape {image_shape} were fitted; came images of shape {came}")
    return images.flat, came

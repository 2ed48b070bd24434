"""What `SELUAutoencoder` refuses, each with one error."""

import math
from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xenoglyph.errors import DataError

if TYPE_CHECKING:
    from xenoglyph.autoencoder.rows import Rows

__all__ = [
    "check_choice",
    "check_number",
    "check_several",
    "check_share",
    "image_weights",
    "relative",
]


def check_number(name: str, value: Any, kind: type, least: int) -> None:
    """Raise DataError unless `value` is a finite number of that kind, of at least `least`."""
    number = isinstance(value, kind) and not isinstance(value, bool)
    if not number or not least <= value < math.inf:
        noun = "an integer" if kind is Integral else "a number"
        raise DataError(f"{name}={value!r} was given; give {noun} of at least {least}")


def check_share(name: str, value: Any) -> None:
    """Raise DataError unless `value` is a number of at least 0 and below 1."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not 0.0 <= value < 1.0:
        raise DataError(f"{name}={value!r} was given; give a number from 0 to less than 1")


def check_choice(name: str, value: Any, known: Iterable[str]) -> None:
    """Raise DataError unless `value` is one of the names."""
    names = list(known)
    if value not in names:
        raise DataError(f"{name}={value!r} was given; give one of {', '.join(names)}")


def check_several(rows: "Rows") -> None:
    """Raise DataError where images are too few to learn from."""
    if len(rows) < 2:
        raise DataError("one image was given (n_samples=1); give two or more")


def image_weights(sample_weight: ArrayLike | None, n_images: int) -> NDArray[np.float64] | None:
    """Return what each image counts for, checked; None where all are alike.

    Raises
    ------
    DataError
        If there is not one finite non-negative number for each image, or fewer than two are
        positive.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_images,):
        raise DataError(
            f"{n_images} images need as many numbers in sample_weight; came shape {weights.shape}"
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise DataError("sample_weight must hold finite numbers of at least 0")
    if (weights > 0).sum() < 2:
        raise DataError(
            "sample_weight is zero for all images but one or none; give two or more some weight"
        )
    return None if (weights == weights[0]).all() else weights


def relative(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Divide weights by their mean, as the loss has them."""
    shares: NDArray[np.float32] = np.divide(weights, weights.mean()).astype(np.float32)
    return shares

"""Sheets of images: many small pictures side by side in one, by Pillow alone."""

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xenoglyph.storage import atomic_path

if TYPE_CHECKING:  # a mixture can be drawn where nothing is installed that reads images
    from xenoglyph.images import ImageSet

__all__ = ["save_sheet", "sheet", "tile"]

GAP = 2
PAPER = 128
SMALLEST_TILE = 28

Bytes = NDArray[np.uint8]


def tile(pixels: NDArray[np.float32]) -> Bytes:
    """Return one image's pixels, (h, w) or (h, w, c) in [0, 1], in 256 levels."""
    return np.rint(pixels * 255).astype(np.uint8)


def sheet(images: "ImageSet", columns: int = 10) -> Bytes:
    """Lay images out row by row.

    Images smaller than 28 pixels are enlarged by a whole factor.

    Parameters
    ----------
    images : ImageSet
    columns : int, default=10
        Images in a row.

    Returns
    -------
    array of uint8, of shape (height, width) or (height, width, channels)
    """
    n, (h, w) = len(images), images.image_shape[:2]
    factor = max(1, -(-SMALLEST_TILE // max(h, w)))
    h, w = h * factor, w * factor
    columns = min(columns, n)
    rows = -(-n // columns)
    shape = (rows * (h + GAP) + GAP, columns * (w + GAP) + GAP, *images.image_shape[2:])
    page = np.full(shape, PAPER, dtype=np.uint8)
    for number, pixels in enumerate(np.asarray(images.pixels)):
        row, column = divmod(number, columns)
        top, left = GAP + row * (h + GAP), GAP + column * (w + GAP)
        large = tile(pixels).repeat(factor, axis=0).repeat(factor, axis=1)
        page[top : top + h, left : left + w] = large
    return page


def save_sheet(images: "ImageSet", path: str | PathLike[str], columns: int = 10) -> None:
    """Write a sheet of images as a picture, whole or not at all.

    Parameters
    ----------
    images : ImageSet
    path : path-like
        Its suffix says the format: .png, .webp, .gif, ...
    columns : int, default=10
        Images in a row.
    """
    with atomic_path(path) as temporary:
        Image.fromarray(sheet(images, columns)).save(temporary)

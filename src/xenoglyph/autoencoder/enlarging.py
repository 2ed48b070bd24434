"""Small images enlarged, so that to move them by part of a pixel does not blur them.

What lies between pixels is the cubic spline through them. That is linear in the pixels: what a
network's first layer makes of the enlarged image, another layer makes of the small one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

__all__ = ["Enlargement"]

Pixels = NDArray[np.float32]

SIDE = 24
"""Images are enlarged, by a whole number, until their shorter side is about as long."""


@dataclass(frozen=True, eq=False)
class Enlargement:
    """Makes every image of some shape larger, unless it is large enough.

    Attributes
    ----------
    down : array of shape (h, H)
        How much of each row is in each row of the larger image; every column adds up to one.
    right : array of shape (w, W)
        The same of columns.
    channels : tuple of int
        () or (c,).
    """

    down: Pixels
    right: Pixels
    channels: tuple[int, ...]

    @classmethod
    def of(cls, image_shape: Sequence[int]) -> Self:
        """Make that of images of shape (h, w) or (h, w, c)."""
        height, width, *channels = image_shape
        factor = max(1, round(SIDE / min(height, width)))
        down, right = (
            zoom(np.eye(side), (1, factor), order=3, mode="nearest", grid_mode=True)
            for side in (height, width)
        )
        return cls(down.astype(np.float32), right.astype(np.float32), tuple(channels))

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Of the larger images: (H, W) or (H, W, c)."""
        return self.down.shape[1], self.right.shape[1], *self.channels

    def __call__(self, pixels: Pixels) -> Pixels:
        """Enlarge images of shape (n, h, w) or (n, h, w, c), or of as many rows of pixels.

        Returns
        -------
        array of shape (n, H, W) or (n, H, W, c)
            The images themselves where they are large enough.
        """
        height, width = len(self.down), len(self.right)
        small = pixels.reshape(len(pixels), height, width, *self.channels)
        if self.image_shape[:2] == (height, width):
            return small
        large = np.einsum("nhw...,hH,wW->nHW...", small, self.down, self.right, optimize=True)
        return np.asarray(large, np.float32)

    def fold(self, weight: Pixels) -> Pixels:
        """Return the layer of small images that does what a layer does to the larger ones.

        Parameters
        ----------
        weight : array of shape (H * W * c, m)

        Returns
        -------
        array of shape (h * w * c, m)
        """
        units = weight.shape[1]
        large = weight.reshape(*self.image_shape, units)
        small = np.einsum("HW...,hH,wW->hw...", large, self.down, self.right, optimize=True)
        return np.asarray(small.reshape(-1, units), np.float32)

"""Moving, turning, scaling, slanting and bending images at random, on the device."""

from dataclasses import dataclass
from functools import partial
from numbers import Real

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xenoglyph.autoencoder.checks import check_number
from xenoglyph.errors import DataError

__all__ = ["Augmentation", "augmentation_from"]

AMOUNTS = 5
"""Numbers drawn for each image besides its bend: turn, size, slant and two shifts."""
BENDS = 4
"""Points along each side at which an elastic bend is drawn; between them it is smooth."""
OVERSHOOT = 1.25**2
"""How far a cubic between points can go beyond them, in both directions together."""
TOGETHER = 128
"""Images that are moved at once."""

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """How far an image may be moved without showing another symbol.

    Every image of every step is moved anew, by amounts drawn evenly from minus to plus what is
    given here. Pixels from beyond the image are zero.

    Parameters
    ----------
    shift : float, default=0.0
        Along each axis, as a share of the side.
    rotation : float, default=0.0
        In degrees.
    scale : float, default=0.0
        Size is multiplied by ``exp(u)``, u up to this.
    slant : float, default=0.0
        Sideways shift of the upper edge against the lower one, as a share of the height.
    elastic : float, default=0.0
        Largest shift of a smooth random bend (P. Y. Simard, D. Steinkraus and J. C. Platt, 2003),
        as a share of the side.

    Raises
    ------
    DataError
        If one of them is negative or not finite.
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    slant: float = 0.0
    elastic: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            check_number(f"augmentation's {name}", getattr(self, name), Real, 0)

    def move(
        self,
        pixels: jax.Array,
        image_shape: tuple[int, ...],
        key: jax.Array,
        share: float | jax.Array = 1.0,
    ) -> jax.Array:
        """Return images [n, n_pixels], each moved by its own random amounts.

        Parameters
        ----------
        pixels : array of shape (n, n_pixels)
        image_shape : tuple of int
            (h, w) or (h, w, c).
        key : jax.Array
            Random key.
        share : float, default=1.0
            Of every amount, how much of it.
        """
        if len(image_shape) == 1:
            raise DataError(
                "augmentation was given for a table; give images of shape (n, h, w) or "
                "(n, h, w, c)"
            )
        height, width, *channels = image_shape
        pictures = pixels.reshape(len(pixels), height, width, *(channels or [1]))
        row, column = self._places(len(pixels), height, width, key, share)
        moved: jax.Array = jax.vmap(_sampled)(pictures, row, column).reshape(pixels.shape)
        return moved

    def moved(self, pixels: Pixels, random_state: int, share: float = 1.0) -> Pixels:
        """Return images of shape (n, h, w) or (n, h, w, c), each moved by its own random amounts.

        Parameters
        ----------
        pixels : array of float32
        random_state : int
        share : float, default=1.0
            Of every amount, how much of it.
        """
        n, *shape = pixels.shape
        rows, key = pixels.reshape(n, -1), jax.random.key(random_state)
        moved = np.empty_like(rows)
        for first in range(0, n, TOGETHER):
            own = slice(first, first + TOGETHER)
            padded = np.resize(rows[own], (TOGETHER, rows.shape[1]))
            some = _moved(self, padded, tuple(shape), jax.random.fold_in(key, first), share)
            moved[own] = some[: n - first]
        return moved.reshape(pixels.shape)

    def _places(
        self, n: int, height: int, width: int, key: jax.Array, share: float | jax.Array = 1.0
    ) -> tuple[jax.Array, jax.Array]:
        """Row and column where each new pixel comes from, both [n, h, w], in pixels."""
        # All at once: nothing here takes longer to compile than to draw.
        drawn = _even(key, (n, AMOUNTS + 2 * BENDS**2))
        turn, size, slant, down, right = drawn.T[:AMOUNTS, :, None, None]
        angle = jnp.deg2rad(share * self.rotation) * turn
        scale = jnp.exp(-share * self.scale * size)
        cosine, sine = scale * jnp.cos(angle), scale * jnp.sin(angle)
        lean = share * self.slant * slant
        middle, centre = (height - 1) / 2, (width - 1) / 2
        y, x = jnp.arange(height)[:, None] - middle, jnp.arange(width) - centre
        row = cosine * y - sine * x + (share * self.shift * height * down + middle)
        column = (sine + lean) * y + cosine * x + (share * self.shift * width * right + centre)
        if self.elastic == 0.0:
            return row, column
        bends = share * self.elastic / OVERSHOOT * drawn[:, AMOUNTS:].reshape(n, 2, BENDS, BENDS)
        along = _cubic(height), _cubic(width)
        bent = jnp.einsum("nijk,hj,wk->inhw", bends, *along, precision="highest")
        return row + height * bent[0], column + width * bent[1]


def augmentation_from(value: object) -> Augmentation | None:
    """Return an augmentation as it is, or made of a mapping; None stays None.

    Raises
    ------
    DataError
        If `value` is neither.
    """
    if value is None or isinstance(value, Augmentation):
        return value
    try:
        return Augmentation(**value)  # type: ignore[arg-type]
    except TypeError as error:
        known = ", ".join(Augmentation.__dataclass_fields__)
        raise DataError(
            f"augmentation={value!r} was given; give an Augmentation, or a dict of {known}"
        ) from error


@partial(jax.jit, static_argnums=(0, 2))
def _moved(
    moves: Augmentation,
    rows: jax.Array,
    image_shape: tuple[int, ...],
    key: jax.Array,
    share: jax.Array,
) -> jax.Array:
    return moves.move(rows, image_shape, key, share)


def _even(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)


def _cubic(side: int) -> Pixels:
    """How much of each point of a bend is at each pixel of a side, [side, BENDS]."""
    points = Image.fromarray(np.eye(BENDS, dtype=np.float32))
    return np.asarray(points.resize((BENDS, side), Image.Resampling.BICUBIC))


def _sampled(picture: jax.Array, row: jax.Array, column: jax.Array) -> jax.Array:
    """Interpolate one picture [h, w, c] linearly at places [h', w']; zero outside."""
    height, width, channels = picture.shape
    padded = jnp.pad(picture, ((1, 2), (1, 2), (0, 0)))
    row, column = jnp.clip(row + 1, 0, height + 1), jnp.clip(column + 1, 0, width + 1)
    top, left = row.astype(jnp.int32), column.astype(jnp.int32)
    down, right = (row - top)[..., None], (column - left)[..., None]
    # One number for each pixel is compiled in half the time of two.
    stride = width + 3
    first = stride * top + left
    flat = padded.reshape(-1, channels)
    upper = flat[first] * (1 - right) + flat[first + 1] * right
    lower = flat[first + stride] * (1 - right) + flat[first + stride + 1] * right
    return upper * (1 - down) + lower * down

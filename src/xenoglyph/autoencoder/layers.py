"""Layers of the network: dense ones, and convolutions that halve and double pictures.

Every layer takes rows [n, n_in] and returns rows [n, n_out]; those that see pictures know the
shape of theirs.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

__all__ = [
    "INITS",
    "Dense",
    "Doubling",
    "Halving",
    "Init",
    "Layer",
    "Weight",
    "alpha_dropout",
    "glorot_uniform",
    "halved",
    "lecun_normal",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Init = Callable[[np.random.Generator, Shape], Array]
Weight = Callable[[Shape], Any]

SIDE = 3
"""Of a convolution's kernel, in pixels."""


def lecun_normal(random: np.random.Generator, shape: Shape) -> Array:
    """Draw weights [..., n_in, n_out] from a normal distribution of variance 1 / fan-in."""
    return random.normal(0.0, math.sqrt(1 / math.prod(shape[:-1])), shape)


def glorot_uniform(random: np.random.Generator, shape: Shape) -> Array:
    """Draw weights [..., n_in, n_out] evenly, with variance 2 / (fan-in + fan-out)."""
    limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
    return random.uniform(-limit, limit, shape)


# NumPy draws them, because JAX would compile a program for every shape.
INITS: Mapping[str, Init] = MappingProxyType(
    {"lecun_normal": lecun_normal, "glorot_uniform": glorot_uniform}
)
"""How weights may start; biases start at zero."""


class Layer(eqx.Module):
    """An affine map of rows.

    Attributes
    ----------
    weight : array of shape (..., n_in, n_out), float32
        (n_in, n_out) where dense, (3, 3, c_in, c_out) in a convolution.
    bias : array of shape (n_out,), float32
    """

    weight: jax.Array
    bias: jax.Array

    @abstractmethod
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map rows."""


class Dense(Layer):
    """Every number to every number: ``x @ weight + bias``."""

    @classmethod
    def draw(cls, n_in: int, n_out: int, weight: Weight) -> "Dense":
        """Make a layer whose weight is made by `weight`, of its shape."""
        return cls(*_parameters((n_in, n_out), weight))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map x [..., n_in] to [..., n_out]."""
        return x @ self.weight + self.bias


class Halving(Layer):
    """A convolution at every other pixel, so that sides are halved, rounded up."""

    shape: tuple[int, int, int] = eqx.field(static=True)
    """(h, w, c) of what comes."""

    @classmethod
    def draw(cls, shape: tuple[int, int, int], channels: int, weight: Weight) -> "Halving":
        """Make a layer for pictures of `shape`, to so many channels."""
        return cls(*_parameters((SIDE, SIDE, shape[2], channels), weight), shape)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map pictures, as rows."""
        return _convolved(x.reshape(-1, *self.shape), self.weight, 2, self.bias)


class Doubling(Layer):
    """A convolution that makes four pixels of every one.

    "Sub-pixel": its channels are those of the four (W. Shi et al., "Real-time single image and
    video super-resolution", CVPR 2016).
    """

    shape: tuple[int, int, int] = eqx.field(static=True)
    """(h, w, c) of what comes."""
    sides: tuple[int, int] = eqx.field(static=True)
    """(h, w) of what goes: twice as much, or one less."""

    @classmethod
    def draw(
        cls,
        shape: tuple[int, int, int],
        sides: tuple[int, int],
        channels: int,
        weight: Weight,
    ) -> "Doubling":
        """Make a layer for pictures of `shape`, to so many pixels and channels."""
        return cls(*_parameters((SIDE, SIDE, shape[2], 4 * channels), weight), shape, sides)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map pictures, as rows."""
        height, width, _ = self.shape
        four = _convolved(x.reshape(-1, *self.shape), self.weight, 1, self.bias)
        apart = four.reshape(len(x), height, width, 2, 2, -1).transpose(0, 1, 3, 2, 4, 5)
        large = apart.reshape(len(x), 2 * height, 2 * width, -1)
        return large[:, : self.sides[0], : self.sides[1]].reshape(len(x), -1)


def halved(shape: tuple[int, int, int], channels: int) -> tuple[int, int, int]:
    """Return the shape of what `Halving` makes of pictures of that shape."""
    return -(-shape[0] // 2), -(-shape[1] // 2), channels


def alpha_dropout(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    """Drop activations of SELU layers, and keep mean 0 and variance 1.

    What is dropped gets SELU's limit at minus infinity, -lambda alpha, and an affine map restores
    mean and variance (Klambauer et al. 2017, "New dropout technique").

    Parameters
    ----------
    x : array
    rate : float
        Share that is dropped, in [0, 1).
    key : jax.Array
        Random key.
    """
    limit, kept = -1.0507009873554805 * 1.6732632423543772, 1.0 - rate
    a = (kept + limit**2 * kept * rate) ** -0.5
    b = -a * limit * rate
    left: jax.Array = jnp.where(jax.random.bernoulli(key, kept, x.shape), x, limit)
    restored: jax.Array = a * left + b
    return restored


def _parameters(shape: Shape, weight: Weight) -> tuple[jax.Array, jax.Array]:
    return jnp.array(weight(shape), jnp.float32), jnp.zeros(shape[-1])


def _convolved(pictures: jax.Array, kernel: jax.Array, stride: int, bias: jax.Array) -> jax.Array:
    """Convolve [n, h, w, c], zeros around; return rows."""
    maps: jax.Array = jax.lax.conv_general_dilated(
        pictures, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    rows: jax.Array = (maps + bias).reshape(len(pictures), -1)
    return rows

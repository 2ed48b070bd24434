"""The network: two stacks of SELU layers, images to codes and back.

SELU layers keep activations near mean 0 and variance 1 through any depth, without batch
normalisation, where weights start with mean 0 and variance 1 / fan-in (LeCun normal):
G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural networks",
NeurIPS 30 (2017), theorem 1.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from xenoglyph.errors import ModelFileError

__all__ = [
    "INITS",
    "Dense",
    "Network",
    "bernoulli_loss",
    "glorot_uniform",
    "lecun_normal",
    "total_loss",
]

Array = np.ndarray[Any, Any]
Init = Callable[[np.random.Generator, tuple[int, int]], Array]
Weight = Callable[[tuple[int, int]], Any]


def lecun_normal(random: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Draw weights [n_in, n_out] from a normal distribution of variance 1 / n_in."""
    return random.normal(0.0, math.sqrt(1 / shape[0]), shape)


def glorot_uniform(random: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Draw weights [n_in, n_out] evenly, with variance 2 / (n_in + n_out)."""
    limit = math.sqrt(6 / sum(shape))
    return random.uniform(-limit, limit, shape)


# NumPy draws them, because JAX would compile a program for every shape.
INITS: Mapping[str, Init] = MappingProxyType(
    {"lecun_normal": lecun_normal, "glorot_uniform": glorot_uniform}
)
"""How weights may start; biases start at zero."""


class Dense(eqx.Module):
    """An affine layer: ``x @ weight + bias``.

    Attributes
    ----------
    weight : array of shape (n_in, n_out), float32
    bias : array of shape (n_out,), float32
    """

    weight: jax.Array
    bias: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map x [..., n_in] to [..., n_out]."""
        return x @ self.weight + self.bias


class Network(eqx.Module):
    """An encoder and its mirror image, a decoder.

    Hidden layers are SELU. The code layer is linear, so that codes may be Gaussian. The decoder
    ends in logits, whose sigmoid is the image.

    Attributes
    ----------
    encoder, decoder : tuple of Dense
    """

    encoder: tuple[Dense, ...]
    decoder: tuple[Dense, ...]

    @classmethod
    def start(cls, sizes: Sequence[int], init: Init, random: np.random.Generator) -> "Network":
        """Draw an untrained network.

        Parameters
        ----------
        sizes : sequence of int
            Widths from the pixels to the code; the decoder has them in reverse.
        init : callable
            One of `INITS`.
        random : numpy.random.Generator
        """
        return cls._of_sizes(sizes, partial(init, random))

    @classmethod
    def from_arrays(cls, sizes: Sequence[int], arrays: Mapping[str, Array]) -> "Network":
        """Build a network of what `to_arrays` returned.

        Parameters
        ----------
        sizes : sequence of int
            Widths from the pixels to the code.
        arrays : mapping of str to ndarray

        Raises
        ------
        ModelFileError
            If names, shapes, types or numbers are not those of such a network.
        """
        outline = jax.eval_shape(partial(cls._of_sizes, sizes, jnp.zeros))
        leaves, structure = jax.tree.flatten_with_path(outline)
        shapes = {_name(path): leaf.shape for path, leaf in leaves}
        if arrays.keys() != shapes.keys():
            raise ModelFileError(
                f"the auto-encoder's layers {'-'.join(map(str, sizes))} have {len(shapes)} arrays "
                f"of their own names; came {len(arrays)}, others or not all of them"
            )
        for name, shape in shapes.items():
            _check_array(name, arrays[name], shape)
        network: Network = jax.tree.unflatten(
            structure, [jnp.array(arrays[name]) for name in shapes]
        )
        return network

    def to_arrays(self) -> dict[str, Array]:
        """Return all weights and biases by name: ``encoder/0/weight``, ``encoder/0/bias``, ..."""
        return {_name(path): np.array(leaf) for path, leaf in jax.tree.leaves_with_path(self)}

    @classmethod
    def _of_sizes(cls, sizes: Sequence[int], weight: Weight) -> "Network":
        """Build a network of the weights that `weight` makes of their shapes."""
        return cls(_stack(sizes, weight), _stack(sizes[::-1], weight))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from the pixels to the code."""
        return (self.encoder[0].weight.shape[0], *(len(layer.bias) for layer in self.encoder))

    @property
    def code_kernel(self) -> jax.Array:
        """Weight of the code layer, shape (n_in, code_size)."""
        return self.encoder[-1].weight

    def encode(self, pixels: jax.Array) -> jax.Array:
        """Map pixels [n, n_pixels] in [0, 1] to codes [n, code_size]."""
        return _selu_between(self.encoder, pixels)

    def decode(self, codes: jax.Array) -> jax.Array:
        """Map codes [n, code_size] to logits [n, n_pixels]."""
        return _selu_between(self.decoder, codes)


def bernoulli_loss(logits: jax.Array, pixels: jax.Array) -> jax.Array:
    """Binary cross-entropy in nats, averaged over everything.

    ``-x log p - (1 - x) log(1 - p)`` with ``p = sigmoid(z)`` is ``softplus(z) - x z``, which no
    logit z overflows.

    Parameters
    ----------
    logits, pixels : arrays of one shape
        The pixels x may lie anywhere in [0, 1].

    Returns
    -------
    array of shape ()
    """
    return jnp.mean(jax.nn.softplus(logits) - pixels * logits)


def total_loss(network: Network, pixels: jax.Array, l2: float) -> jax.Array:
    """Loss that training lowers.

    Parameters
    ----------
    network : Network
    pixels : array of shape (n, n_pixels)
        Images, which the network is to draw again from their codes.
    l2 : float
        Weight of the code kernel's sum of squares, which keeps codes from spreading without
        bound.

    Returns
    -------
    array of shape ()
        Cross-entropy, as of `bernoulli_loss`, plus the L2 term.
    """
    logits = network.decode(network.encode(pixels))
    return bernoulli_loss(logits, pixels) + l2 * jnp.square(network.code_kernel).sum()


def _stack(sizes: Sequence[int], weight: Weight) -> tuple[Dense, ...]:
    """Build the layers that lead from each size to the next."""
    return tuple(
        Dense(jnp.array(weight(shape), jnp.float32), jnp.zeros(shape[1]))
        for shape in pairwise(sizes)
    )


def _name(path: tuple[Any, ...]) -> str:
    """Name of a leaf: where it sits in the network."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _check_array(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Raise ModelFileError unless the array may be that part of a network."""
    if array.shape != shape or array.dtype != np.float32:
        raise ModelFileError(
            f"the auto-encoder's array {name} must be float32 of shape {shape}; "
            f"came {array.dtype} of shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ModelFileError(f"the auto-encoder's array {name} holds NaN or infinity")


def _selu_between(layers: Sequence[Dense], x: jax.Array) -> jax.Array:
    """Run x through the layers, with a SELU after each but the last."""
    for layer in layers[:-1]:
        x = jax.nn.selu(layer(x))
    return layers[-1](x)

"""The network: two stacks of SELU layers, images to codes and back.

SELU layers keep activations near mean 0 and variance 1 through any depth, without batch
normalisation, where weights start with mean 0 and variance 1 / fan-in (LeCun normal):
G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural networks",
NeurIPS 30 (2017), theorem 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from numbers import Integral
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from xenoglyph.autoencoder.checks import check_choice, check_number
from xenoglyph.autoencoder.layers import (
    Dense,
    Doubling,
    Halving,
    Init,
    Layer,
    Weight,
    alpha_dropout,
    halved,
)
from xenoglyph.errors import DataError, ModelFileError

__all__ = ["ARCHITECTURES", "Dropout", "Layout", "Network"]

Array = np.ndarray[Any, Any]
Stack = tuple[Layer, ...]

ARCHITECTURES = ("dense", "convolutional")


class Dropout(NamedTuple):
    """Share of the hidden activations to drop, and the random key that says which."""

    rate: float
    key: jax.Array


@dataclass(frozen=True)
class Layout:
    """What a network is built of, but for the numbers in it.

    Attributes
    ----------
    image_shape : tuple of int
        (h, w) or (h, w, c), or (n_pixels,) of a table.
    hidden_sizes : tuple of int
        Widths of the encoder's hidden layers; of convolutions, their channels.
    code_size : int
    architecture : {"dense", "convolutional"}

    Raises
    ------
    DataError
        If one of them is out of range.
    """

    image_shape: tuple[int, ...]
    hidden_sizes: tuple[int, ...]
    code_size: int
    architecture: str = "dense"

    def __post_init__(self) -> None:
        for width in self.image_shape:
            check_number("a side of image_shape", width, Integral, 1)
        for width in self.hidden_sizes:
            check_number("a width in hidden_sizes", width, Integral, 1)
        check_number("code_size", self.code_size, Integral, 1)
        check_choice("architecture", self.architecture, ARCHITECTURES)
        if self.code_size >= self.n_pixels:
            raise DataError(
                f"code_size={self.code_size} was given for images of {self.n_pixels} pixels "
                f"(n_features={self.n_pixels}); give fewer numbers than pixels"
            )
        if self.architecture == "convolutional" and len(self.image_shape) == 1:
            raise DataError(
                "architecture='convolutional' was given for a table; give images of shape "
                "(n, h, w) or (n, h, w, c)"
            )

    @property
    def n_pixels(self) -> int:
        """Numbers in an image."""
        return math.prod(self.image_shape)

    def build(self, weight: Weight) -> tuple[Stack, Stack]:
        """Return encoder and decoder, of the weights that `weight` makes of their shapes."""
        build = _dense if self.architecture == "dense" else _convolutional
        return build(self, weight)

    def to_settings(self) -> dict[str, Any]:
        """Return what JSON can hold, and `from_settings` reads."""
        return asdict(self)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Layout":
        """Read what `to_settings` returned."""
        shapes = {name: tuple(settings[name]) for name in ("image_shape", "hidden_sizes")}
        return cls(**{**settings, **shapes})


class Network(eqx.Module):
    """An encoder and its mirror image, a decoder.

    Hidden layers are SELU. The code layer is linear, so that codes may be Gaussian. The decoder
    ends in what `losses` makes a picture of: with the Bernoulli loss logits, whose sigmoid is
    the image.

    Attributes
    ----------
    encoder, decoder : tuple of Layer
    layout : Layout
    """

    encoder: Stack
    decoder: Stack
    layout: Layout = eqx.field(static=True)

    @classmethod
    def start(cls, layout: Layout, init: Init, random: np.random.Generator) -> "Network":
        """Draw an untrained network.

        Parameters
        ----------
        layout : Layout
        init : callable
            One of `layers.INITS`.
        random : numpy.random.Generator
        """
        return cls(*layout.build(partial(init, random)), layout)

    @classmethod
    def from_arrays(cls, layout: Layout, arrays: Mapping[str, Array]) -> "Network":
        """Build a network of what `to_arrays` returned.

        Raises
        ------
        ModelFileError
            If names, shapes, types or numbers are not those of such a network.
        """
        outline = jax.eval_shape(lambda: cls(*layout.build(jnp.zeros), layout))
        leaves, structure = jax.tree.flatten_with_path(outline)
        shapes = {_name(path): leaf.shape for path, leaf in leaves}
        if arrays.keys() != shapes.keys():
            raise ModelFileError(
                f"an auto-encoder of {len(layout.hidden_sizes)} hidden layers each way has "
                f"{len(shapes)} arrays of their own names; came {len(arrays)}, others or not all "
                "of them"
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

    @property
    def code_kernel(self) -> jax.Array:
        """Weight of the code layer, shape (n_in, code_size)."""
        return self.encoder[-1].weight

    def encode(self, pixels: jax.Array, dropout: Dropout | None = None) -> jax.Array:
        """Map pixels [n, n_pixels] in [0, 1] to codes [n, code_size]."""
        return _selu_between(self.encoder, pixels, dropout)

    def decode(self, codes: jax.Array, dropout: Dropout | None = None) -> jax.Array:
        """Map codes [n, code_size] to what becomes pixels [n, n_pixels]."""
        return _selu_between(self.decoder, codes, dropout)


def _dense(layout: Layout, weight: Weight) -> tuple[Stack, Stack]:
    """Dense layers from each width to the next, and back."""
    sizes = (layout.n_pixels, *layout.hidden_sizes, layout.code_size)
    there, back = (
        tuple(Dense.draw(n_in, n_out, weight) for n_in, n_out in pairwise(widths))
        for widths in (sizes, sizes[::-1])
    )
    return there, back


def _convolutional(layout: Layout, weight: Weight) -> tuple[Stack, Stack]:
    """Halve pictures until one dense layer makes them codes, and double them back."""
    height, width, *channels = layout.image_shape
    shapes = [(height, width, channels[0] if channels else 1)]
    for own in layout.hidden_sizes:
        shapes.append(halved(shapes[-1], own))
    there: list[Layer] = [
        Halving.draw(shape, own, weight)
        for shape, own in zip(shapes, layout.hidden_sizes, strict=False)
    ]
    numbers = math.prod(shapes[-1])
    there.append(Dense.draw(numbers, layout.code_size, weight))
    back: list[Layer] = [Dense.draw(layout.code_size, numbers, weight)]
    for small, large in pairwise(reversed(shapes)):
        back.append(Doubling.draw(small, large[:2], large[2], weight))
    return tuple(there), tuple(back)


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


def _selu_between(layers: Sequence[Layer], x: jax.Array, dropout: Dropout | None) -> jax.Array:
    """Run x through the layers, with a SELU after each but the last."""
    for number, layer in enumerate(layers[:-1]):
        x = jax.nn.selu(layer(x))
        if dropout is not None:
            x = alpha_dropout(x, dropout.rate, jax.random.fold_in(dropout.key, number))
    return layers[-1](x)

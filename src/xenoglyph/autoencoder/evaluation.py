"""What a network makes of any number of images or codes, block by block.

Blocks of rows keep memory bounded. Which rows share a block may show in the last bits.
"""

from collections.abc import Callable, Iterator

import jax
import numpy as np
from numpy.typing import NDArray

from xenoglyph.autoencoder.network import Network, total_loss

__all__ = ["BLOCK_NUMBERS", "draw", "encode", "mean_loss"]

Array = NDArray[np.float32]

BLOCK_NUMBERS = 1 << 22
"""Pixels in a block (16 MB)."""


def encode(network: Network, pixels: Array) -> Array:
    """Map pixels [n, n_pixels] to codes [n, code_size]."""
    return _apply(_encode, network, pixels)


def draw(network: Network, codes: Array) -> Array:
    """Map codes [n, code_size] to pixels [n, n_pixels] in [0, 1]."""
    return _apply(_draw, network, codes)


def mean_loss(network: Network, pixels: Array, l2: float) -> float:
    """Take `total_loss` over any number of images [n, n_pixels]."""
    sums = (len(rows) * float(_total_loss(network, rows, l2)) for rows in _blocks(network, pixels))
    return sum(sums) / len(pixels)


_encode = jax.jit(Network.encode)
_total_loss = jax.jit(total_loss)


@jax.jit
def _draw(network: Network, codes: jax.Array) -> jax.Array:
    return jax.nn.sigmoid(network.decode(codes))


def _apply(function: Callable[..., jax.Array], network: Network, table: Array) -> Array:
    """Apply a function to a table, block by block."""
    blocks = [np.asarray(function(network, rows)) for rows in _blocks(network, table)]
    return np.concatenate(blocks)


def _blocks(network: Network, table: Array) -> Iterator[Array]:
    """Cut the rows of a table into blocks, each of about BLOCK_NUMBERS pixels."""
    size = max(1, BLOCK_NUMBERS // network.sizes[0])
    return (table[first : first + size] for first in range(0, len(table), size))

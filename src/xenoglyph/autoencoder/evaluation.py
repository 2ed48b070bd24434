"""What a network makes of any number of images or codes, block by block.

Blocks of rows keep memory bounded. Which rows share a block may show in the last bits.
"""

from collections.abc import Callable, Iterable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from xenoglyph.autoencoder.losses import LOSSES, penalty
from xenoglyph.autoencoder.network import Network
from xenoglyph.autoencoder.rows import Rows, as_pixels

__all__ = ["BLOCK_NUMBERS", "draw", "encode", "errors", "mean_loss"]

Array = NDArray[np.float32]

BLOCK_NUMBERS = 1 << 22
"""Pixels in a block: 16 MB as float32."""


def encode(network: Network, rows: Rows) -> Array:
    """Map images to codes [n, code_size]."""
    return _joined(_encode(network, block) for block in _blocks(rows))


def draw(network: Network, codes: Array, loss: str) -> Array:
    """Map codes [n, code_size] to pixels [n, n_pixels] in [0, 1]."""
    size = max(1, BLOCK_NUMBERS // network.layout.n_pixels)
    parts = (codes[first : first + size] for first in range(0, max(len(codes), 1), size))
    return _joined(_draw(network, part, loss) for part in parts)


def errors(network: Network, rows: Rows, loss: str) -> Array:
    """Nats per pixel by which each image is missed, shape (n,)."""
    return _joined(_errors(network, block, loss) for block in _blocks(rows))


def mean_loss(
    network: Network, rows: Rows, l2: float, loss: str, weights: Array | None = None
) -> float:
    """Take the loss that training lowers over any number of images."""
    missed = errors(network, rows, loss).astype(np.float64)
    return float(np.average(missed, weights=weights)) + float(_penalty(network, l2))


def _blocks(rows: Rows) -> Iterable[NDArray[np.float32] | NDArray[np.uint8]]:
    """Cut images into blocks, each of about BLOCK_NUMBERS pixels."""
    size = max(1, BLOCK_NUMBERS // rows.n_pixels)
    return rows.blocks(size * rows.bytes)


def _joined(parts: Iterable[jax.Array]) -> Array:
    return np.concatenate([np.asarray(part) for part in parts])


@jax.jit
def _encode(network: Network, rows: jax.Array) -> jax.Array:
    return network.encode(as_pixels(rows))


@partial(jax.jit, static_argnames="loss")
def _draw(network: Network, codes: jax.Array, loss: str) -> jax.Array:
    return LOSSES[loss].picture(network.decode(jnp.asarray(codes)))


@partial(jax.jit, static_argnames="loss")
def _errors(network: Network, rows: jax.Array, loss: str) -> jax.Array:
    pixels = as_pixels(rows)
    return LOSSES[loss].errors(network.decode(network.encode(pixels)), pixels)


_penalty: Callable[[Network, float], jax.Array] = jax.jit(penalty)

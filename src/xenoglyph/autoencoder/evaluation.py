"""What a network makes of any number of images or codes, block by block.

Blocks of rows keep memory bounded. Which rows share a block may show in the last bits.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from xenoglyph.autoencoder.losses import LOSSES, penalty
from xenoglyph.autoencoder.network import Network
from xenoglyph.autoencoder.rows import Place, Rows, as_pixels
from xenoglyph.workers import Client, map_blocks

__all__ = ["BLOCK_NUMBERS", "draw", "encode", "errors", "map_images", "mean_loss"]

Array = NDArray[np.float32]
Pixels = NDArray[Any]

BLOCK_NUMBERS = 1 << 22
"""Pixels in a block: 16 MB as float32."""


def encode(network: Network, rows: Rows, client: Client | None = None) -> Array:
    """Map images to codes [n, code_size]; with a client, on its workers."""
    work = partial(_encode_some, network)
    return np.concatenate(list(map_images(work, rows, client)))


def draw(network: Network, codes: Array, loss: str) -> Array:
    """Map codes [n, code_size] to pixels [n, n_pixels] in [0, 1]."""
    size = max(1, BLOCK_NUMBERS // network.layout.n_pixels)
    parts = (codes[first : first + size] for first in range(0, max(len(codes), 1), size))
    return _joined(_draw(network, part, loss) for part in parts)


def errors(network: Network, rows: Rows, loss: str, client: Client | None = None) -> Array:
    """Nats per pixel by which each image is missed, shape (n,); with a client, on its workers."""
    work = partial(_errors_of_some, network, loss)
    return np.concatenate(list(map_images(work, rows, client)))


def mean_loss(
    network: Network,
    rows: Rows,
    l2: float,
    loss: str,
    weights: Array | None = None,
    client: Client | None = None,
) -> float:
    """Take the loss that training lowers over any number of images."""
    missed = errors(network, rows, loss, client).astype(np.float64)
    return float(np.average(missed, weights=weights)) + float(_penalty(network, l2))


def map_images(
    work: Callable[[Pixels], NDArray[Any]], rows: Rows, client: Client | None = None
) -> Iterator[NDArray[Any]]:
    """Apply work to images, about BLOCK_NUMBERS pixels at a time; by a client's workers."""
    parts = rows.parts(max(1, BLOCK_NUMBERS // rows.n_pixels))
    if client is None:
        return map(work, (part.take(slice(None)) for part in parts))
    return map_blocks(partial(_on_opened, work), (part.portable() for part in parts), client)


def _on_opened(work: Callable[[Pixels], NDArray[Any]], part: Rows | Place) -> NDArray[Any]:
    return work(part.open().take(slice(None)))


def _encode_some(network: Network, pixels: Pixels) -> Array:
    return np.asarray(_encode(network, pixels))


def _errors_of_some(network: Network, loss: str, pixels: Pixels) -> Array:
    return np.asarray(_errors(network, pixels, loss))


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

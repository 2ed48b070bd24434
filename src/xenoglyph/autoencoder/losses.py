"""What training lowers: how far drawn images are from the true ones, in nats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import jax
import jax.numpy as jnp

from xenoglyph.autoencoder.network import Network

__all__ = ["LOSSES", "Loss", "disagreement", "total_loss"]

Weights = jax.Array | None


@dataclass(frozen=True)
class Loss:
    """A distribution of the pixels, given what the decoder says.

    Attributes
    ----------
    errors : callable
        (output [n, n_pixels], pixels [n, n_pixels]) to nats per pixel, for each image [n].
    picture : callable
        Output to pixels in [0, 1].
    """

    errors: Callable[[jax.Array, jax.Array], jax.Array]
    picture: Callable[[jax.Array], jax.Array]


def bernoulli_errors(logits: jax.Array, pixels: jax.Array) -> jax.Array:
    """Binary cross-entropy of each image, averaged over its pixels x, which lie in [0, 1].

    ``-x log p - (1 - x) log(1 - p)`` with ``p = sigmoid(z)`` is ``softplus(z) - x z``, which no
    logit z overflows.
    """
    # jax.nn.softplus takes four times as long, a tenth of a whole training step. The slope of
    # max(z, 0) would be 0 where z is, as it is everywhere before blank images are learnt.
    size = jnp.abs(logits)
    softplus = 0.5 * logits + 0.5 * size + jnp.log1p(jnp.exp(-size))
    return jnp.mean(softplus - pixels * logits, axis=-1)


def gaussian_errors(means: jax.Array, pixels: jax.Array) -> jax.Array:
    """Half the squared difference, averaged over the pixels of each image.

    The negative log-density of a normal distribution of variance one, but for a constant.
    """
    return 0.5 * jnp.mean(jnp.square(means - pixels), axis=-1)


LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "bernoulli": Loss(bernoulli_errors, jax.nn.sigmoid),
        "gaussian": Loss(gaussian_errors, lambda means: jnp.clip(means, 0.0, 1.0)),
    }
)


def total_loss(
    network: Network, pixels: jax.Array, l2: float, loss: str, weights: Weights = None
) -> jax.Array:
    """Loss of images that are drawn again from their codes.

    Parameters
    ----------
    network : Network
    pixels : array of shape (n, n_pixels)
    l2 : float
        Weight of the code kernel's sum of squares, which keeps codes from spreading without
        bound.
    loss : str
        One of `LOSSES`.
    weights : array of shape (n,), optional
        What each image counts for.

    Returns
    -------
    array of shape ()
        Weighted mean of the errors, in nats per pixel, plus the L2 term.
    """
    errors = LOSSES[loss].errors(network.decode(network.encode(pixels)), pixels)
    return weighted_mean(errors, weights) + penalty(network, l2)


def penalty(network: Network, l2: float) -> jax.Array:
    """Return the L2 term."""
    return l2 * jnp.square(network.code_kernel).sum()


def disagreement(codes: jax.Array, others: jax.Array, weights: Weights = None) -> jax.Array:
    """Mean squared distance of each image's two codes, over the variance of all the codes.

    A ratio that no scaling of the codes changes: gradients go through both parts, for were the
    variance held fixed codes would shrink to nothing.
    """
    own = jnp.ones(len(others)) if weights is None else weights
    centre = own @ others / own.sum()
    variance = own @ jnp.square(others - centre).sum(axis=-1) / own.sum()
    distances = jnp.square(codes - others).sum(axis=-1)
    return weighted_mean(distances, weights) / (variance + 1e-12)


def weighted_mean(values: jax.Array, weights: Weights) -> jax.Array:
    """Mean over images; weights are relative to their own mean over the whole set."""
    return jnp.mean(values if weights is None else weights * values)

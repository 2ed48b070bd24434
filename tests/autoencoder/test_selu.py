"""What SELU is for: activations stay near mean 0 and variance 1, however deep the network.

Klambauer et al. (2017), theorem 1: from standardised inputs, weights of variance 1 / fan-in and
a dropout that keeps both moments. The moments are those over all images and units of a layer.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from xenoglyph.autoencoder import network as module
from xenoglyph.autoencoder.evaluation import mean_loss
from xenoglyph.autoencoder.layers import Init, Layer, glorot_uniform, lecun_normal
from xenoglyph.autoencoder.network import Dropout, Layout, Network
from xenoglyph.autoencoder.rows import Rows
from xenoglyph.autoencoder.steps import Recipe
from xenoglyph.autoencoder.training import begin, train

Moments = NDArray[np.float64]

N_PIXELS = 61
DEEP = Layout((N_PIXELS,), (128, 64) * 8, 6)
"""Sixteen hidden layers each way, of unequal widths."""
TRAINED = Layout((N_PIXELS,), (64, 128) * 4, 16)
"""Sixteen hidden layers in all, which ten epochs can teach something."""


def he_normal(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw weights of variance 2 / fan-in, as ReLU layers want them."""
    return lecun_normal(random, shape) * 2**0.5


def too_small(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw weights of a quarter of the variance."""
    return lecun_normal(random, shape) / 2


def plain_dropout(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x, 0) / (1 - rate)


@cache
def digits() -> NDArray[np.float32]:
    """The 61 pixels of scikit-learn's digits that vary, standardised."""
    pixels = load_digits().images.reshape(-1, 64)
    pixels = pixels[:, pixels.std(axis=0) > 0]
    return ((pixels - pixels.mean(axis=0)) / pixels.std(axis=0)).astype(np.float32)


def noise(width: int = N_PIXELS) -> NDArray[np.float32]:
    return np.random.default_rng(9).standard_normal((1000, width)).astype(np.float32)


def moments(stack: tuple[Layer, ...], x: NDArray[np.float32], rate: float = 0.0) -> Moments:
    """Mean and variance of every hidden layer's SELU activations, shape (n_layers, 2)."""
    dropout = Dropout(rate, jax.random.key(1)) if rate else None
    found = []
    for depth in range(1, len(stack)):
        before = Network(stack[:depth], (), DEEP).encode(jnp.asarray(x), dropout)
        activations = jax.nn.selu(before)
        found.append((float(activations.mean()), float(activations.var())))
    return np.array(found)


def check_standard(found: Moments, mean: float, least: float, most: float) -> None:
    """The law: every layer's mean and variance lie within bounds about 0 and 1."""
    assert np.abs(found[:, 0]).max() < mean
    assert found[:, 1].min() > least
    assert found[:, 1].max() < most


# --------------------------------------------------------------------------------------- untrained


def check_untrained(init: Init, seed: int, rate: float) -> None:
    """Twice as far as three seeds went: means to 0.053, variances 0.86 to 1.15."""
    deep = Network.start(DEEP, init, np.random.default_rng(seed))
    inputs = [(deep.encoder, digits()), (deep.encoder, noise()), (deep.decoder, noise(6))]
    for stack, x in inputs:
        check_standard(moments(stack, x, rate), 0.1, 0.75, 1.3)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(2))
def test_lecun_normal_keeps_sixteen_layers_standard_with_and_without_dropout(
    seed: int, rate: float
) -> None:
    check_untrained(lecun_normal, seed, rate)


@pytest.mark.parametrize("init", [glorot_uniform, he_normal, too_small])
@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_no_other_start_does(init: Init, rate: float) -> None:
    with pytest.raises(AssertionError):
        check_untrained(init, 0, rate)


def test_plain_dropout_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "alpha_dropout", plain_dropout)
    with pytest.raises(AssertionError):
        check_untrained(lecun_normal, 0, 0.3)


def check_convolutions(init: Init) -> None:
    """Zeros around the pictures take some away: variance falls to 0.69 in six layers."""
    layout = Layout((32, 32, 3), (16, 32, 64), 6, "convolutional")
    net = Network.start(layout, init, np.random.default_rng(0))
    for stack, width in ((net.encoder, layout.n_pixels), (net.decoder, 6)):
        check_standard(moments(stack, noise(width)[:100]), 0.1, 0.6, 1.25)


def test_convolutions_keep_most_of_it() -> None:
    check_convolutions(lecun_normal)


@pytest.mark.parametrize("init", [glorot_uniform, he_normal, too_small])
def test_convolutions_that_start_otherwise_do_not(init: Init) -> None:
    with pytest.raises(AssertionError):
        check_convolutions(init)


# ----------------------------------------------------------------------------------------- trained


@cache
def trained(init: Init) -> Network:
    """Ten epochs over the standardised digits, by half the squared error."""
    rows = Rows(digits(), (N_PIXELS,))
    recipe = Recipe(10, 64, 1e-4, "constant", "adam", 0.0, loss="gaussian", dropout=0.05)
    run = begin(Network.start(TRAINED, init, np.random.default_rng(0)), recipe, 0)
    return train(run, rows, recipe).network


def check_trained(init: Init, rate: float, mean: float, most: float) -> None:
    encoder = trained(init).encoder
    check_standard(moments(encoder, digits(), rate), mean, 0.8, most)


def test_the_trained_network_has_learned_something() -> None:
    """More than the mean image, which costs half of the variance, which is one."""
    rows = Rows(digits(), (N_PIXELS,))
    assert mean_loss(trained(lecun_normal), rows, 0.0, "gaussian") < 0.95 * 0.5


def test_training_leaves_activations_near_standard() -> None:
    """No theorem says so: weights leave their variance as they learn, and the variance rises.

    Three seeds gave means to 0.06 and variances 0.97 to 1.50 with the dropout of training, and
    means to 0.15 and variances 0.97 to 2.15 without. Longer training, at higher rates, takes
    them further.
    """
    check_trained(lecun_normal, 0.05, 0.1, 1.8)
    check_trained(lecun_normal, 0.0, 0.25, 3.0)


@pytest.mark.parametrize("init", [he_normal, too_small])
def test_training_does_not_mend_another_start(init: Init) -> None:
    """Variances were 1.6 to 11.5 from He's start, and 0.3 to 3.6 from a small one."""
    with pytest.raises(AssertionError):
        check_trained(init, 0.0, 0.25, 3.0)

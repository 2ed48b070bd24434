"""Layers compute what slow NumPy says; weights start with their variance; dropout keeps both
moments."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from xenoglyph.autoencoder.layers import (
    INITS,
    Dense,
    Doubling,
    Halving,
    Layer,
    alpha_dropout,
    halved,
    lecun_normal,
)

Dropper = Callable[[jax.Array, float, jax.Array], jax.Array]
Shape = tuple[int, int, int]


def drawn(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return random.standard_normal(shape)


def with_bias(layer: Layer, random: np.random.Generator) -> tuple[jax.Array, jax.Array]:
    return layer.weight, jnp.asarray(random.standard_normal(layer.bias.shape), jnp.float32)


# -------------------------------------------------------------------------------------- the oracle


def slow_convolution(
    pictures: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int
) -> np.ndarray:
    """Oracle: every sum written out, in float64; as many zeros around as are lacking."""
    n, height, width, _ = pictures.shape
    sides = -(-height // stride), -(-width // stride)
    lack = [
        max(0, (to - 1) * stride + 3 - side)
        for to, side in zip(sides, (height, width), strict=True)
    ]
    around = [(0, 0), *((some // 2, some - some // 2) for some in lack), (0, 0)]
    padded = np.pad(pictures.astype(np.float64), around)
    out = np.zeros((n, *sides, kernel.shape[3]))
    for i, j in np.ndindex(*sides):
        seen = padded[:, i * stride : i * stride + 3, j * stride : j * stride + 3]
        out[:, i, j] = np.tensordot(seen, kernel.astype(np.float64), 3) + bias
    return out


def slow_doubling(four: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    """Oracle: pixel (2i + a, 2j + b) takes the channels of quarter 2a + b at (i, j)."""
    n, _, _, channels = four.shape
    own = channels // 4
    large = np.zeros((n, *sides, own))
    for row, column in np.ndindex(*sides):
        quarter = 2 * (row % 2) + column % 2
        large[:, row, column] = four[:, row // 2, column // 2][
            :, quarter * own : (quarter + 1) * own
        ]
    return large


def check_halving(shape: Shape, stride: int = 2) -> None:
    random = np.random.default_rng(0)
    start = Halving.draw(shape, 4, lambda shape: drawn(random, shape))
    weight, bias = with_bias(start, random)
    x = random.standard_normal((3, *shape)).astype(np.float32)
    out = Halving(weight, bias, shape)(jnp.asarray(x.reshape(3, -1)))
    slow = slow_convolution(x, np.asarray(weight), np.asarray(bias), stride)
    assert slow.shape[1:] == halved(shape, 4)
    np.testing.assert_allclose(out, slow.reshape(3, -1), atol=1e-4)


def check_doubling(shape: Shape, sides: tuple[int, int], channels: int, turn: int = 0) -> None:
    random = np.random.default_rng(0)
    start = Doubling.draw(shape, sides, channels, lambda shape: drawn(random, shape))
    weight, bias = with_bias(start, random)
    x = random.standard_normal((3, *shape)).astype(np.float32)
    out = Doubling(weight, bias, shape, sides)(jnp.asarray(x.reshape(3, -1)))
    four = slow_convolution(x, np.asarray(weight), np.asarray(bias), 1)
    slow = slow_doubling(np.roll(four, turn, axis=3), sides)
    np.testing.assert_allclose(out, slow.reshape(3, -1), atol=1e-4)


@pytest.mark.parametrize("shape", [(7, 5, 1), (7, 5, 3), (8, 6, 3), (4, 7, 2), (1, 1, 1)])
def test_halving_is_a_convolution_at_every_other_pixel(shape: Shape) -> None:
    check_halving(shape)


@pytest.mark.parametrize(
    ("shape", "sides"), [((4, 3, 5), (7, 5)), ((4, 3, 5), (8, 6)), ((1, 2, 1), (1, 3))]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_doubling_is_a_convolution_that_makes_four_pixels_of_one(
    shape: Shape, sides: tuple[int, int], channels: int
) -> None:
    check_doubling(shape, sides, channels)


def test_the_oracles_tell_another_stride_and_another_order_of_pixels() -> None:
    with pytest.raises(AssertionError):
        check_halving((7, 5, 1), stride=1)
    with pytest.raises(AssertionError):
        check_doubling((4, 3, 5), (7, 5), 1, turn=1)


@pytest.mark.parametrize("side", range(1, 12))
def test_halving_rounds_up(side: int) -> None:
    assert halved((side, 2 * side, 3), 5) == ((side + 1) // 2, side, 5)


# ---------------------------------------------------------------------------------- how they start


@pytest.mark.parametrize(
    ("name", "shape", "variance"),
    [
        ("lecun_normal", (300, 100), 1 / 300),
        ("lecun_normal", (3, 3, 40, 100), 1 / 360),
        ("glorot_uniform", (300, 100), 2 / 400),
        ("glorot_uniform", (3, 3, 40, 100), 2 / (360 + 900)),
    ],
)
def test_starts_have_the_variance_of_their_definition(
    name: str, shape: tuple[int, ...], variance: float
) -> None:
    weights = INITS[name](np.random.default_rng(0), shape)
    assert weights.mean() == pytest.approx(0, abs=0.001)
    assert weights.var() == pytest.approx(variance, rel=0.03)


def test_biases_start_at_zero() -> None:
    def ones(shape: tuple[int, ...]) -> np.ndarray:
        return np.ones(shape)

    for layer in (
        Dense.draw(4, 3, ones),
        Halving.draw((5, 5, 1), 3, ones),
        Doubling.draw((3, 3, 1), (5, 5), 2, ones),
    ):
        assert layer.weight.dtype == layer.bias.dtype == jnp.float32
        assert (layer.bias == 0).all()


def inside(shape: Shape, stride: int) -> np.ndarray:
    """Share of the nine pixels under a kernel that the picture has, for every place."""
    here, kernel = np.ones((1, *shape[:2], 1)), np.full((3, 3, 1, 1), 1 / 9)
    return slow_convolution(here, kernel, np.zeros(1), stride)[0, :, :, 0]


def check_variance(layer: Layer, shape: Shape, expected: np.ndarray) -> None:
    """The law: of standard normal pictures, every place has the variance it should have."""
    x = np.random.default_rng(1).standard_normal((200, *shape)).astype(np.float32)
    out = np.asarray(layer(jnp.asarray(x.reshape(200, -1)))).reshape(200, *expected.shape, -1)
    assert abs(out.mean()) < 0.02
    np.testing.assert_allclose(out.var(axis=(0, 3)), expected, rtol=0.15)


@pytest.mark.parametrize("gain", [1.0, 2**0.5])
def test_lecun_normal_keeps_the_variance_of_all_that_a_convolution_sees(gain: float) -> None:
    """One away from the edge; at the edge, where zeros are seen, their share less.

    The broken twin is He's start, of twice the variance.
    """
    random, shape = np.random.default_rng(0), (9, 8, 16)

    def weight(shape: tuple[int, ...]) -> np.ndarray:
        return gain * lecun_normal(random, shape)

    halving = Halving.draw(shape, 200, weight)
    doubling = Doubling.draw(shape, (18, 16), 200, weight)
    seen, large = inside(shape, 2), inside(shape, 1).repeat(2, axis=0).repeat(2, axis=1)
    assert seen[1:-1, 1:-1] == pytest.approx(1)
    assert large[2:-2, 2:-2] == pytest.approx(1)
    for layer, expected in ((halving, seen), (doubling, large)):
        if gain == 1:
            check_variance(layer, shape, expected)
        else:
            with pytest.raises(AssertionError):
                check_variance(layer, shape, expected)


# ----------------------------------------------------------------------------------------- dropout


def activations() -> jax.Array:
    """SELU of standard normal numbers: mean 0 and variance 1, by the choice of its constants."""
    return jax.nn.selu(jax.random.normal(jax.random.key(0), (1000, 1000)))


def plain_dropout(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x, 0) / (1 - rate)


def check_keeps_moments(drop: Dropper, rate: float) -> None:
    """The law, to three standard errors and more: a million numbers."""
    out = drop(activations(), rate, jax.random.key(1))
    assert abs(out.mean()) < 0.005
    assert abs(out.var() - 1) < 0.01


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3, 0.8])
def test_alpha_dropout_keeps_mean_zero_and_variance_one(rate: float) -> None:
    check_keeps_moments(alpha_dropout, rate)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_plain_dropout_does_not(rate: float) -> None:
    with pytest.raises(AssertionError):
        check_keeps_moments(plain_dropout, rate)


def test_alpha_dropout_of_nothing_is_the_identity() -> None:
    np.testing.assert_array_equal(
        alpha_dropout(activations(), 0.0, jax.random.key(1)), activations()
    )


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_alpha_dropout_drops_the_share_that_it_is_told_to(rate: float) -> None:
    """What is dropped takes one value, and all else stays apart as it was."""
    x = activations()
    out = np.asarray(alpha_dropout(x, rate, jax.random.key(1)))
    values, counts = np.unique(out, return_counts=True)
    dropped = out == values[counts.argmax()]
    assert dropped.mean() == pytest.approx(rate, abs=0.003)
    a, b = np.polyfit(np.asarray(x)[~dropped], out[~dropped], 1)
    np.testing.assert_allclose(out[~dropped], a * np.asarray(x)[~dropped] + b, atol=1e-4)
    limit = -1.0507009873554805 * 1.6732632423543772
    np.testing.assert_allclose(out[dropped], a * limit + b, atol=1e-4)

"""Networks keep activations normal, lose what NumPy says, and travel as named arrays."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import ArrayLike, NDArray

from xenoglyph.autoencoder.network import (
    INITS,
    Dense,
    Init,
    Network,
    bernoulli_loss,
    glorot_uniform,
    lecun_normal,
    total_loss,
)
from xenoglyph.errors import ModelFileError

SIZES = (12, 7, 5, 3)
DEEP = (256, 64) * 16 + (256,)


def network(seed: int = 0) -> Network:
    """A small network whose biases are not zero."""
    drawn = Network.start(SIZES, lecun_normal, np.random.default_rng(seed))
    arrays = {name: array + np.float32(0.1) for name, array in drawn.to_arrays().items()}
    return Network.from_arrays(SIZES, arrays)


def images() -> jax.Array:
    return jnp.asarray(np.random.default_rng(1).random((20, SIZES[0])), jnp.float32)


def he_normal(random: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Draw weights of variance 2 / n_in, as ReLU layers want them."""
    return lecun_normal(random, shape) * 2**0.5


def check_self_normalizing(init: Init, seed: int) -> None:
    """The law: standard normal input leaves 32 untrained layers as it came."""
    random = np.random.default_rng(seed)
    deep = Network.start(DEEP, init, random)
    x = jnp.asarray(random.standard_normal((1000, DEEP[0])), jnp.float32)
    for output in (deep.encode(x), deep.decode(x)):
        assert abs(output.mean()) < 0.05
        assert abs(output.var() - 1) < 0.2


@pytest.mark.parametrize("seed", range(3))
def test_lecun_normal_start_keeps_activations_standard_normal(seed: int) -> None:
    check_self_normalizing(lecun_normal, seed)


@pytest.mark.parametrize("init", [glorot_uniform, he_normal])
def test_no_other_start_does(init: Init) -> None:
    with pytest.raises(AssertionError):
        check_self_normalizing(init, seed=0)


@pytest.mark.parametrize(
    ("name", "variance"), [("lecun_normal", 1 / 300), ("glorot_uniform", 1 / 200)]
)
def test_starts_have_the_variance_of_their_definition(name: str, variance: float) -> None:
    weights = INITS[name](np.random.default_rng(0), (300, 100))
    assert weights.mean() == pytest.approx(0, abs=0.001)
    assert weights.var() == pytest.approx(variance, rel=0.03)


def numpy_stack(layers: Sequence[Dense], images: ArrayLike) -> np.ndarray:
    """Oracle: affine layers in float64 with SELU between them, constants from the paper."""
    x = np.asarray(images, dtype=np.float64)
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    for i, layer in enumerate(layers):
        x = x @ np.asarray(layer.weight, dtype=np.float64) + np.asarray(layer.bias)
        if i < len(layers) - 1:
            x = scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return x


def numpy_cross_entropy(logits: np.ndarray, pixels: ArrayLike) -> float:
    """Oracle: the textbook form, in float64."""
    x = np.asarray(pixels, dtype=np.float64)
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return float(-(x * np.log(p) + (1 - x) * np.log1p(-p)).mean())


def test_the_layers_are_selu_and_their_ends_linear() -> None:
    net, x = network(), images()
    codes = numpy_stack(net.encoder, x)
    np.testing.assert_allclose(net.encode(x), codes, atol=1e-5)
    np.testing.assert_allclose(
        net.decode(jnp.asarray(codes)), numpy_stack(net.decoder, codes), atol=1e-4
    )


def test_sizes_are_mirrored() -> None:
    net = network()
    assert net.sizes == SIZES
    assert [layer.weight.shape for layer in net.decoder] == [(3, 5), (5, 7), (7, 12)]


@given(
    hnp.arrays(np.float32, (3, 4), elements=st.floats(-15, 15, width=32)),
    hnp.arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)),
)
def test_bernoulli_loss_is_the_textbook_cross_entropy(z: np.ndarray, x: np.ndarray) -> None:
    loss = bernoulli_loss(jnp.asarray(z), jnp.asarray(x))
    assert loss == pytest.approx(numpy_cross_entropy(z, x), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("logit", "pixel", "loss"), [(1e4, 1, 0), (-1e4, 0, 0), (1e4, 0, 1e4)])
def test_bernoulli_loss_overflows_nowhere(logit: float, pixel: float, loss: float) -> None:
    assert bernoulli_loss(jnp.full((1, 1), logit), jnp.full((1, 1), pixel)) == loss


def test_total_loss_adds_the_l2_term_in_the_article_s_units() -> None:
    net, x = network(), images()
    logits = numpy_stack(net.decoder, numpy_stack(net.encoder, x))
    kernel = np.asarray(net.encoder[-1].weight, dtype=np.float64)
    expected = numpy_cross_entropy(logits, x) + 0.01 * np.sum(kernel**2)
    assert total_loss(net, x, 0.01) == pytest.approx(expected, rel=1e-5)


def test_l2_pulls_at_the_code_kernel_and_at_nothing_else() -> None:
    net, x = network(), images()
    gradient = jax.jit(jax.grad(total_loss))
    with_l2, without = (gradient(net, x, l2).to_arrays() for l2 in (0.5, 0.0))
    pull = {name: with_l2[name] - without[name] for name in without}
    np.testing.assert_allclose(pull.pop("encoder/2/weight"), net.code_kernel, atol=1e-6)
    assert all((rest == 0).all() for rest in pull.values())


def test_arrays_make_the_same_network_again() -> None:
    net, x = network(), images()
    arrays = net.to_arrays()
    again = Network.from_arrays(SIZES, arrays)
    assert sorted(arrays)[:2] == ["decoder/0/bias", "decoder/0/weight"]
    np.testing.assert_array_equal(again.decode(again.encode(x)), net.decode(net.encode(x)))


def damaged(change: str) -> dict[str, np.ndarray]:
    arrays = network().to_arrays()
    kernel = arrays["encoder/1/weight"]
    match change:
        case "missing":
            del arrays["encoder/1/weight"]
        case "surplus":
            arrays["encoder/3/weight"] = kernel
        case "shape":
            arrays["encoder/1/weight"] = kernel.T
        case "type":
            arrays["encoder/1/weight"] = kernel.astype(np.float64)
        case "number":
            kernel[0, 0] = np.nan
    return arrays


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", "12 arrays .* came 11"),
        ("surplus", "12 arrays .* came 13"),
        ("shape", r"encoder/1/weight must be float32 of shape \(7, 5\)"),
        ("type", "came float64"),
        ("number", "encoder/1/weight holds NaN"),
    ],
)
def test_arrays_of_another_network_are_refused(change: str, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        Network.from_arrays(SIZES, damaged(change))

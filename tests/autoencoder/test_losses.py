"""Losses are those of the textbooks, overflow nowhere, and count images as often as they weigh."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import xlog1py, xlogy
from scipy.stats import norm

from xenoglyph.autoencoder.layers import lecun_normal
from xenoglyph.autoencoder.losses import (
    LOSSES,
    disagreement,
    penalty,
    total_loss,
    weighted_mean,
)
from xenoglyph.autoencoder.network import Layout, Network

LAYOUT = Layout((12,), (7, 5), 3)
Distance = Callable[[jax.Array, jax.Array], jax.Array]


def network() -> Network:
    return Network.start(LAYOUT, lecun_normal, np.random.default_rng(0))


def images(n: int = 20) -> jax.Array:
    return jnp.asarray(np.random.default_rng(1).random((n, LAYOUT.n_pixels)), jnp.float32)


def table(low: float, high: float, shape: tuple[int, ...] = (3, 4)) -> st.SearchStrategy:
    return hnp.arrays(np.float32, shape, elements=st.floats(low, high, width=32))


# ---------------------------------------------------------------------------------- nats per pixel


def textbook_bernoulli(logits: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """-log p^x (1 - p)^(1 - x), in float64."""
    x, p = pixels.astype(np.float64), 1 / (1 + np.exp(-logits.astype(np.float64)))
    return -(xlogy(x, p) + xlog1py(1 - x, -p)).mean(axis=1)


def textbook_gaussian(means: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Minus the log-density of a normal distribution of variance one, over its greatest."""
    x, m = pixels.astype(np.float64), means.astype(np.float64)
    return (norm.logpdf(0) - norm.logpdf(x, m)).mean(axis=1)


TEXTBOOK = {"bernoulli": textbook_bernoulli, "gaussian": textbook_gaussian}


def check_errors(loss: str, book: str, output: np.ndarray, pixels: np.ndarray) -> None:
    errors = LOSSES[loss].errors(jnp.asarray(output), jnp.asarray(pixels))
    np.testing.assert_allclose(errors, TEXTBOOK[book](output, pixels), rtol=1e-4, atol=1e-5)


@given(table(-30, 30), table(0, 1))
def test_bernoulli_slopes_are_the_textbooks_even_where_logits_are_zero(
    logits: np.ndarray, pixels: np.ndarray
) -> None:
    logits[0] = 0.0

    def summed(logits: jax.Array) -> jax.Array:
        return LOSSES["bernoulli"].errors(logits, jnp.asarray(pixels)).sum()

    slopes = jax.grad(summed)(jnp.asarray(logits)) * logits.shape[1]
    np.testing.assert_allclose(slopes, 1 / (1 + np.exp(-logits)) - pixels, atol=1e-6)


@pytest.mark.parametrize("loss", sorted(LOSSES))
@given(output=table(-15, 15), pixels=table(0, 1))
def test_errors_are_those_of_the_textbook(
    loss: str, output: np.ndarray, pixels: np.ndarray
) -> None:
    check_errors(loss, loss, output, pixels)


@pytest.mark.parametrize(("loss", "book"), [("bernoulli", "gaussian"), ("gaussian", "bernoulli")])
def test_one_distribution_is_not_the_other(loss: str, book: str) -> None:
    output, pixels = np.full((3, 4), 0.5, np.float32), np.ones((3, 4), np.float32)
    with pytest.raises(AssertionError):
        check_errors(loss, book, output, pixels)


@pytest.mark.parametrize(
    ("logit", "pixel", "error", "slope"),
    [(1e4, 1, 0, 0), (-1e4, 0, 0, 0), (1e4, 0, 1e4, 1), (-1e4, 1, 1e4, -1), (3e38, 0, 3e38, 1)],
)
def test_bernoulli_errors_and_their_slopes_overflow_nowhere(
    logit: float, pixel: float, error: float, slope: float
) -> None:
    z, x = jnp.full((1, 1), logit), jnp.full((1, 1), pixel)
    value, gradient = jax.value_and_grad(lambda z: LOSSES["bernoulli"].errors(z, x)[0])(z)
    assert (value, gradient[0, 0]) == (pytest.approx(error, rel=1e-6), slope)


@given(output=table(-40, 40))
def test_the_picture_is_the_pixels_of_least_error(output: np.ndarray) -> None:
    """No pixels in [0, 1] are likelier than those that are drawn; Gaussian means are clipped."""
    for loss, likeliest in (("bernoulli", lambda z: 1 / (1 + np.exp(-z.astype(np.float64)))),
                            ("gaussian", lambda m: np.clip(m, 0, 1))):  # fmt: skip
        picture = LOSSES[loss].picture(jnp.asarray(output))
        assert ((picture >= 0) & (picture <= 1)).all()
        np.testing.assert_allclose(picture, likeliest(output), atol=1e-6)


# -------------------------------------------------------------------------------------- total loss


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_total_loss_adds_the_l2_term_in_the_article_s_units(loss: str) -> None:
    net, x = network(), images()
    output = np.asarray(net.decode(net.encode(x)))
    kernel = np.asarray(net.encoder[-1].weight, dtype=np.float64)
    expected = TEXTBOOK[loss](output, np.asarray(x)).mean() + 0.01 * np.sum(kernel**2)
    assert total_loss(net, x, 0.01, loss) == pytest.approx(expected, rel=1e-5)
    assert penalty(net, 0.01) == pytest.approx(0.01 * np.sum(kernel**2), rel=1e-5)


def test_l2_pulls_at_the_code_kernel_and_at_nothing_else() -> None:
    net, x = network(), images()
    gradient = jax.jit(jax.grad(total_loss), static_argnames="loss")
    with_l2, without = (gradient(net, x, l2, "bernoulli").to_arrays() for l2 in (0.5, 0.0))
    pull = {name: with_l2[name] - without[name] for name in without}
    np.testing.assert_allclose(pull.pop("encoder/2/weight"), net.code_kernel, atol=1e-6)
    assert all((rest == 0).all() for rest in pull.values())


# ----------------------------------------------------------------------------------------- weights


def relative(weights: np.ndarray) -> jax.Array:
    return jnp.asarray(weights / weights.mean(), jnp.float32)


@given(table(-10, 10, (6,)), hnp.arrays(np.int64, 6, elements=st.integers(0, 4)))
def test_whole_weights_count_an_image_so_often_and_zero_not_at_all(
    values: np.ndarray, weights: np.ndarray
) -> None:
    assume(weights.any())
    often = np.repeat(values.astype(np.float64), weights)
    mean = weighted_mean(jnp.asarray(values), relative(weights))
    assert mean == pytest.approx(often.mean(), rel=1e-4, abs=1e-5)


def test_no_weights_are_equal_weights() -> None:
    values = images()[:, 0]
    assert weighted_mean(values, None) == weighted_mean(values, jnp.ones(20)) == values.mean()


def check_repetition(weights: np.ndarray, often: np.ndarray) -> None:
    """The law: the loss, and its slopes, of weighted images are those of repeated ones."""
    net, x = network(), images(4)
    part = jax.value_and_grad(lambda net, x, w: total_loss(net, x, 0.01, "bernoulli", w))
    (loss, slope), (expected, other) = part(net, x, relative(weights)), part(net, x[often], None)
    assert loss == pytest.approx(float(expected), rel=1e-5)
    for name, array in slope.to_arrays().items():
        np.testing.assert_allclose(array, other.to_arrays()[name], atol=1e-6)


def test_weighted_images_train_as_repeated_ones() -> None:
    weights = np.array([2, 0, 1, 3])
    check_repetition(weights, np.repeat(np.arange(4), weights))
    with pytest.raises(AssertionError):
        check_repetition(weights, np.arange(4))


# ------------------------------------------------------------------------------------- consistency

CODES = table(-4, 4, (5, 3))


def textbook_disagreement(codes: np.ndarray, others: np.ndarray) -> float:
    a, b = codes.astype(np.float64), others.astype(np.float64)
    centre = b.mean(axis=0)
    spread = np.mean([np.sum((one - centre) ** 2) for one in b])
    return float(
        np.mean([np.sum((one - two) ** 2) for one, two in zip(a, b, strict=True)]) / spread
    )


def spread_out(codes: np.ndarray) -> bool:
    return bool(codes.var(axis=0).sum() > 0.01)


@given(CODES, CODES)
def test_disagreement_is_the_distance_in_units_of_the_spread(
    codes: np.ndarray, others: np.ndarray
) -> None:
    assume(spread_out(others))
    value = disagreement(jnp.asarray(codes), jnp.asarray(others))
    assert value == pytest.approx(textbook_disagreement(codes, others), rel=1e-3, abs=1e-6)


@given(CODES)
def test_equal_codes_do_not_disagree(codes: np.ndarray) -> None:
    assert disagreement(jnp.asarray(codes), jnp.asarray(codes)) == 0


def check_ignores_scale(distance: Distance, scale: float) -> None:
    """The law: larger codes do not disagree more, nor smaller ones less."""
    random = np.random.default_rng(0)
    codes, others = (jnp.asarray(random.standard_normal((9, 3)), jnp.float32) for _ in range(2))
    assert distance(scale * codes, scale * others) == pytest.approx(
        float(distance(codes, others)), rel=1e-4
    )


@given(st.floats(0.01, 1000))
def test_disagreement_ignores_the_scale_of_all_codes(scale: float) -> None:
    check_ignores_scale(disagreement, scale)


def test_a_plain_distance_does_not() -> None:
    with pytest.raises(AssertionError):
        check_ignores_scale(lambda a, b: jnp.square(a - b).sum(axis=1).mean(), 2.0)


def detached(codes: jax.Array, others: jax.Array) -> jax.Array:
    """The broken twin: were the spread held fixed, shrinking all codes would lower it."""
    spread = jax.lax.stop_gradient(jnp.var(others, axis=0).sum())
    return jnp.square(codes - others).sum(axis=1).mean() / spread


def check_slope(distance: Distance) -> None:
    """The law: no slope points to smaller codes, and none to larger ones."""
    random = np.random.default_rng(0)
    codes, others = (jnp.asarray(random.standard_normal((9, 3)), jnp.float32) for _ in range(2))
    slopes = jax.grad(distance, (0, 1))(codes, others)
    assert abs(slopes[0]).max() > 0.01
    assert (codes * slopes[0] + others * slopes[1]).sum() == pytest.approx(0, abs=1e-5)


def test_neither_shrinking_nor_spreading_codes_lowers_disagreement() -> None:
    check_slope(disagreement)
    with pytest.raises(AssertionError):
        check_slope(detached)


def test_codes_that_are_all_the_same_disagree_by_a_finite_slope() -> None:
    same = jnp.ones((5, 3))
    value, slope = jax.value_and_grad(disagreement)(same, same)
    assert value == 0
    assert jnp.isfinite(slope).all()


def test_weights_count_codes_as_repetition_does() -> None:
    random = np.random.default_rng(0)
    codes, others = random.standard_normal((2, 4, 3)).astype(np.float32)
    times = np.array([1, 0, 2, 5])
    repeated = disagreement(*(jnp.repeat(c, times, axis=0) for c in (codes, others)))
    weighted = disagreement(jnp.asarray(codes), jnp.asarray(others), relative(times))
    assert weighted == pytest.approx(float(repeated), rel=1e-5)

"""A step lowers the loss as Adam does; epochs use every image; schedules have their shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xenoglyph.autoencoder import evaluation
from xenoglyph.autoencoder.evaluation import draw, encode, mean_loss
from xenoglyph.autoencoder.network import Network, lecun_normal, total_loss
from xenoglyph.autoencoder.training import SCHEDULES, Recipe, start, train, train_epoch
from xenoglyph.errors import DataError

SIZES = (16, 8, 3)


def network() -> Network:
    return Network.start(SIZES, lecun_normal, np.random.default_rng(0))


def images(n: int) -> np.ndarray:
    return np.random.default_rng(n).random((n, SIZES[0])).astype(np.float32)


def recipe(**changes: object) -> Recipe:
    plain = {
        "n_epochs": 1,
        "batch_size": 4,
        "learning_rate": 1e-3,
        "schedule": "constant",
        "l2": 0.01,
    }
    return Recipe(**{**plain, **changes})  # type: ignore[arg-type]


def test_the_first_step_is_adam_s_and_lowers_the_loss() -> None:
    """By its definition the first step of Adam is lr * g / (|g| + 1e-8).

    A batch larger than the set holds all of it.
    """
    x, plan = images(4), recipe(batch_size=100)
    gradient = jax.jit(jax.grad(total_loss))(network(), x, 0.01).to_arrays()
    state, loss = train_epoch(start(network(), 4, plan, jax.random.key(1)), jnp.asarray(x), plan)
    assert loss == pytest.approx(mean_loss(network(), x, 0.01), rel=1e-6)
    assert mean_loss(state.network, x, 0.01) < loss
    before = network().to_arrays()
    for name, after in state.network.to_arrays().items():
        step = 1e-3 * gradient[name] / (np.abs(gradient[name]) + 1e-8)
        np.testing.assert_allclose(after, before[name] - step, atol=1e-5)


def epoch_losses(n_images: int, batch_size: int, n_epochs: int) -> list[float]:
    """Losses of epochs that change nothing: each is the mean over the images that it used."""
    still = recipe(learning_rate=0, batch_size=batch_size, n_epochs=n_epochs)
    _, history = train(network(), images(n_images), still, jax.random.key(5))
    return history["loss"]


def test_an_epoch_uses_every_image_once_where_batches_divide_them() -> None:
    expected = mean_loss(network(), images(4), 0.01)
    assert epoch_losses(4, 2, 5) == pytest.approx([expected] * 5, rel=1e-6)


def test_what_does_not_fill_a_batch_is_another_image_in_another_epoch() -> None:
    x = images(3)
    pairs = [mean_loss(network(), x[[i, j]], 0.01) for i, j in [(0, 1), (0, 2), (1, 2)]]
    losses = np.array(epoch_losses(3, 2, 30))
    nearest = np.abs(losses[:, None] - pairs)
    np.testing.assert_allclose(nearest.min(axis=1), 0, atol=1e-6)
    assert set(nearest.argmin(axis=1)) == {0, 1, 2}


def test_the_learning_rate_follows_the_schedule() -> None:
    """The first step of Adam moves a weight by the rate of that step."""
    x, plan = jnp.asarray(images(4)), recipe(schedule="one-cycle", n_epochs=100)
    state, _ = train_epoch(start(network(), 4, plan, jax.random.key(1)), x, plan)
    moved = np.abs(state.network.code_kernel - network().code_kernel).max()
    assert moved == pytest.approx(1e-3 / 25, rel=0.01)


def test_one_cycle_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = np.array([SCHEDULES["one-cycle"](0.01, 100)(step) for step in range(101)])
    assert rates.argmax() == 30
    assert (np.diff(rates[:31]) > 0).all()
    assert (np.diff(rates[30:]) < 0).all()
    np.testing.assert_allclose(rates[[0, 30, 100]], [0.01 / 25, 0.01, 0.01 / 250_000], rtol=0.01)


@pytest.mark.parametrize("n_steps", [1, 2, 3, 4])
def test_one_cycle_is_finite_in_the_shortest_runs(n_steps: int) -> None:
    rates = [float(SCHEDULES["one-cycle"](0.01, n_steps)(step)) for step in range(n_steps)]
    assert all(0 < rate <= 0.0101 for rate in rates)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_epochs": 0}, "n_epochs=0 was given; give an integer of at least 1"),
        ({"n_epochs": "many"}, "n_epochs='many'"),
        ({"batch_size": 2.5}, "batch_size=2.5"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0 was given; give a number of at least 0"),
        ({"learning_rate": np.inf}, "learning_rate=inf"),
        ({"l2": np.nan}, "l2=nan"),
        ({"schedule": "warm"}, "schedule='warm' was given; give one of constant, one-cycle"),
    ],
)
def test_a_recipe_refuses_what_cannot_be_followed(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        recipe(**changes)


def test_divergence_is_one_error() -> None:
    wild = recipe(learning_rate=1e30, n_epochs=10)
    with pytest.raises(DataError, match=r"diverged in epoch \d+ with learning_rate=1e\+30"):
        train(network(), images(4), wild, jax.random.key(0))


def test_blocks_bound_memory_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, net = images(50), network()
    codes = encode(net, x)
    whole = codes, draw(net, codes), mean_loss(net, x, 0.01)
    lengths = []

    def spied(net: Network, rows: jax.Array) -> jax.Array:
        lengths.append(len(rows))
        return net.encode(rows)

    monkeypatch.setattr(evaluation, "BLOCK_NUMBERS", 20 * SIZES[0])
    monkeypatch.setattr(evaluation, "_encode", spied)
    np.testing.assert_allclose(encode(net, x), whole[0], atol=1e-5)
    np.testing.assert_allclose(draw(net, codes), whole[1], atol=1e-5)
    assert mean_loss(net, x, 0.01) == pytest.approx(whole[2], abs=1e-5)
    assert lengths == [20, 20, 10]

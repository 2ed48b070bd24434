"""A step lowers the loss as Adam does; epochs use every image; schedules have their shapes."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from xenoglyph.autoencoder import evaluation
from xenoglyph.autoencoder.evaluation import draw, encode, mean_loss
from xenoglyph.autoencoder.layers import lecun_normal
from xenoglyph.autoencoder.losses import total_loss
from xenoglyph.autoencoder.network import Layout, Network
from xenoglyph.autoencoder.rows import Rows
from xenoglyph.autoencoder.steps import SCHEDULES, Recipe, start, take_step
from xenoglyph.autoencoder.training import Epoch, Run, begin, train
from xenoglyph.errors import DataError

LAYOUT = Layout((16,), (8,), 3)


def network() -> Network:
    return Network.start(LAYOUT, lecun_normal, np.random.default_rng(0))


def images(n: int) -> Rows:
    return Rows(np.random.default_rng(n).random((n, 16)).astype(np.float32), (16,))


def recipe(**changes: Any) -> Recipe:
    plain: dict[str, Any] = {
        "n_epochs": 1,
        "batch_size": 4,
        "learning_rate": 1e-3,
        "schedule": "constant",
        "solver": "adam",
        "l2": 0.01,
    }
    return Recipe(**{**plain, **changes})


def loss_of(net: Network, rows: Rows) -> float:
    return mean_loss(net, rows, 0.01, "bernoulli")


def trained(n_images: int, seed: int = 5, **changes: Any) -> Run:
    plan = recipe(**changes)
    return train(begin(network(), plan, seed), images(n_images), plan)


def test_the_first_step_is_adam_s_and_lowers_the_loss() -> None:
    """By its definition the first step of Adam is lr * g / (|g| + 1e-8)."""
    x, plan = images(4), recipe()
    gradient = jax.grad(total_loss)(network(), x.table, 0.01, "bernoulli").to_arrays()
    state = take_step(start(network(), plan), x.table, None, jax.random.key(1), plan, 1)
    assert state.loss == pytest.approx(loss_of(network(), x), rel=1e-6)
    assert loss_of(state.network, x) < state.loss
    before = network().to_arrays()
    for name, after in state.network.to_arrays().items():
        step = 1e-3 * gradient[name] / (np.abs(gradient[name]) + 1e-8)
        np.testing.assert_allclose(after, before[name] - step, atol=1e-5)


def test_a_batch_larger_than_the_set_holds_all_of_it() -> None:
    run = trained(4, batch_size=100)
    assert int(run.state.step) == 1
    assert run.history["loss"] == pytest.approx([loss_of(network(), images(4))], rel=1e-6)


def epoch_losses(n_images: int, batch_size: int, n_epochs: int) -> list[float]:
    """Losses of epochs that change nothing: each is the mean over the images that it used."""
    run = trained(n_images, learning_rate=0, batch_size=batch_size, n_epochs=n_epochs)
    return run.history["loss"]


def test_an_epoch_uses_every_image_once_where_batches_divide_them() -> None:
    expected = loss_of(network(), images(4))
    assert epoch_losses(4, 2, 5) == pytest.approx([expected] * 5, rel=1e-6)


def test_what_does_not_fill_a_batch_is_another_image_in_another_epoch() -> None:
    x = images(3)
    pairs = [loss_of(network(), x.subset(np.array(p))) for p in [(0, 1), (0, 2), (1, 2)]]
    losses = np.array(epoch_losses(3, 2, 30))
    nearest = np.abs(losses[:, None] - pairs)
    np.testing.assert_allclose(nearest.min(axis=1), 0, atol=1e-6)
    assert set(nearest.argmin(axis=1)) == {0, 1, 2}


def test_weights_count_as_repetition_does() -> None:
    """One batch of everything: the gradient of weighted images is that of repeated ones."""
    x, times = images(4), np.array([1, 3, 1, 3])
    plan = recipe(batch_size=100)
    one = train(begin(network(), plan, 0), x.subset(np.repeat(np.arange(4), times)), plan)
    weights = (times / times.mean()).astype(np.float32)
    two = train(begin(network(), plan, 0), x, plan, weights=weights)
    assert two.history["loss"] == pytest.approx(one.history["loss"], rel=1e-5)
    for name, array in one.network.to_arrays().items():
        np.testing.assert_allclose(two.network.to_arrays()[name], array, atol=1e-5)


def test_the_learning_rate_follows_the_schedule() -> None:
    """The first step of Adam moves a weight by the rate of that step."""
    plan = recipe(schedule="one-cycle")
    state = take_step(start(network(), plan), images(4).table, None, jax.random.key(1), plan, 100)
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
        ({"solver": "lion"}, "solver='lion' was given; give one of adam, nadam"),
        ({"loss": "cubic"}, "loss='cubic' was given; give one of bernoulli, gaussian"),
        ({"dropout": 1.0}, "dropout=1.0 was given; give a number from 0 to less than 1"),
        ({"consistency": 1.0}, "consistency was given without augmentation"),
    ],
)
def test_a_recipe_refuses_what_cannot_be_followed(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        recipe(**changes)


def test_divergence_is_one_error() -> None:
    with pytest.raises(DataError, match=r"diverged in epoch \d+ with learning_rate=1e\+30"):
        trained(4, learning_rate=1e30, n_epochs=10)


# ------------------------------------------------------------------------------- callbacks, breaks


def test_callbacks_hear_of_every_epoch_and_may_end_it() -> None:
    heard: list[Epoch] = []

    def enough(epoch: Epoch) -> bool:
        heard.append(epoch)
        return epoch.epoch == 3

    plan = recipe(n_epochs=9)
    run = train(
        begin(network(), plan, 0), images(8), plan, validation=images(5), callbacks=[enough]
    )
    assert [(e.epoch, e.n_epochs) for e in heard] == [(1, 9), (2, 9), (3, 9)]
    assert [e.loss for e in heard] == run.history["loss"]
    assert [e.validation_loss for e in heard] == run.history["validation_loss"]
    assert loss_of(heard[1].network, images(5)) == pytest.approx(heard[1].validation_loss)


def test_early_stopping_keeps_the_network_that_was_best() -> None:
    """With a rate that is far too large the first epoch is the best there is."""
    plan = recipe(n_epochs=50, learning_rate=3.0, patience=4)
    heard: list[Epoch] = []
    run = train(
        begin(network(), plan, 0), images(8), plan, validation=images(6),
        callbacks=[heard.append],
    )  # fmt: skip
    losses = run.history["validation_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 4 < 50
    assert loss_of(run.network, images(6)) == pytest.approx(losses[best], rel=1e-6)
    assert run.network is not run.state.network


class PulledError(Exception):
    """Somebody pulled the plug."""


def broken_runs(n_images: int, plan: Recipe, at: int) -> list[Run]:
    """Runs as they were saved when a run was broken off after `at` looks at the clock."""
    saved: list[Run] = []
    looks = 0

    def pull(epoch: Epoch) -> None:
        nonlocal looks
        looks += 1
        if looks == at:
            raise PulledError

    with pytest.raises(PulledError):
        train(
            begin(network(), plan, 7), images(n_images), plan, callbacks=[pull],
            save=saved.append,
        )  # fmt: skip
    return saved


@pytest.mark.parametrize("at", [1, 2, 5])
def test_a_run_goes_on_from_where_it_broke_bit_for_bit(at: int) -> None:
    plan = recipe(n_epochs=6, schedule="one-cycle", dropout=0.2)
    whole = train(begin(network(), plan, 7), images(19), plan)
    (saved,) = broken_runs(19, plan, at)
    assert saved.epoch == at
    again = train(saved, images(19), plan)
    assert again.history == whole.history
    for name, array in whole.network.to_arrays().items():
        np.testing.assert_array_equal(again.network.to_arrays()[name], array)


def test_another_seed_is_another_run() -> None:
    one, other = trained(19, seed=1), trained(19, seed=2)
    assert one.history != other.history


def test_a_run_that_is_over_is_not_trained_again() -> None:
    plan = recipe()
    run = train(begin(network(), plan, 0), images(8), plan)
    again = train(run, images(8), plan)
    assert (again.epoch, again.history) == (1, run.history)


def test_how_often_one_looks_up_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(40, n_epochs=3)
    monkeypatch.setattr("xenoglyph.autoencoder.training.PACE_SECONDS", 0.0)
    for name, array in trained(40, n_epochs=3).network.to_arrays().items():
        np.testing.assert_array_equal(array, whole.network.to_arrays()[name])


def test_a_run_in_mid_epoch_goes_on_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xenoglyph.autoencoder.training.PACE_SECONDS", 0.0)
    monkeypatch.setattr("xenoglyph.autoencoder.training.SAVE_SECONDS", 0.0)
    saved: list[Run] = []
    plan = recipe(n_epochs=2)
    whole = train(begin(network(), plan, 7), images(40), plan, save=saved.append)
    middle = [run for run in saved if run.batch > 0]
    assert {run.batch for run in middle} == set(range(1, 11))
    for run in middle[::4]:
        again = train(replace(run), images(40), plan)
        for name, array in whole.network.to_arrays().items():
            np.testing.assert_array_equal(again.network.to_arrays()[name], array)


# ---------------------------------------------------------------------------------------- blocks


def test_blocks_bound_memory_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, net = images(50), network()
    codes = encode(net, x)
    whole = codes, draw(net, codes, "bernoulli"), loss_of(net, x)
    lengths = []

    def spied(net: Network, rows: jax.Array) -> jax.Array:
        lengths.append(len(rows))
        return net.encode(rows)

    monkeypatch.setattr(evaluation, "BLOCK_NUMBERS", 20 * 16)
    monkeypatch.setattr(evaluation, "_encode", spied)
    np.testing.assert_allclose(encode(net, x), whole[0], atol=1e-5)
    np.testing.assert_allclose(draw(net, codes, "bernoulli"), whole[1], atol=1e-5)
    assert loss_of(net, x) == pytest.approx(whole[2], abs=1e-5)
    assert lengths == [20, 20, 10]

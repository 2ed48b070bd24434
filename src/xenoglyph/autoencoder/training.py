"""One training run: its recipe, what it remembers, its epochs."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from xenoglyph.autoencoder.checks import check_choice, check_number
from xenoglyph.autoencoder.evaluation import mean_loss
from xenoglyph.autoencoder.network import Network, total_loss
from xenoglyph.errors import DataError
from xenoglyph.progress import Progress, quiet

__all__ = [
    "HISTORY",
    "SCHEDULES",
    "History",
    "Recipe",
    "TrainingState",
    "start",
    "train",
    "train_epoch",
]

Array = NDArray[np.float32]
History = dict[str, list[float]]

HISTORY = ("loss", "validation_loss", "seconds")
"""What a history holds, one number to an epoch."""

SCHEDULES: Mapping[str, Callable[[float, int], optax.Schedule]] = MappingProxyType(
    {
        "constant": lambda peak, n_steps: optax.constant_schedule(peak),
        "one-cycle": lambda peak, n_steps: optax.cosine_onecycle_schedule(n_steps, peak),
    }
)
"""Learning rates: (peak, number of steps) to a function of the step.

"one-cycle" rises from 1/25 of its peak over the first 30 % of the steps and falls to 1/250,000
of it, each along half a cosine (L. N. Smith and N. Topin, "Super-convergence", 2018).
"""


@dataclass(frozen=True)
class Recipe:
    """How to train; hashable, so that runs of one recipe share their compiled epoch.

    Attributes
    ----------
    n_epochs : int
    batch_size : int
        Images to a step; all of them where there are fewer.
    learning_rate : float
        The peak that `schedule` reaches.
    schedule : str
        One of `SCHEDULES`.
    l2 : float
        Weight of the code kernel's sum of squares in the loss.

    Raises
    ------
    DataError
        If one of them is out of range.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    l2: float

    def __post_init__(self) -> None:
        check_number("n_epochs", self.n_epochs, Integral, 1)
        check_number("batch_size", self.batch_size, Integral, 1)
        check_number("learning_rate", self.learning_rate, Real, 0)
        check_number("l2", self.l2, Real, 0)
        check_choice("schedule", self.schedule, SCHEDULES)

    def optimiser(self, n_images: int) -> optax.GradientTransformation:
        """Adam (D. P. Kingma and J. Ba, 2015) along the schedule of a whole run."""
        n_steps = self.n_epochs * max(1, n_images // self.batch_size)
        return optax.adam(SCHEDULES[self.schedule](self.learning_rate, n_steps))


class TrainingState(NamedTuple):
    """All that a run carries from one epoch to the next.

    Attributes
    ----------
    network : Network
    optimiser : pytree of arrays
        Moments and step of Adam.
    key : jax.Array
        Random key of the whole run.
    epoch : array of shape (), int32
        Epochs done.
    """

    network: Network
    optimiser: optax.OptState
    key: jax.Array
    epoch: jax.Array


def train(
    network: Network,
    pixels: Array,
    recipe: Recipe,
    key: jax.Array,
    *,
    validation: Array | None = None,
    report: Progress = quiet,
) -> tuple[Network, History]:
    """Train a network.

    Parameters
    ----------
    network : Network
        Untrained. It is consumed: its buffers may hold the trained one.
    pixels : array of shape (n_images, n_pixels), float32 in [0, 1]
    recipe : Recipe
    key : jax.Array
        Random key, from which the order of the images follows.
    validation : array of shape (n, n_pixels), optional
        Images whose loss is taken after every epoch.
    report : callable, optional
        Told of every epoch.

    Returns
    -------
    network : Network
    history : dict of str to list of float
        `HISTORY` by name; "validation_loss" is empty without such images.

    Raises
    ------
    DataError
        If the loss becomes infinite or NaN.
    """
    state, images = start(network, len(pixels), recipe, key), jnp.asarray(pixels)
    history: History = {name: [] for name in HISTORY}
    for epoch in range(1, recipe.n_epochs + 1):
        began = time.perf_counter()
        state, mean = train_epoch(state, images, recipe)
        loss = float(mean)
        if not math.isfinite(loss):
            raise DataError(
                f"training diverged in epoch {epoch} with learning_rate={recipe.learning_rate}; "
                "give a smaller one"
            )
        history["loss"].append(loss)
        note = f"loss {loss:.4f}"
        if validation is not None:
            history["validation_loss"].append(mean_loss(state.network, validation, recipe.l2))
            note += f", validation {history['validation_loss'][-1]:.4f}"
        history["seconds"].append(time.perf_counter() - began)
        report("autoencoder", epoch, recipe.n_epochs, note)
    return state.network, history


def start(network: Network, n_images: int, recipe: Recipe, key: jax.Array) -> TrainingState:
    """Return the state before the first epoch."""
    return TrainingState(network, recipe.optimiser(n_images).init(network), key, jnp.int32(0))


@partial(jax.jit, static_argnames="recipe", donate_argnames="state")
def train_epoch(
    state: TrainingState, pixels: jax.Array, recipe: Recipe
) -> tuple[TrainingState, jax.Array]:
    """Train for one epoch, wholly on the device.

    Every epoch takes the images in a new random order. Those that do not fill a last batch sit
    this epoch out; which they are is chance, so over the epochs every image is used.

    Parameters
    ----------
    state : TrainingState
        Consumed: its buffers hold the new state.
    pixels : array of shape (n_images, n_pixels), float32 in [0, 1]
    recipe : Recipe

    Returns
    -------
    state : TrainingState
    loss : array of shape ()
        Mean of the total loss over the epoch's steps, each taken before its own update.
    """
    n_images = len(pixels)
    size = min(recipe.batch_size, n_images)
    optimiser = recipe.optimiser(n_images)
    order = jax.random.permutation(jax.random.fold_in(state.key, state.epoch), n_images)
    batches = order[: n_images // size * size].reshape(-1, size)

    def step(
        carry: tuple[Network, optax.OptState], batch: jax.Array
    ) -> tuple[tuple[Network, optax.OptState], jax.Array]:
        network, moments = carry
        loss, gradient = jax.value_and_grad(total_loss)(network, pixels[batch], recipe.l2)
        updates, moments = optimiser.update(gradient, moments)
        return (optax.apply_updates(network, updates), moments), loss

    (network, moments), losses = jax.lax.scan(step, (state.network, state.optimiser), batches)
    return TrainingState(network, moments, state.key, state.epoch + 1), losses.mean()

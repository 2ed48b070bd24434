"""One step of training after another, on the device: what is compiled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from xenoglyph.autoencoder.augmentation import Augmentation
from xenoglyph.autoencoder.checks import check_choice, check_number, check_share
from xenoglyph.autoencoder.losses import LOSSES, disagreement, penalty, weighted_mean
from xenoglyph.autoencoder.network import Dropout, Network
from xenoglyph.autoencoder.rows import as_pixels
from xenoglyph.errors import DataError

__all__ = [
    "SCHEDULES",
    "SOLVERS",
    "Recipe",
    "TrainingState",
    "start",
    "step_loss",
    "take_step",
    "take_steps",
]

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

SOLVERS: Mapping[str, Callable[[optax.Schedule], optax.GradientTransformation]] = MappingProxyType(
    {"adam": optax.adam, "nadam": partial(optax.nadam, b1=0.95, b2=0.95)}
)
"""How steps follow from gradients: (learning rate) to a transformation.

"adam" is that of D. P. Kingma and J. Ba (2015) with their constants, "nadam" has Nesterov's
momentum besides (T. Dozat, "Incorporating Nesterov momentum into Adam", 2016) and remembers
twenty gradients where Adam remembers ten of them and a thousand of their squares.
"""


@dataclass(frozen=True)
class Recipe:
    """How to train; hashable, so that runs of one recipe share their compiled steps.

    Attributes
    ----------
    n_epochs : int
    batch_size : int
        Images to a step; all of them where there are fewer.
    learning_rate : float
        The peak that `schedule` reaches.
    schedule : str
        One of `SCHEDULES`.
    solver : str
        One of `SOLVERS`.
    l2 : float
        Weight of the code kernel's sum of squares in the loss.
    loss : str
        One of `LOSSES`.
    dropout : float
        Share of hidden activations that are dropped.
    augmentation : Augmentation or None
    consistency : float
        Weight of the distance between the codes of an image and of itself moved.
    patience : int or None
        Epochs without a lower validation loss after which training ends.

    Raises
    ------
    DataError
        If one of them is out of range.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    solver: str
    l2: float
    loss: str = "bernoulli"
    dropout: float = 0.0
    augmentation: Augmentation | None = None
    consistency: float = 0.0
    patience: int | None = None

    def __post_init__(self) -> None:
        check_number("n_epochs", self.n_epochs, Integral, 1)
        check_number("batch_size", self.batch_size, Integral, 1)
        check_number("learning_rate", self.learning_rate, Real, 0)
        check_number("l2", self.l2, Real, 0)
        check_number("consistency", self.consistency, Real, 0)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("solver", self.solver, SOLVERS)
        check_choice("loss", self.loss, LOSSES)
        check_share("dropout", self.dropout)
        if self.consistency and self.augmentation is None:
            raise DataError("consistency was given without augmentation; give both")

    def in_batches_of(self, size: int) -> "Recipe":
        """Return the recipe with another batch size."""
        return replace(self, batch_size=size)

    def optimiser(self, n_steps: int) -> optax.GradientTransformation:
        """Return the solver along the schedule of a whole run."""
        return SOLVERS[self.solver](SCHEDULES[self.schedule](self.learning_rate, n_steps))


class TrainingState(NamedTuple):
    """What a step changes.

    Attributes
    ----------
    network : Network
    optimiser : pytree of arrays
        Moments and step of the solver.
    step : array of shape (), int32
        Steps done.
    loss : array of shape (), float32
        Sum of the losses since the epoch began.
    """

    network: Network
    optimiser: optax.OptState
    step: jax.Array
    loss: jax.Array


def start(network: Network, recipe: Recipe) -> TrainingState:
    """Return the state before the first step."""
    moments = recipe.optimiser(1).init(network)
    return TrainingState(network, moments, jnp.int32(0), jnp.float32(0))


@partial(jax.jit, static_argnames=("recipe", "n_steps"))
def take_step(
    state: TrainingState,
    batch: jax.Array,
    weights: jax.Array | None,
    key: jax.Array,
    recipe: Recipe,
    n_steps: int,
) -> TrainingState:
    """Take one step.

    Parameters
    ----------
    state : TrainingState
    batch : array of shape (size, n_pixels)
        uint8, or float32 in [0, 1].
    weights : array of shape (size,), optional
        What each image counts for.
    key : jax.Array
        Random key of the whole run.
    recipe : Recipe
    n_steps : int
        Of the whole run, for the schedule.
    """
    own = jax.random.fold_in(key, state.step)
    loss, gradient = jax.value_and_grad(step_loss)(
        state.network, as_pixels(batch), weights, own, recipe
    )
    updates, moments = recipe.optimiser(n_steps).update(gradient, state.optimiser)
    network = optax.apply_updates(state.network, updates)
    return TrainingState(network, moments, state.step + 1, state.loss + loss)


@partial(jax.jit, static_argnames=("recipe", "n_steps"))
def take_steps(
    state: TrainingState,
    batches: jax.Array,
    weights: jax.Array | None,
    count: int,
    key: jax.Array,
    recipe: Recipe,
    n_steps: int,
) -> TrainingState:
    """Take the first `count` of several steps, in a loop on the device.

    The loop saves a fifth of the time where steps are as short as those of a dense network; in
    one, XLA's convolutions use a single core. How steps are grouped changes no bit.

    Parameters
    ----------
    batches : array of shape (c, size, n_pixels)
    weights : array of shape (c, size), optional
    count : int
        At most c.
    state, key, recipe, n_steps
        As of `take_step`.
    """

    def step(i: jax.Array, state: TrainingState) -> TrainingState:
        own = None if weights is None else weights[i]
        after: TrainingState = take_step(state, batches[i], own, key, recipe, n_steps)
        return after

    ended: TrainingState = jax.lax.fori_loop(0, count, step, state)
    return ended


def step_loss(
    network: Network,
    pixels: jax.Array,
    weights: jax.Array | None,
    key: jax.Array,
    recipe: Recipe,
) -> jax.Array:
    """Loss that one step lowers.

    With augmentation the network sees each image moved and is to draw what it saw; with
    `consistency` it is to draw the image as it was, and to give it the code that it gives to
    the image as it was.
    """
    seen, (move, drop) = pixels, jax.random.split(key)
    if recipe.augmentation is not None:
        seen = recipe.augmentation.move(pixels, network.layout.image_shape, move)
    there = back = None
    if recipe.dropout:
        first, second = jax.random.split(drop)
        there, back = Dropout(recipe.dropout, first), Dropout(recipe.dropout, second)
    codes = network.encode(seen, there)
    target = pixels if recipe.consistency else seen
    missed = LOSSES[recipe.loss].errors(network.decode(codes, back), target)
    total = weighted_mean(missed, weights) + penalty(network, recipe.l2)
    if recipe.consistency:
        total += recipe.consistency * disagreement(codes, network.encode(pixels), weights)
    return total

"""One training run: its epochs, what it remembers, and how it goes on after a break."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from xenoglyph.autoencoder.devices import Devices, device_threads
from xenoglyph.autoencoder.evaluation import mean_loss
from xenoglyph.autoencoder.network import Network
from xenoglyph.autoencoder.rows import Rows
from xenoglyph.autoencoder.steps import Recipe, TrainingState, start, take_step, take_steps
from xenoglyph.errors import DataError
from xenoglyph.progress import Progress, quiet

__all__ = ["HISTORY", "Best", "Callback", "Epoch", "History", "Run", "begin", "train"]

Array = NDArray[np.float32]
Order = NDArray[np.int32]
History = dict[str, list[float]]

HISTORY = ("loss", "validation_loss")
"""What a history holds, one number to an epoch."""

TOGETHER, BYTES = 16, 1 << 24
"""Batches that are brought to the devices together: so many, or as they fill so much."""
PACE_SECONDS = 0.15
"""How long the device may work before the run can be stopped."""
SAVE_SECONDS = 10.0
"""How often a run that is kept on disk is written there."""


class Epoch(NamedTuple):
    """What a callback is told after every epoch.

    Attributes
    ----------
    epoch : int
        From 1.
    n_epochs : int
    loss : float
        Mean over the epoch's steps, while they change the network.
    validation_loss : float or None
        After the epoch; None without validation images.
    seconds : float
        Wall-clock seconds of the epoch, as far as this process ran it.
    network : Network
    """

    epoch: int
    n_epochs: int
    loss: float
    validation_loss: float | None
    seconds: float
    network: Network


Callback = Callable[[Epoch], object]
"""Called after every epoch; training ends where it returns True."""


class Best(NamedTuple):
    """The network of least validation loss."""

    network: Network
    loss: float
    epoch: int


@dataclass(frozen=True)
class Run:
    """All that a run carries from one step to the next; never changed, only replaced.

    Attributes
    ----------
    state : TrainingState
    seed : int
        From which every random number of the run follows.
    epoch, batch : int
        Epochs done, and batches of the next one.
    order : array of int32 or None
        Images of the epoch that is under way, in their order.
    history : dict of str to list of float
        `HISTORY` by name; "validation_loss" is empty without such images.
    best : Best or None
        With early stopping.
    over : bool
        Whether training has ended.
    """

    state: TrainingState
    seed: int
    epoch: int = 0
    batch: int = 0
    order: Order | None = None
    history: History = field(default_factory=lambda: {name: [] for name in HISTORY})
    best: Best | None = None
    over: bool = False

    @property
    def network(self) -> Network:
        """The network that the run has come to: with early stopping, the best."""
        return self.state.network if self.best is None else self.best.network

    @property
    def key(self) -> jax.Array:
        """Random key of what is drawn on the device."""
        return jax.random.key(self.seed)

    def shuffled(self, n_images: int) -> "Run":
        """Return the run with the order of the epoch that begins."""
        random = np.random.Generator(np.random.Philox(key=[self.seed, self.epoch]))
        return replace(self, order=random.permutation(n_images).astype(np.int32))


def begin(network: Network, recipe: Recipe, seed: int) -> Run:
    """Return a run before its first step."""
    return Run(start(network, recipe), seed)


def train(
    run: Run,
    rows: Rows,
    recipe: Recipe,
    *,
    weights: Array | None = None,
    validation: Rows | None = None,
    report: Progress = quiet,
    callbacks: Sequence[Callback] = (),
    save: Callable[[Run], None] | None = None,
) -> Run:
    """Train until the last epoch.

    Every epoch takes the images in a new random order. Those that do not fill a last batch sit
    this epoch out; which they are is chance, so over the epochs every image is used.

    Parameters
    ----------
    run : Run
        As `begin` returned it, or as it was saved.
    rows : Rows
    recipe : Recipe
    weights : array of shape (n_images,), optional
        What each image counts for.
    validation : Rows, optional
        Images whose loss is taken after every epoch.
    report : callable, optional
        Told of every epoch.
    callbacks : sequence of callable
        See `Callback`.
    save : callable, optional
        Given the run every few seconds, at the end, and when an exception passes through.

    Returns
    -------
    Run

    Raises
    ------
    DataError
        If the loss becomes infinite or NaN.
    """
    devices = Devices()
    recipe = recipe.in_batches_of(devices.batch_size(min(recipe.batch_size, len(rows))))
    run, saved = replace(run, state=devices.replicate(run.state)), time.monotonic()
    architecture = run.state.network.layout.architecture
    feed, pace = _Feed(rows, weights, recipe, devices, architecture), _Pace(devices)
    try:
        while not run.over:
            began = time.perf_counter()
            for run in feed.epoch(run, pace):  # noqa: B020  # each takes the place of the last
                if save is not None and time.monotonic() - saved > SAVE_SECONDS:
                    if devices.process == 0:
                        save(run)
                    saved = time.monotonic()
            run = _closed(run, recipe, feed.n_batches, devices, validation)
            epoch = _epoch(run, recipe, time.perf_counter() - began)
            _report(epoch, report)
            asked = [callback(epoch) is True for callback in callbacks]
            run = replace(run, over=devices.agree(_is_last(run, recipe) or any(asked)))
    finally:
        if save is not None and devices.process == 0:
            save(run)
    return replace(run, state=devices.local(run.state))


class _Pace:
    """How many steps to take before looking up, so that a run can be stopped soon."""

    def __init__(self, devices: Devices) -> None:
        self.alone, self.began = devices.n_processes == 1, time.perf_counter()
        self.steps = 1 if self.alone else TOGETHER

    def adapt(self, taken: int) -> None:
        """Take more or fewer steps the next time; several processes keep to the same number."""
        now = time.perf_counter()
        if self.alone:
            each = (now - self.began) / taken
            self.steps = max(1, int(PACE_SECONDS / max(each, 1e-6)))
        self.began = now


@dataclass(frozen=True)
class _Feed:
    """Brings batches to the devices, and takes the steps over them."""

    rows: Rows
    weights: Array | None
    recipe: Recipe
    devices: Devices
    architecture: str

    @property
    def n_batches(self) -> int:
        """Steps to an epoch."""
        return len(self.rows) // self.recipe.batch_size

    def epoch(self, run: Run, pace: _Pace) -> Iterator[Run]:
        """Take the steps that the epoch still lacks; the run as it is after every few of them."""
        if run.order is None:
            run = run.shuffled(len(self.rows))
        with device_threads() as thread:
            while run.batch < self.n_batches:
                done, until = run.batch, min(run.batch + pace.steps, self.n_batches)
                run = thread.submit(self._steps, run, until).result()
                pace.adapt(until - done)
                yield run

    @property
    def together(self) -> int:
        """Batches that are brought to the devices together, and taken in one loop there."""
        if self.architecture == "convolutional":
            return 1
        fitting = BYTES // (self.recipe.batch_size * self.rows.bytes)
        return max(1, min(TOGETHER, self.n_batches, fitting))

    def _steps(self, run: Run, until: int) -> Run:
        """Take the steps to batch `until`; while the device works, the next ones are fetched."""
        state, n_steps = run.state, self.recipe.n_epochs * self.n_batches
        for first in range(run.batch, until, self.together):
            count = min(self.together, until - first)
            batches, weights = self._batches(run, first, count)
            rest = (run.key, self.recipe, n_steps)
            if self.together > 1:
                state = take_steps(state, batches, weights, count, *rest)
            else:
                own = None if weights is None else weights[0]
                state = take_step(state, batches[0], own, *rest)
        if not math.isfinite(float(state.loss)):
            raise DataError(
                f"training diverged in epoch {run.epoch + 1} with "
                f"learning_rate={self.recipe.learning_rate}; give a smaller one"
            )
        return replace(run, state=state, batch=until)

    def _batches(self, run: Run, first: int, count: int) -> tuple[jax.Array, jax.Array | None]:
        """Bring some batches to the devices: always as many, the surplus never looked at."""
        assert run.order is not None
        size = self.recipe.batch_size
        index = run.order[first * size : (first + count) * size]
        own = self.devices.own(np.resize(index, (self.together, size)))
        pixels = self.rows.take(own.reshape(-1)).reshape(*own.shape, -1)
        weights = None if self.weights is None else self.devices.share(self.weights[own])
        return self.devices.share(pixels), weights


def _closed(
    run: Run, recipe: Recipe, n_batches: int, devices: Devices, validation: Rows | None
) -> Run:
    """Return the run after the last batch of an epoch."""
    history = {name: list(values) for name, values in run.history.items()}
    history["loss"].append(float(run.state.loss) / n_batches)
    best = run.best
    if validation is not None:
        network = devices.local(run.state.network)
        held_out = mean_loss(network, validation, recipe.l2, recipe.loss)
        history["validation_loss"].append(held_out)
        if recipe.patience is not None and (best is None or held_out < best.loss):
            best = Best(network, held_out, run.epoch + 1)
    state = run.state._replace(loss=jnp.zeros_like(run.state.loss))
    return replace(
        run, state=state, epoch=run.epoch + 1, batch=0, order=None, history=history, best=best
    )


def _epoch(run: Run, recipe: Recipe, seconds: float) -> Epoch:
    held_out = run.history["validation_loss"]
    return Epoch(
        run.epoch,
        recipe.n_epochs,
        run.history["loss"][-1],
        held_out[-1] if held_out else None,
        seconds,
        run.state.network,
    )


def _report(epoch: Epoch, report: Progress) -> None:
    note = f"loss {epoch.loss:.4f}"
    if epoch.validation_loss is not None:
        note += f", validation {epoch.validation_loss:.4f}"
    report("autoencoder", epoch.epoch, epoch.n_epochs, note)


def _is_last(run: Run, recipe: Recipe) -> bool:
    """Whether training ends here: by the number of epochs, or for want of progress."""
    if run.epoch >= recipe.n_epochs:
        return True
    return run.best is not None and run.epoch - run.best.epoch >= (recipe.patience or 0)

"""Networks that tell classes of images apart however the images are moved.

They are asked which classes can be confused. A network says so honestly only of images that it has
not seen: so the images are dealt into folds, each network learns from all folds but one, and that
one is what it is asked about. What they say of new images is the mean over all of them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from xenoglyph.autoencoder.augmentation import Augmentation
from xenoglyph.autoencoder.devices import device_threads
from xenoglyph.autoencoder.enlarging import Enlargement
from xenoglyph.autoencoder.evaluation import BLOCK_NUMBERS, map_images
from xenoglyph.autoencoder.layers import Dense, lecun_normal
from xenoglyph.autoencoder.rows import Rows
from xenoglyph.autoencoder.steps import SCHEDULES, SOLVERS
from xenoglyph.errors import ModelFileError
from xenoglyph.images.stored import as_float
from xenoglyph.progress import Progress, quiet
from xenoglyph.workers import Client

__all__ = ["Recogniser", "train_recognisers"]

Array = NDArray[np.float64]
Pixels = NDArray[np.float32]
Integers = NDArray[np.intp]

HIDDEN_SIZES = (512, 512)
"""Of a network, unless told otherwise."""
FOLDS = 3
BATCH_SIZE, LEARNING_RATE = 250, 2e-3
EPOCHS = 5000
"""Over the root of the number of images: 19 epochs for 70,000 images, 118 for 1,797."""
TOGETHER = 64
"""Steps in one call of the device."""
OUTPUTS = 64
"""Networks learn a multiple of so many classes, some empty: then one compilation does for all."""


class Classifier(eqx.Module):
    """SELU layers from standardised pixels to the logits of the classes."""

    layers: tuple[Dense, ...]
    mean: jax.Array
    """Of all pixels of the images it learnt from."""
    deviation: jax.Array

    def __call__(self, pixels: jax.Array) -> jax.Array:
        """Map pixels [n, n_pixels] to logits [n, k]."""
        x = (pixels - self.mean) / self.deviation
        for layer in self.layers[:-1]:
            x = jax.nn.selu(layer(x))
        return self.layers[-1](x)


@dataclass(frozen=True, eq=False)
class Learner:
    """A network before it learns, and from which images."""

    start: Classifier
    batches: Integers
    """Numbers of the images of every step, shape (n_steps, size)."""
    key: jax.Array
    """Of the movements of these images."""


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Several classifiers of the same classes.

    Attributes
    ----------
    networks : tuple of Classifier
    """

    networks: tuple[Classifier, ...]

    def predict_proba(self, pixels: Pixels, *, progress: Progress = quiet) -> Array:
        """Probability of each class for each image, the mean over the networks.

        Parameters
        ----------
        pixels : array of shape (n, n_pixels), float32 in [0, 1]
        progress : callable, optional
            See `xenoglyph.progress`.

        Returns
        -------
        array of shape (n, k)
        """
        rows = Rows(pixels, pixels.shape[1:])
        return np.concatenate(list(self.told(rows, progress=progress)))

    def told(
        self, rows: Rows, *, progress: Progress = quiet, client: Client | None = None
    ) -> Iterator[Array]:
        """Yield what `predict_proba` returns, some images at a time; with a client, by workers."""
        done = 0
        progress("recognition", 0, len(rows), "")
        for some in map_images(partial(_mean_told, self.networks), rows, client):
            done += len(some)
            yield some
            progress("recognition", done, len(rows), "")

    def in_order(self, order: Integers) -> "Recogniser":
        """Return the same recogniser with its classes in another order."""
        networks = []
        for network in self.networks:
            *between, last = network.layers
            sorted_last = Dense(last.weight[:, order], last.bias[order])
            networks.append(Classifier((*between, sorted_last), network.mean, network.deviation))
        return Recogniser(tuple(networks))

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return all weights, from which `from_arrays` makes the same recogniser."""
        arrays = {}
        for i, network in enumerate(self.networks):
            arrays[f"{i}/scale"] = np.asarray([network.mean, network.deviation], np.float32)
            for j, layer in enumerate(network.layers):
                arrays[f"{i}/{j}/weight"] = np.asarray(layer.weight)
                arrays[f"{i}/{j}/bias"] = np.asarray(layer.bias)
        return arrays

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], n_pixels: int, n_classes: int
    ) -> "Recogniser":
        """Make the recogniser that `to_arrays` took apart.

        Raises
        ------
        ModelFileError
            If the arrays are not those of a recogniser of such images and classes.
        """
        sizes = (n_pixels, *HIDDEN_SIZES, n_classes)
        shapes: dict[str, tuple[int, ...]] = {"scale": (2,)}
        for j, (n_in, n_out) in enumerate(pairwise(sizes)):
            shapes |= {f"{j}/weight": (n_in, n_out), f"{j}/bias": (n_out,)}
        n_networks, rest = divmod(len(arrays), len(shapes))
        wanted = {f"{i}/{name}": shapes[name] for i in range(n_networks) for name in shapes}
        if rest or not arrays or {name: a.shape for name, a in arrays.items()} != wanted:
            raise ModelFileError("The recogniser in the model file does not fit its images.")
        ready = {name: jnp.asarray(array, jnp.float32) for name, array in arrays.items()}
        return cls(tuple(_assembled(ready, i, len(sizes) - 1) for i in range(n_networks)))


def train_recognisers(
    pixels: Pixels,
    classings: Sequence[Integers],
    image_shape: tuple[int, ...],
    augmentation: Augmentation,
    random_state: int,
    progress: Progress = quiet,
    *,
    effort: float = 1.0,
    hidden_sizes: tuple[int, ...] = HIDDEN_SIZES,
) -> list[tuple[Recogniser, Array]]:
    """Train a network for each fold of the images, and ask it about that fold.

    Where images are classed in several ways, a network learns all of them at once: its last layer
    has outputs for the classes of each, and the layers before are the same for all.

    Parameters
    ----------
    pixels : array of shape (n, n_pixels), float32 in [0, 1]
    classings : sequence of arrays of shape (n,)
        Class of each image, from 0 to k - 1; one array for each way of classing them.
    image_shape : tuple of int
        (h, w) or (h, w, c). Small images are enlarged before they are moved.
    augmentation : Augmentation
        How images are moved at random while networks learn.
    random_state : int
    progress : callable, optional
    effort : float, default=1.0
        Share of the usual number of epochs, `EPOCHS` over the root of n, that networks learn.
    hidden_sizes : tuple of int, optional
        Of the layers between pixels and classes. `Recogniser.from_arrays` knows the default alone.

    Returns
    -------
    list of (recogniser, held_out)
        One for each way of classing.
    recogniser : Recogniser
    held_out : array of shape (n, k)
        Probability of each class for each image, by the network that has not seen it.
    """
    random = np.random.default_rng(random_state)
    n = len(pixels)
    enlarge = Enlargement.of(image_shape)
    large = enlarge(pixels).reshape(n, -1)
    # Of fewer images than folds nobody could know more than one: all are learnt, by one network,
    # which sees as many moved copies in every step as others see images.
    n_folds = FOLDS if n >= FOLDS else 1
    fold = random.permutation(n) % n_folds
    n_steps = math.ceil(effort * EPOCHS / math.sqrt(n) * n / BATCH_SIZE)
    scale = jnp.float32(large.mean()), jnp.float32(max(float(large.std()), 1e-6))
    numbers = [int(classes.max()) + 1 for classes in classings]
    outputs = -(-max(numbers) // OUTPUTS) * OUTPUTS
    sizes = (large.shape[1], *hidden_sizes, len(classings) * outputs)
    learners = []
    for number in range(n_folds):
        layers = [Dense.draw(a, b, partial(lecun_normal, random)) for a, b in pairwise(sizes)]
        learnt = np.flatnonzero(fold != number) if n_folds > 1 else np.arange(BATCH_SIZE) % n
        batches = _batches(learnt, n_steps, random)
        key = jax.random.key(int(random.integers(2**31)))
        learners.append(Learner(Classifier(tuple(layers), *scale), batches, key))
    on_device = jnp.asarray(large), jnp.asarray(np.column_stack(classings), jnp.int32)
    trained = _train(learners, on_device, enlarge.image_shape, augmentation, progress)
    recognisers = []
    for number, k in enumerate(numbers):
        own = slice(number * outputs, number * outputs + k)
        networks = tuple(_trimmed(network, enlarge, own) for network in trained)
        held_out = np.empty((n, k))
        for left_out, network in enumerate(networks):
            asked = fold == left_out
            held_out[asked] = _probabilities(network, pixels[asked])
        recognisers.append((Recogniser(networks), held_out))
    return recognisers


def _trimmed(network: Classifier, enlarge: Enlargement, own: slice) -> Classifier:
    """Return the network that takes images as they are and has some of the outputs alone."""
    first, *between, last = network.layers
    folded = Dense(jnp.asarray(enlarge.fold(np.asarray(first.weight))), first.bias)
    kept = Dense(last.weight[:, own], last.bias[own])
    return Classifier((folded, *between, kept), network.mean, network.deviation)


def _batches(learn: Integers, n_steps: int, random: np.random.Generator) -> Integers:
    """Numbers of the images of every step, shape (n_steps, size): epoch after epoch shuffled."""
    size = min(BATCH_SIZE, len(learn))
    per_epoch = len(learn) // size
    epochs = [
        random.permutation(learn)[: per_epoch * size].reshape(per_epoch, size)
        for _ in range(-(-n_steps // per_epoch))
    ]
    return np.concatenate(epochs)[:n_steps]


def _train(
    learners: Sequence[Learner],
    images: tuple[jax.Array, jax.Array],
    image_shape: tuple[int, ...],
    augmentation: Augmentation,
    progress: Progress,
) -> list[Classifier]:
    """Take the same steps with all networks side by side: one alone would not fill the cores."""
    n_steps = len(learners[0].batches)
    states = [(own.start.layers, _solver(n_steps).init(own.start.layers)) for own in learners]

    def tell(done: int) -> None:
        progress("networks", done, n_steps, "")

    tell(0)
    with device_threads(len(learners)) as threads:
        for first in range(0, n_steps, TOGETHER):

            def take(own: Learner, state: Any, first: int = first) -> Any:
                several = own.batches[first : first + TOGETHER]
                padded = np.resize(several, (TOGETHER, several.shape[1]))
                return _steps_done(
                    state, own.start, images, padded, len(several),
                    jax.random.fold_in(own.key, first), image_shape, augmentation, n_steps,
                )  # fmt: skip

            states = list(threads.map(take, learners, states))
            tell(min(first + TOGETHER, n_steps))
    return [
        Classifier(layers, own.start.mean, own.start.deviation)
        for own, (layers, _) in zip(learners, states, strict=True)
    ]


def _steps_done(*arguments: Any) -> Any:
    """Take several steps, and wait until they are taken."""
    return jax.block_until_ready(_take_steps(*arguments))  # type: ignore[no-untyped-call]


def _solver(n_steps: int) -> optax.GradientTransformation:
    return SOLVERS["adam"](SCHEDULES["one-cycle"](LEARNING_RATE, n_steps))


@partial(jax.jit, static_argnames=("image_shape", "augmentation", "n_steps"))
def _take_steps(
    state: Any,
    network: Classifier,
    images: tuple[jax.Array, jax.Array],
    batches: jax.Array,
    count: int,
    key: jax.Array,
    image_shape: tuple[int, ...],
    augmentation: Augmentation,
    n_steps: int,
) -> Any:
    """Take the first `count` of several steps, in a loop on the device."""
    pixels, classes = images

    def missed(layers: Sequence[Dense], batch: jax.Array, own: jax.Array) -> jax.Array:
        seen = augmentation.move(pixels[batch], image_shape, own)
        logits = Classifier(tuple(layers), network.mean, network.deviation)(seen)
        told = logits.reshape(*classes[batch].shape, -1)
        nats = optax.softmax_cross_entropy_with_integer_labels(told, classes[batch])
        mean: jax.Array = nats.sum(axis=1).mean()
        return mean

    def step(i: jax.Array, state: Any) -> Any:
        layers, moments = state
        gradient = jax.grad(missed)(layers, batches[i], jax.random.fold_in(key, i))
        updates, moments = _solver(n_steps).update(gradient, moments)
        return optax.apply_updates(layers, updates), moments

    return jax.lax.fori_loop(0, count, step, state)


def _mean_told(networks: Sequence[Classifier], some: NDArray[Any]) -> Array:
    pixels = as_float(some)
    return np.asarray(np.mean([_probabilities(network, pixels) for network in networks], axis=0))


@jax.jit
def _softmax(network: Classifier, pixels: jax.Array) -> jax.Array:
    return jax.nn.softmax(network(pixels))


def _probabilities(network: Classifier, pixels: Pixels) -> Array:
    """Probabilities [n, k], block by block; each row adds up to one in double precision."""
    size = max(1, BLOCK_NUMBERS // pixels.shape[1])
    parts = [
        np.asarray(_softmax(network, pixels[first : first + size]), np.float64)
        for first in range(0, max(len(pixels), 1), size)
    ]
    told = np.concatenate(parts)
    return np.asarray(told / told.sum(axis=1, keepdims=True))


def _assembled(arrays: Mapping[str, jax.Array], number: int, n_layers: int) -> Classifier:
    layers = (
        Dense(arrays[f"{number}/{j}/weight"], arrays[f"{number}/{j}/bias"])
        for j in range(n_layers)
    )
    mean, deviation = arrays[f"{number}/scale"]
    return Classifier(tuple(layers), mean, deviation)

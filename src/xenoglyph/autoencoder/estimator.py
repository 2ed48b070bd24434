"""The auto-encoder as a scikit-learn transformer: its parameters, and how it is fitted."""

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from numbers import Integral
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from xenoglyph.autoencoder.augmentation import Augmentation, augmentation_from
from xenoglyph.autoencoder.checkpoints import Keeper, Task
from xenoglyph.autoencoder.checks import (
    check_choice,
    check_number,
    check_several,
    check_share,
    image_weights,
    relative,
)
from xenoglyph.autoencoder.evaluation import mean_loss
from xenoglyph.autoencoder.fitted import FittedAutoencoder, Images
from xenoglyph.autoencoder.layers import INITS
from xenoglyph.autoencoder.network import Layout, Network
from xenoglyph.autoencoder.processes import train_together
from xenoglyph.autoencoder.rows import Rows, image_rows
from xenoglyph.autoencoder.steps import Recipe
from xenoglyph.autoencoder.training import Callback, Run, begin, train
from xenoglyph.errors import DataError
from xenoglyph.progress import Progress
from xenoglyph.terminal import ProgressBar
from xenoglyph.workers import Client

__all__ = ["SELUAutoencoder"]

Pixels = NDArray[np.float32]
RandomState = int | np.random.RandomState | None

AUTO_EPOCHS = 8000
"""What ``n_epochs="auto"`` divides by the square root of the number of images."""
HIDDEN_SIZES = {"dense": (256, 128), "convolutional": (32, 64)}


class SELUAutoencoder(FittedAutoencoder):
    """Auto-encoder of self-normalizing layers: images to a few numbers each, and back.

    Images go through SELU layers of `hidden_sizes` to a linear layer, the code, and through the
    same layers in reverse to every pixel. With the defaults images of 28x28 pass
    784-256-128-6-128-256-784 units. Trained on the cross-entropy of the pixels, with an
    L2 penalty on the code layer's kernel alone. See `xenoglyph.autoencoder` for what SELU is for.

    Parameters
    ----------
    code_size : int, default=6
        Numbers to a code; fewer than the pixels of an image.
    hidden_sizes : sequence of int, optional
        Widths of the encoder's hidden layers, from the pixels to the code; of a convolutional
        one the channels, while the sides of the picture are halved by every layer. By default
        (256, 128), or (32, 64) channels.
    architecture : {"dense", "convolutional"}, default="dense"
        Convolutions suit larger and coloured images.
    init : {"lecun_normal", "glorot_uniform"}, default="lecun_normal"
        How weights start. SELU layers are self-normalizing with the first.
    loss : {"bernoulli", "gaussian"}, default="bernoulli"
        Distribution of a pixel given the code: binary cross-entropy, or half the squared error.
    l2 : float, default=0.01
        Weight of the code kernel's sum of squares in the loss.
    dropout : float, default=0.0
        Share of hidden activations that are dropped in training, by alpha dropout.
    augmentation : Augmentation or dict, optional
        How far images are moved at random in every step: ``{"shift": 0.1, "rotation": 10}``.
    consistency : float, default=0.0
        Weight of the distance between an image's code and that of itself moved, over the
        variance of the codes. The moved image is then drawn as it was before.
    n_epochs : int or "auto", default="auto"
        Passes over the images. "auto" makes 8,000 / sqrt(n) of them, rounded up, so that n times
        as many images are given sqrt(n) times as many steps: 31 epochs for 70,000 images, 189
        for 1,797.
    batch_size : int, default=256
        Images to a step; all of them where there are fewer. Images that do not fill a last batch
        sit an epoch out: other ones in every epoch, by chance.
    solver : {"nadam", "adam"}, default="nadam"
        Adam, with Nesterov's momentum or as it was first published.
    learning_rate : float, default=0.012
        Its peak, where `schedule` is "one-cycle".
    schedule : {"one-cycle", "constant"}, default="one-cycle"
        How the learning rate runs over the whole fit.
    validation_fraction : float, default=0.0
        Share of the images that is held out for the validation loss, unless `fit` is given
        `validation`.
    early_stopping : bool, default=False
        Whether to end training when the validation loss has not fallen for `n_iter_no_change`
        epochs, and to keep the network for which it was least.
    n_iter_no_change : int, default=10
    warm_start : bool, default=False
        Whether another call of `fit` goes on from the network that was trained last.
    n_processes : int, default=1
        Processes of this machine that share every batch.
    random_state : int, RandomState or None, default=None
        Draws the first weights, the order of the images and their movements. An int gives the
        same bits in every process, on one machine and with as many cores: JAX splits its sums by
        their number.
    verbose : bool, default=False
        Draw a progress bar on the terminal, unless `fit` is given a `progress`.

    Attributes
    ----------
    network_ : Network
        The trained network.
    history_ : dict of str to list of float
        "loss" (the mean over an epoch's steps, while they change the network) and
        "validation_loss" (empty without validation images; after the epoch), for each epoch.
    loss_ : float
        Loss on the images fitted, by the trained network: error in nats averaged over pixels and
        images, plus the L2 term.
    validation_loss_ : float or None
        The same on the validation images, if there were any.
    image_shape_ : tuple of int
        (h, w) or (h, w, c), or (n_pixels,) where a table was fitted.
    n_features_in_ : int
        Pixels of an image.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter, "Self-normalizing neural networks",
    Advances in Neural Information Processing Systems 30, 2017.

    Examples
    --------
    >>> from xenoglyph import SELUAutoencoder, load_images
    >>> digits = load_images("digits")
    >>> autoencoder = SELUAutoencoder(n_epochs=5, random_state=0).fit(digits)
    >>> autoencoder.transform(digits).shape
    (1797, 6)
    """

    def __init__(
        self,
        code_size: int = 6,
        hidden_sizes: tuple[int, ...] | None = None,
        *,
        architecture: str = "dense",
        init: str = "lecun_normal",
        loss: str = "bernoulli",
        l2: float = 0.01,
        dropout: float = 0.0,
        augmentation: Augmentation | Mapping[str, float] | None = None,
        consistency: float = 0.0,
        n_epochs: int | Literal["auto"] = "auto",
        batch_size: int = 256,
        solver: str = "nadam",
        learning_rate: float = 0.012,
        schedule: str = "one-cycle",
        validation_fraction: float = 0.0,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        n_processes: int = 1,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.code_size = code_size
        self.hidden_sizes = hidden_sizes
        self.architecture = architecture
        self.init = init
        self.loss = loss
        self.l2 = l2
        self.dropout = dropout
        self.augmentation = augmentation
        self.consistency = consistency
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.n_processes = n_processes
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Images,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        *,
        validation: Images | None = None,
        progress: Progress | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: str | PathLike[str] | None = None,
        resume: bool = False,
        client: Client | None = None,
    ) -> Self:
        """Train a network.

        Parameters
        ----------
        X : ImageSet or array of shape (n, h, w), (n, h, w, c) or (n, n_pixels)
            uint8 (divided by 255), bool, or floats in [0, 1]. A memory map is read batch by
            batch.
        y : ignored
        sample_weight : array-like of shape (n,), optional
            What each image counts for in the loss; images of weight zero are left out.
        validation : like X, optional
            Images whose loss is taken after every epoch; nothing is learned from them.
        progress : callable, optional
            Told of every epoch; see `xenoglyph.progress`.
        callbacks : sequence of callable, optional
            Given an `Epoch` after every epoch; training ends where one returns True. See
            `xenoglyph.autoencoder.logs`.
        checkpoint : path-like, optional
            A folder in which the run is kept: written every few seconds, at the end, and when
            it is interrupted.
        resume : bool, default=False
            Whether to go on from what lies in `checkpoint`, if there is anything: the network
            becomes, bit for bit, what it would have become without the break.
        client : distributed.Client, optional
            On whose workers the processes run, one on each, where `n_processes` is more than one.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If a parameter is out of range, the images are not such an array, are fewer than two,
            are all the same or have too few pixels, if training diverges, or if the checkpoint
            is of other images or settings.
        ModelFileError
            If the checkpoint is damaged, and the one before it too.
        OSError
            If a checkpoint cannot be written.
        """
        check_number("n_processes", self.n_processes, Integral, 1)
        self._check_columns(X, reset=True)
        rows, weights, held_out = self._images(X, sample_weight, validation)
        layout, recipe = self._layout(rows.image_shape), self._recipe(len(rows))
        seed = int(self.random_state) if isinstance(self.random_state, int | np.integer) else None
        task = Task.of(
            layout, recipe, rows, weights=weights, validation=held_out, random_state=seed
        )
        keeper = None if checkpoint is None else Keeper(checkpoint, task)
        run = keeper.load() if keeper is not None and resume else None
        if run is None:
            run = self._begin(layout, recipe, warm=self.warm_start)
        # `verbose` draws a bar of its own; a caller's `progress` takes its place.
        bar = ProgressBar(quiet=not self.verbose)
        with bar if progress is None else nullcontext(progress) as report:
            if self.n_processes == 1:
                run = train(
                    run, rows, recipe, weights=weights, validation=held_out, report=report,
                    callbacks=callbacks, save=None if keeper is None else keeper.save,
                )  # fmt: skip
            else:
                run = train_together(
                    self.n_processes, run, rows, task, weights=weights, validation=held_out,
                    report=report, callbacks=callbacks, checkpoint=checkpoint, client=client,
                )  # fmt: skip
        self._online: Run | None = None
        loss = mean_loss(run.network, rows, self.l2, self.loss, weights, client)
        return self._adopt(run.network, run.history, loss)

    def partial_fit(
        self, X: Images, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train by one pass over images, from where the last call or `fit` stopped.

        The learning rate is `learning_rate` throughout, since no one knows how many calls follow.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            As `fit` does.
        """
        known = self.image_shape_ if hasattr(self, "network_") else None
        self._check_columns(X, reset=known is None)
        rows = image_rows(X, known)
        check_several(rows)
        given = image_weights(sample_weight, len(rows))
        weights = None if given is None else relative(given)
        layout = self._layout(rows.image_shape)
        plain = {"schedule": "constant", "n_epochs": 1, "patience": None}
        run = getattr(self, "_online", None)
        if run is None or run.state.network.layout != layout:
            recipe = self._recipe(len(rows), **plain)
            run = self._begin(layout, recipe, warm=True)
        recipe = self._recipe(len(rows), **{**plain, "n_epochs": run.epoch + 1})
        run = Run(run.state, run.seed, run.epoch, history=run.history)
        self._online = train(run, rows, recipe, weights=weights)
        loss = mean_loss(self._online.network, rows, self.l2, self.loss, weights)
        return self._adopt(self._online.network, self._online.history, loss)

    def _images(
        self, X: Images, sample_weight: ArrayLike | None, validation: Images | None
    ) -> tuple[Rows, Pixels | None, Rows | None]:
        """Return the images to learn from, what they count for, and those held out."""
        rows = image_rows(X)
        check_share("validation_fraction", self.validation_fraction)
        given = image_weights(sample_weight, len(rows))
        kept = np.arange(len(rows)) if given is None else np.flatnonzero(given)
        held_out = None
        if validation is not None:
            held_out = image_rows(validation, rows.image_shape)
        elif self.validation_fraction:
            order = np.random.default_rng(len(kept)).permutation(kept)
            out = max(1, round(self.validation_fraction * len(kept)))
            held_out, kept = rows.subset(np.sort(order[:out])), np.sort(order[out:])
        if len(kept) < len(rows):
            rows = rows.subset(kept)
        check_several(rows)
        weights = None if given is None else relative(given[kept])
        if self.early_stopping and held_out is None:
            raise DataError(
                "early_stopping=True needs images to judge by; give fit a validation set, or a "
                "validation_fraction"
            )
        return rows, weights, held_out

    def _begin(self, layout: Layout, recipe: Recipe, *, warm: bool) -> Run:
        """Return a run before its first step; a warm one begins with the network there is."""
        check_choice("init", self.init, INITS)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        if warm and hasattr(self, "network_") and self.network_.layout == layout:
            return begin(self.network_, recipe, seed)
        network = Network.start(layout, INITS[self.init], np.random.default_rng(seed))
        return begin(network, recipe, seed)

    def _layout(self, image_shape: tuple[int, ...]) -> Layout:
        hidden = self.hidden_sizes
        if hidden is None:
            check_choice("architecture", self.architecture, HIDDEN_SIZES)
            hidden = HIDDEN_SIZES[self.architecture]
        if not isinstance(hidden, list | tuple):
            raise DataError(f"hidden_sizes={hidden!r} was given; give (256, 128) or so")
        return Layout(image_shape, tuple(hidden), self.code_size, self.architecture)

    def _recipe(self, n_images: int, **changes: Any) -> Recipe:
        """Fill in what depends on the number of images."""
        auto = math.ceil(AUTO_EPOCHS / math.sqrt(n_images))
        check_number("n_iter_no_change", self.n_iter_no_change, Integral, 1)
        settings: dict[str, Any] = {
            "n_epochs": auto if self.n_epochs == "auto" else self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "schedule": self.schedule,
            "solver": self.solver,
            "l2": self.l2,
            "loss": self.loss,
            "dropout": self.dropout,
            "augmentation": augmentation_from(self.augmentation),
            "consistency": self.consistency,
            "patience": self.n_iter_no_change if self.early_stopping else None,
        }
        return Recipe(**{**settings, **changes})

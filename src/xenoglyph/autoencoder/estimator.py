"""The auto-encoder as a scikit-learn transformer: checks, the contract, what a file holds."""

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from numbers import Integral
from typing import Any, Literal, Self

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from xenoglyph.autoencoder.checks import check_choice, check_number, check_variety, image_table
from xenoglyph.autoencoder.evaluation import draw, encode, mean_loss
from xenoglyph.autoencoder.network import INITS, Network
from xenoglyph.autoencoder.training import HISTORY, History, Recipe, train
from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.images import ImageSet
from xenoglyph.progress import Progress
from xenoglyph.terminal import ProgressBar

__all__ = ["SELUAutoencoder"]

Images = ImageSet | ArrayLike
Pixels = NDArray[np.float32]

AUTO_EPOCHS = 8000
"""What ``n_epochs="auto"`` divides by the square root of the number of images."""


class SELUAutoencoder(TransformerMixin, BaseEstimator):
    """Auto-encoder of self-normalizing layers: images to a few numbers each, and back.

    Images go through SELU layers of `hidden_sizes` to a linear layer, the code, and through the
    same layers in reverse to the sigmoid of every pixel. With the defaults images of 28x28 pass
    784-256-128-6-128-256-784 units. Trained by Adam on binary cross-entropy, with an L2 penalty
    on the code layer's kernel alone.

    Parameters
    ----------
    code_size : int, default=6
        Numbers to a code; fewer than the pixels of an image.
    hidden_sizes : sequence of int, default=(256, 128)
        Widths of the encoder's hidden layers, from the pixels to the code.
    init : {"lecun_normal", "glorot_uniform"}, default="lecun_normal"
        How weights start. SELU layers are self-normalizing with the first.
    l2 : float, default=0.01
        Weight of the code kernel's sum of squares in the loss.
    n_epochs : int or "auto", default="auto"
        Passes over the images. "auto" makes 8,000 / sqrt(n) of them, rounded up, so that n times
        as many images are given sqrt(n) times as many steps: 31 epochs for 70,000 images, 189
        for 1,797.
    batch_size : int, default=256
        Images to a step; all of them where there are fewer. Images that do not fill a last batch
        sit an epoch out: other ones in every epoch, by chance.
    learning_rate : float, default=0.008
        Of Adam; its peak, where `schedule` is "one-cycle".
    schedule : {"one-cycle", "constant"}, default="one-cycle"
        How the learning rate runs over the whole fit.
    random_state : int, RandomState or None, default=None
        Draws the first weights and the order of the images. An int gives the same bits in every
        process, on one machine and with as many cores: JAX splits its sums by their number.
    verbose : bool, default=False
        Draw a progress bar on the terminal, unless `fit` is given a `progress`.

    Attributes
    ----------
    network_ : Network
        The trained network.
    history_ : dict of str to list of float
        "loss" (the mean over an epoch's steps, while they change the network), "validation_loss"
        (empty without validation images; after the epoch) and "seconds", for each epoch.
    loss_ : float
        Loss on the images fitted, by the trained network: binary cross-entropy in nats averaged
        over pixels and images, plus the L2 term.
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
        hidden_sizes: tuple[int, ...] = (256, 128),
        *,
        init: str = "lecun_normal",
        l2: float = 0.01,
        n_epochs: int | Literal["auto"] = "auto",
        batch_size: int = 256,
        learning_rate: float = 8e-3,
        schedule: str = "one-cycle",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.code_size = code_size
        self.hidden_sizes = hidden_sizes
        self.init = init
        self.l2 = l2
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Images,
        y: object = None,
        *,
        validation: Images | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : ImageSet or array of shape (n, h, w), (n, h, w, c) or (n, n_pixels)
            uint8 (divided by 255), bool, or floats in [0, 1].
        y : ignored
        validation : like X, optional
            Images whose loss is taken after every epoch; nothing else is done with them.
        progress : callable, optional
            Told of every epoch; see `xenoglyph.progress`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If a parameter is out of range, the images are not such an array, are fewer than two,
            are all the same or have too few pixels, or if training diverges.
        """
        pixels, image_shape = image_table(X)
        check_variety(pixels)
        held_out = None if validation is None else image_table(validation, image_shape)[0]
        recipe, sizes = self._recipe(len(pixels)), self._sizes(pixels.shape[1])
        check_choice("init", self.init, INITS)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        network = Network.start(sizes, INITS[self.init], np.random.default_rng(seed))
        # `verbose` draws a bar of its own; a caller's `progress` takes its place.
        with nullcontext(progress) if progress else ProgressBar(quiet=not self.verbose) as report:
            network, history = train(
                network, pixels, recipe, jax.random.key(seed), validation=held_out, report=report
            )
        return self._adopt(network, image_shape, history, mean_loss(network, pixels, self.l2))

    def transform(self, X: Images) -> NDArray[np.float64]:
        """Encode images.

        Parameters
        ----------
        X : ImageSet or array
            Images of the shape that was fitted.

        Returns
        -------
        array of shape (n, code_size), float64
            Computed in float32.

        Raises
        ------
        DataError
            If X holds no such images.
        """
        check_is_fitted(self)
        pixels, _ = image_table(X, self.image_shape_)
        return encode(self.network_, pixels).astype(np.float64)

    def inverse_transform(self, codes: ArrayLike) -> Pixels:
        """Draw the images that codes stand for.

        Parameters
        ----------
        codes : array of shape (n, code_size)

        Returns
        -------
        array of float32 in [0, 1], images of the shape ``image_shape_``

        Raises
        ------
        DataError
            If `codes` is not a finite table of that width.
        """
        check_is_fitted(self)
        table = np.asarray(codes, dtype=np.float32)
        width = self.network_.sizes[-1]
        if table.ndim != 2 or table.shape[1] != width or not np.isfinite(table).all():
            raise DataError(
                f"codes must be finite numbers of shape (n, {width}); came shape {table.shape}"
            )
        return draw(self.network_, table).reshape(len(table), *self.image_shape_)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the columns of `transform`: "code0", "code1", ..."""
        check_is_fitted(self)
        return np.array([f"code{i}" for i in range(self.network_.sizes[-1])], dtype=object)

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
        """Return all that `from_arrays` needs to build this fitted auto-encoder again.

        Returns
        -------
        settings : dict
            "parameters", "layers", "image_shape", "history" and "loss", as JSON holds them. A
            `random_state` that is no integer becomes None.
        arrays : dict of str to array
            Weights and biases, named ``encoder/0/weight`` and so on.
        """
        check_is_fitted(self)
        parameters = {name: _plain(value) for name, value in self.get_params().items()}
        parameters["hidden_sizes"] = [int(width) for width in self.hidden_sizes]
        settings = {
            "parameters": parameters,
            "layers": list(self.network_.sizes),
            "image_shape": list(self.image_shape_),
            "history": self.history_,
            "loss": self.loss_,
        }
        return settings, self.network_.to_arrays()

    @classmethod
    def from_arrays(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> "SELUAutoencoder":
        """Build a fitted auto-encoder from what `to_arrays` returned.

        Its `transform` and `inverse_transform` give the same bits.

        Raises
        ------
        ModelFileError
            If settings or arrays are not those of an auto-encoder.
        """
        try:
            parameters = dict(settings["parameters"])
            parameters["hidden_sizes"] = tuple(parameters["hidden_sizes"])
            autoencoder = cls(**parameters)
            image_shape, sizes = tuple(settings["image_shape"]), tuple(settings["layers"])
            for width in image_shape + sizes:
                check_number("a size", width, Integral, 1)
            if len(sizes) < 2 or sizes[0] != math.prod(image_shape):
                raise DataError(f"layers {sizes} were given for images of shape {image_shape}")
            history = {name: [float(x) for x in settings["history"][name]] for name in HISTORY}
            loss = float(settings["loss"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"the auto-encoder's settings are damaged: {error!r}") from error
        network = Network.from_arrays(sizes, arrays)
        return autoencoder._adopt(network, image_shape, history, loss)

    def _adopt(
        self, network: Network, image_shape: tuple[int, ...], history: History, loss: float
    ) -> Self:
        """Take over a trained network; every fitted attribute is set here."""
        self.network_ = network
        self.image_shape_ = image_shape
        self.n_features_in_ = math.prod(image_shape)
        self.history_ = history
        self.loss_ = loss
        self.validation_loss_ = next(reversed(history["validation_loss"]), None)
        return self

    def _sizes(self, n_pixels: int) -> tuple[int, ...]:
        """Widths from the pixels to the code."""
        if not isinstance(self.hidden_sizes, Sequence):
            raise DataError(f"hidden_sizes={self.hidden_sizes!r} was given; give (256, 128) or so")
        for width in self.hidden_sizes:
            check_number("a width in hidden_sizes", width, Integral, 1)
        check_number("code_size", self.code_size, Integral, 1)
        if self.code_size >= n_pixels:
            raise DataError(
                f"code_size={self.code_size} was given for images of {n_pixels} pixels; "
                "give fewer numbers than pixels"
            )
        return (n_pixels, *self.hidden_sizes, self.code_size)

    def _recipe(self, n_images: int) -> Recipe:
        """Fill in what depends on the number of images."""
        auto = math.ceil(AUTO_EPOCHS / math.sqrt(n_images))
        return Recipe(
            n_epochs=auto if self.n_epochs == "auto" else self.n_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            l2=self.l2,
        )


def _plain(value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, np.random.RandomState):
        return None
    return value.item() if isinstance(value, np.generic) else value

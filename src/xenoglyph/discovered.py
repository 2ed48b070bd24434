"""What a fitted discovery can do: recognise, draw, be kept in a file and told of."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

import xenoglyph
from xenoglyph import recognition, record
from xenoglyph.autoencoder import Augmentation, SELUAutoencoder
from xenoglyph.autoencoder import arrays as autoencoder_arrays
from xenoglyph.autoencoder.recogniser import Recogniser
from xenoglyph.autoencoder.rows import image_rows
from xenoglyph.drawing import Finish, draw_recognised
from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.images import ImageSet, as_images
from xenoglyph.mixture import MMLGaussianMixture
from xenoglyph.mixture import arrays as mixture_arrays
from xenoglyph.progress import Progress, quiet
from xenoglyph.recipes import recipe_named
from xenoglyph.storage import read_model, write_model
from xenoglyph.symbols import Stability, Symbols
from xenoglyph.workers import Client

__all__ = ["Discovered"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]
Pixels = NDArray[np.float32]
RandomState = int | np.random.RandomState | None

OWN_SHARE = 0.05
"""A symbol is drawn from components of which it has at least such a share."""


class Discovered(ClusterMixin, BaseEstimator):
    """What `SymbolDiscovery` does when it has been fitted, or read from a file."""

    recipe: str
    route: str | None
    image_shape: tuple[int, ...] | None
    augmentation: Augmentation | Mapping[str, float] | None
    random_state: RandomState
    autoencoder_: SELUAutoencoder
    mixture_: MMLGaussianMixture
    recogniser_: Recogniser | None
    symbols_: Symbols
    stability_: Stability | None
    component_symbols_: Array
    finish_: Finish
    evidence_: record.Evidence
    image_shape_: tuple[int, ...]
    seconds_: dict[str, float]

    def transform(self, X: ImageSet | ArrayLike, *, client: Client | None = None) -> Array:
        """Return the codes of images, shape (n, code_size); with a client, by its workers."""
        check_is_fitted(self, "autoencoder_")
        return np.asarray(self.autoencoder_.transform(self._images(X), client=client))

    def predict_proba(
        self, X: ImageSet | ArrayLike, *, progress: Progress = quiet, client: Client | None = None
    ) -> Array:
        """Probability of each symbol for each image, shape (n, n_symbols)."""
        check_is_fitted(self, "symbols_")
        return self._symbol_probabilities(self._images(X), progress, client)

    def predict(self, X: ImageSet | ArrayLike, *, client: Client | None = None) -> Integers:
        """Most probable symbol of each image, shape (n,)."""
        return np.asarray(self.predict_proba(X, client=client).argmax(axis=1))

    def score_samples(self, X: ImageSet | ArrayLike, *, client: Client | None = None) -> Array:
        """Tell how well the whole model explains each image, to find what does not belong.

        Parameters
        ----------
        X : ImageSet or array
        client : distributed.Client, optional
            Whose workers look at the images.

        Returns
        -------
        array of shape (n,)
            Nats: log-density of the image's code under the mixture, less the error of all pixels
            that are decoded from it. The lower, the stranger the image.

        Raises
        ------
        DataError
            If X holds no such images.
        """
        check_is_fitted(self, "mixture_")
        images = self._images(X)
        codes = self.autoencoder_.transform(images, client=client)
        return self._explained(images, codes, client)

    def belongs(
        self, X: ImageSet | ArrayLike, *, client: Client | None = None
    ) -> NDArray[np.bool_]:
        """Tell which images are of the kind that was learnt, shape (n,); the rest show no symbol.

        An image is of none if its `score_samples` lies further below the lower quartile of the
        images that were fitted than three times the distance of their quartiles (Tukey's outer
        fence, "Exploratory Data Analysis", 1977).
        """
        return np.asarray(self.score_samples(X, client=client) >= self.evidence_.least_score)

    def sample(
        self,
        n: int = 1,
        *,
        symbol: int | None = None,
        component: int | None = None,
        random_state: RandomState = None,
    ) -> ImageSet:
        """Draw new images: codes of the mixture, decoded, sharpened and moved (`finish_`).

        Parameters
        ----------
        n : int, default=1
        symbol : int, optional
            Draw this symbol only.
        component : int, optional
            Draw from this component of the mixture only.
        random_state : int, RandomState or None, default=None
            None takes the estimator's own.

        Returns
        -------
        ImageSet
            Its labels are the symbols that `predict` gives; with `symbol`, that symbol. It is
            drawn until it is recognised; should that fail too often, the likest images are taken.

        Raises
        ------
        DataError
            If there is no such symbol or component, or both were given.
        """
        check_is_fitted(self, "mixture_")
        random = check_random_state(self.random_state if random_state is None else random_state)
        if symbol is not None and component is not None:
            raise DataError("Both symbol and component were given; give one of them.")
        if symbol is None:
            codes, _ = self.mixture_.sample(n, component=component, random_state=random)
            pixels = self._drawn(codes, random)
            return ImageSet(pixels, labels=self._told(pixels).argmax(axis=1), name="new images")
        codes_of = self._codes_of(symbol, random)
        pixels = draw_recognised(n, symbol, lambda n: self._drawn(codes_of(n), random), self._told)
        return ImageSet(pixels, labels=np.full(n, symbol), name="new images")

    def sample_codes(self, n: int, symbol: int, random_state: RandomState = None) -> Array:
        """Draw codes of a symbol: such that `decode` makes of them what is taken for it.

        Parameters
        ----------
        n : int
        symbol : int
        random_state : int, RandomState or None, default=None
            None takes the estimator's own.

        Returns
        -------
        array of shape (n, code_size)

        Raises
        ------
        DataError
            If there is no such symbol.
        """
        check_is_fitted(self, "mixture_")
        random = check_random_state(self.random_state if random_state is None else random_state)
        codes_of = self._codes_of(symbol, random)
        return draw_recognised(n, symbol, codes_of, self.recognise_codes)

    def decode(self, codes: ArrayLike) -> Pixels:
        """Draw the image of each code: sharpened as in `sample`, but not moved.

        Parameters
        ----------
        codes : array of shape (n, code_size)

        Returns
        -------
        array of float32 in [0, 1], of the shape (n, h, w) or (n, h, w, c)

        Raises
        ------
        DataError
            If `codes` is not a finite table of that width.
        """
        check_is_fitted(self, "autoencoder_")
        return self.finish_.sharpen(self.autoencoder_.inverse_transform(codes))

    def recognise_codes(self, codes: ArrayLike) -> Array:
        """Probability of each symbol for what `decode` makes of each code, (n, n_symbols)."""
        return self._told(self.decode(codes))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model file: safetensors with our schema and checksum, whole or not at all."""
        check_is_fitted(self, "evidence_")
        parts: dict[str, tuple[dict[str, Any], dict[str, NDArray[Any]]]] = {
            "autoencoder": autoencoder_arrays.to_arrays(self.autoencoder_),
            "mixture": mixture_arrays.to_arrays(self.mixture_),
            "evidence": record.to_arrays(self.evidence_),
            "symbols": recognition.to_arrays(
                self.symbols_, self.recogniser_, self.stability_, self.component_symbols_
            ),
        }
        parameters = self.get_params()
        if not isinstance(self.random_state, int):
            parameters["random_state"] = None
        if isinstance(self.augmentation, Augmentation):
            parameters["augmentation"] = asdict(self.augmentation)
        settings = {
            "parameters": parameters,
            "image_shape": list(self.image_shape_),
            "finish": self.finish_.to_settings(),
            **{part: own for part, (own, _) in parts.items()},
        }
        arrays = {
            f"{part}/{name}": array
            for part, (_, own) in parts.items()
            for name, array in own.items()
        }
        write_model(path, "discovery", settings, arrays)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a model file; the model predicts the same bits as the one that was saved.

        Raises
        ------
        ModelFileError
            If the file is missing, foreign, damaged, or does not fit together.
        """
        settings, arrays = read_model(path, "discovery")

        def part(name: str) -> tuple[Any, dict[str, NDArray[Any]]]:
            head = f"{name}/"
            own = {key.removeprefix(head): arrays[key] for key in arrays if key.startswith(head)}
            return settings[name], own

        try:
            model = cls(**settings["parameters"])
            model.image_shape_ = tuple(map(int, settings["image_shape"]))
            model.seconds_ = {}
            model.finish_ = Finish.from_settings(settings["finish"])
            model.autoencoder_ = autoencoder_arrays.from_arrays(*part("autoencoder"))
            model.mixture_ = mixture_arrays.from_arrays(*part("mixture"))
            model.evidence_ = record.from_arrays(*part("evidence"))
            n_pixels = int(np.prod(model.image_shape_))
            model.symbols_, model.recogniser_, model.stability_, model.component_symbols_ = (
                recognition.from_arrays(*part("symbols"), model.n_components_, n_pixels)
            )
        except (KeyError, TypeError) as error:
            raise ModelFileError(f"{path} does not fit together: {error!r}.") from error
        return model

    def report(self, path: str | PathLike[str]) -> None:
        """Write the report, one static HTML page that opens without a network."""
        # Reports are made of discoveries: only through the lazy door may this one ask for its own.
        xenoglyph.write_report(self, path)

    @property
    def n_components_(self) -> int:
        """How many components the mixture has."""
        return self.mixture_.n_components_

    @property
    def n_symbols_(self) -> int:
        """How many different symbols there are."""
        return self.symbols_.n_symbols

    def _images(self, X: ImageSet | ArrayLike) -> ImageSet:
        return as_images(X, image_shape=self.image_shape)

    @property
    def symbol_route(self) -> str:
        """What symbols are made of: the parameter `route`, or the recipe's."""
        return self.route or recipe_named(self.recipe).route

    def _explained(self, images: ImageSet, codes: Array, client: Client | None = None) -> Array:
        """See `score_samples`."""
        n_pixels = int(np.prod(images.image_shape))
        error = -n_pixels * self.autoencoder_.score_samples(images, client=client)
        return np.asarray(self.mixture_.score_samples(codes) - error)

    def _symbol_probabilities(
        self, images: ImageSet, progress: Progress = quiet, client: Client | None = None
    ) -> Array:
        """Probability of each symbol for each image, shape (n, n_symbols)."""
        if self.recogniser_ is None:
            codes = self.autoencoder_.transform(images, client=client)
            return self.symbols_.pool(self.mixture_.predict_proba(codes))
        rows = image_rows(images, self.image_shape_)
        told = self.recogniser_.told(rows, progress=progress, client=client)
        return np.concatenate(list(told))

    def _codes_of(self, symbol: int, random: np.random.RandomState) -> Callable[[int], Array]:
        """Return what draws so many codes from the components that a symbol is drawn from."""
        if not 0 <= symbol < self.n_symbols_:
            raise DataError(f"symbol={symbol} does not exist; choose 0 to {self.n_symbols_ - 1}.")
        shares = self.component_symbols_[:, symbol]
        among = np.flatnonzero(shares >= min(OWN_SHARE, shares.max()))
        return lambda n: self.mixture_.sample(n, component=among, random_state=random)[0]

    def _drawn(self, codes: Array, random: np.random.RandomState) -> Pixels:
        """Decode new images, and finish them."""
        return self.finish_(self.autoencoder_.inverse_transform(codes), random)

    def _told(self, pixels: Pixels) -> Array:
        """Probability of each symbol for each of some new images."""
        return self._symbol_probabilities(ImageSet(pixels, name="new images"))

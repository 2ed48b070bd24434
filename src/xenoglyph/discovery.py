"""The whole way in one estimator: images -> codes -> mixture -> symbols -> new images."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

import xenoglyph
from xenoglyph import record
from xenoglyph.autoencoder import Callback, SELUAutoencoder
from xenoglyph.autoencoder import arrays as autoencoder_arrays
from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.images import ImageSet, as_images
from xenoglyph.mixture import MMLGaussianMixture
from xenoglyph.mixture import arrays as mixture_arrays
from xenoglyph.progress import Progress, quiet
from xenoglyph.recipes import recipe_named
from xenoglyph.storage import read_model, write_model
from xenoglyph.symbols import Symbols, label_table, merge_components
from xenoglyph.symbols.merging import symbols_from_settings, symbols_to_settings
from xenoglyph.terminal import ProgressBar

__all__ = ["SymbolDiscovery"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]
RandomState = int | np.random.RandomState | None


class SymbolDiscovery(ClusterMixin, BaseEstimator):
    """Finds out how many different symbols unlabelled images show, which is which, and draws more.

    A SELU auto-encoder compresses every image to a few numbers, its code; a Gaussian mixture
    that chooses its own number of components describes the codes; components that would be
    taken for each other too often are one symbol; and a code drawn from a symbol's components,
    decoded, is a new image. Labels are never used, except to count them in ``evidence_``.

    Parameters
    ----------
    recipe : {"default", "article"}, default="default"
        "article" repeats the public article from which this began: see `xenoglyph.recipes`.
    image_shape : tuple of int, optional
        (h, w) or (h, w, channels); needed where images come as rows of pixels.
    code_size : int, default=6
        Numbers in a code.
    max_components : int, optional
        Most components of the mixture; the recipe's own by default, which for "default" is no
        bound. "article" starts from as many.
    n_epochs : int, optional
        Passes of the auto-encoder over the images; the recipe's own by default.
    tolerance : float, default=0.05
        Largest share of one symbol's images that may be taken for another symbol; components
        above it are joined.
    n_processes : int, default=1
        Processes of this machine that train the auto-encoder together.
    random_state : int, RandomState or None, default=None
        The same integer gives the same result.
    verbose : bool, default=False
        Whether to draw progress bars on a terminal.

    Attributes
    ----------
    n_symbols_ : int
        How many different symbols there are.
    n_components_ : int
        How many components the mixture has.
    labels_ : array of shape (n_images,)
        Symbol of each fitted image, from 0; symbol 0 is the most frequent. Not kept in a file.
    components_ : array of shape (n_images,)
        Component of each fitted image. Not kept in a file.
    codes_ : array of shape (n_images, code_size)
        Code of each fitted image. Not kept in a file.
    fitted_ : array of int
        Numbers of the images on whose codes the mixture was fitted. Not kept in a file.
    autoencoder_ : SELUAutoencoder
    mixture_ : MMLGaussianMixture
    symbols_ : Symbols
        Which components are which symbol, and the tree of joins.
    evidence_ : Evidence
        What the report shows of the fit.
    seconds_ : dict
        Wall-clock seconds of each stage. Not kept in a file: it describes a run, not a model.

    Examples
    --------
    >>> from xenoglyph import SymbolDiscovery, load_images
    >>> images = load_images("digits")
    >>> alien = SymbolDiscovery(random_state=0).fit(images)  # doctest: +SKIP
    >>> alien.sample(10, symbol=3).pixels.shape  # doctest: +SKIP
    (10, 8, 8)
    """

    def __init__(
        self,
        recipe: str = "default",
        *,
        image_shape: tuple[int, ...] | None = None,
        code_size: int = 6,
        max_components: int | None = None,
        n_epochs: int | str | None = None,
        tolerance: float = 0.05,
        n_processes: int = 1,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.image_shape = image_shape
        self.code_size = code_size
        self.max_components = max_components
        self.n_epochs = n_epochs
        self.tolerance = tolerance
        self.n_processes = n_processes
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: ImageSet | ArrayLike,
        y: object = None,
        *,
        progress: Progress | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: str | PathLike[str] | None = None,
        resume: bool = False,
    ) -> Self:
        """Discover the symbols in the images X.

        Parameters
        ----------
        X : ImageSet or array
            uint8 or floats in [0, 1], of shape (n, h, w), (n, h, w, channels), or (n, pixels)
            with `image_shape`.
        y : ignored
        progress : callable, optional
            See `xenoglyph.progress`; takes the place of `verbose`.
        callbacks, checkpoint, resume
            Of the auto-encoder's training: see `SELUAutoencoder.fit`. The checkpoint stays when
            training has ended, so that a run that is stopped later need not train again.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the images or a parameter cannot be used, or the checkpoint is of another run.
        ModelFileError
            If the checkpoint is damaged, and the one before it too.
        """
        images = self._images(X)
        random = check_random_state(self.random_state)
        self._build(random)
        self.seconds_: dict[str, float] = {}
        held_out = _held_out(images, random) if recipe_named(self.recipe).held_out else None
        with ProgressBar() if self.verbose and progress is None else nullcontext(progress) as bar:
            keep = {"callbacks": callbacks, "checkpoint": checkpoint, "resume": resume}
            self._run(images, held_out, bar or quiet, keep)
        self.evidence_ = self._gather(images, random)
        return self

    def transform(self, X: ImageSet | ArrayLike) -> Array:
        """Return the codes of images, shape (n, code_size)."""
        check_is_fitted(self, "autoencoder_")
        return np.asarray(self.autoencoder_.transform(self._images(X)))

    def predict_proba(self, X: ImageSet | ArrayLike) -> Array:
        """Probability of each symbol for each image, shape (n, n_symbols)."""
        codes = self.transform(X)
        return self.symbols_.pool(self.mixture_.predict_proba(codes))

    def predict(self, X: ImageSet | ArrayLike) -> Integers:
        """Most probable symbol of each image, shape (n,)."""
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def sample(
        self,
        n: int = 1,
        *,
        symbol: int | None = None,
        component: int | None = None,
        random_state: RandomState = None,
    ) -> ImageSet:
        """Draw new images.

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
            Its labels are the symbol of each image.

        Raises
        ------
        DataError
            If there is no such symbol or component, or both were given.
        """
        check_is_fitted(self, "mixture_")
        random = check_random_state(self.random_state if random_state is None else random_state)
        if symbol is not None and component is not None:
            raise DataError("Both symbol and component were given; give one of them.")
        among = component if symbol is None else self._components_of(symbol)
        codes, drawn = self.mixture_.sample(n, component=among, random_state=random)
        pixels = self.autoencoder_.inverse_transform(codes)
        return ImageSet(pixels, labels=self.symbols_.component_symbol[drawn], name="new images")

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model file: safetensors with our schema and checksum, whole or not at all."""
        check_is_fitted(self, "evidence_")
        parts: dict[str, tuple[dict[str, Any], dict[str, NDArray[Any]]]] = {
            "autoencoder": autoencoder_arrays.to_arrays(self.autoencoder_),
            "mixture": mixture_arrays.to_arrays(self.mixture_),
            "evidence": record.to_arrays(self.evidence_),
        }
        parameters = self.get_params()
        if not isinstance(self.random_state, int):
            parameters["random_state"] = None
        settings = {
            "parameters": parameters,
            "image_shape": list(self.image_shape_),
            "symbols": symbols_to_settings(self.symbols_),
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
            model.autoencoder_ = autoencoder_arrays.from_arrays(*part("autoencoder"))
            model.mixture_ = mixture_arrays.from_arrays(*part("mixture"))
            model.evidence_ = record.from_arrays(*part("evidence"))
            model.symbols_ = symbols_from_settings(settings["symbols"], model.n_components_)
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

    def _build(self, random: np.random.RandomState) -> None:
        """Make the parts as the recipe and the parameters have them."""
        recipe = recipe_named(self.recipe)
        seeds = random.randint(2**31 - 1, size=2)
        own = {"code_size": self.code_size, "n_processes": self.n_processes}
        network = {**recipe.autoencoder, **own}
        if self.n_epochs is not None:
            network["n_epochs"] = self.n_epochs
        mixture = dict(recipe.mixture)
        if self.max_components is not None:
            mixture["max_components"] = self.max_components
        # A checkpoint of no seed may be gone on with: the next call would draw another.
        seed = None if self.random_state is None else int(seeds[0])
        self.autoencoder_ = SELUAutoencoder(**network, random_state=seed)
        self.mixture_ = MMLGaussianMixture(
            **mixture, record_parameters=True, random_state=int(seeds[1])
        )

    def _run(
        self,
        images: ImageSet,
        held_out: Integers | None,
        progress: Progress,
        keep: dict[str, Any],
    ) -> None:
        """Images to codes, codes to mixture, mixture to symbols."""
        with self._timed("autoencoder"):
            if held_out is None:
                self.autoencoder_.fit(images, progress=progress, **keep)
            else:
                learn = np.setdiff1d(np.arange(len(images)), held_out)
                self.autoencoder_.fit(
                    images[learn], validation=images[held_out], progress=progress, **keep
                )
            self.image_shape_ = images.image_shape
            self.codes_ = np.asarray(self.autoencoder_.transform(images))
        with self._timed("mixture"):
            self.fitted_ = np.arange(len(images)) if held_out is None else held_out
            self.mixture_.fit(self.codes_[self.fitted_], progress=progress)
        with self._timed("symbols"):
            posterior = self.mixture_.predict_proba(self.codes_)
            self.symbols_ = self._symbols(posterior)
            self.components_ = posterior.argmax(axis=1)
            self.labels_ = self.symbols_.pool(posterior).argmax(axis=1)

    def _symbols(self, posterior: Array) -> Symbols:
        if recipe_named(self.recipe).merge:
            return merge_components(posterior, self.tolerance)
        # A tolerance of one joins nothing: every component is a symbol, the tree is still known.
        return merge_components(posterior, 1.0)

    def _gather(self, images: ImageSet, random: np.random.RandomState) -> record.Evidence:
        """Write down what a report needs; the one place where labels are looked at."""
        size = record.gallery_size(len(self.fitted_), images.image_shape)
        shown = np.sort(random.choice(self.fitted_, size=size, replace=False))
        gallery = images[shown]
        greys = np.rint(gallery.pixels * 255).astype(np.uint8).astype(np.float32) / np.float32(255)
        labels = images.labels
        table = None if labels is None else label_table(self.labels_, labels, self.n_symbols_)
        return record.Evidence(
            name=images.name,
            n_images=len(images),
            gallery=ImageSet(greys, labels=gallery.labels, name=images.name),
            gallery_codes=self.codes_[shown],
            gallery_components=self.components_[shown],
            gallery_symbols=self.labels_[shown],
            shares=np.bincount(self.labels_, minlength=self.n_symbols_) / len(images),
            label_table=table,
            sources=record.brief(images.sources),
            history=self.autoencoder_.history_,
            **record.ledger_of(self.mixture_.trace_),
        )

    def _components_of(self, symbol: int) -> Integers:
        if not 0 <= symbol < self.n_symbols_:
            raise DataError(f"symbol={symbol} does not exist; choose 0 to {self.n_symbols_ - 1}.")
        return self.symbols_.components(symbol)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        """Note the wall-clock seconds of one stage."""
        begin = time.perf_counter()
        yield
        self.seconds_[stage] = time.perf_counter() - begin


def _held_out(images: ImageSet, random: np.random.RandomState) -> Integers:
    """Numbers of the images that are not the source's training images; else a random seventh."""
    if images.n_train is not None and images.n_train < len(images):
        return np.arange(images.n_train, len(images))
    return np.sort(random.permutation(len(images))[: max(2, len(images) // 7)])

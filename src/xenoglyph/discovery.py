"""The whole way in one estimator: images -> codes -> mixture -> symbols -> new images."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from numbers import Integral
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

import xenoglyph
from xenoglyph import record
from xenoglyph.autoencoder import Augmentation, Callback, SELUAutoencoder
from xenoglyph.autoencoder import arrays as autoencoder_arrays
from xenoglyph.autoencoder.augmentation import augmentation_from
from xenoglyph.autoencoder.checks import check_number
from xenoglyph.autoencoder.recogniser import FOLDS, Recogniser, train_recogniser
from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.images import ImageSet, as_images
from xenoglyph.mixture import MMLGaussianMixture
from xenoglyph.mixture import arrays as mixture_arrays
from xenoglyph.progress import Progress, quiet
from xenoglyph.recipes import recipe_named
from xenoglyph.storage import read_model, write_model
from xenoglyph.symbols import label_table, merge_components, merge_pieces
from xenoglyph.symbols.merging import symbols_from_settings, symbols_to_settings
from xenoglyph.symbols.neighbours import nearest_images
from xenoglyph.symbols.pieces import cut_into_pieces
from xenoglyph.terminal import ProgressBar

__all__ = ["MOVES", "ROUTES", "SymbolDiscovery"]

ROUTES = ("graph", "codes")

MOVES = Augmentation(shift=0.09, rotation=15.0, scale=0.15, slant=0.45)
"""How far a drawing may be moved without showing another symbol, unless told otherwise."""

NEIGHBOURS = 10
PIECE_SIZE = 20
"""Images that a piece has at least, on average."""
GRAPH_SIZE = 100_000
"""Most images in the graph; of more, so many by chance, from which networks learn the rest."""
OWN_SHARE = 0.05
"""A symbol is drawn from components of which it has at least such a share."""
ROUNDS = 20
"""Draws after which the likest are taken for the symbol that was asked for."""

Array = NDArray[np.float64]
Integers = NDArray[np.intp]
RandomState = int | np.random.RandomState | None


class SymbolDiscovery(ClusterMixin, BaseEstimator):
    """Finds out how many different symbols unlabelled images show, which is which, and draws more.

    A SELU auto-encoder compresses every image to a few numbers, its code, and a Gaussian mixture
    that chooses its own number of components describes the codes. Images that look alike however
    they are moved are gathered into many small pieces; networks that learn the pieces from some
    images say how often they take those of others for each other; and pieces that are taken for
    each other too often are one symbol: see `xenoglyph.symbols`. A code drawn from the mixture,
    decoded, is a new image, if the networks take it for the symbol that was asked for. Labels are
    never used, except to count them in ``evidence_``.

    Parameters
    ----------
    recipe : {"default", "article"}, default="default"
        "article" repeats the public article from which this began: see `xenoglyph.recipes`.
    route : {"graph", "codes"}, optional
        What the pieces of symbols are; the recipe's own by default, which for "default" is
        "graph", told above. With "codes" they are the components of the mixture, joined when
        the mixture itself would take their codes for each other: quick, and far less like what a
        person would say.
    image_shape : tuple of int, optional
        (h, w) or (h, w, channels); needed where images come as rows of pixels.
    code_size : int, default=6
        Numbers in a code.
    max_components : int, optional
        Most components of the mixture; the recipe's own by default, which for "default" is no
        bound. "article" starts from as many.
    n_epochs : int, optional
        Passes of the auto-encoder over the images; the recipe's own by default.
    n_pieces : int, default=40
        Pieces of the graph, where there are twenty images for each: at least twice as many as
        symbols are expected.
    augmentation : Augmentation or dict, optional
        How far an image may be moved without showing another symbol. By default that is
        `xenoglyph.discovery.MOVES`, for drawings and letters; give less where position, direction
        or size tell symbols apart.
    tolerance : float, default=0.06
        Largest share of one symbol's images that may be taken for another symbol; pieces above
        it are joined.
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
    recogniser_ : Recogniser or None
        The networks that tell pieces apart; None with ``route="codes"``.
    symbols_ : Symbols
        Which pieces are which symbol, and the tree of joins. With ``route="codes"`` the pieces
        are the mixture's components.
    confidence_ : array of shape (n_images,)
        Probability of each fitted image's symbol. Not kept in a file.
    component_symbols_ : array of shape (n_components, n_symbols)
        Share of each component's images that show each symbol.
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
        route: str | None = None,
        image_shape: tuple[int, ...] | None = None,
        code_size: int = 6,
        max_components: int | None = None,
        n_epochs: int | str | None = None,
        n_pieces: int = 40,
        augmentation: Augmentation | Mapping[str, float] | None = None,
        tolerance: float = 0.06,
        n_processes: int = 1,
        random_state: RandomState = None,
        verbose: bool = False,
    ) -> None:
        self.recipe = recipe
        self.route = route
        self.image_shape = image_shape
        self.code_size = code_size
        self.max_components = max_components
        self.n_epochs = n_epochs
        self.n_pieces = n_pieces
        self.augmentation = augmentation
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
        check_is_fitted(self, "symbols_")
        return self._symbol_probabilities(self._images(X))

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
        if symbol is not None:
            return self._sample_symbol(n, symbol, random)
        codes, _ = self.mixture_.sample(n, component=component, random_state=random)
        return self._drawn(codes)

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
        if isinstance(self.augmentation, Augmentation):
            parameters["augmentation"] = asdict(self.augmentation)
        if self.recogniser_ is not None:
            parts["recogniser"] = ({}, dict(self.recogniser_.to_arrays()))
        settings = {
            "parameters": parameters,
            "image_shape": list(self.image_shape_),
            "symbols": symbols_to_settings(self.symbols_),
            **{part: own for part, (own, _) in parts.items()},
        }
        arrays: dict[str, NDArray[Any]] = {
            "component_symbols": self.component_symbols_,
            **{
                f"{part}/{name}": array
                for part, (_, own) in parts.items()
                for name, array in own.items()
            },
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
            return settings.get(name), own

        try:
            model = cls(**settings["parameters"])
            model.image_shape_ = tuple(map(int, settings["image_shape"]))
            model.seconds_ = {}
            model.autoencoder_ = autoencoder_arrays.from_arrays(*part("autoencoder"))
            model.mixture_ = mixture_arrays.from_arrays(*part("mixture"))
            model.evidence_ = record.from_arrays(*part("evidence"))
            model._adopt_symbols(settings["symbols"], arrays["component_symbols"], part)
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
        if self.symbol_route not in ROUTES:
            raise DataError(
                f"route={self.route!r} is not known; choose one of {', '.join(ROUTES)}."
            )
        check_number("n_pieces", self.n_pieces, Integral, 1)
        augmentation_from(self.augmentation)
        seeds = random.randint(2**31 - 1, size=3)
        self._symbol_seed = int(seeds[2])
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
            self._find_symbols(images, posterior, progress)
            self.components_ = posterior.argmax(axis=1)
            told = self._symbol_probabilities(images)
            self.labels_, self.confidence_ = told.argmax(axis=1), told.max(axis=1)
            mass = np.maximum(posterior.sum(axis=0), np.finfo(np.float64).tiny)
            self.component_symbols_ = (posterior.T @ told) / mass[:, None]

    def _find_symbols(self, images: ImageSet, posterior: Array, progress: Progress) -> None:
        """Join components, or pieces of the images' graph, into symbols."""
        self.recogniser_: Recogniser | None = None
        # A tolerance of one joins nothing: every piece is a symbol, the tree is still known.
        tolerance = self.tolerance if recipe_named(self.recipe).merge else 1.0
        if self.symbol_route == "codes":
            self.symbols_ = merge_components(posterior, tolerance)
            return
        random = np.random.default_rng(self._symbol_seed)
        seeds = random.integers(2**31, size=2).tolist()
        if len(images) > GRAPH_SIZE:
            images = images[np.sort(random.choice(len(images), GRAPH_SIZE, replace=False))]
        n = len(images)
        moves = augmentation_from(self.augmentation) or MOVES
        neighbours = nearest_images(images.pixels, min(NEIGHBOURS, n - 1), moves)
        progress("symbols", 1, FOLDS + 1, "")
        pieces = cut_into_pieces(neighbours, max(1, min(self.n_pieces, n // PIECE_SIZE)), seeds[0])
        self.recogniser_, held_out = train_recogniser(
            images.pixels.reshape(n, -1), pieces, images.image_shape, moves, seeds[1], progress
        )
        self.symbols_ = merge_pieces(pieces, held_out, tolerance)

    def _symbol_probabilities(self, images: ImageSet) -> Array:
        """Probability of each symbol for each image, shape (n, n_symbols)."""
        if self.recogniser_ is None:
            codes = self.autoencoder_.transform(images)
            return self.symbols_.pool(self.mixture_.predict_proba(codes))
        if images.image_shape != self.image_shape_:
            self.autoencoder_.transform(images)  # refuses it in its own words
        rows = images.pixels.reshape(len(images), -1)
        return self.symbols_.pool(self.recogniser_.predict_proba(rows))

    def _drawn(self, codes: Array) -> ImageSet:
        """Decode; label every image as `predict` does."""
        pixels = self.autoencoder_.inverse_transform(codes)
        told = self._symbol_probabilities(ImageSet(pixels, name="new images"))
        return ImageSet(pixels, labels=told.argmax(axis=1), name="new images")

    def _sample_symbol(self, n: int, symbol: int, random: np.random.RandomState) -> ImageSet:
        """Draw from the mixture, as far as what is drawn is taken for the symbol."""
        if not 0 <= symbol < self.n_symbols_:
            raise DataError(f"symbol={symbol} does not exist; choose 0 to {self.n_symbols_ - 1}.")
        shares = self.component_symbols_[:, symbol]
        among = np.flatnonzero(shares >= min(OWN_SHARE, shares.max()))
        kept: list[NDArray[np.float32]] = []
        likeness: list[Array] = []
        for _ in range(ROUNDS):
            codes, _ = self.mixture_.sample(n, component=among, random_state=random)
            pixels = self.autoencoder_.inverse_transform(codes)
            told = self._symbol_probabilities(ImageSet(pixels, name="new images"))
            kept.append(pixels)
            likeness.append(np.where(told.argmax(axis=1) == symbol, 1.0, told[:, symbol]))
            if sum(np.count_nonzero(own == 1.0) for own in likeness) >= n:
                break
        likest = np.argsort(-np.concatenate(likeness), kind="stable")[:n]
        pixels = np.concatenate(kept)[np.sort(likest)]
        return ImageSet(pixels, labels=np.full(n, symbol), name="new images")

    def _adopt_symbols(
        self,
        settings: dict[str, Any],
        component_symbols: NDArray[Any],
        part: Callable[[str], tuple[Any, dict[str, NDArray[Any]]]],
    ) -> None:
        """Take symbols, and who recognises them, from a model file."""
        self.recogniser_ = None
        n_pieces = self.n_components_
        if self.symbol_route == "graph":
            n_pieces = len(settings["component_symbol"])
            n_pixels = int(np.prod(self.image_shape_))
            self.recogniser_ = Recogniser.from_arrays(part("recogniser")[1], n_pixels, n_pieces)
        self.symbols_ = symbols_from_settings(settings, n_pieces)
        self.component_symbols_ = np.asarray(component_symbols, np.float64)
        if self.component_symbols_.shape != (self.n_components_, self.n_symbols_):
            raise ModelFileError("The symbols in the model file do not fit its mixture.")

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

    @property
    def symbol_route(self) -> str:
        """What symbols are made of: the parameter `route`, or the recipe's."""
        return self.route or recipe_named(self.recipe).route

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

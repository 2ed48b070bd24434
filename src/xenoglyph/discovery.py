"""The whole way in one estimator: images -> codes -> mixture, symbols -> new images."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from numbers import Integral
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from xenoglyph import record
from xenoglyph.autoencoder import Augmentation, Callback, SELUAutoencoder
from xenoglyph.autoencoder.augmentation import augmentation_from
from xenoglyph.autoencoder.checks import check_number
from xenoglyph.autoencoder.recogniser import Recogniser
from xenoglyph.discovered import Discovered
from xenoglyph.drawing import Finish, learn_moves, learn_sharpness, n_tried, with_moved
from xenoglyph.errors import DataError
from xenoglyph.images import ImageSet
from xenoglyph.mixture import MMLGaussianMixture
from xenoglyph.mixture.block_fit import sample_rows
from xenoglyph.mixture.criteria import criteria_by_k
from xenoglyph.progress import Progress, quiet
from xenoglyph.recipes import TOLERANCE, recipe_named
from xenoglyph.recognition import MOVES, check_graph, find_symbols
from xenoglyph.symbols import (
    Stability,
    component_shares,
    label_table,
    mean_entropy,
    merge_components,
)
from xenoglyph.symbols.merging import check_tolerance
from xenoglyph.terminal import ProgressBar
from xenoglyph.workers import Client

__all__ = ["ROUTES", "SymbolDiscovery"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]
RandomState = int | np.random.RandomState | None

ROUTES = ("graph", "codes")

WIDTH = 1e-3
"""Standard deviation given to numbers of the code that are the same for all images,"""
ROUNDING = 1e-6
"""that is, have a smaller one than this."""


class SymbolDiscovery(Discovered):
    """Finds out how many different symbols unlabelled images show, which is which, and draws more.

    A SELU auto-encoder compresses every image to a few numbers, its code, and a Gaussian mixture
    that chooses its own number of components describes the codes. Images that look alike however
    they are moved are gathered into many small pieces; networks that learn the pieces from some
    images say how often they take those of others for each other; pieces that are taken for each
    other too often are one symbol, which other networks learn: see `xenoglyph.symbols`. A code
    drawn from the mixture, decoded, sharpened and moved, is a new image, if these networks take it
    for the symbol asked for. Labels are never used, except to count them in ``evidence_``.

    Parameters
    ----------
    recipe : {"default", "article"}, default="default"
        "article" repeats the public article from which this began: see `xenoglyph.recipes`.
    route : {"graph", "codes"}, optional
        What the pieces of symbols are; the recipe's own by default, which for "default" is
        "graph", told above. With "codes" they are the components of the mixture, joined when
        the mixture itself would take their codes for each other: far less like what a person
        would say.
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
        Pieces of the graph to begin with, where there are twenty images for each. They are
        doubled, up to 320, while more than half of them are symbols.
    augmentation : Augmentation or dict, optional
        How far an image may be moved without showing another symbol. By default that is
        `xenoglyph.recognition.MOVES`, for drawings and letters; give less where position,
        direction or size tell symbols apart.
    tolerance : float, default=0.008
        Largest confusion of two symbols beyond what is mistaken in general: pieces above it are
        joined. See `xenoglyph.symbols.merging.merge_joint`.
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
        The networks that tell symbols apart; None with ``route="codes"``.
    symbols_ : Symbols
        Which pieces are which symbol, and the tree of joins. With ``route="codes"`` the pieces
        are the mixture's components.
    stability_ : Stability or None
        What becomes of the symbols when images are cut by another seed and resampled; None with
        ``route="codes"``.
    confidence_ : array of shape (n_images,)
        Probability of each fitted image's symbol. Not kept in a file.
    scores_ : array of shape (n_images,)
        Of each fitted image: see `score_samples`. Not kept in a file.
    component_symbols_ : array of shape (n_components, n_symbols)
        Share of each component's images that show each symbol.
    finish_ : Finish
        Makes drawings of decoded images.
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
        tolerance: float = TOLERANCE,
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
        client: Client | None = None,
    ) -> Self:
        """Discover the symbols in the images X.

        Parameters
        ----------
        X : ImageSet or array
            uint8 or floats in [0, 1], of shape (n, h, w), (n, h, w, channels), or (n, pixels)
            with `image_shape`. A memory map may be larger than memory, and gives the same bits
            as an array; of an array of Dask a copy is made on the disk if it is large.
        y : ignored
        progress : callable, optional
            See `xenoglyph.progress`; takes the place of `verbose`.
        callbacks, checkpoint, resume
            Of the auto-encoder's training: see `SELUAutoencoder.fit`. The checkpoint stays when
            training has ended, so that a run that is stopped later need not train again.
        client : distributed.Client, optional
            Whose workers look at the images: encode them, say which symbol each shows, score
            them; and train the auto-encoder, where `n_processes` is more than one. Each worker
            should have one thread. With as many cores to each as here, the same bits.

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
        if self.symbol_route == "graph":
            check_graph(images)
        self.seconds_: dict[str, float] = {}
        held_out = _held_out(images, random) if recipe_named(self.recipe).held_out else None
        with ProgressBar() if self.verbose and progress is None else nullcontext(progress) as bar:
            keep = {"callbacks": callbacks, "checkpoint": checkpoint, "resume": resume}
            self._run(images, held_out, bar or quiet, {**keep, "client": client})
        self.evidence_ = self._gather(images, random)
        return self

    def _build(self, random: np.random.RandomState) -> None:
        """Make the parts as the recipe and the parameters have them."""
        recipe = recipe_named(self.recipe)
        if self.symbol_route not in ROUTES:
            raise DataError(
                f"route={self.route!r} is not known; choose one of {', '.join(ROUTES)}."
            )
        check_number("n_pieces", self.n_pieces, Integral, 1)
        check_tolerance(self.tolerance)
        self._moves = augmentation_from(self.augmentation) or MOVES
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
        client = keep["client"]
        with self._timed("autoencoder"):
            progress("autoencoder", 0, 0, "")
            learn, rest = images, None
            if held_out is not None:
                others = np.setdiff1d(np.arange(len(images)), held_out)
                learn, rest = images[others], images[held_out]
            if self.symbol_route == "graph":
                learn = with_moved(learn, self._moves)
            self.autoencoder_.fit(learn, validation=rest, progress=progress, **keep)
            progress("codes", 0, 0, "")
            self.image_shape_ = images.image_shape
            self.codes_ = np.asarray(self.autoencoder_.transform(images, client=client))
        with self._timed("mixture"):
            self.fitted_ = np.arange(len(images)) if held_out is None else held_out
            codes = self.codes_[self.fitted_]
            few = sample_rows(codes.shape[1])
            if len(codes) > few:
                self.mixture_.set_params(sample_size=few)
            self.mixture_.fit(_spread(codes), progress=progress)
        with self._timed("symbols"):
            self._find_symbols(images, progress)
            told = self._symbol_probabilities(images, progress, client)
            sizes = np.bincount(told.argmax(axis=1), minlength=self.n_symbols_)
            order = np.argsort(-sizes, kind="stable")
            self.symbols_, told = self.symbols_.numbered_by(sizes), told[:, order]
            if self.recogniser_ is not None and self.stability_ is not None:
                self.recogniser_ = self.recogniser_.in_order(order)
                self.stability_ = self.stability_.in_order(order)
            self.labels_, self.confidence_ = told.argmax(axis=1), told.max(axis=1)
            self._entropy = mean_entropy(told)
            progress("belonging", 0, 0, "")
            self.scores_ = self._explained(images, self.codes_, client)
            self.components_, self.component_symbols_ = component_shares(
                self.mixture_, self.codes_, told
            )
        with self._timed("drawing"):
            progress("drawing", 0, 0, "")
            self._learn_finish(images)

    def _learn_finish(self, images: ImageSet) -> None:
        """Find out what makes drawings of decoded images. Without networks none is moved."""
        self.finish_ = Finish()
        if not recipe_named(self.recipe).finish:
            return
        random = np.random.RandomState(self._symbol_seed)
        self.finish_ = learn_sharpness(images, self.autoencoder_, random)
        if self.recogniser_ is not None:
            each = max(1, n_tried(images) // self.n_symbols_)
            codes = (self.sample_codes(each, k, random) for k in range(self.n_symbols_))
            decoded = np.concatenate([self.autoencoder_.inverse_transform(some) for some in codes])
            given = (images, self.autoencoder_, decoded, self._moves, random)
            self.finish_ = learn_moves(self.finish_, *given)

    def _find_symbols(self, images: ImageSet, progress: Progress) -> None:
        """Join components, or pieces of the images' graph, into symbols."""
        self.recogniser_: Recogniser | None = None
        self.stability_: Stability | None = None
        self._likest: Integers | None = None
        # A tolerance of one joins nothing; the tree is still known.
        tolerance = self.tolerance if recipe_named(self.recipe).merge else 1.0
        if self.symbol_route == "codes":
            posterior = self.mixture_.predict_proba(self.codes_)
            self.symbols_ = merge_components(posterior, tolerance)
            return
        settings = (self.n_pieces, self._moves, tolerance, self._symbol_seed)
        found = find_symbols(images, *settings, progress)
        self.symbols_, self.recogniser_ = found.symbols, found.recogniser
        self.stability_, self._likest = found.stability, found.likest

    def _gather(self, images: ImageSet, random: np.random.RandomState) -> record.Evidence:
        """Write down what a report needs; the one place where labels are looked at."""
        size = record.gallery_size(len(self.fitted_), images.image_shape)
        shown = np.sort(random.choice(self.fitted_, size=size, replace=False))
        fence = record.outer_fence(self.scores_)
        doubtful = self._least_sure(record.DOUBTFUL)
        labels = images.labels
        table = None if labels is None else label_table(self.labels_, labels, self.n_symbols_)
        return record.Evidence(
            name=images.name,
            n_images=len(images),
            gallery=record.in_levels(images[shown]),
            gallery_codes=self.codes_[shown],
            gallery_components=self.components_[shown],
            gallery_symbols=self.labels_[shown],
            code_counts=record.count_codes(self.codes_[self.fitted_]),
            shares=np.bincount(self.labels_, minlength=self.n_symbols_) / len(images),
            entropy=self._entropy,
            least_score=fence,
            n_strange=int(np.count_nonzero(self.scores_ < fence)),
            strange=record.in_levels(images[np.argsort(self.scores_)[: record.STRANGE]]),
            doubtful=record.in_levels(images[doubtful]),
            doubtful_symbols=self.labels_[doubtful],
            pieces=record.in_levels(self._pieces(images)),
            criteria=[
                asdict(one) for one in criteria_by_k(self.mixture_, self.codes_[self.fitted_])
            ],
            label_table=table,
            sources=record.brief(images.sources),
            history=self.autoencoder_.history_,
            **record.ledger_of(self.mixture_.trace_),
        )

    def _pieces(self, images: ImageSet) -> ImageSet:
        """Return one image for each piece, or component, of which symbols are made."""
        if self._likest is not None:
            return images[self._likest]
        return ImageSet(self.autoencoder_.inverse_transform(self.mixture_.means_))

    def _least_sure(self, size: int) -> Integers:
        """Numbers of so many images of each symbol, the least sure first."""
        order = np.argsort(self.confidence_, kind="stable")
        own = [order[self.labels_[order] == s][:size] for s in range(self.n_symbols_)]
        return np.concatenate(own)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        """Note the wall-clock seconds of one stage."""
        begin = time.perf_counter()
        yield
        self.seconds_[stage] = time.perf_counter() - begin


def _spread(codes: Array) -> Array:
    """Give numbers that all codes have in common some width: else no density describes them."""
    same = codes.std(axis=0) < ROUNDING
    if not same.any():
        return codes
    noise = WIDTH * np.random.default_rng(0).standard_normal(codes.shape)
    return np.asarray(codes + np.where(same, noise, 0.0))


def _held_out(images: ImageSet, random: np.random.RandomState) -> Integers:
    """Numbers of the images that are not the source's training images; else a random seventh."""
    if images.n_train is not None and images.n_train < len(images):
        return np.arange(images.n_train, len(images))
    return np.sort(random.permutation(len(images))[: max(2, len(images) // 7)])

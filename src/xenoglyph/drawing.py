"""From decoded images to drawings: sharp again, moved, and of the symbol that was asked for.

A decoder draws the mean of all images that have a code: where some of them have ink and others
paper, it is grey, and what they do not have in common it leaves out. So a decoded image is
blurred, and nearer to the images learnt from than these are to each other. A `Finish` makes up for
both.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from sklearn.neighbors import NearestNeighbors

from xenoglyph.autoencoder import Augmentation, SELUAutoencoder
from xenoglyph.errors import ModelFileError
from xenoglyph.images import ImageSet

__all__ = [
    "Finish",
    "Sharpening",
    "draw_recognised",
    "learn_moves",
    "learn_sharpness",
    "n_tried",
    "with_moved",
]

Array = NDArray[np.float64]
Pixels = NDArray[np.float32]

MOST_POWER = 8.0
"""Images of which the codes know nothing cannot be made sharp: grey would become a pattern."""
LEVELS = 1 << 12
"""Levels of grey that are told apart where a sharpening is sought."""
TRIED, TRIED_PIXELS = 2000, 1 << 24
"""Images, and drawings, by which a finish is learnt, and their pixels: 64 MB."""
ASKED = 4000
"""Images of which the nearest other is sought: these distances differ much."""
COMPARED = 1 << 26
"""Pixels of images among which the nearest is sought, and of images and their copies: 256 MB."""
STEPS = 16
"""Shares of the moves that are tried: sixteenths."""
FURTHER = 1.03
"""So much further than images are from each other drawings are to be from images: other drawings
than those that it is tried on may be a little nearer."""
ENOUGH, MOST_COPIES = 5, 4000
"""Images to each pixel that an auto-encoder needs in order not to learn them by heart, and those
that there are at most where copies are among them."""
DRAWS = 20
"""Draws after which the likest are taken for the symbol that was asked for."""


@dataclass(frozen=True)
class Sharpening:
    """What makes grey pixels less grey.

    Parameters
    ----------
    power, odds : float, default=1.0
        A pixel x in [0, 1], read as the odds x / (1 - x) of ink, gets `odds` times the odds to the
        `power`. A power above one sharpens; 0 and 1 stay what they are.
    """

    power: float = 1.0
    odds: float = 1.0

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return pixels in [0, 1], sharpened."""
        ink, paper = self.odds * pixels**self.power, (1 - pixels) ** self.power
        return np.asarray(ink / (ink + paper), dtype=pixels.dtype)


@dataclass(frozen=True)
class Finish:
    """What is done to decoded images.

    Parameters
    ----------
    sharpen : Sharpening
        Of images that are not moved.
    moves : Augmentation, optional
        How far an image may be moved without showing another symbol; None moves no drawing.
    share : float, default=1.0
        Share of the moves by which drawings are moved.
    sharpen_moved : Sharpening
        Of images that were moved, which blurs them.
    """

    sharpen: Sharpening = Sharpening()
    moves: Augmentation | None = None
    share: float = 1.0
    sharpen_moved: Sharpening = Sharpening()

    def __call__(self, pixels: Pixels, random: np.random.RandomState) -> Pixels:
        """Return images of shape (n, h, w) or (n, h, w, c), moved and sharpened.

        What comes in from beyond the edge has the image's median colour.
        """
        if self.moves is None or self.share == 0.0:
            return self.sharpen(pixels)
        seed = random.randint(2**31 - 1)
        return self.sharpen_moved(_on_paper(pixels, self.moves, seed, self.share))

    def to_settings(self) -> dict[str, Any]:
        """Return what JSON can hold, and `from_settings` reads."""
        return asdict(self)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> "Finish":
        """Read what `to_settings` returned.

        Raises
        ------
        ModelFileError
            If no drawing can be finished by these numbers.
        """
        both = [Sharpening(**settings[name]) for name in ("sharpen", "sharpen_moved")]
        moves, share = settings["moves"], settings["share"]
        if not (share >= 0 and all(own.power > 0 and own.odds > 0 for own in both)):
            raise ModelFileError("The finish of drawings in the model file is damaged.")
        return cls(both[0], None if moves is None else Augmentation(**moves), share, both[1])


def with_moved(images: ImageSet, moves: Augmentation) -> ImageSet:
    """Add moved copies of images where there are few of them.

    An auto-encoder of few images learns them by heart, and draws nothing that lies between them.

    Parameters
    ----------
    images : ImageSet
    moves : Augmentation
        How far an image may be moved without showing another symbol; copies are moved by half of
        that.

    Returns
    -------
    ImageSet
        The images, first, and as many copies of all as leave no more than `ENOUGH` to each pixel;
        the same for the same images.
    """
    height, width, *_ = images.image_shape
    enough = min(MOST_COPIES, ENOUGH * height * width, _within(COMPARED, images))
    times = enough // len(images)
    if times < 2:
        return images
    pixels = np.asarray(images.pixels)
    copies = [_on_paper(pixels, moves, seed, 0.5) for seed in range(1, times)]
    return ImageSet(np.concatenate([pixels, *copies]), name=images.name)


def n_tried(images: ImageSet) -> int:
    """Of how many images, or drawings, of that size a finish is learnt."""
    return min(TRIED, _within(TRIED_PIXELS, images))


def learn_sharpness(
    images: ImageSet, autoencoder: SELUAutoencoder, random: np.random.RandomState
) -> Finish:
    """Find the finish that makes decoded images as sharp as images are.

    After it the pixels of reconstructed images have the mean and the variance of the images' own.

    Parameters
    ----------
    images : ImageSet
        Those learnt from.
    autoencoder : SELUAutoencoder
    random : RandomState

    Returns
    -------
    Finish
        Which moves nothing.
    """
    return Finish(_sharpening(*_reconstructed(images, autoencoder, random)))


def learn_moves(
    finish: Finish,
    images: ImageSet,
    autoencoder: SELUAutoencoder,
    decoded: Pixels,
    moves: Augmentation,
    random: np.random.RandomState,
) -> Finish:
    """Find by how much decoded images must be moved to be as new as images are.

    Then the median of the drawings has its nearest image no nearer than the median of the images
    has its nearest other one (with `FURTHER` to spare). It takes some sixteenths of `moves`; all
    of them are the most. Drawings are not bent: that would do little. What moving blurs is
    sharpened again.

    Parameters
    ----------
    finish : Finish
        Which moves nothing.
    images : ImageSet
        Those learnt from.
    autoencoder : SELUAutoencoder
    decoded : array of float32
        New images, as they are decoded.
    moves : Augmentation
        How far an image may be moved without showing another symbol.
    random : RandomState

    Returns
    -------
    Finish
    """
    compared = _some(images, _within(COMPARED, images), random)
    rows = np.asarray(compared.pixels).reshape(len(compared), -1)
    search = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(rows)
    asked = random.choice(len(rows), min(len(rows), ASKED), replace=False)
    apart = np.median(search.kneighbors(rows[asked])[0][:, 1])
    back, truth = _reconstructed(images, autoencoder, random)
    stiff = replace(moves, elastic=0.0)
    first, second = random.randint(2**31 - 1, size=2)

    def moved(step: int) -> Finish:
        share = step / STEPS
        sharpen = _sharpening(_on_paper(back, stiff, first, share), truth)
        return replace(finish, moves=stiff, share=share, sharpen_moved=sharpen)

    def is_new(step: int) -> bool:
        drawn = moved(step)(decoded, np.random.RandomState(second)).reshape(len(decoded), -1)
        return bool(np.median(search.kneighbors(drawn, n_neighbors=1)[0]) >= FURTHER * apart)

    return moved(bisect_left(range(STEPS), True, key=is_new))


def draw_recognised(
    n: int,
    symbol: int,
    draw: Callable[[int], NDArray[Any]],
    recognise: Callable[[NDArray[Any]], Array],
) -> NDArray[Any]:
    """Draw until n drawings are taken for a symbol.

    Parameters
    ----------
    n : int
    symbol : int
    draw : callable
        Takes a number; returns so many new images, or their codes.
    recognise : callable
        Takes what `draw` returned; returns the probability of each symbol for each.

    Returns
    -------
    array of n drawings
        In the order of drawing. Where `DRAWS` draws of n do not hold n of the symbol, the
        likest of the others are among them.
    """
    drawn: list[NDArray[Any]] = []
    likeness = np.empty(0)
    while not drawn or (len(drawn) < DRAWS and np.count_nonzero(likeness == 1.0) < n):
        drawn.append(draw(n))
        told = recognise(drawn[-1])
        own = np.where(told.argmax(axis=1) == symbol, 1.0, told[:, symbol] / 2)
        likeness = np.concatenate([likeness, own])
    likest = np.argsort(-likeness, kind="stable")[:n]
    return np.concatenate(drawn)[np.sort(likest)]


def _reconstructed(
    images: ImageSet, autoencoder: SELUAutoencoder, random: np.random.RandomState
) -> tuple[Pixels, Pixels]:
    """Return some images as they come back from their codes, and as they are."""
    some = _some(images, n_tried(images), random)
    return autoencoder.inverse_transform(autoencoder.transform(some)), np.asarray(some.pixels)


def _sharpening(decoded: Pixels, truth: Pixels) -> Sharpening:
    """Find what gives decoded images the mean and the deviation that images have."""
    mean, deviation = float(truth.mean()), float(truth.std())
    if deviation == 0.0:
        return Sharpening()
    numbers = np.rint(decoded.ravel() * (LEVELS - 1)).astype(np.intp)
    shares = np.bincount(numbers, minlength=LEVELS) / decoded.size
    levels = np.linspace(0.0, 1.0, LEVELS)

    def off(logs: Array) -> list[float]:
        sharp = Sharpening(*np.exp(logs))(levels)
        middle = shares @ sharp
        return [middle - mean, np.sqrt(shares @ (sharp - middle) ** 2) - deviation]

    most = np.log(MOST_POWER)
    found = least_squares(off, [most / 8, 0.0], bounds=([0.0, -most], [most, most]))
    power, odds = np.exp(found.x)
    return Sharpening(float(power), float(odds))


def _some(images: ImageSet, most: int, random: np.random.RandomState) -> ImageSet:
    """Return so many of the images at most."""
    if len(images) <= most:
        return images
    return images[np.sort(random.choice(len(images), most, replace=False))]


def _within(most: int, images: ImageSet) -> int:
    """How many of such images have so many pixels together; two at the least."""
    return max(2, most // int(np.prod(images.image_shape)))


def _on_paper(pixels: Pixels, moves: Augmentation, random_state: int, share: float) -> Pixels:
    """Move images; what comes in from beyond the edge has the image's median colour."""
    paper = np.median(pixels, axis=(1, 2), keepdims=True)
    moved = moves.moved(pixels - paper, random_state, share)
    return np.asarray(np.clip(moved + paper, 0.0, 1.0))

"""Images to symbols without codes: neighbours, pieces, who confuses pieces, joins, networks."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.autoencoder import Augmentation
from xenoglyph.autoencoder.enlarging import Enlargement
from xenoglyph.autoencoder.recogniser import Recogniser, train_recognisers
from xenoglyph.errors import ModelFileError
from xenoglyph.images import ImageSet
from xenoglyph.memory import check_memory
from xenoglyph.progress import Progress
from xenoglyph.symbols import Cut, Stability, Symbols, merge_pieces, stability
from xenoglyph.symbols.merging import symbols_from_settings, symbols_to_settings
from xenoglyph.symbols.neighbours import nearest_images
from xenoglyph.symbols.pieces import cut_into_pieces, hear_both, take_back

__all__ = [
    "MOVES",
    "Found",
    "check_graph",
    "find_symbols",
    "from_arrays",
    "to_arrays",
]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]
Train = Callable[..., list[tuple[Recogniser, Array]]]
"""`train_recognisers`, of which some arguments are given already."""

MOVES = Augmentation(shift=0.09, rotation=15.0, scale=0.15, slant=0.45, elastic=0.05)
"""How far a drawing may be moved and bent, and show the same symbol, unless told otherwise."""

NEIGHBOURS, VOTERS = 10, 5
"""Of each image: edges in the graph, but of few images to no more than half of the others: who is
among the nearer half is no stranger. And how many of these, the nearest, are asked what it is."""
PIECE_SIZE = 20
"""Images that a piece has at least, on average."""
MOST_PIECES = 320
"""Pieces are not doubled beyond: what networks say of each image is kept for each piece."""
CUTS = 5
"""Times that the graph is cut, by different seeds; the most typical counts."""
ROUNDS, SETTLED = 3, 0.005
"""Most times that symbols are learnt; the share of images that, moved by it, ends it sooner."""
EASE = 0.35
"""Share of the usual epochs in which symbols, fewer and further apart than pieces, are learnt."""
PIECES_HIDDEN = (256, 256)
"""Hidden layers of networks that learn pieces: half as wide as of those that learn symbols."""
MANY = 2000
"""Of more images than these, pieces, which need only be told apart in the main, are learnt in a
smaller share of the usual epochs, and symbols, by which every image is told, in a larger one."""
GRAPH_SIZE = 100_000
"""Most images in the graph; of more, so many by chance, from which networks learn the rest."""
COPIES = 3
"""Of the graph's images as float32: as they are, blurred or on the device, and to work with."""
SHARES, JACCARD = "component_symbols", "jaccard"
"""Names of arrays in a model file."""


@dataclass(frozen=True, eq=False)
class Found:
    """What `find_symbols` finds."""

    symbols: Symbols
    """Which pieces of the most typical cut are which symbol."""
    recogniser: Recogniser
    """Tells symbols apart."""
    stability: Stability
    likest: Integers
    """Number of the image that is likest each piece."""


def check_graph(images: ImageSet) -> None:
    """Refuse images whose graph would not fit into memory, before anything is learnt.

    Raises
    ------
    NotEnoughMemoryError
        If it would not.
    """
    n, size = min(len(images), GRAPH_SIZE), " x ".join(map(str, images.image_shape))
    check_memory(
        COPIES * 4 * n * math.prod(Enlargement.of(images.image_shape).image_shape),
        f"The graph of {n:,} images of {size}",
        'bring the images to a smaller size, or do without a graph: route="codes"',
    )


def find_symbols(
    images: ImageSet,
    n_pieces: int,
    moves: Augmentation,
    tolerance: float,
    random_state: int,
    progress: Progress,
) -> Found:
    """Cut images into pieces, learn to tell them apart, join those confused, learn the symbols.

    This is done with several cuts, up to the joins; the most typical counts. Where more than half
    of the pieces are symbols, there may have been too few to show all, and all is done again with
    twice as many (unless the tolerance is one, which joins nothing). Before symbols are
    learnt every image goes where networks and neighbours say that it belongs, and again after
    that; where many have moved, they are learnt once more.

    Parameters
    ----------
    images : ImageSet
    n_pieces : int
        To begin with; fewer where there are not `PIECE_SIZE` images for each.
    moves : Augmentation
        How far an image may be moved without showing another symbol.
    tolerance : float
        See `merge_pieces`.
    random_state : int
    progress : callable

    Returns
    -------
    Found
    """
    random = np.random.default_rng(random_state)
    seeds = random.integers(2**31, size=2 + CUTS + ROUNDS).tolist()
    resample, learn, cut_by, rounds = seeds[0], seeds[1], seeds[2 : 2 + CUTS], seeds[2 + CUTS :]
    chosen = np.arange(len(images))
    if len(images) > GRAPH_SIZE:
        chosen = np.sort(random.choice(len(images), GRAPH_SIZE, replace=False))
        images = images[chosen]
    n = len(images)
    pixels = np.asarray(images.pixels)
    large = Enlargement.of(images.image_shape)(pixels)
    neighbours = nearest_images(large, min(NEIGHBOURS, (n - 1) // 2), moves, progress)
    voters = neighbours[:, :VOTERS]
    rows = pixels.reshape(n, -1)
    train = partial(train_recognisers, rows, image_shape=images.image_shape, augmentation=moves)
    many = max(1.0, n / MANY)
    learn_pieces = partial(
        train, random_state=learn, effort=many ** (-1 / 6), hidden_sizes=PIECES_HIDDEN
    )
    cuts, told = _enough_cuts(neighbours, n_pieces, cut_by, learn_pieces, tolerance, progress)
    typical, sure = stability(cuts, tolerance, resample, progress)
    cut, symbols = cuts[typical], cuts[typical].symbols
    groups = take_back(cut.groups, symbols.pool(told[typical]), voters)
    learn_symbols = partial(train, effort=EASE * many ** (1 / 3))
    recogniser = _symbols_learnt(groups, voters, learn_symbols, rounds, progress)
    return Found(symbols, recogniser, sure, chosen[cut.heard.argmax(axis=0)])


def _enough_cuts(
    neighbours: Integers,
    n_pieces: int,
    seeds: list[int],
    train: Train,
    tolerance: float,
    progress: Progress,
) -> tuple[list[Cut], list[Array]]:
    """Cut, learn and join; with twice as many pieces, where more than half of them are symbols."""
    most = max(1, min(max(n_pieces, MOST_PIECES), len(neighbours) // PIECE_SIZE))
    n_pieces = min(n_pieces, most)
    again = ""
    for number in count(2):
        tell = partial(_of_pieces, progress, again, n_pieces)
        tell("pieces", 0, 0, "")
        cuts, told = _cuts(neighbours, n_pieces, seeds, partial(train, progress=tell), tolerance)
        n_symbols = np.median([cut.symbols.n_symbols for cut in cuts])
        if tolerance == 1.0 or n_pieces == most or 2 * n_symbols <= n_pieces:
            break
        again, n_pieces = f" {number}", min(2 * n_pieces, most)
    return cuts, told


def _cuts(
    neighbours: Integers, n_pieces: int, seeds: list[int], train: Train, tolerance: float
) -> tuple[list[Cut], list[Array]]:
    """Cut the graph by each seed and join pieces; return also what was said of images not seen."""
    pieces = cut_into_pieces(neighbours, n_pieces, seeds)
    told = [held_out for _, held_out in train(pieces)]
    cuts = []
    for own, held_out in zip(pieces, told, strict=True):
        heard = hear_both(own, held_out, neighbours[:, :VOTERS])
        cuts.append(Cut(own, heard, merge_pieces(own, heard, tolerance)))
    return cuts, told


def _of_pieces(
    progress: Progress, again: str, n_pieces: int, stage: str, done: int, total: int, _: str
) -> None:
    """Tell of which time it is that pieces are cut and learnt, and how many."""
    progress(stage + again, done, total, f"{n_pieces} pieces")


def _symbols_learnt(
    groups: Integers,
    voters: Integers,
    train: Train,
    seeds: list[int],
    progress: Progress,
) -> Recogniser:
    """Learn the symbols, once for each seed or until few images move by it."""
    for number, seed in enumerate(seeds):
        tell = partial(_in_round, progress, number)
        [(recogniser, held_out)] = train([groups], random_state=seed, progress=tell)
        before, groups = groups, take_back(groups, held_out, voters)
        if np.mean(groups != before) < SETTLED:
            break
    progress("symbols", 100 * ROUNDS, 100 * ROUNDS, "")
    return recogniser


def _in_round(progress: Progress, number: int, _: str, done: int, total: int, __: str) -> None:
    """Tell of all rounds in which symbols are learnt, given the steps of one."""
    percent = 100 * number + 100 * done // total
    progress("symbols", percent, 100 * ROUNDS, f"round {number + 1}")


def to_arrays(
    symbols: Symbols,
    recogniser: Recogniser | None,
    stability: Stability | None,
    component_symbols: Array,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return settings (JSON-able) and arrays from which `from_arrays` makes the same."""
    arrays: dict[str, NDArray[Any]] = {SHARES: component_symbols}
    settings = symbols_to_settings(symbols)
    if recogniser is not None and stability is not None:
        arrays |= recogniser.to_arrays() | {JACCARD: stability.jaccard}
        settings["cuts"] = list(stability.cuts)
        settings["numbers"] = {str(number): count for number, count in stability.numbers.items()}
    return settings, arrays


def from_arrays(
    settings: dict[str, Any], arrays: Mapping[str, NDArray[Any]], n_components: int, n_pixels: int
) -> tuple[Symbols, Recogniser | None, Stability | None, Array]:
    """Make what `to_arrays` took apart.

    Raises
    ------
    ModelFileError
        If it does not fit together.
    """
    weights = {name: array for name, array in arrays.items() if name not in (SHARES, JACCARD)}
    n_pieces = len(settings["component_symbol"]) if weights else n_components
    symbols = symbols_from_settings(settings, n_pieces)
    shares = np.asarray(arrays[SHARES], np.float64)
    if shares.shape != (n_components, symbols.n_symbols):
        raise ModelFileError("The symbols in the model file do not fit its mixture.")
    if not weights:
        return symbols, None, None, shares
    jaccard = np.asarray(arrays[JACCARD], np.float64)
    if jaccard.shape != (symbols.n_symbols,):
        raise ModelFileError("The stability in the model file does not fit its symbols.")
    # The file's names are in the order of letters: "10" comes before "9".
    read = settings["numbers"].items()
    numbers = dict(sorted((int(number), int(count)) for number, count in read))
    stability = Stability(tuple(map(int, settings["cuts"])), numbers, jaccard)
    recogniser = Recogniser.from_arrays(weights, n_pixels, symbols.n_symbols)
    return symbols, recogniser, stability, shares

"""What a discovery keeps of its fit, so that the model file alone suffices for a report."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import ModelFileError
from xenoglyph.images import ImageSet, SourceFile
from xenoglyph.mixture import Trace
from xenoglyph.symbols import LabelTable

__all__ = [
    "CodeCounts",
    "Evidence",
    "brief",
    "count_codes",
    "from_arrays",
    "gallery_size",
    "in_levels",
    "ledger_of",
    "outer_fence",
    "to_arrays",
]

Array = NDArray[Any]

PICTURED = ("gallery", "strange", "doubtful", "pieces")
"""Fields of `Evidence` that hold images."""

GALLERY_SIZE, GALLERY_BYTES = 2000, 2**25
"""How many of the fitted images are kept to be shown, and how many bytes they may fill."""

MOST_SOURCES = 100
"""How many files are named one by one; a folder of pictures may have a million."""

STRANGE, DOUBTFUL = 12, 5
"""How many of these are kept: of all, and of each symbol."""

COUNTED, BINS, TAIL = 8, 48, 0.0005
"""Dimensions of codes that are counted, bins along each, and the share left out at each end."""


@dataclass(frozen=True, eq=False)
class CodeCounts:
    """How many codes lie where, seen in one and in two dimensions at a time."""

    edges: Array
    """Edges of the bins of each dimension, shape (d, bins + 1)."""
    single: Array
    """Counts of each dimension, shape (d, bins)."""
    pairs: Array
    """Counts of each pair of dimensions, those of `itertools.combinations`: the first of a pair
    along the rows, the second along the columns; shape (d (d - 1) / 2, bins, bins)."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a person needs to check a discovery."""

    name: str
    """Name of the image set."""
    n_images: int
    gallery: ImageSet
    """Some of the images (see `gallery_size`), drawn at random, in their order, in 256 levels."""
    gallery_codes: NDArray[np.float64]
    """Shape (g, code_size)."""
    gallery_components: NDArray[np.intp]
    """Shape (g,)."""
    gallery_symbols: NDArray[np.intp]
    """Shape (g,)."""
    code_counts: CodeCounts
    """Of all the codes that the mixture was fitted to."""
    shares: NDArray[np.float64]
    """Share of all the images that each symbol has, shape (n_symbols,)."""
    entropy: NDArray[np.float64]
    """See `xenoglyph.symbols.mean_entropy`, shape (n_symbols,)."""
    least_score: float
    """Images that are explained worse belong to no symbol: see `SymbolDiscovery.belongs`."""
    n_strange: int
    """How many of the images belong to none."""
    strange: ImageSet
    """The images that are explained worst, the worst first: at most `STRANGE`, in 256 levels."""
    doubtful: ImageSet
    """Images of each symbol whose symbol is the least sure, the least sure first: at most
    `DOUBTFUL` of each, in 256 levels."""
    doubtful_symbols: NDArray[np.intp]
    """Symbol of each of them."""
    pieces: ImageSet
    """For each piece that symbols are made of the image likest it; for each component what its
    mean stands for; in 256 levels."""
    label_table: LabelTable | None
    """Symbols against labels over all images, where there are labels."""
    sources: tuple[SourceFile, ...]
    """Files that the images came from, with their SHA-256."""
    ledger: list[dict[str, Any]]
    """Every sweep of the mixture: sweep, k, message_length, log_likelihood, and whether it was
    chosen for the answer."""
    best_by_k: dict[int, float]
    """See `xenoglyph.mixture.Trace`."""
    criteria: list[dict[str, Any]]
    """For every number of components in the ledger: the fields of
    `xenoglyph.mixture.criteria.Criteria`."""
    runner_up: tuple[int, float] | None
    """See `xenoglyph.mixture.Trace`."""
    events: list[dict[str, Any]]
    """Every change of the number of components: the fields of `xenoglyph.mixture.Event`."""
    history: dict[str, list[float]]
    """The auto-encoder's losses, epoch by epoch."""


def gallery_size(n_images: int, image_shape: tuple[int, ...]) -> int:
    """Return how many of `n_images` fill the gallery: fewer where they are large."""
    return min(n_images, GALLERY_SIZE, max(1, GALLERY_BYTES // math.prod(image_shape)))


def count_codes(codes: Array) -> CodeCounts:
    """Count codes, shape (n, code_size), in the first `COUNTED` dimensions."""
    some = codes[:, :COUNTED]
    low, high = np.quantile(some, [TAIL, 1.0 - TAIL], axis=0)
    edges = np.linspace(low, np.where(high > low, high, low + 1.0), BINS + 1, axis=1)
    single = [np.histogram(own, bins)[0] for own, bins in zip(some.T, edges, strict=True)]
    pairs = [
        np.histogram2d(some[:, i], some[:, j], (edges[i], edges[j]))[0]
        for i, j in combinations(range(some.shape[1]), 2)
    ]
    shape = (len(pairs), BINS, BINS)
    return CodeCounts(edges, np.array(single, np.int32), np.array(pairs, np.int32).reshape(shape))


def in_levels(images: ImageSet) -> ImageSet:
    """Return images in the 256 levels in which a model file keeps them."""
    greys = _bytes(images).astype(np.float32) / np.float32(255)
    return ImageSet(greys, labels=images.labels, name=images.name)


def outer_fence(scores: NDArray[np.float64]) -> float:
    """Return the lower quartile less three times the distance of the quartiles."""
    low, high = np.quantile(scores, [0.25, 0.75])
    return float(low - 3.0 * (high - low))


def brief(sources: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
    """Put one entry in the place of more than `MOST_SOURCES` files.

    Its sum is the SHA-256 of the lines "sum, two spaces, name" of all files in their order, as
    ``sha256sum`` prints them: it changes when any file does.
    """
    if len(sources) <= MOST_SOURCES:
        return sources
    lines = "".join(f"{source.sha256}  {source.name}\n" for source in sources)
    digest = hashlib.sha256(lines.encode("utf-8")).hexdigest()
    return (SourceFile(f"{len(sources):,} files", digest),)


def ledger_of(trace: Trace) -> dict[str, Any]:
    """Return the mixture's trace as the fields of `Evidence` that tell of it."""
    return {
        "ledger": [
            {
                "sweep": sweep.number,
                "k": sweep.n_components,
                "message_length": sweep.message_length,
                "log_likelihood": sweep.log_likelihood,
                "chosen": sweep.chosen,
            }
            for sweep in trace.sweeps
        ],
        "best_by_k": trace.best_by_k,
        "runner_up": trace.runner_up,
        "events": [asdict(event) for event in sorted(trace.events, key=attrgetter("sweep"))],
    }


def to_arrays(evidence: Evidence) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return settings (JSON-able) and arrays from which `from_arrays` makes the same record."""
    gallery, table = evidence.gallery, evidence.label_table
    settings = {
        "name": evidence.name,
        "n_images": evidence.n_images,
        "labels": None if gallery.labels is None else gallery.labels.tolist(),
        "label_names": None if table is None else list(table.label_names),
        "sources": [[source.name, source.sha256] for source in evidence.sources],
        "ledger": evidence.ledger,
        "best_by_k": {str(k): length for k, length in evidence.best_by_k.items()},
        "criteria": evidence.criteria,
        "least_score": evidence.least_score,
        "n_strange": evidence.n_strange,
        "runner_up": None if evidence.runner_up is None else list(evidence.runner_up),
        "events": evidence.events,
        "history": evidence.history,
    }
    arrays: dict[str, Array] = {
        **{name: _bytes(getattr(evidence, name)) for name in PICTURED},
        "codes": evidence.gallery_codes,
        "components": evidence.gallery_components.astype(np.int64),
        "symbols": evidence.gallery_symbols.astype(np.int64),
        "doubtful_symbols": evidence.doubtful_symbols.astype(np.int64),
        "shares": evidence.shares,
        **{f"counts_{name}": array for name, array in vars(evidence.code_counts).items()},
        "entropy": evidence.entropy,
    }
    if table is not None:
        arrays["label_counts"] = table.counts
    return settings, arrays


def from_arrays(settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Evidence:
    """Make the record that `to_arrays` took apart.

    Raises
    ------
    ModelFileError
        If something is missing or does not fit together.
    """
    try:
        labels = None if settings["labels"] is None else np.asarray(settings["labels"])
        pixels = {name: arrays[name].astype(np.float32) / np.float32(255) for name in PICTURED}
        names = settings["label_names"]
        name = str(settings["name"])
        return Evidence(
            name=name,
            n_images=int(settings["n_images"]),
            gallery=ImageSet(pixels["gallery"], labels=labels, name=name),
            gallery_codes=np.asarray(arrays["codes"], np.float64),
            gallery_components=np.asarray(arrays["components"], np.intp),
            gallery_symbols=np.asarray(arrays["symbols"], np.intp),
            code_counts=CodeCounts(
                np.asarray(arrays["counts_edges"], np.float64),
                np.asarray(arrays["counts_single"], np.int32),
                np.asarray(arrays["counts_pairs"], np.int32),
            ),
            shares=np.asarray(arrays["shares"], np.float64),
            entropy=np.asarray(arrays["entropy"], np.float64),
            least_score=float(settings["least_score"]),
            n_strange=int(settings["n_strange"]),
            strange=ImageSet(pixels["strange"], name=name),
            doubtful=ImageSet(pixels["doubtful"], name=name),
            doubtful_symbols=np.asarray(arrays["doubtful_symbols"], np.intp),
            pieces=ImageSet(pixels["pieces"], name=name),
            criteria=[dict(one) for one in settings["criteria"]],
            label_table=names and LabelTable(arrays["label_counts"], tuple(map(str, names))),
            sources=tuple(SourceFile(str(name), str(sha)) for name, sha in settings["sources"]),
            ledger=list(settings["ledger"]),
            best_by_k={int(k): float(v) for k, v in settings["best_by_k"].items()},
            runner_up=_pair(settings["runner_up"]),
            events=[dict(event) for event in settings["events"]],
            history=dict(settings["history"]),
        )
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"The record of the fit cannot be used: {error}.") from error


def _bytes(images: ImageSet) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(np.asarray(images.pixels) * 255).astype(np.uint8)
    return levels


def _pair(runner_up: Any) -> tuple[int, float] | None:
    return None if runner_up is None else (int(runner_up[0]), float(runner_up[1]))

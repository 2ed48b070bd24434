"""What a discovery keeps of its fit, so that the model file alone suffices for a report."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import ModelFileError
from xenoglyph.images import ImageSet, SourceFile
from xenoglyph.mixture import Trace
from xenoglyph.symbols import LabelTable

__all__ = [
    "Evidence",
    "brief",
    "from_arrays",
    "gallery_size",
    "ledger_of",
    "outer_fence",
    "to_arrays",
]

Array = NDArray[Any]

GALLERY_SIZE, GALLERY_BYTES = 2000, 2**25
"""How many of the fitted images are kept to be shown, and how many bytes they may fill."""

MOST_SOURCES = 100
"""How many files are named one by one; a folder of pictures may have a million."""


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
    shares: NDArray[np.float64]
    """Share of all the images that each symbol has, shape (n_symbols,)."""
    entropy: NDArray[np.float64]
    """See `xenoglyph.symbols.mean_entropy`, shape (n_symbols,)."""
    least_score: float
    """Images that are explained worse belong to no symbol: see `SymbolDiscovery.belongs`."""
    n_strange: int
    """How many of the images belong to none."""
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
        "gallery": np.rint(gallery.pixels * 255).astype(np.uint8),
        "codes": evidence.gallery_codes,
        "components": evidence.gallery_components.astype(np.int64),
        "symbols": evidence.gallery_symbols.astype(np.int64),
        "shares": evidence.shares,
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
        pixels = arrays["gallery"].astype(np.float32) / np.float32(255)
        names = settings["label_names"]
        return Evidence(
            name=str(settings["name"]),
            n_images=int(settings["n_images"]),
            gallery=ImageSet(pixels, labels=labels, name=str(settings["name"])),
            gallery_codes=np.asarray(arrays["codes"], np.float64),
            gallery_components=np.asarray(arrays["components"], np.intp),
            gallery_symbols=np.asarray(arrays["symbols"], np.intp),
            shares=np.asarray(arrays["shares"], np.float64),
            entropy=np.asarray(arrays["entropy"], np.float64),
            least_score=float(settings["least_score"]),
            n_strange=int(settings["n_strange"]),
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


def _pair(runner_up: Any) -> tuple[int, float] | None:
    return None if runner_up is None else (int(runner_up[0]), float(runner_up[1]))

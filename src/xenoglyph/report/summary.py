"""Every number of a report, gathered once: the page and ``result.json`` only show it."""

import math
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

import numpy as np

from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.symbols import scores

try:
    resource: ModuleType | None = import_module("resource")
except ImportError:  # Windows has none
    resource = None

__all__ = ["Summary", "SymbolRow", "peak_memory", "summarise"]

LIBRARIES = ("xenoglyph", "numpy", "scipy", "scikit-learn", "jax", "equinox", "optax")


@dataclass(frozen=True)
class SymbolRow:
    """One symbol."""

    symbol: int
    n_images: int
    share: float
    """Share of all images, in [0, 1]."""
    components: list[int]


@dataclass(frozen=True)
class Summary:
    """Plain numbers, strings, lists and dicts; lengths in nats, times in seconds."""

    name: str
    recipe: str
    n_images: int
    n_components: int
    n_symbols: int
    message_length: float
    reconstruction_loss: float
    """Cross-entropy per pixel plus the penalty on the code kernel; held-out images' if any."""
    scores: dict[str, float] | None
    """Agreement with labels; None where there are none."""
    seconds: dict[str, float]
    peak_memory_bytes: int
    settings: dict[str, Any]
    versions: dict[str, str]
    command: str
    sources: list[dict[str, str]]
    symbols: list[SymbolRow]
    ledger: list[dict[str, float]]
    best_by_k: dict[int, float]
    annihilations: list[dict[str, Any]]
    merges: list[dict[str, Any]]
    history: dict[str, list[float]]
    label_names: list[str]
    label_counts: list[list[int]]

    def result(self) -> dict[str, Any]:
        """Return what ``result.json`` holds; ``scores`` only where there are labels."""
        names = (
            "n_images",
            "n_components",
            "n_symbols",
            "message_length",
            "reconstruction_loss",
            "scores",
            "seconds",
            "peak_memory_bytes",
            "settings",
            "versions",
        )
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


def summarise(
    discovery: SymbolDiscovery,
    *,
    seconds: Mapping[str, float] | None = None,
    command: str = "",
) -> Summary:
    """Gather every number of a fitted or loaded discovery.

    Parameters
    ----------
    discovery : SymbolDiscovery
    seconds : mapping, optional
        Stage to wall-clock seconds; the discovery's own by default.
    command : str, default=""
        The command line that makes it again.

    Returns
    -------
    Summary
    """
    evidence, symbols = discovery.evidence_, discovery.symbols_
    table = evidence.label_table
    return Summary(
        name=evidence.name,
        recipe=discovery.recipe,
        n_images=evidence.n_images,
        n_components=discovery.n_components_,
        n_symbols=discovery.n_symbols_,
        message_length=discovery.mixture_.message_length_,
        reconstruction_loss=_final_loss(evidence.history, discovery.autoencoder_.loss_),
        scores=None if table is None else scores(table),
        seconds=dict(discovery.seconds_ if seconds is None else seconds),
        peak_memory_bytes=peak_memory(),
        settings=_settings(discovery),
        versions=_versions(),
        command=command,
        sources=[{"name": s.name, "sha256": s.sha256} for s in evidence.sources],
        symbols=[
            SymbolRow(s, round(share * evidence.n_images), float(share), components.tolist())
            for s, share in enumerate(evidence.shares)
            for components in [symbols.components(s)]
        ],
        ledger=evidence.ledger,
        best_by_k=evidence.best_by_k,
        annihilations=evidence.annihilations,
        merges=[
            {
                "first": list(merge.first),
                "second": list(merge.second),
                "confusion": merge.confusion,
                "joined": merge.joined,
            }
            for merge in symbols.merges
        ],
        history=evidence.history,
        label_names=[] if table is None else list(table.label_names),
        label_counts=[] if table is None else table.counts.tolist(),
    )


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes; 0 if not known."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _final_loss(history: Mapping[str, list[float]], loss: float) -> float:
    """Loss on held-out images after the last epoch, or on the training images."""
    held_out = history.get("validation_loss") or [loss]
    return float(held_out[-1])


def _settings(discovery: SymbolDiscovery) -> dict[str, Any]:
    """Parameters of the discovery and of its parts, as JSON has them."""
    return {
        "discovery": _plain(discovery.get_params()),
        "autoencoder": _plain(discovery.autoencoder_.get_params()),
        "mixture": _plain(discovery.mixture_.get_params()),
    }


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, tuple):
            value = list(value)
        finite = not isinstance(value, float) or math.isfinite(value)
        known = isinstance(value, bool | int | float | str | list) or value is None
        plain[name] = value if known and finite else repr(value)
    return plain


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found

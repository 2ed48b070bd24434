"""Every number of a report, gathered once: the page and ``result.json`` only show it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.symbols import scores
from xenoglyph.versions import library_versions

__all__ = ["Summary", "SymbolRow", "summarise"]

RESULT = (
    "n_images",
    "n_components",
    "n_symbols",
    "tolerance_interval",
    "cuts",
    "resamplings",
    "n_strange",
    "message_length",
    "criteria",
    "reconstruction_loss",
    "scores",
    "seconds",
    "peak_memory_bytes",
    "command",
    "settings",
    "versions",
)


@dataclass(frozen=True)
class SymbolRow:
    """One symbol."""

    symbol: int
    n_images: int
    share: float
    """Share of all images, in [0, 1]."""
    components: list[int]
    """Pieces that make it; with ``route="codes"`` the mixture's components."""
    stability: float | None
    """Mean Jaccard similarity with itself over resamplings; None with ``route="codes"``."""
    separation: float
    """One less how confused it is with its nearest symbol."""
    nearest: int | None
    """The symbol that it is most confused with; None where it is alone."""
    entropy: float
    """Mean entropy of the probabilities of its images' symbols, in nats."""


@dataclass(frozen=True)
class Summary:
    """Plain numbers, strings, lists and dicts; lengths in nats, times in seconds."""

    name: str
    recipe: str
    n_images: int
    code_size: int
    n_components: int
    n_symbols: int
    route: str
    """What symbols are made of: "codes" (components) or "graph" (pieces)."""
    tolerance: float
    """Largest share of one symbol's images that may be taken for another's."""
    tolerance_interval: list[float]
    """From the first to below the second the number of symbols would be the same."""
    cuts: list[int] | None
    """How many symbols each cut of the graph gave; None with ``route="codes"``."""
    resamplings: dict[str, int] | None
    """How many resamplings gave each number of symbols; None with ``route="codes"``."""
    n_strange: int
    """How many images belong to no symbol: see `SymbolDiscovery.belongs`."""
    message_length: float
    criteria: list[dict[str, Any]]
    """Message length, BIC, AIC and ICL of every number of components that was visited."""
    runner_up: tuple[int, float] | None
    """The next best number of components, and by how many nats the shortest message that was
    seen with it is longer."""
    reconstruction_loss: float
    """Cross-entropy per pixel plus the penalty on the code kernel; held-out images' if any."""
    scores: dict[str, float] | None
    """Agreement with labels; None where there are none."""
    seconds: dict[str, float]
    """Wall-clock seconds of each stage; empty where they are not known."""
    peak_memory_bytes: int | None
    """None where it is not known."""
    settings: dict[str, Any]
    versions: dict[str, str]
    """Of the libraries that made the discovery, as far as that is known."""
    command: str
    """What makes the discovery again."""
    sources: list[dict[str, str]]
    symbols: list[SymbolRow]
    events: list[dict[str, Any]]
    """Every change of the number of components, those that starved in one sweep together."""
    merges: list[dict[str, Any]]
    label_names: list[str]
    label_counts: list[list[int]]

    def result(self) -> dict[str, Any]:
        """Return what ``result.json`` holds; ``scores`` only where there are labels."""
        values = {name: getattr(self, name) for name in RESULT}
        if values["scores"] is None:
            del values["scores"]
        return values


def summarise(
    discovery: SymbolDiscovery,
    *,
    seconds: Mapping[str, float] | None = None,
    peak_memory_bytes: int | None = None,
    command: str = "",
    versions: Mapping[str, str] | None = None,
) -> Summary:
    """Gather every number of a fitted or loaded discovery.

    Parameters
    ----------
    discovery : SymbolDiscovery
    seconds : mapping, optional
        Stage to wall-clock seconds; the discovery's own by default, of which a loaded one has
        none.
    peak_memory_bytes : int, optional
        Largest memory that the process has held.
    command : str, default=""
        The command line that makes the discovery again; the Python expression by default.
    versions : mapping, optional
        Library to version; those of this process by default.

    Returns
    -------
    Summary
    """
    evidence, symbols, sure = discovery.evidence_, discovery.symbols_, discovery.stability_
    table = evidence.label_table
    return Summary(
        name=evidence.name,
        recipe=discovery.recipe,
        n_images=evidence.n_images,
        code_size=evidence.gallery_codes.shape[1],
        n_components=discovery.n_components_,
        n_symbols=discovery.n_symbols_,
        route=discovery.symbol_route,
        tolerance=float(discovery.tolerance),
        tolerance_interval=list(symbols.tolerance_interval),
        cuts=None if sure is None else list(sure.cuts),
        resamplings=None if sure is None else {str(k): n for k, n in sure.numbers.items()},
        n_strange=evidence.n_strange,
        criteria=evidence.criteria,
        message_length=discovery.mixture_.message_length_,
        runner_up=evidence.runner_up,
        reconstruction_loss=_final_loss(evidence.history, discovery.autoencoder_.loss_),
        scores=None if table is None else scores(table),
        seconds=dict(discovery.seconds_ if seconds is None else seconds),
        peak_memory_bytes=peak_memory_bytes,
        settings=_settings(discovery),
        versions=library_versions() if versions is None else dict(versions),
        command=command or f"{' '.join(repr(discovery).split())}.fit(images)",
        sources=[asdict(source) for source in evidence.sources],
        symbols=_rows(discovery),
        events=_changes(evidence.events),
        merges=[asdict(merge) for merge in symbols.merges],
        label_names=[] if table is None else list(table.label_names),
        label_counts=[] if table is None else table.counts.tolist(),
    )


def _rows(discovery: SymbolDiscovery) -> list[SymbolRow]:
    """Gather the numbers of each symbol."""
    evidence, symbols, sure = discovery.evidence_, discovery.symbols_, discovery.stability_
    return [
        SymbolRow(
            symbol=s,
            n_images=round(share * evidence.n_images),
            share=share,
            components=symbols.components(s).tolist(),
            stability=None if sure is None else float(sure.jaccard[s]),
            separation=float(symbols.separation[s]),
            nearest=int(symbols.nearest[s]) if symbols.n_symbols > 1 else None,
            entropy=float(evidence.entropy[s]),
        )
        for s, share in enumerate(evidence.shares.tolist())
    ]


def _changes(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Join the components that starved in one sweep: each names what the whole sweep saved."""
    changes: list[dict[str, Any]] = []
    for event in events:
        last = changes[-1] if changes else {}
        starved = event["kind"] == last.get("kind") == "annihilation"
        if starved and event["sweep"] == last["sweep"]:
            last["n_components_after"] = event["n_components_after"]
            last["weight"] += event["weight"]
        else:
            changes.append(dict(event))
    return changes


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
    """Bring values to what JSON can hold; what it cannot, as text."""
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        single = value.item() if isinstance(value, np.generic) else value
        own = list(single) if isinstance(single, tuple) else single
        finite = not isinstance(own, float) or math.isfinite(own)
        known = own is None or isinstance(own, bool | int | float | str | list)
        plain[name] = own if known and finite else repr(own)
    return plain

"""What the page's script plots: plain numbers, computed here and only drawn there."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.record import COUNTED, Evidence
from xenoglyph.report.pictures import sprite

__all__ = ["gather_charts", "spread_over"]

MOST_DOTS = 15_000  # over all panels of the pair plot; more make a browser slow
MOST_POINTS = 2000
FEWEST = 12  # dots of a component, where the gallery has so many

Integers = NDArray[np.intp]


def gather_charts(discovery: SymbolDiscovery) -> dict[str, Any]:
    """Gather the numbers of every plot.

    Parameters
    ----------
    discovery : SymbolDiscovery
        Fitted or loaded.

    Returns
    -------
    dict
        As JSON can hold it: "codes" (one list for each dimension), "groups" (for "symbol",
        "component" and perhaps "label" the names and each point's index among them), "images" (of
        the points, see `sprite`), "counts" (of all the codes), "components", "n_symbols",
        "chosen" and "runner_up" (k), "best" (k and nats above the chosen message), "ledger"
        (sweep, k, nats above the chosen message), "events" (sweep, kind), "resamplings" (number
        of symbols, how often) and "history".
    """
    evidence, sure = discovery.evidence_, discovery.stability_
    d = min(evidence.gallery_codes.shape[1], COUNTED)
    panels = max(d * (d - 1) // 2, 1)
    shown = spread_over(evidence.gallery_components, min(MOST_POINTS, MOST_DOTS // panels))
    groups: dict[str, NDArray[Any]] = {
        "symbol": evidence.gallery_symbols,
        "component": evidence.gallery_components,
    }
    if evidence.gallery.labels is not None:
        groups["label"] = evidence.gallery.labels
    answer = next(sweep for sweep in evidence.ledger if sweep["chosen"])
    shortest = answer["message_length"]
    return {
        "codes": np.round(evidence.gallery_codes[shown, :d].T, 3).tolist(),
        "groups": {by: _grouping(group, shown) for by, group in groups.items()},
        "images": sprite(evidence.gallery.pixels[shown]),
        "counts": _counts(evidence, len(shown)),
        "components": _components(discovery),
        "n_symbols": discovery.n_symbols_,
        "chosen": answer["k"],
        "runner_up": None if evidence.runner_up is None else evidence.runner_up[0],
        "best": [[k, _above(v, shortest)] for k, v in sorted(evidence.best_by_k.items())],
        "ledger": [
            [s["sweep"], s["k"], _above(s["message_length"], shortest)] for s in evidence.ledger
        ],
        "events": [[event["sweep"], event["kind"]] for event in evidence.events],
        "resamplings": [] if sure is None else [[k, n] for k, n in sorted(sure.numbers.items())],
        "history": {key: evidence.history.get(key, []) for key in ("loss", "validation_loss")},
    }


def spread_over(groups: Integers, size: int) -> Integers:
    """Choose rows so that no group is lost among others.

    Parameters
    ----------
    groups : array of shape (n,)
    size : int
        How many rows are wanted; a few more come where many groups are small.

    Returns
    -------
    array of int
        Numbers of the rows, rising. Of each group its share of `size`, but at least `FEWEST`
        rows, or all that there are; evenly spaced.
    """
    if len(groups) <= size:
        return np.arange(len(groups))
    parts = []
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        wanted = min(len(own), max(FEWEST, math.floor(size * len(own) / len(groups))))
        parts.append(own[np.linspace(0, len(own) - 1, wanted).astype(int)])
    return np.sort(np.concatenate(parts))


def _grouping(groups: NDArray[Any], shown: Integers) -> dict[str, list[Any]]:
    names, index = np.unique(groups, return_inverse=True)
    return {"names": names.astype(str).tolist(), "index": index[shown].tolist()}


def _counts(evidence: Evidence, n_shown: int) -> dict[str, Any]:
    """Take the counts of each dimension, and of pairs where more codes are counted than shown."""
    counts = evidence.code_counts
    more = int(counts.single[0].sum()) > n_shown
    return {
        "edges": np.round(counts.edges[:, [0, -1]], 4).tolist(),
        "single": counts.single.tolist(),
        "pairs": counts.pairs.tolist() if more else [],
    }


def _components(discovery: SymbolDiscovery) -> dict[str, list[Any]]:
    """Weights, means and Cholesky factors, and each component's share of each symbol's images."""
    mixture = discovery.mixture_
    return {
        "weights": np.round(mixture.weights_, 6).tolist(),
        "means": np.round(mixture.means_, 5).tolist(),
        "factors": np.round(np.linalg.cholesky(mixture.covariances_), 5).tolist(),
        "symbols": np.round(discovery.component_symbols_, 4).tolist(),
    }


def _above(length: float, shortest: float) -> float:
    """Nats above the chosen message; not below it, as a sweep on its way may be."""
    return round(max(length - shortest, 0.0), 2)

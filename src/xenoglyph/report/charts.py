"""What the page's script plots: plain numbers, computed here and only drawn there."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.record import Evidence

__all__ = ["gather_charts"]

MOST_DOTS = 15_000  # over all panels of the pair plot; more make a browser slow
MOST_POINTS = 2000
DIMENSIONS = 8  # panels of more could not be read


def gather_charts(evidence: Evidence) -> dict[str, Any]:
    """Gather the numbers of every plot.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    dict
        As JSON can hold it: "codes" (one list for each dimension), "groups" (for "symbol",
        "component" and perhaps "label" the names and each point's index among them),
        "histograms", "chosen" (k), "best" (k and nats above the chosen message), "ledger" (sweep,
        k, nats above the chosen message), "events" (sweep, kind) and "history".
    """
    d = min(evidence.gallery_codes.shape[1], DIMENSIONS)
    panels = max(d * (d - 1) // 2, 1)
    size = min(len(evidence.gallery_codes), MOST_POINTS, MOST_DOTS // panels)
    shown = np.linspace(0, len(evidence.gallery_codes) - 1, size).astype(int)
    groups = {"symbol": evidence.gallery_symbols, "component": evidence.gallery_components}
    if evidence.gallery.labels is not None:
        groups["label"] = evidence.gallery.labels
    answer = next(sweep for sweep in evidence.ledger if sweep["chosen"])
    shortest = answer["message_length"]
    return {
        "codes": np.round(evidence.gallery_codes[shown, :d].T, 3).tolist(),
        "groups": {by: _grouping(group, shown) for by, group in groups.items()},
        "histograms": [_histogram(values) for values in evidence.gallery_codes[:, :d].T],
        "chosen": answer["k"],
        "best": [[k, _above(v, shortest)] for k, v in sorted(evidence.best_by_k.items())],
        "ledger": [
            [s["sweep"], s["k"], _above(s["message_length"], shortest)] for s in evidence.ledger
        ],
        "events": [[event["sweep"], event["kind"]] for event in evidence.events],
        "history": {key: evidence.history.get(key, []) for key in ("loss", "validation_loss")},
    }


def _grouping(groups: NDArray[Any], shown: NDArray[np.intp]) -> dict[str, list[Any]]:
    names, index = np.unique(groups, return_inverse=True)
    return {"names": names.astype(str).tolist(), "index": index[shown].tolist()}


def _histogram(values: NDArray[np.float64]) -> dict[str, list[float]]:
    counts, edges = np.histogram(values, bins=40)
    return {"x": np.round((edges[1:] + edges[:-1]) / 2, 4).tolist(), "y": counts.tolist()}


def _above(length: float, shortest: float) -> float:
    """Nats above the chosen message; not below it, as a sweep on its way may be."""
    return round(max(length - shortest, 0.0), 2)

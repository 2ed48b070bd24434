"""A summary as one static HTML page: everything inside the file, nothing asked of a network.

The page's Content-Security-Policy lets only the two scripts and the one data block run that are
written here, named by their hash; every string from outside is escaped text.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.report.pictures import Pictures, gather_pictures
from xenoglyph.report.summary import Summary

__all__ = ["embedded_json", "render"]

TEMPLATES = Path(__file__).parent / "templates"
MOST_CODES = 1000

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(summary: Summary, discovery: SymbolDiscovery) -> str:
    """Return the page.

    Parameters
    ----------
    summary : Summary
        Every number on the page.
    discovery : SymbolDiscovery
        Source of the images and of the codes' scatter plot.

    Returns
    -------
    str
        HTML.
    """
    pictures: Pictures = gather_pictures(discovery)
    plotly, script = get_plotlyjs(), (TEMPLATES / "page.js").read_text("utf-8")
    return environment.get_template("page.html.j2").render(
        s=summary,
        pictures=pictures,
        style=Markup((TEMPLATES / "page.css").read_text("utf-8")),
        plotly=Markup(plotly),
        script=Markup(script),
        script_hashes=Markup(" ".join(map(_hash, (plotly, script)))),
        data=Markup(embedded_json(_charts(summary, discovery))),
        table=_heat(summary),
        dimensions=discovery.evidence_.gallery_codes.shape[1],
        json=lambda value: json.dumps(value, indent=1, sort_keys=True),
    )


def embedded_json(value: Any) -> str:
    """Return JSON that cannot end the script element in which it stands."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    dangerous = "<>&\u2028\u2029"
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in dangerous})


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _charts(summary: Summary, discovery: SymbolDiscovery) -> Mapping[str, Any]:
    """Numbers that the page's script plots."""
    evidence = discovery.evidence_
    codes = evidence.gallery_codes
    shown = np.linspace(0, len(codes) - 1, min(len(codes), MOST_CODES)).astype(int)
    groups = {
        "symbol": evidence.gallery_symbols[shown].tolist(),
        "component": evidence.gallery_components[shown].tolist(),
    }
    if evidence.gallery.labels is not None:
        groups["label"] = [str(label) for label in evidence.gallery.labels[shown]]
    return {
        "codes": np.round(codes[shown].T, 4).tolist(),
        "groups": groups,
        "ledger": [[s["sweep"], s["k"], s["message_length"]] for s in summary.ledger],
        "best": sorted(summary.best_by_k.items()),
        "history": {name: summary.history.get(name, []) for name in ("loss", "validation_loss")},
        "histograms": [_histogram(dimension) for dimension in codes.T],
    }


def _histogram(values: Any) -> dict[str, list[float]]:
    counts, edges = np.histogram(values, bins=40)
    return {"x": np.round((edges[1:] + edges[:-1]) / 2, 4).tolist(), "y": counts.tolist()}


def _heat(summary: Summary) -> list[list[tuple[int, int]]]:
    """Pair each count of the label table with a shade: its share of the symbol, in tenths."""
    return [
        [(count, round(10 * count / max(sum(row), 1))) for count in row]
        for row in summary.label_counts
    ]

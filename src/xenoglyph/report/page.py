"""A summary as one static HTML page: everything inside the file, nothing asked of a network.

The page's Content-Security-Policy lets only the two scripts run that are written here, named by
their hashes; every string from outside is escaped text. Styles may stand anywhere, for Plotly
writes its own; they too can fetch nothing.
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
from numpy.typing import ArrayLike
from plotly.offline import get_plotlyjs

from xenoglyph.report.pictures import Pictures
from xenoglyph.report.summary import Summary
from xenoglyph.symbols import merging

__all__ = ["Charts", "embedded_json", "render"]

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("common", "decoder", "mixture", "draw", "pairs", "pointing", "curves", "page")
MOST_LABELS = 40
MOST_SOURCES = 20

Charts = Mapping[str, Any]

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(summary: Summary, pictures: Pictures, charts: Charts) -> str:
    """Return the page.

    Parameters
    ----------
    summary : Summary
        Every number in the text.
    pictures : Pictures
    charts : mapping
        What the page's script plots, as JSON can hold it; see `xenoglyph.report.charts`.

    Returns
    -------
    str
        HTML.
    """
    script, plotly = page_script(), get_plotlyjs()
    return environment.get_template("page.html.j2").render(
        s=summary,
        merging=merging,
        pictures=pictures,
        style=Markup((TEMPLATES / "page.css").read_text("utf-8")),
        scripts=[Markup(plotly), Markup(script)],
        script_hashes=Markup(" ").join(map(_hash, (plotly, script))),
        data=Markup(embedded_json(charts)),
        draws=charts["draws"],
        dots=len(charts["codes"][0]),
        densities=bool(charts["counts"]["pairs"]),
        heat=_heat(summary.label_names, summary.label_counts),
        sources=summary.sources[:MOST_SOURCES],
        settings=json.dumps(summary.settings, indent=1, sort_keys=True),
    )


def page_script() -> str:
    """Join the page's scripts: they share their names, and the window sees none of them."""
    parts = ((TEMPLATES / "scripts" / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def embedded_json(value: Any) -> str:
    """Return JSON that cannot end the script element in which it stands."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    dangerous = "<>&\u2028\u2029"
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in dangerous})


def _hash(content: str) -> Markup:
    """Name an inline script in a Content-Security-Policy."""
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return Markup("'sha256-{}'").format(base64.b64encode(digest).decode("ascii"))


def _heat(names: list[str], counts: ArrayLike) -> dict[str, Any]:
    """Return the most frequent labels, and each symbol's counts of them with a shade 0 to 10."""
    table = np.asarray(counts)
    if not names:
        return {"names": [], "rows": [], "left_out": 0}
    frequent = np.sort(np.argsort(-table.sum(axis=0), kind="stable")[:MOST_LABELS])
    shades = np.rint(10 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)).astype(int)
    rows = zip(table[:, frequent].tolist(), shades[:, frequent].tolist(), strict=True)
    return {
        "names": [names[column] for column in frequent],
        "rows": [list(zip(*row, strict=True)) for row in rows],
        "left_out": len(names) - len(frequent),
    }

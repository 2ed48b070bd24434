"""The run folder: everything that a discovery leaves behind, each file whole or not at all."""

import csv
import io
import json
import time
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xenoglyph import plotting
from xenoglyph.animation import animate_fit
from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.images import ImageSet
from xenoglyph.progress import Progress, quiet
from xenoglyph.report.page import render
from xenoglyph.report.summary import Summary, summarise
from xenoglyph.storage import atomic_write

__all__ = ["write_report", "write_run"]

DRAWN = 10
PAIRS = 1000

Step = tuple[str, Callable[[Path], None]]
Picture = Callable[[], Figure | Axes]


def write_report(discovery: SymbolDiscovery, path: str | PathLike[str]) -> None:
    """Write the report of a fitted or loaded discovery, one static HTML page.

    Parameters
    ----------
    discovery : SymbolDiscovery
    path : path-like
    """
    atomic_write(path, render(summarise(discovery), discovery).encode("utf-8"))


def write_run(
    discovery: SymbolDiscovery,
    images: ImageSet,
    folder: str | PathLike[str],
    *,
    progress: Progress = quiet,
    command: str = "",
) -> dict[str, Any]:
    """Write the run folder of a discovery that has just been fitted.

    Parameters
    ----------
    discovery : SymbolDiscovery
        Fitted to `images`.
    images : ImageSet
    folder : path-like
        Made where it does not exist; files of the same names are replaced.
    progress : callable, optional
        See `xenoglyph.progress`.
    command : str, default=""
        The command line that makes the run again, for the report.

    Returns
    -------
    dict
        What ``result.json`` holds.
    """
    home, begin = Path(folder), time.perf_counter()
    home.mkdir(parents=True, exist_ok=True)
    steps = _steps(discovery, images)
    for done, (name, write) in enumerate(steps):
        progress("report", done, len(steps) + 1, name)
        write(home / name)
    progress("report", len(steps), len(steps) + 1, "report.html")
    seconds = dict(discovery.seconds_)
    # The page and result.json cannot time themselves: they are the last, small, part.
    seconds["report"] = time.perf_counter() - begin
    seconds["total"] = sum(seconds.values())
    summary: Summary = summarise(discovery, seconds=seconds, command=command)
    atomic_write(home / "report.html", render(summary, discovery).encode("utf-8"))
    result = summary.result()
    atomic_write(home / "result.json", (json.dumps(result, indent=2) + "\n").encode("utf-8"))
    progress("report", len(steps) + 1, len(steps) + 1, "result.json")
    return result


def _steps(discovery: SymbolDiscovery, images: ImageSet) -> list[Step]:
    """Name every file but the last two, with what writes it."""
    fitted = discovery.codes_[discovery.fitted_]
    pictures = _pictures(discovery)
    if discovery.recipe == "article":
        pictures |= _article_pictures(discovery, images)
    return [
        ("model.safetensors", discovery.save),
        ("labels.csv", partial(_write_labels, discovery)),
        ("fit.gif", partial(animate_fit, fitted, discovery.mixture_.trace_)),
        *((name, partial(_draw, picture)) for name, picture in pictures.items()),
    ]


def _draw(picture: Picture, path: Path) -> None:
    plotting.save_figure(picture(), path)


def _pictures(discovery: SymbolDiscovery) -> dict[str, Picture]:
    """Name the pictures of every run."""
    return {
        "symbols.png": partial(_symbols, discovery),
        "codes.png": partial(_pairs, discovery, "symbol"),
    }


def _article_pictures(discovery: SymbolDiscovery, images: ImageSet) -> dict[str, Picture]:
    """Name the pictures that the article shows."""
    evidence = discovery.evidence_
    curve = partial(plotting.message_length_curve, evidence.ledger, evidence.best_by_k)
    pictures: dict[str, Picture] = {
        "reconstructions.png": partial(_reconstructions, discovery),
        "pairs_by_component.png": partial(_pairs, discovery, "component"),
        "code_histograms.png": partial(plotting.code_histograms, evidence.gallery_codes),
        "components.png": partial(_components, discovery),
        "message_length.png": curve,
    }
    if images.labels is not None:
        pictures["pairs_by_label.png"] = partial(_pairs, discovery, "label")
    return pictures


def _write_labels(discovery: SymbolDiscovery, path: Path) -> None:
    """One row for each image: its symbol, its component, the probability of the symbol."""
    posterior = discovery.symbols_.pool(discovery.mixture_.predict_proba(discovery.codes_))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["index", "symbol", "component", "probability"])
    for index, (symbol, component) in enumerate(
        zip(discovery.labels_, discovery.components_, strict=True)
    ):
        table.writerow([index, symbol, component, f"{posterior[index, symbol]:.6f}"])
    atomic_write(path, text.getvalue().encode("utf-8"))


def _symbols(discovery: SymbolDiscovery) -> Figure:
    shares = discovery.evidence_.shares
    rows = [discovery.sample(DRAWN, symbol=s) for s in range(discovery.n_symbols_)]
    titles = [f"{s}  ({100 * share:.1f} %)" for s, share in enumerate(shares)]
    return plotting.symbol_sheet(rows, titles)


def _components(discovery: SymbolDiscovery) -> Figure:
    rows = [discovery.sample(DRAWN, component=c) for c in range(discovery.n_components_)]
    return plotting.symbol_sheet(rows, [f"component {c}" for c in range(discovery.n_components_)])


def _pairs(discovery: SymbolDiscovery, by: str) -> Figure:
    """Draw the pair plot of the gallery's first codes by symbol, component or label."""
    evidence, names = discovery.evidence_, None
    groups = evidence.gallery_symbols if by == "symbol" else evidence.gallery_components
    if by == "label":
        labels, groups = np.unique(np.asarray(evidence.gallery.labels), return_inverse=True)
        names = [str(label) for label in labels]
    return plotting.pair_plot(evidence.gallery_codes[:PAIRS], groups[:PAIRS], names)


def _reconstructions(discovery: SymbolDiscovery) -> Figure:
    evidence = discovery.evidence_
    decoded = discovery.autoencoder_.inverse_transform(evidence.gallery_codes[:DRAWN])
    return plotting.reconstructions(evidence.gallery[:DRAWN], ImageSet(decoded, name="decoded"))

"""The pictures of a run folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from xenoglyph import plotting
from xenoglyph.animation import animate_fit
from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.images import ImageSet

__all__ = ["picture_writers"]

DRAWN = 10
PAIRS = 1000

Writer = Callable[[Path], None]


def picture_writers(discovery: SymbolDiscovery) -> dict[str, Writer]:
    """Name the pictures of a discovery that has just been fitted, with what writes each.

    Parameters
    ----------
    discovery : SymbolDiscovery

    Returns
    -------
    dict of str to callable
        File name to a function of a path. The article's recipe adds what the article shows.
    """
    pictures: dict[str, Callable[[], plotting.Display]] = {
        "symbols.png": partial(_sheet, discovery, "symbol"),
        "codes.png": partial(_pairs, discovery, "symbol"),
    }
    if discovery.recipe == "article":
        pictures |= _article_pictures(discovery)
    fitted, names = discovery.codes_[discovery.fitted_], ("code 0", "code 1")
    return {
        "fit.gif": partial(animate_fit, fitted, discovery.mixture_.trace_, names=names),
        **{name: partial(_draw, picture) for name, picture in pictures.items()},
    }


def _draw(picture: Callable[[], plotting.Display], path: Path) -> None:
    """Draw without pyplot, so that nothing global changes."""
    display = picture()
    figure = Figure(figsize=display.size, layout="constrained")
    plotting.save_figure(display.plot(figure.subplots()).figure_, path)


def _article_pictures(discovery: SymbolDiscovery) -> dict[str, Callable[[], plotting.Display]]:
    """Name the pictures that the article shows."""
    evidence, trace = discovery.evidence_, discovery.mixture_.trace_
    pictures: dict[str, Callable[[], plotting.Display]] = {
        "reconstructions.png": partial(_reconstructions, discovery),
        "pairs_by_component.png": partial(_pairs, discovery, "component"),
        "code_histograms.png": partial(plotting.CodeHistogramsDisplay, evidence.gallery_codes),
        "components.png": partial(_sheet, discovery, "component"),
        "message_length.png": partial(plotting.MessageLengthDisplay, trace),
        "sweeps.png": partial(plotting.MessageLengthDisplay, trace, "sweeps"),
    }
    if evidence.gallery.labels is not None:
        pictures["pairs_by_label.png"] = partial(_pairs, discovery, "label")
    return pictures


def _sheet(discovery: SymbolDiscovery, by: str) -> plotting.Display:
    """Draw every symbol, or component, anew, with its share."""
    shares = discovery.evidence_.shares if by == "symbol" else discovery.mixture_.weights_
    rows = [discovery.sample(DRAWN, **{by: m}) for m in range(len(shares))]
    titles = [f"{m}  ({100 * share:.1f} %)" for m, share in enumerate(shares)]
    return plotting.SymbolSheetDisplay(rows, titles, DRAWN)


def _pairs(discovery: SymbolDiscovery, by: str) -> plotting.Display:
    """Draw the pair plot of gallery codes by symbol, component or label."""
    evidence, names = discovery.evidence_, None
    groups = evidence.gallery_symbols if by == "symbol" else evidence.gallery_components
    if by == "label":
        labels, groups = np.unique(np.asarray(evidence.gallery.labels), return_inverse=True)
        names = [str(label) for label in labels]
    some = _some(discovery, PAIRS)
    return plotting.PairPlotDisplay(evidence.gallery_codes[some], groups[some], names)


def _reconstructions(discovery: SymbolDiscovery) -> plotting.Display:
    evidence, some = discovery.evidence_, _some(discovery, DRAWN)
    decoded = discovery.autoencoder_.inverse_transform(evidence.gallery_codes[some])
    shown = ImageSet(decoded, name="decoded")
    return plotting.ReconstructionsDisplay(evidence.gallery[some], shown)


def _some(discovery: SymbolDiscovery, size: int) -> NDArray[np.intp]:
    """Numbers of gallery images, evenly spaced: the gallery keeps the images' order."""
    n = len(discovery.evidence_.gallery)
    return np.linspace(0, n - 1, min(n, size)).astype(np.intp)

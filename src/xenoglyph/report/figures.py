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

Picture = Callable[[], Figure]
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
    pictures: dict[str, Picture] = {
        "symbols.png": partial(_symbols, discovery),
        "codes.png": partial(_pairs, discovery, "symbol"),
    }
    if discovery.recipe == "article":
        pictures |= _article_pictures(discovery)
    fitted = discovery.codes_[discovery.fitted_]
    return {
        "fit.gif": partial(animate_fit, fitted, discovery.mixture_.trace_),
        **{name: partial(_draw, picture) for name, picture in pictures.items()},
    }


def _draw(picture: Picture, path: Path) -> None:
    plotting.save_figure(picture(), path)


def _article_pictures(discovery: SymbolDiscovery) -> dict[str, Picture]:
    """Name the pictures that the article shows."""
    evidence = discovery.evidence_
    path = (evidence.ledger, evidence.best_by_k, evidence.events)
    pictures: dict[str, Picture] = {
        "reconstructions.png": partial(_reconstructions, discovery),
        "pairs_by_component.png": partial(_pairs, discovery, "component"),
        "code_histograms.png": partial(plotting.code_histograms, evidence.gallery_codes),
        "components.png": partial(_components, discovery),
        "message_length.png": partial(plotting.message_length_curve, *path),
    }
    if evidence.gallery.labels is not None:
        pictures["pairs_by_label.png"] = partial(_pairs, discovery, "label")
    return pictures


def _symbols(discovery: SymbolDiscovery) -> Figure:
    shares = discovery.evidence_.shares
    rows = [discovery.sample(DRAWN, symbol=s) for s in range(discovery.n_symbols_)]
    titles = [f"{s}  ({100 * share:.1f} %)" for s, share in enumerate(shares)]
    return plotting.symbol_sheet(rows, titles)


def _components(discovery: SymbolDiscovery) -> Figure:
    rows = [discovery.sample(DRAWN, component=c) for c in range(discovery.n_components_)]
    return plotting.symbol_sheet(rows, [f"component {c}" for c in range(discovery.n_components_)])


def _pairs(discovery: SymbolDiscovery, by: str) -> Figure:
    """Draw the pair plot of gallery codes by symbol, component or label."""
    evidence, names = discovery.evidence_, None
    groups = evidence.gallery_symbols if by == "symbol" else evidence.gallery_components
    if by == "label":
        labels, groups = np.unique(np.asarray(evidence.gallery.labels), return_inverse=True)
        names = [str(label) for label in labels]
    some = _some(discovery, PAIRS)
    return plotting.pair_plot(evidence.gallery_codes[some], groups[some], names)


def _reconstructions(discovery: SymbolDiscovery) -> Figure:
    evidence, some = discovery.evidence_, _some(discovery, DRAWN)
    decoded = discovery.autoencoder_.inverse_transform(evidence.gallery_codes[some])
    return plotting.reconstructions(evidence.gallery[some], ImageSet(decoded, name="decoded"))


def _some(discovery: SymbolDiscovery, size: int) -> NDArray[np.intp]:
    """Numbers of gallery images, evenly spaced: the gallery keeps the images' order."""
    n = len(discovery.evidence_.gallery)
    return np.linspace(0, n - 1, min(n, size)).astype(np.intp)

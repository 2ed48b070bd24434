"""The images on the page, as PNG files inside it."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.sheets import tile

__all__ = ["Pictures", "data_uri", "gather_pictures", "sprite"]

SHOWN = 7
RECONSTRUCTED = 12
LONGEST_SIDE = 64
DOT_SIDE, ACROSS = 32, 40
"""Longest side of the image of a dot, and how many stand in a row of their common picture."""

URI = str


@dataclass(frozen=True)
class Pictures:
    """Data URIs of PNG pictures, one for each image."""

    typical: list[list[URI]]
    """For each symbol, real images nearest the centres of the components, nearest first."""
    drawn: list[list[URI]]
    """For each symbol, new images."""
    doubtful: list[list[URI]]
    """For each symbol, real images of it that are the least sure, the least sure first."""
    strange: list[URI]
    """The images that are explained worst, the worst first."""
    pieces: list[URI]
    """See `xenoglyph.record.Evidence`."""
    originals: list[URI]
    decoded: list[URI]
    """What the decoder makes of the originals' codes."""


def gather_pictures(discovery: SymbolDiscovery) -> Pictures:
    """Choose, draw and encode the images of the page.

    Parameters
    ----------
    discovery : SymbolDiscovery
        Fitted or loaded; only what its file holds is used.

    Returns
    -------
    Pictures
    """
    evidence, decode = discovery.evidence_, discovery.autoencoder_.inverse_transform
    gallery = np.asarray(evidence.gallery.pixels)
    some = np.linspace(0, len(gallery) - 1, min(len(gallery), RECONSTRUCTED)).astype(int)
    nearest_first = np.argsort(_distances(discovery), kind="stable")
    symbols, own = range(discovery.n_symbols_), evidence.gallery_symbols
    doubtful = np.asarray(evidence.doubtful.pixels)
    return Pictures(
        typical=[_uris(gallery[nearest_first[own[nearest_first] == s][:SHOWN]]) for s in symbols],
        drawn=[_uris(np.asarray(discovery.sample(SHOWN, symbol=s).pixels)) for s in symbols],
        doubtful=[_uris(doubtful[evidence.doubtful_symbols == s]) for s in symbols],
        strange=_uris(np.asarray(evidence.strange.pixels)),
        pieces=_uris(np.asarray(evidence.pieces.pixels)),
        originals=_uris(gallery[some]),
        decoded=_uris(decode(evidence.gallery_codes[some])),
    )


def data_uri(pixels: NDArray[np.float32]) -> URI:
    """Return an image, shape (h, w) or (h, w, c), as a ``data:`` URI; large ones made small."""
    return _png(_small(pixels, LONGEST_SIDE))


def sprite(images: NDArray[np.float32]) -> dict[str, Any]:
    """Put many images side by side into one picture.

    Parameters
    ----------
    images : array of shape (n, h, w) or (n, h, w, c), in [0, 1]
        Large ones are made small.

    Returns
    -------
    dict
        "src" (URI), "across" (how many stand in a row), "width" and "height" (of each).
    """
    cells = [_small(pixels, DOT_SIDE) for pixels in images]
    width, height = cells[0].size
    down = -(-len(cells) // ACROSS)
    picture = Image.new(cells[0].mode, (ACROSS * width, down * height))
    for number, cell in enumerate(cells):
        row, column = divmod(number, ACROSS)
        picture.paste(cell, (column * width, row * height))
    return {"src": _png(picture), "across": ACROSS, "width": width, "height": height}


def _small(pixels: NDArray[np.float32], longest: int) -> Image.Image:
    picture = Image.fromarray(tile(pixels))
    picture.thumbnail((longest, longest))
    return picture


def _png(picture: Image.Image) -> URI:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _uris(images: Iterable[Any]) -> list[URI]:
    return [data_uri(pixels) for pixels in images]


def _distances(discovery: SymbolDiscovery) -> NDArray[np.float64]:
    """Squared Mahalanobis distance of each gallery code to the mean of its own component."""
    evidence, mixture = discovery.evidence_, discovery.mixture_
    own = evidence.gallery_components
    off = evidence.gallery_codes - mixture.means_[own]
    whitened = np.linalg.solve(mixture.covariances_[own], off[:, :, None])[:, :, 0]
    return np.asarray((off * whitened).sum(axis=1))

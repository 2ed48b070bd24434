"""The images on the page, as PNG files inside it."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.images import ImageSet
from xenoglyph.sheets import sheet

__all__ = ["Pictures", "data_uri", "gather_pictures"]

SHOWN = 8
RECONSTRUCTED = 12


@dataclass(frozen=True)
class Pictures:
    """Data URIs of PNG pictures."""

    typical: list[str]
    """For each symbol, real images that its components hold most probable."""
    drawn: list[str]
    """For each symbol, new images."""
    originals: str
    decoded: str
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
    evidence = discovery.evidence_
    gallery = evidence.gallery
    some = np.linspace(0, len(gallery) - 1, min(len(gallery), RECONSTRUCTED)).astype(int)
    pixels = discovery.autoencoder_.inverse_transform(evidence.gallery_codes[some])
    symbols = range(discovery.n_symbols_)
    return Pictures(
        typical=[_typical(discovery, symbol) for symbol in symbols],
        drawn=[data_uri(discovery.sample(SHOWN, symbol=symbol), SHOWN) for symbol in symbols],
        originals=data_uri(gallery[some], RECONSTRUCTED),
        decoded=data_uri(ImageSet(pixels, name="decoded"), RECONSTRUCTED),
    )


def data_uri(images: ImageSet, columns: int) -> str:
    """Return a sheet of images as a ``data:`` URI."""
    buffer = io.BytesIO()
    Image.fromarray(sheet(images, columns)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _typical(discovery: SymbolDiscovery, symbol: int) -> str:
    """Gallery images of one symbol whose codes lie where its density is highest."""
    evidence = discovery.evidence_
    own: NDArray[np.intp] = np.flatnonzero(evidence.gallery_symbols == symbol)
    if not own.size:
        return ""
    density = discovery.mixture_.score_samples(evidence.gallery_codes[own])
    best = own[np.argsort(-density, kind="stable")[:SHOWN]]
    return data_uri(evidence.gallery[best], SHOWN)

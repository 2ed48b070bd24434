"""What the page needs to draw: the decoder's weights, and codes near which it draws.

Whether a drawing shows the symbol that was asked for only the networks that recognise symbols can
tell, and these would be too large for a page. So codes whose drawings they took for the symbol are
in the page, and it draws close to them: a code y of a component of mean mu and covariance L L'
becomes

    mu + sqrt(1 - s^2) (y - mu) + s L e,        e ~ N(0, I),

which leaves mean and covariance of the component's codes as they are, whatever the step s
(`STEP`). How often that hits the symbol is measured here, by the networks, and told in the page.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2
from sklearn.utils import check_random_state

from xenoglyph.autoencoder import SELUAutoencoder
from xenoglyph.autoencoder.arrays import to_arrays
from xenoglyph.autoencoder.layers import Doubling, Layer
from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.drawing import Sharpening

__all__ = ["close_by", "gather_decoder", "gather_draws"]

Array = NDArray[np.float64]

STEP = 0.2
POOL, MOST_CODES = 200, 4000
"""Codes of each symbol in the page, and of all symbols together."""
TRIALS = 200
"""Drawings of each symbol by which it is measured how often the symbol is hit."""
MOST_WEIGHTS = 2**22
"""Numbers that a decoder in the page may have: 22 MB of text."""
FAR = 0.999


def gather_draws(discovery: SymbolDiscovery) -> dict[str, Any]:
    """Gather what the page draws with.

    Parameters
    ----------
    discovery : SymbolDiscovery
        Fitted or loaded.

    Returns
    -------
    dict
        As JSON can hold it: "decoder" (None where it is too large), "step", "far" (squared
        distance from a component's mean within which all but a thousandth of its codes lie),
        "ranges" (of each number in the codes), and "symbols": for each its "codes", their
        "components", and "hits" of "trials".
    """
    decoder = gather_decoder(discovery.autoencoder_, discovery.finish_.sharpen)
    codes = discovery.evidence_.gallery_codes
    draws = {
        "decoder": decoder,
        "step": STEP,
        "far": round(float(chi2.ppf(FAR, codes.shape[1])), 3),
        "ranges": np.round([codes.min(axis=0), codes.max(axis=0)], 3).T.tolist(),
        "symbols": [],
    }
    if decoder is not None:
        random = check_random_state(discovery.random_state)
        draws["symbols"] = [_pool(discovery, s, random) for s in range(discovery.n_symbols_)]
    return draws


def gather_decoder(autoencoder: SELUAutoencoder, sharpen: Sharpening) -> dict[str, Any] | None:
    """Take a decoder out of an auto-encoder.

    Parameters
    ----------
    autoencoder : SELUAutoencoder
        Fitted.
    sharpen : Sharpening
        Of drawings that are not moved: the page does not.

    Returns
    -------
    dict or None
        "image_shape", "loss" (which says how the output becomes pixels), "power" and "odds" (by
        which they are sharpened), "layers" (the shape of each weight and, of a convolution, the
        shapes of its pictures) and "weights": weight and bias of each layer, one after the other,
        as base64 of little-endian float32. None where there are more than `MOST_WEIGHTS` of them.
    """
    layers: Sequence[Layer] = autoencoder.network_.decoder
    numbers = [np.ravel(part) for layer in layers for part in (layer.weight, layer.bias)]
    flat = np.concatenate(numbers).astype("<f4")
    if flat.size > MOST_WEIGHTS:
        return None
    return {
        "image_shape": list(autoencoder.image_shape_),
        "loss": to_arrays(autoencoder)[0]["fitted_loss"],
        "power": sharpen.power,
        "odds": sharpen.odds,
        "layers": [_outline(layer) for layer in layers],
        "weights": base64.b64encode(flat.tobytes()).decode("ascii"),
    }


def close_by(
    discovery: SymbolDiscovery, codes: Array, components: NDArray[np.intp], noise: Array
) -> Array:
    """Move codes a little, as the page does.

    Parameters
    ----------
    discovery : SymbolDiscovery
    codes : array of shape (n, d)
    components : array of shape (n,)
        Component of each code.
    noise : array of shape (n, d)
        Standard normal numbers.

    Returns
    -------
    array of shape (n, d)
    """
    means = discovery.mixture_.means_[components]
    factors = np.linalg.cholesky(discovery.mixture_.covariances_)[components]
    moved = (factors @ noise[:, :, None])[:, :, 0]
    return np.asarray(means + np.sqrt(1.0 - STEP**2) * (codes - means) + STEP * moved)


def _outline(layer: Layer) -> dict[str, Any]:
    outline: dict[str, Any] = {"shape": list(layer.weight.shape)}
    if isinstance(layer, Doubling):
        outline |= {"from": list(layer.shape), "sides": list(layer.sides)}
    return outline


def _pool(
    discovery: SymbolDiscovery, symbol: int, random: np.random.RandomState
) -> dict[str, Any]:
    """Draw codes of a symbol, and try how often codes close by are taken for it."""
    size = max(1, min(POOL, MOST_CODES // discovery.n_symbols_))
    codes = np.round(discovery.sample_codes(size, symbol, random), 4)
    components = discovery.mixture_.predict(codes)
    tried = random.randint(size, size=TRIALS)
    noise = random.standard_normal((TRIALS, codes.shape[1]))
    near = close_by(discovery, codes[tried], components[tried], noise)
    told = discovery.recognise_codes(near).argmax(axis=1)
    return {
        "codes": codes.tolist(),
        "components": components.tolist(),
        "hits": int(np.count_nonzero(told == symbol)),
        "trials": TRIALS,
    }

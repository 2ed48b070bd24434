"""Which images look alike, whichever way each was moved.

Two drawings of a symbol differ most by how they were shifted, turned, scaled and slanted. The
tangent distance does not count such differences: from one image it takes the nearest point of
the plane that small movements of the image span (P. Y. Simard, Y. LeCun and J. S. Denker,
"Efficient pattern recognition using a new transformation distance", NIPS 5, 1993).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from xenoglyph.autoencoder import Augmentation
from xenoglyph.progress import Progress, quiet

__all__ = ["nearest_images", "tangent_distances", "tangents"]

Array = NDArray[np.float32]
Integers = NDArray[np.intp]

CANDIDATES = 40
"""Nearest images by plain distance, among which the nearest by tangent distance are sought."""
DIMENSIONS = 50
"""Principal components in which candidates are sought."""
BLUR = 1 / 28
"""Standard deviation of the blur that makes movements nearly linear, over the side."""
RIDGE = 1e-3
"""Keeps movements small: added to the tangents' products, over their mean square."""
BLOCK_NUMBERS = 1 << 24
"""Pixels of candidates at a time: 64 MB."""
SOUGHT = 1 << 13
"""Images whose candidates are sought at a time: a multiple of what scikit-learn cuts rows into."""


def nearest_images(
    pixels: Array, n_neighbours: int, moves: Augmentation, progress: Progress = quiet
) -> Integers:
    """Find the images that look most like each image.

    Parameters
    ----------
    pixels : array of shape (n, h, w) or (n, h, w, c), float32 in [0, 1]
    n_neighbours : int
        Less than n.
    moves : Augmentation
        Movements that do not count: those that are not zero.
    progress : callable, optional
        See `xenoglyph.progress`.

    Returns
    -------
    array of shape (n, n_neighbours)
        Numbers of its neighbours, the nearest first, never its own.
    """
    n, height, width, *_ = pixels.shape
    progress("candidates", 0, n, "")
    sigma = (0.0, height * BLUR, width * BLUR, *[0.0] * (pixels.ndim - 3))
    blurred = gaussian_filter(pixels, sigma)
    candidates = _candidates(blurred.reshape(n, -1), min(CANDIDATES, n - 1), progress)
    nearest = np.empty((n, n_neighbours), np.intp)
    size = max(1, BLOCK_NUMBERS // (candidates.shape[1] * blurred[0].size))
    for first in range(0, n, size):
        progress("neighbours", first, n, "")
        own = candidates[first : first + size]
        distances = tangent_distances(blurred[first : first + size], blurred[own], moves)
        order = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbours]
        nearest[first : first + size] = np.take_along_axis(own, order, axis=1)
    progress("neighbours", n, n, "")
    return nearest


def tangents(pictures: Array, moves: Augmentation) -> Array:
    """Take the derivatives of pictures by what each movement is measured in.

    Parameters
    ----------
    pictures : array of shape (n, h, w) or (n, h, w, c)
    moves : Augmentation

    Returns
    -------
    array of shape (n, q, n_pixels)
        Of q movements: two each for shift and scale, one each for rotation and slant.
    """
    _, height, width, *rest = pictures.shape
    down, right = np.gradient(pictures, axis=(1, 2))
    shape = (1, height, width, *[1] * len(rest))
    y, x = (axis.reshape(shape).astype(np.float32) for axis in np.indices((height, width)))
    y, x = y - np.float32((height - 1) / 2), x - np.float32((width - 1) / 2)
    fields = []
    if moves.shift:
        fields += [right, down]
    if moves.rotation:
        fields += [y * right - x * down]
    if moves.scale:
        fields += [x * right, y * down]
    if moves.slant:
        fields += [y * right]
    flat = [field.reshape(len(pictures), -1) for field in fields]
    return np.stack(flat, axis=1) if flat else np.zeros((len(pictures), 0, y.size), np.float32)


def tangent_distances(pictures: Array, others: Array, moves: Augmentation) -> Array:
    """Squared distance of other pictures from a picture that may be moved a little.

    Parameters
    ----------
    pictures : array of shape (n, h, w) or (n, h, w, c)
    others : array of shape (n, m, h, w) or (n, m, h, w, c)
    moves : Augmentation

    Returns
    -------
    array of shape (n, m)
    """
    n, m = others.shape[:2]
    away = others.reshape(n, m, -1) - pictures.reshape(n, 1, -1)
    plain = np.einsum("nmp,nmp->nm", away, away)
    T = tangents(pictures, moves)
    q = T.shape[1]
    if not q:
        return np.asarray(plain)
    gram = T @ T.transpose(0, 2, 1)
    ridge = RIDGE * np.trace(gram, axis1=1, axis2=2) / q + np.finfo(np.float32).tiny
    along = away @ T.transpose(0, 2, 1)
    amounts = np.linalg.solve(
        gram + ridge[:, None, None] * np.eye(q, dtype=np.float32), along.transpose(0, 2, 1)
    )
    return np.asarray(plain - np.einsum("nmq,nqm->nm", along, amounts))


def _candidates(rows: Array, count: int, progress: Progress) -> Integers:
    """Numbers of the nearest rows to each row, shape (n, count), without its own."""
    kept = min(DIMENSIONS, *rows.shape)
    with np.errstate(invalid="ignore"):  # Shares of no variance, where all rows are the same.
        reduced = PCA(kept, svd_solver="covariance_eigh").fit_transform(rows)
    search = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(reduced)
    n = len(rows)
    found = np.empty((n, count + 1), np.intp)
    for first in range(0, n, SOUGHT):
        block = slice(first, first + SOUGHT)
        found[block] = search.kneighbors(reduced[block], return_distance=False)
        progress("candidates", min(first + SOUGHT, n), n, "")
    # Where images are repeated, the first found need not be the image itself.
    others = found != np.arange(n)[:, None]
    others[others.all(axis=1), -1] = False
    return np.asarray(found[others].reshape(n, count))

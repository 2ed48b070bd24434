"""Which images look alike, whichever way each was moved.

Two drawings of a symbol differ most by how they were shifted, turned, scaled and slanted. The
tangent distance does not count such differences: small movements of an image span a plane, from
which the other is at some distance, or the other's plane (P. Y. Simard, Y. LeCun and J. S. Denker,
"Efficient pattern recognition using a new transformation distance", NIPS 5, 1993).

Of few images both are moved, since else those of one symbol would not find each other. Of many,
the nearest lie near as they are; if both were moved, little would be left but details, and ways of
drawing a symbol, such as sevens with a bar, would be as far from each other as symbols.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from xenoglyph.autoencoder import Augmentation
from xenoglyph.progress import Progress, quiet

__all__ = ["Planes", "nearest_images", "plane_distances", "tangent_distances", "tangents"]

Array = NDArray[np.float32]
Integers = NDArray[np.intp]

FEW = 2800
"""Of no more images than these, both are moved."""
CANDIDATES, MORE = 40, 200
"""Nearest images by plain distance, among which the nearest by tangent distance are sought: of
many images, of few."""
DIMENSIONS = 50
"""Principal components in which candidates are sought, and in which both images are moved."""
BLUR = 1 / 28
"""Standard deviation of the blur that makes movements nearly linear, over the side."""
RIDGE, STIFFER = 1e-3, 1e-2
"""Keep movements small, of one image and of both: added to the tangents' products, over their
mean square."""
BLANK = 1e-20
"""Added where there is nothing to move."""
BLOCK_NUMBERS = 1 << 24
"""Pixels of candidates, or numbers in their tangents, at a time: 64 MB."""
SOUGHT = 1 << 13
"""Images whose candidates are sought at a time: a multiple of what scikit-learn cuts rows into."""


@dataclass(frozen=True, eq=False)
class Planes:
    """Images, and what small movements add to each, as rows of d numbers."""

    points: Array
    """Shape (n, d)."""
    tangents: Array
    """Of q movements, shape (n, q, d)."""
    gram: Array
    """Products of an image's tangents with each other and the ridge, shape (n, q, q)."""

    @classmethod
    def of(cls, points: Array, tangents: Array) -> "Planes":
        """Make planes of points and tangents."""
        gram = tangents @ tangents.transpose(0, 2, 1)
        movements = max(1, gram.shape[1])
        ridge = STIFFER * np.trace(gram, axis1=1, axis2=2)[:, None] / movements + BLANK
        index = np.arange(gram.shape[1])
        gram[:, index, index] += ridge
        return cls(points, tangents, gram)


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
        Movements that do not count: those that are not zero. Bends are not looked at.
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
    points, axes = _reduced(blurred.reshape(n, -1))
    candidates = _candidates(points, min(MORE if n <= FEW else CANDIDATES, n - 1), progress)
    if n <= FEW:
        planes = Planes.of(points, _projected(blurred, axes, moves))
        numbers = max(1, planes.tangents[0].size)
        apart = partial(plane_distances, planes)
    else:
        numbers = blurred[0].size
        apart = partial(_from_pictures, blurred, moves)
    nearest = np.empty((n, n_neighbours), np.intp)
    size = max(1, BLOCK_NUMBERS // (candidates.shape[1] * numbers))
    for first in range(0, n, size):
        progress("neighbours", first, n, "")
        block = slice(first, first + size)
        distances = apart(np.arange(n)[block], candidates[block])
        order = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbours]
        nearest[block] = np.take_along_axis(candidates[block], order, axis=1)
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


def plane_distances(planes: Planes, own: Integers, others: Integers) -> Array:
    """Squared distance of images of which both may be moved a little.

    That is the least of ``|x + a T - y - b S|^2`` and of a ridge on the amounts a and b, where x
    and y are two images, T and S their tangents. First a is eliminated, for any b; then b.

    Parameters
    ----------
    planes : Planes
    own : array of shape (n,)
        Numbers of images.
    others : array of shape (n, m)
        For each of them, numbers of others.

    Returns
    -------
    array of shape (n, m)
    """
    n, m = others.shape
    away = planes.points[others] - planes.points[own][:, None]
    squared = np.einsum("nmd,nmd->nm", away, away)
    T, S = planes.tangents[own], planes.tangents[others]
    q = T.shape[1]
    if not q:
        return np.asarray(squared)
    inverse = np.linalg.inv(planes.gram[own])
    along = away @ T.transpose(0, 2, 1)
    squared -= np.einsum("nmq,nmq->nm", along @ inverse, along)
    both = S.reshape(n, m * q, -1) @ T.transpose(0, 2, 1)
    through = (both @ inverse).reshape(n, m, q, q)
    both = both.reshape(n, m, q, q)
    left = S @ away[..., None] - through @ along[..., None]
    gram = planes.gram[others] - through @ both.transpose(0, 1, 3, 2)
    amounts = np.linalg.solve(gram, left)
    return np.asarray(squared - np.einsum("nmqe,nmqe->nm", left, amounts))


def _from_pictures(pictures: Array, moves: Augmentation, own: Integers, others: Integers) -> Array:
    return tangent_distances(pictures[own], pictures[others], moves)


def _reduced(rows: Array) -> tuple[Array, Array]:
    """Bring rows into their first principal components, shape (n, d), and return these too."""
    pca = PCA(min(DIMENSIONS, *rows.shape), svd_solver="covariance_eigh")
    with np.errstate(invalid="ignore"):  # Shares of no variance, where all rows are the same.
        points = pca.fit_transform(rows)
    return points, pca.components_


def _projected(pictures: Array, axes: Array, moves: Augmentation) -> Array:
    """Bring the tangents of pictures into principal components, some pictures at a time."""
    size = max(1, BLOCK_NUMBERS // (CANDIDATES * axes.shape[1]))
    firsts = range(0, len(pictures), size)
    return np.concatenate([tangents(pictures[f : f + size], moves) @ axes.T for f in firsts])


def _candidates(points: Array, count: int, progress: Progress) -> Integers:
    """Numbers of the nearest points to each point, shape (n, count), without its own."""
    search = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(points)
    n = len(points)
    found = np.empty((n, count + 1), np.intp)
    for first in range(0, n, SOUGHT):
        block = slice(first, first + SOUGHT)
        found[block] = search.kneighbors(points[block], return_distance=False)
        progress("candidates", min(first + SOUGHT, n), n, "")
    # Where images are repeated, the first found need not be the image itself.
    others = found != np.arange(n)[:, None]
    others[others.all(axis=1), -1] = False
    return np.asarray(found[others].reshape(n, count))

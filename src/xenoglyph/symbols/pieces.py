"""Cutting a graph of neighbours into many pieces, each of one kind.

Spectral clustering: the graph's normalised adjacency has an eigenvector for every way in which a
walk along its edges mixes slowly; rows of the first ones, scaled to length one, lie close together
where a walk would soon come from one to the other (A. Y. Ng, M. I. Jordan and Y. Weiss, "On
spectral clustering: analysis and an algorithm", NIPS 14, 2002). There are to be more pieces than
symbols: which of them are one symbol is for `merge_components` to say.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

__all__ = ["cut_into_pieces", "spectral_rows"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

SMALL = 500
"""Graphs of fewer images are decomposed whole."""
STARTS = 3
"""Runs of k-means, of which the best counts."""


def cut_into_pieces(neighbours: Integers, n_pieces: int, random_state: int) -> Integers:
    """Cut the graph in which every image is joined to its neighbours.

    Parameters
    ----------
    neighbours : array of shape (n, m)
        Numbers of each image's neighbours.
    n_pieces : int
        At most n.
    random_state : int

    Returns
    -------
    array of shape (n,)
        Piece of each image, from 0 on, none of them empty.
    """
    rows = spectral_rows(neighbours, max(2, n_pieces // 2))
    kmeans = KMeans(n_pieces, n_init=STARTS, random_state=random_state)
    # Threads add in any order, which shows in the last bits.
    with threadpool_limits(limits=1, user_api="openmp"), warnings.catch_warnings():
        # Fewer kinds of rows than pieces: then there are fewer pieces.
        warnings.simplefilter("ignore", ConvergenceWarning)
        pieces = kmeans.fit_predict(rows)
    return np.asarray(np.unique(pieces, return_inverse=True)[1], np.intp)


def spectral_rows(neighbours: Integers, n_vectors: int) -> Array:
    """Return the first eigenvectors' rows, scaled to length one, shape (n, n_vectors)."""
    n, m = neighbours.shape
    n_vectors = min(n_vectors, n)
    edges = (np.repeat(np.arange(n), m), neighbours.ravel())
    directed = sparse.csr_array((np.ones(n * m), edges), shape=(n, n))
    adjacency = (directed + directed.T) / 2
    root = sparse.diags_array(1 / np.sqrt(adjacency.sum(axis=1)))
    normalised = root @ adjacency @ root
    if n <= SMALL:
        first = [n - n_vectors, n - 1]
        vectors = linalg.eigh(normalised.toarray(), subset_by_index=first)[1]
    else:
        # Moved from [-1, 1] to [0, 1]: only one end of the spectrum is sought.
        shifted = (normalised + sparse.eye_array(n)) / 2
        start = np.random.default_rng(0).uniform(0.5, 1.0, n)
        vectors = eigsh(
            shifted, k=n_vectors, which="LA", v0=start, tol=1e-4, ncv=min(n, 3 * n_vectors)
        )[1]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.finfo(np.float64).tiny))

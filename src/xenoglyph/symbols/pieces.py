"""Cutting a graph of neighbours into many pieces, each of one kind.

Spectral clustering: the graph's normalised adjacency has an eigenvector for every way in which a
walk along its edges mixes slowly; rows of the first ones, scaled to length one, lie close together
where a walk would soon come from one to the other (A. Y. Ng, M. I. Jordan and Y. Weiss, "On
spectral clustering: analysis and an algorithm", NIPS 14, 2002). There are to be more pieces than
symbols: which of them are one symbol is for `merging` to say.

An edge counts for the more the more neighbours its two ends have in common: what is alike lies
among the same images, what only happens to look alike does not (R. A. Jarvis and E. A. Patrick,
"Clustering using a similarity measure based on shared near neighbors", IEEE Transactions on
Computers C-22(11), 1025-1034, 1973).
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

__all__ = ["cut_into_pieces", "hear_both", "in_common", "spectral_rows", "take_back"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

SMALL = 500
"""Graphs of fewer images are decomposed whole."""
COMPARED = 1 << 24
"""Pairs of neighbours compared at a time."""
STARTS = 20
"""Runs of k-means, of which the best counts."""
HEEDED = 0.7
"""What neighbours say of an image counts for so much, networks for the rest."""
DOUBT, VOTE = 1e-3, 0.2
"""Added to a probability and to a number of votes: none is so sure that the other is not asked."""


def cut_into_pieces(
    neighbours: Integers, n_pieces: int, random_states: Sequence[int]
) -> list[Integers]:
    """Cut the graph in which every image is joined to its neighbours, once for each seed.

    Parameters
    ----------
    neighbours : array of shape (n, m)
        Numbers of each image's neighbours.
    n_pieces : int
        At most n. Parts of the graph that no edge joins have a share of them each, at least one.
    random_states : sequence of int

    Returns
    -------
    list of arrays of shape (n,)
        Piece of each image, from 0 on, none of them empty.
    """
    n, m = neighbours.shape
    edges = (np.repeat(np.arange(n), m), neighbours.ravel())
    weights = np.sqrt(in_common(neighbours)).ravel()
    directed = sparse.csr_array((weights, edges), shape=(n, n))
    adjacency = sparse.csr_array((directed + directed.T) / 2)
    n_parts, part = csgraph.connected_components(adjacency, directed=False)
    cuts = [np.empty(n, np.intp) for _ in random_states]
    first = np.zeros(len(cuts), np.intp)
    for number in range(n_parts):
        own = np.flatnonzero(part == number)
        share = max(1, round(n_pieces * len(own) / n))
        for c, kinds in enumerate(_cut(adjacency[own][:, own], share, random_states)):
            cuts[c][own] = first[c] + kinds
            first[c] += kinds.max() + 1
    return cuts


def in_common(neighbours: Integers) -> Array:
    """Count the neighbours that each image shares with each of its neighbours.

    Every image is a neighbour of its own here: two of which one is the other's share that one.

    Parameters
    ----------
    neighbours : array of shape (n, m)
        Numbers of each image's neighbours.

    Returns
    -------
    array of shape (n, m)
        From 1 to m + 1, where no neighbour is named twice.
    """
    n, m = neighbours.shape
    near = np.column_stack([np.arange(n), neighbours])
    shared = np.empty((n, m))
    size = max(1, COMPARED // (m + 1) ** 3)
    for first in range(0, n, size):
        block = slice(first, first + size)
        theirs = near[neighbours[block]]
        same = near[block][:, None, :, None] == theirs[:, :, None, :]
        shared[block] = np.count_nonzero(same, axis=(2, 3))
    return shared


def hear_both(pieces: Integers, held_out: Array, neighbours: Integers) -> Array:
    """Tell what two witnesses together take every image for.

    Networks that have learnt from few images mistake much; neighbours do not, but a graph has
    edges between images that only happen to look alike. A mean of what both say is less wrong
    than either.

    Parameters
    ----------
    pieces : array of shape (n,)
        Piece of each image, from 0 to k - 1.
    held_out : array of shape (n, k)
        Probability of each piece for each image, by somebody who has not seen it.
    neighbours : array of shape (n, m)
        Numbers of each image's neighbours.

    Returns
    -------
    array of shape (n, k)
        The mean of that probability and of the share of the neighbours that are of each piece,
        which counts for `HEEDED`. Where there are no neighbours, the probability.
    """
    n_voters = neighbours.shape[1]
    if not n_voters:
        return held_out
    votes = _votes(pieces, neighbours, held_out.shape[1])
    return np.asarray((1 - HEEDED) * held_out + HEEDED / n_voters * votes)


def take_back(groups: Integers, held_out: Array, neighbours: Integers) -> Integers:
    """Put every image where both what it looks like and its neighbours say that it belongs.

    Two witnesses are believed as if they knew nothing of each other: somebody who learnt the
    groups from other images, and a vote of the image's neighbours and itself.

    Parameters
    ----------
    groups : array of shape (n,)
        Group of each image, from 0 to k - 1, none of them empty.
    held_out : array of shape (n, k)
        Probability of each group for each image, by somebody who has not seen it.
    neighbours : array of shape (n, m)
        Numbers of each image's neighbours.

    Returns
    -------
    array of shape (n,)
        Group of each image. A group that all images would leave keeps them.
    """
    n, k = held_out.shape
    voters = np.column_stack([np.arange(n), neighbours])
    taken = ((held_out + DOUBT) * (_votes(groups, voters, k) + VOTE)).argmax(axis=1)
    left = np.bincount(taken, minlength=k) == 0
    return np.asarray(np.where(left[groups], groups, taken), np.intp)


def _votes(groups: Integers, voters: Integers, k: int) -> Array:
    """How many of each row's voters are of each of k groups, shape (n, k)."""
    n, m = voters.shape
    cast = (np.repeat(np.arange(n), m), groups[voters].ravel())
    return np.asarray(sparse.csr_array((np.ones(n * m), cast), shape=(n, k)).toarray())


def _cut(
    adjacency: sparse.csr_array, n_pieces: int, random_states: Sequence[int]
) -> list[Integers]:
    """Cut a graph that hangs together, once for each seed."""
    if n_pieces == 1:
        return [np.zeros(adjacency.shape[0], np.intp) for _ in random_states]
    rows = spectral_rows(adjacency, max(2, n_pieces // 2))
    cuts = []
    # Threads add in any order, which shows in the last bits.
    with threadpool_limits(limits=1, user_api="openmp"), warnings.catch_warnings():
        # Fewer kinds of rows than pieces: then there are fewer pieces.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for random_state in random_states:
            kmeans = KMeans(n_pieces, n_init=STARTS, random_state=random_state)
            pieces = kmeans.fit_predict(rows)
            cuts.append(np.asarray(np.unique(pieces, return_inverse=True)[1], np.intp))
    return cuts


def spectral_rows(adjacency: sparse.csr_array, n_vectors: int) -> Array:
    """Return the first eigenvectors' rows, scaled to length one.

    Parameters
    ----------
    adjacency : sparse array of shape (n, n)
        Symmetric, of a graph that hangs together: Lanczos steps would miss all but one of the
        eigenvectors of a repeated eigenvalue.
    n_vectors : int

    Returns
    -------
    array of shape (n, n_vectors), or (n, n) where n is less
    """
    n = adjacency.shape[0]
    n_vectors = min(n_vectors, n)
    root = sparse.diags_array(1 / np.sqrt(adjacency.sum(axis=1)))
    normalised = root @ adjacency @ root
    if n <= SMALL:
        first = [n - n_vectors, n - 1]
        vectors = linalg.eigh(normalised.toarray(), subset_by_index=first)[1]
    else:
        # Moved from [-1, 1] to [0, 1]: only one end of the spectrum is sought.
        shifted = (normalised + sparse.eye_array(n)) / 2
        start = np.random.default_rng(0).uniform(0.5, 1.0, n)
        steps = min(n, 3 * n_vectors)
        vectors = eigsh(shifted, k=n_vectors, which="LA", v0=start, tol=1e-4, ncv=steps)[1]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.finfo(np.float64).tiny))

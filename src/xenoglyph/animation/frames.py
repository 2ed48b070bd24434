"""Which sweeps of a fit are shown, and which component of one sweep is which of the next."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from xenoglyph.mixture import Sweep, Trace

__all__ = ["frames_of", "identities"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

MOST_FRAMES = 60


def frames_of(trace: Trace, most: int = MOST_FRAMES) -> list[Sweep]:
    """Choose sweeps to show: those in which k changed, others evenly between, the winner last.

    Parameters
    ----------
    trace : Trace
    most : int, default=60
        Most frames.

    Returns
    -------
    list of Sweep
    """
    sweeps = trace.sweeps
    ks = np.array([sweep.n_components for sweep in sweeps])
    changes = np.flatnonzero(np.diff(ks, prepend=0))
    room = max(most - 1 - len(changes), 0)
    chosen = np.union1d(changes, np.linspace(0, len(sweeps) - 1, room).astype(int))
    if len(chosen) > most - 1:
        chosen = chosen[np.linspace(0, len(chosen) - 1, most - 1).astype(int)]
    return [*(sweeps[i] for i in chosen if not sweeps[i].chosen), trace.chosen]


def identities(trace: Trace) -> list[Integers]:
    """Give each component a number that it keeps as long as it lives.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    list of arrays of shape (k,)
        One for each sweep. Where components came or went, those of the sweep and of the sweep
        before are paired so that all pairs together are nearest; what is left over of the sweep
        is new, and has a number that no component had.
    """
    sweeps = trace.sweeps
    changed = {event.sweep for event in trace.events}
    numbers = [np.arange(sweeps[0].n_components)]
    fresh = sweeps[0].n_components
    scale = _spread(sweeps[0])
    for before, now in pairwise(sweeps):
        k = now.n_components
        if k == before.n_components and now.number not in changed:
            numbers.append(numbers[-1])
            continue
        distance = cdist(_shapes(before, scale), _shapes(now, scale))
        earlier, later = linear_sum_assignment(distance)
        own = np.full(k, -1)
        own[later] = numbers[-1][earlier]
        born = np.flatnonzero(own < 0)
        own[born] = fresh + np.arange(len(born))
        fresh += len(born)
        numbers.append(own)
    return numbers


def _spread(sweep: Sweep) -> Array:
    """Return the standard deviation of each feature under a mixture, shape (d,)."""
    assert sweep.weights is not None
    assert sweep.means is not None
    assert sweep.covariances is not None
    squares = np.diagonal(sweep.covariances, axis1=1, axis2=2) + sweep.means**2
    centre = sweep.weights @ sweep.means
    return np.asarray(np.sqrt(sweep.weights @ squares - centre**2))


def _shapes(sweep: Sweep, scale: Array) -> Array:
    """Means and roots of the covariances, shape (k, d + d * d), of features in units of `scale`.

    Their Euclidean distance is the Wasserstein distance of Gaussians whose axes are parallel.
    """
    assert sweep.means is not None
    assert sweep.covariances is not None
    values, vectors = np.linalg.eigh(sweep.covariances / np.outer(scale, scale))
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :] @ vectors.swapaxes(1, 2)
    return np.hstack([sweep.means / scale, roots.reshape(len(roots), -1)])

"""Synthetic rows of any size to fit.

Every function draws from the RandomState that it is given: the same state gives the same rows.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["bent_clusters", "separated", "separated_source"]

Array = NDArray[np.float64]

# Squared Mahalanobis-like distance that keeps the components of `separated` apart: in units of
# the largest standard deviation that any of them has.
APART = 8.0


def separated(n: int, d: int, k: int, random: np.random.RandomState) -> Array:
    """Draw n rows of k Gaussians that do not touch.

    Each has its own rotation and variances from 1/2 to 2; the heaviest weight is up to three
    times the lightest.
    """
    return separated_source(d, k, random)(n, random)


def separated_source(
    d: int, k: int, random: np.random.RandomState
) -> Callable[[int, np.random.RandomState], Array]:
    """Choose such Gaussians; return what draws so many rows of them."""
    weights = random.uniform(0.5, 1.5, k)
    means = _apart(d, k, APART * np.sqrt(2.0), random)
    turns = [np.linalg.qr(random.standard_normal((d, d)))[0] for _ in range(k)]
    scales = np.sqrt(random.uniform(0.5, 2.0, (k, d)))

    def draw(n: int, random: np.random.RandomState) -> Array:
        of = random.choice(k, size=n, p=weights / weights.sum())
        X = random.standard_normal((n, d))
        for m in range(k):
            own = of == m
            X[own] = means[m] + X[own] * scales[m] @ turns[m].T
        return X

    return draw


def _apart(d: int, k: int, distance: float, random: np.random.RandomState) -> Array:
    """Draw k points in a cube, as small as need be, no two of them nearer than `distance`."""
    side = distance
    while True:
        points: list[Array] = []
        for _ in range(20 * k):
            point = random.uniform(0.0, side, d)
            if all(np.linalg.norm(point - other) >= distance for other in points):
                points.append(point)
            if len(points) == k:
                return np.array(points)
        side *= 1.2


def bent_clusters(n: int, random: np.random.RandomState) -> Array:
    """Draw n six-dimensional rows of ten clusters that are no Gaussians, but bent and skewed."""
    k, d = 10, 6
    of = random.choice(k, size=n, p=np.arange(6, 6 + k) / np.arange(6, 6 + k).sum())
    X = random.standard_normal((n, d))
    X[:, 1] += 0.6 * (X[:, 0] ** 2 - 1.0)
    X[:, 2] = np.exp(0.5 * X[:, 2])
    means = _apart(d, k, 5.0, random)
    for m in range(k):
        own = of == m
        turn = random.standard_normal((d, d)) / np.sqrt(d)
        X[own] = means[m] + X[own] @ turn.T
    return X

"""The twelve experiments with which mixtures of unknown size are judged here.

Recipes of Figueiredo & Jain (2002), section 6, of the sets that their program came with, and of
studies that repeated them; E6, E7 and E11 are there to catch false answers.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_iris

__all__ = [
    "UNIVARIATE",
    "far_apart",
    "iris",
    "mclachlan",
    "mixture_of",
    "null",
    "overlapping",
    "separated",
    "spiral",
    "square",
    "three_elongated",
    "univariate",
]

Array = NDArray[np.float64]
Recipe = Callable[[np.random.Generator], Array]

UNIVARIATE = ("enzyme", "acidity", "galaxy")
"""Names of the sets of E9."""


def mixture_of(
    random: np.random.Generator, n: int, weights: object, means: object, covariances: object
) -> Array:
    """Draw n rows of a Gaussian mixture."""
    alpha, mu = np.asarray(weights, float), np.asarray(means, float)
    component = random.choice(len(alpha), n, p=alpha / alpha.sum())
    L = np.linalg.cholesky(np.asarray(covariances, float))
    noise = random.standard_normal((n, mu.shape[1]))
    return np.asarray(mu[component] + np.einsum("nij,nj->ni", L[component], noise))


def three_elongated(random: np.random.Generator) -> Array:
    """E1: three flat Gaussians above one another (Ueda & Nakano 1998), 900 rows."""
    means = [[0, 0], [0, 2], [0, -2]]
    return mixture_of(random, 900, [1, 1, 1], means, [np.diag([2.0, 0.2])] * 3)


def overlapping(random: np.random.Generator) -> Array:
    """E2: four overlapping Gaussians, two of them with the same mean, 1,000 rows."""
    covariances = [[[1, 0.5], [0.5, 1]], [[6, -2], [-2, 6]], [[2, -1], [-1, 2]], 0.125 * np.eye(2)]
    means = [[-4, -4], [-4, -4], [2, 2], [-1, -6]]
    return mixture_of(random, 1000, [0.3, 0.3, 0.3, 0.1], means, covariances)


def mclachlan(random: np.random.Generator) -> Array:
    """E3: the second simulated set of McLachlan & Peel (2000), page 218, 300 rows."""
    covariances = [
        np.diag([9.0, 4.0, 1.0]),
        [[4, -3.2, -0.2], [-3.2, 4, 0], [-0.2, 0, 1]],
        [[4, 3.2, 2.8], [3.2, 4, 2.4], [2.8, 2.4, 2]],
    ]
    means = [[0, 0, 0], [-6, 3, 6], [6, 6, 4]]
    return mixture_of(random, 300, [4, 1, 1], means, covariances)


def separated(delta: float, n: int = 800, d: int = 2) -> Recipe:
    """E4, E5, E12: two spheres, delta apart along the first axis or (d > 2) along every one."""
    return partial(_two_spheres, delta, n, d)


def _two_spheres(delta: float, n: int, d: int, random: np.random.Generator) -> Array:
    apart = np.full(d, delta) if d > 2 else np.array([delta, 0.0])
    return mixture_of(random, n, [1, 1], [np.zeros(d), apart], [np.eye(d)] * 2)


def far_apart(n: int) -> Recipe:
    """E6: two spheres in ten dimensions, 10 apart along every axis, n rows."""
    return separated(10.0, n, 10)


def univariate(folder: Path, name: str) -> Array:
    """E9: one of the three sets of Richardson & Green (1997), from a file with a header line."""
    return np.loadtxt(folder / "univariate" / f"{name}.csv", skiprows=1).reshape(-1, 1)


def iris() -> Array:
    """E8: Fisher's 150 irises."""
    return np.asarray(load_iris().data, dtype=float)


def spiral(random: np.random.Generator) -> Array:
    """E10: a shrinking spiral with noise of unit variance (Ueda et al. 2000), 900 rows."""
    t = random.uniform(0.0, 4.0 * np.pi, 900)
    r = 13.0 - 0.5 * t
    curve = np.column_stack([r * np.cos(t), -r * np.sin(t), t])
    return np.asarray(curve + random.standard_normal((900, 3)))


def null(random: np.random.Generator) -> Array:
    """E11: a single Gaussian, 500 rows."""
    return random.standard_normal((500, 2))


def square(random: np.random.Generator) -> Array:
    """E11: a uniform square, 500 rows."""
    return random.uniform(size=(500, 2))

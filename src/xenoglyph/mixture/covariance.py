"""Covariance structures: one object each, the same few methods.

The string that a user writes is turned into an object once, by `parse`; nothing else in the
package compares it. Letters: ``d`` number of features, ``N`` free parameters of one component.
A covariance is that of standardised features.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError

__all__ = [
    "COVARIANCES",
    "Covariance",
    "Diagonal",
    "Full",
    "Spherical",
    "Tied",
    "TiedDiagonal",
    "parse",
]

Array = NDArray[np.float64]


class Covariance(ABC):
    """What the algorithm asks of a covariance structure.

    Each component's covariance is an array of shape (d, d), or (d,) where `diagonal`; where it
    is `shared`, all components hold equal copies.
    """

    diagonal: bool = False
    """Whether only the diagonal of the second moments is needed."""
    spherical: bool = False
    """Whether all variances of a component are equal."""
    shared: bool = False
    """Whether all components have the same covariance."""

    @abstractmethod
    def n_parameters(self, d: int) -> int:
        """N: free parameters of one component, its mean included."""

    def n_shared(self, d: int) -> int:
        """Free parameters that all components share."""
        return 0

    @abstractmethod
    def narrowness(self, d: int) -> float:
        """How the determinant of a component's Fisher information falls with its covariance.

        The root of the Fisher information of N parameters is, but for a constant,
        ``count^(N/2) |C|^(-narrowness/2)``.
        """

    def narrowness_shared(self, d: int) -> float:
        """Return the same of the parameters that all components share."""
        return 0.0

    def from_scatter(self, scatter: Array, count: float) -> Array:
        """Scatter, of shape (d, d) or (d,), over count."""
        return scatter / count

    def dense(self, covariances: Array, d: int) -> Array:
        """All components' covariances as an array of shape (k, d, d)."""
        return covariances[:, :, None] * np.eye(d) if self.diagonal else covariances

    def in_units(self, covariances: Array, scale: Array) -> Array:
        """Return symmetric covariances after every feature was multiplied by its `scale`."""
        if self.diagonal:
            return covariances * scale**2
        scaled = covariances * np.outer(scale, scale)
        # To the last bit, which sums in another order need not give.
        return 0.5 * (scaled + scaled.transpose(0, 2, 1))

    def sees(self, matrix: Array) -> Array:
        """Return what the structure sees of a (d, d) matrix: all of it, or its diagonal."""
        return np.diagonal(matrix).copy() if self.diagonal else matrix

    def log_determinant(self, covariance: Array) -> float:
        """Return log |C| of one covariance."""
        if self.diagonal:
            return float(np.log(covariance).sum())
        return float(np.linalg.slogdet(covariance)[1])


class Full(Covariance):
    """Any positive definite matrix to each component."""

    def n_parameters(self, d: int) -> int:
        """Mean d, covariance d (d + 1) / 2."""
        return d + d * (d + 1) // 2

    def narrowness(self, d: int) -> float:
        """Mean 1, covariance d + 1."""
        return d + 2.0


class Tied(Covariance):
    """One positive definite matrix for all components."""

    shared = True

    def n_parameters(self, d: int) -> int:
        """Mean d."""
        return d

    def n_shared(self, d: int) -> int:
        """Covariance d (d + 1) / 2."""
        return d * (d + 1) // 2

    def narrowness(self, d: int) -> float:
        """Mean 1."""
        return 1.0

    def narrowness_shared(self, d: int) -> float:
        """Covariance d + 1."""
        return d + 1.0


class Diagonal(Covariance):
    """A variance for each feature to each component."""

    diagonal = True

    def n_parameters(self, d: int) -> int:
        """Mean d, variances d."""
        return 2 * d

    def narrowness(self, d: int) -> float:
        """Each feature's mean 1, variance 2."""
        return 3.0


class TiedDiagonal(Diagonal):
    """A variance for each feature, the same in all components."""

    shared = True

    def n_parameters(self, d: int) -> int:
        """Mean d."""
        return d

    def n_shared(self, d: int) -> int:
        """Variances d."""
        return d

    def narrowness(self, d: int) -> float:
        """Mean 1."""
        return 1.0

    def narrowness_shared(self, d: int) -> float:
        """Variance 2."""
        return 2.0


class Spherical(Diagonal):
    """One variance for all standardised features to each component, stored for each feature.

    The features are standardised before the fit, so the sphere is one in units of each
    feature's own standard deviation and does not depend on the units of the table.
    """

    spherical = True

    def n_parameters(self, d: int) -> int:
        """Mean d, one variance."""
        return d + 1

    def narrowness(self, d: int) -> float:
        """Mean 1, variance 2 / d."""
        return 1.0 + 2.0 / d

    def from_scatter(self, scatter: Array, count: float) -> Array:
        """Mean of the diagonal of scatter over count."""
        return np.full_like(scatter, scatter.mean() / count)


COVARIANCES: Mapping[str, Covariance] = {
    "full": Full(),
    "tied": Tied(),
    "diag": Diagonal(),
    "spherical": Spherical(),
    "tied_diag": TiedDiagonal(),
}


def parse(name: object) -> Covariance:
    """Return the structure of that name.

    Raises
    ------
    DataError
        If there is none.
    """
    if not isinstance(name, str) or name not in COVARIANCES:
        known = ", ".join(["auto", *COVARIANCES])
        raise DataError(f"covariance_type={name!r} is not known; choose one of {known}.")
    return COVARIANCES[name]

"""Covariance structures: one object each, the same few methods.

The string that a user writes is turned into an object once, by `parse`; nothing else in the
package compares it. Letters: ``d`` number of features, ``N`` free parameters of one component.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError

__all__ = ["COVARIANCES", "Covariance", "Diagonal", "Full", "Spherical", "parse"]

Array = NDArray[np.float64]


class Covariance(ABC):
    """What the algorithm asks of a covariance structure.

    A single component's covariance is an array whose shape the structure decides.
    """

    diagonal: bool
    """Whether only the diagonal of the second moments is needed."""

    @abstractmethod
    def n_parameters(self, d: int) -> int:
        """N: free parameters of one component, mean included."""

    @abstractmethod
    def from_scatter(self, scatter: Array, count: float) -> Array:
        """Covariance of maximum likelihood, given summed squares about the mean.

        Parameters
        ----------
        scatter : array of shape (d, d), or (d,) if `diagonal`
        count : float
            Sum of the responsibilities.
        """

    @abstractmethod
    def precision_factor(self, covariance: Array, d: int) -> Array:
        """Upper triangular P with ``P P^T`` the inverse of the covariance, or P's diagonal."""

    @abstractmethod
    def dense(self, covariances: Array, d: int) -> Array:
        """All components' covariances as an array of shape (k, d, d)."""

    @abstractmethod
    def in_units(self, covariances: Array, scale: Array) -> Array:
        """All components' covariances after every feature was multiplied by its `scale`."""

    def log_determinant(self, factor: Array) -> float:
        """Logarithm of the determinant of a `precision_factor`."""
        entries = factor if factor.ndim == 1 else np.diagonal(factor)
        return float(np.log(entries).sum())

    def penalty(self, factor: Array, prior_scatter: Array) -> float:
        """``tr(prior_scatter C^-1) / 2`` in nats, for the covariance C of a `precision_factor`."""
        if factor.ndim == 1:
            return 0.5 * float(factor**2 @ prior_scatter)
        return 0.5 * float(np.einsum("ij,ik,kj->", factor, prior_scatter, factor))


class Full(Covariance):
    """Any positive definite matrix; a component's covariance has shape (d, d)."""

    diagonal = False

    def n_parameters(self, d: int) -> int:
        """Mean d, covariance d (d + 1) / 2."""
        return d + d * (d + 1) // 2

    def from_scatter(self, scatter: Array, count: float) -> Array:
        """Scatter over count."""
        return scatter / count

    def precision_factor(self, covariance: Array, d: int) -> Array:
        """Transposed inverse of the Cholesky factor."""
        return np.ascontiguousarray(np.triu(np.linalg.inv(np.linalg.cholesky(covariance)).T))

    def dense(self, covariances: Array, d: int) -> Array:
        """As they are."""
        return covariances

    def in_units(self, covariances: Array, scale: Array) -> Array:
        """Rows and columns multiplied."""
        return covariances * scale[:, None] * scale[None, :]


class Diagonal(Covariance):
    """A variance for each feature; a component's covariance has shape (d,)."""

    diagonal = True

    def n_parameters(self, d: int) -> int:
        """Mean d, variances d."""
        return 2 * d

    def from_scatter(self, scatter: Array, count: float) -> Array:
        """Scatter over count."""
        return scatter / count

    def precision_factor(self, covariance: Array, d: int) -> Array:
        """Inverse standard deviations."""
        return 1.0 / np.sqrt(covariance)

    def dense(self, covariances: Array, d: int) -> Array:
        """Variances on the diagonals."""
        return covariances[:, :, None] * np.eye(d)

    def in_units(self, covariances: Array, scale: Array) -> Array:
        """Variances multiplied by the squared scale."""
        return covariances * scale**2


class Spherical(Diagonal):
    """One variance for all standardised features; stored for each feature, shape (d,).

    The features are standardised before the fit, so the sphere is one in units of each
    feature's own standard deviation and does not depend on the units of the table.
    """

    def n_parameters(self, d: int) -> int:
        """Mean d, one variance."""
        return d + 1

    def from_scatter(self, scatter: Array, count: float) -> Array:
        """Mean of the diagonal of scatter over count."""
        return np.full_like(scatter, scatter.mean() / count)


COVARIANCES: Mapping[str, Covariance] = {
    "full": Full(),
    "diag": Diagonal(),
    "spherical": Spherical(),
}


def parse(name: str) -> Covariance:
    """Return the structure of that name.

    Raises
    ------
    DataError
        If there is none.
    """
    if name not in COVARIANCES:
        raise DataError(
            f"covariance_type={name!r} is not known; choose one of {', '.join(COVARIANCES)}."
        )
    return COVARIANCES[name]

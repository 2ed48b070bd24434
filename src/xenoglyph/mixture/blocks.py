"""The rows of a table as the kernels want them: standardised, weighted, feature by feature."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError

__all__ = ["Rows", "Standardisation", "standardisation"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Standardisation:
    """Centre and scale of every feature: results do not depend on units or origin."""

    centre: Array
    """Weighted means, shape (d,), in the units of the data."""
    scale: Array
    """Weighted standard deviations, shape (d,), positive."""

    def apply(self, X: Array) -> Array:
        """Return X of shape (n, d), standardised, as a C-contiguous array of shape (d, n)."""
        Z = np.empty(X.shape[::-1])
        np.subtract(X.T, self.centre[:, None], out=Z)
        Z /= self.scale[:, None]
        return Z

    @property
    def log_volume(self) -> float:
        """Nats by which one row's log density falls when the units of the data return."""
        return float(np.log(self.scale).sum())


@dataclass(frozen=True, eq=False)
class Rows:
    """Standardised data: ``Z`` of shape (d, n), sample weights ``s`` of shape (n,)."""

    Z: Array
    s: Array
    standardisation: Standardisation

    @property
    def n(self) -> float:
        """Sum of the sample weights."""
        return float(self.s.sum())

    @property
    def d(self) -> int:
        """Number of features."""
        return len(self.Z)

    def covariance(self) -> Array:
        """Weighted covariance of the standardised features, shape (d, d)."""
        return (self.s * self.Z) @ self.Z.T / self.n


def standardisation(X: Array, s: Array) -> Standardisation:
    """Find each feature's weighted mean and standard deviation, without overflow.

    Differences from the first row are divided by their largest, so that features of any
    magnitude and offset that float64 can hold keep their digits.

    Parameters
    ----------
    X : array of shape (n, d)
    s : array of shape (n,)
        Positive sample weights.

    Raises
    ------
    DataError
        If a feature is constant, or its range exceeds what float64 can hold.
    """
    share = s / s.sum()
    with np.errstate(over="ignore"):
        reach = np.abs(X - X[0]).max(axis=0)
    _refuse(~np.isfinite(reach), "range beyond what float64 holds; divide them by a constant")
    _refuse(reach == 0.0, "are constant, which no density can describe; drop them")
    centre = X[0] + reach * (share @ ((X - X[0]) / reach))
    residual = (X - centre) / reach
    correction = share @ residual
    centre = centre + reach * correction
    scale = reach * np.sqrt(share @ (residual - correction) ** 2)
    # Covariances are in squared units.
    _refuse(scale > 1e152, "have squares beyond float64; divide them by a constant")
    _refuse(scale < 1e-152, "have squares too small for float64; multiply them by a constant")
    return Standardisation(centre, scale)


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    """Raise if any feature is bad, naming the first ten."""
    if bad.any():
        columns = np.flatnonzero(bad)
        named = ", ".join(map(str, columns[:10])) + (", ..." if len(columns) > 10 else "")
        raise DataError(f"The values of column(s) {named} {what}.")

"""The message length, one function per term, in nats.

Figueiredo & Jain (2002), equation 15, for n rows, k components of N parameters each::

    L = N/2 sum_m log(n alpha_m / 12) + k/2 log(n / 12) + k (N + 1)/2 - log p(Y | theta)

The constants that do not depend on the weights can be gathered::

    L = N/2 sum_m log alpha_m  +  k (N + 1)/2 (log n + kappa)  -  log p(Y | theta)
        `weight_cost`             `component_cost`

with kappa = 1 - log 12 for equation 15 as printed, and kappa = 0 for the form that the
authors' program minimises, which charges (N + 1)/2 (log 12 - 1) nats more per component.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError

__all__ = ["CRITERIA", "component_cost", "kappa", "model_length", "weight_cost"]

Array = NDArray[np.float64]

CRITERIA: Mapping[str, float] = {"eq15": 1.0 - float(np.log(12.0)), "program": 0.0}
"""Name of a criterion -> its constant kappa, in nats."""


def kappa(criterion: str) -> float:
    """Return the constant of a criterion.

    Raises
    ------
    DataError
        If there is no criterion of that name.
    """
    if criterion not in CRITERIA:
        raise DataError(
            f"criterion={criterion!r} is not known; choose one of {', '.join(CRITERIA)}."
        )
    return CRITERIA[criterion]


def weight_cost(alpha: Array, N: int) -> float:
    """``N/2 sum_m log alpha_m``: rows of a light component tell less about its parameters."""
    return 0.5 * N * float(np.log(alpha).sum())


def component_cost(k: int, N: int, n: float, kappa: float) -> float:
    """``k (N + 1)/2 (log n + kappa)``: k weights and k N parameters, to n rows' precision."""
    return 0.5 * k * (N + 1) * (float(np.log(n)) + kappa)


def model_length(alpha: Array, N: int, n: float, kappa: float) -> float:
    """Everything but the data: `weight_cost` and `component_cost`.

    Parameters
    ----------
    alpha : array of shape (k,)
        Weights, positive, of sum one.
    N : int
        Free parameters of one component.
    n : float
        Number of rows (sum of the sample weights).
    kappa : float
        The criterion's constant, see `CRITERIA`.

    Returns
    -------
    float
        In nats.
    """
    return weight_cost(alpha, N) + component_cost(len(alpha), N, n, kappa)

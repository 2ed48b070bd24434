"""The message length, one function per term, in nats.

For n rows and k components of N parameters each, of which those that all share are counted
apart (N' of them), every criterion is of the form ::

    L = N/2 sum_m log alpha_m           `weight_cost`
      + k (N + 1)/2 (log n + kappa)     `component_cost`
      + N'/2 (log n + kappa)            `shared_cost`
      - log p(Y | theta)

`CRITERIA` holds three of them. Equation 15 of Figueiredo & Jain (2002) is ::

    N/2 sum_m log(n alpha_m / 12) + k/2 log(n / 12) + k (N + 1)/2 - log p(Y | theta),

hence kappa = 1 - log 12. The program that its authors published has kappa = 0, which charges
(N + 1)/2 (log 12 - 1) nats more for each component.

The third is that of Wallace & Freeman (1987) with the Fisher information that equation 15 lets
cancel against a prior. A Gaussian of covariance C has sqrt|F| ~ |C|^(-(d + 2)/2): the narrower it
is, the more digits its parameters need. With priors that are flat over means and covariances
within the data's own spread S, the message is longer by ::

    - narrowness/2 log |C_m| / |S|      `narrow_cost`

for each component. Two more terms: the order of the components is no part of the message, which
saves log k! (`order_saving`), and n is taken `few` rows larger, since the formula charges too
little where there are hardly more rows than parameters. Taken literally, kappa is -log 2 pi and
what the volumes of the priors add; kappa = -2.1 and few = 75 were chosen by simulation, see the
package.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from xenoglyph.errors import DataError

__all__ = [
    "CRITERIA",
    "Criterion",
    "component_cost",
    "narrow_cost",
    "order_saving",
    "parse",
    "shared_cost",
    "weight_cost",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Criterion:
    """What a message costs besides the data; see the module for the letters."""

    kappa: float
    """Nats per half parameter that do not depend on n."""
    narrow: bool = False
    """Whether a narrow component costs more than a wide one."""
    unordered: bool = False
    """Whether the order of the components is left out of the message."""
    few: float = 0.0
    """Rows added to n."""

    def log_rows(self, n: float) -> float:
        """``log n + kappa``: twice the nats of one parameter that n rows tell about."""
        return float(np.log(n + self.few)) + self.kappa


CRITERIA: Mapping[str, Criterion] = {
    "wallace-freeman": Criterion(-2.1, narrow=True, unordered=True, few=75.0),
    "eq15": Criterion(1.0 - float(np.log(12.0))),
    "program": Criterion(0.0),
}
"""Name of a criterion -> what it charges."""


def parse(name: object) -> Criterion:
    """Return the criterion of that name.

    Raises
    ------
    DataError
        If there is none.
    """
    if not isinstance(name, str) or name not in CRITERIA:
        known = ", ".join(["auto", *CRITERIA])
        raise DataError(f"criterion={name!r} is not known; choose one of {known}.")
    return CRITERIA[name]


def weight_cost(log_alpha: Array, N: int) -> float:
    """``N/2 sum_m log alpha_m``: rows of a light component tell less about its parameters."""
    return 0.5 * N * float(log_alpha.sum())


def component_cost(k: int, N: int, log_rows: float) -> float:
    """``k (N + 1)/2 (log n + kappa)``: k weights and k N parameters, to n rows' precision."""
    return 0.5 * k * (N + 1) * log_rows


def shared_cost(N_shared: int, log_rows: float) -> float:
    """``N'/2 (log n + kappa)``: the parameters that all components share."""
    return 0.5 * N_shared * log_rows


def narrow_cost(log_determinant: Array, log_spread: float, narrowness: float) -> float:
    """``- narrowness/2 sum_m log |C_m| / |S|``: what is narrow must be told precisely.

    Parameters
    ----------
    log_determinant : array of shape (k,)
        log |C_m|.
    log_spread : float
        log |S|: of the covariance of all the data for means, of what the structure sees of it
        for covariances.
    narrowness : float
        See `Covariance.narrowness`; 1 of it is the mean's.
    """
    return -0.5 * narrowness * float((log_determinant - log_spread).sum())


def order_saving(k: int) -> float:
    """Return ``log k!``: any order of the components says the same."""
    return float(gammaln(k + 1))

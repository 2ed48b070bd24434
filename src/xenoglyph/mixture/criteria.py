"""The usual criteria of model choice beside the message length, for every number of components."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xenoglyph.errors import DataError
from xenoglyph.mixture.blocks import ArrayBlocks
from xenoglyph.mixture.density import Density, Told
from xenoglyph.mixture.estimator import MMLGaussianMixture
from xenoglyph.mixture.state import Parameters
from xenoglyph.mixture.trace import Sweep

__all__ = ["Criteria", "criteria_by_k"]


@dataclass(frozen=True)
class Criteria:
    """One number of components under every criterion; of each, less is better."""

    n_components: int
    message_length: float
    """In nats; BIC, AIC and ICL are about twice as long, by their definition."""
    bic: float
    aic: float
    icl: float


def criteria_by_k(mixture: MMLGaussianMixture, X: ArrayLike) -> list[Criteria]:
    """Judge the best mixture that the fit passed with each number of components.

    Parameters
    ----------
    mixture : MMLGaussianMixture
        Fitted to X with ``record_parameters=True``, without weights.
    X : array of shape (n, d)

    Returns
    -------
    list of Criteria
        One for each number of components in the trace's sweeps, rising. Each is that of the sweep
        with the shortest message, which need not have converged: see `MMLGaussianMixture.aic`,
        `bic` and `icl` for the definitions.

    Raises
    ------
    DataError
        If the fit did not record its mixtures.
    """
    best: dict[int, Sweep] = {}
    for sweep in mixture.trace_.sweeps:
        if sweep.means is None:
            raise DataError("The trace holds no mixtures; fit with record_parameters=True.")
        known = best.get(sweep.n_components, sweep)
        best[sweep.n_components] = min(sweep, known, key=lambda one: one.message_length)
    blocks = ArrayBlocks(np.asarray(X, np.float64))
    structure, (n, d) = mixture._structure, blocks.X.shape
    rows = []
    for k, sweep in sorted(best.items()):
        told = Told(_density(mixture, sweep), mixture.missing == "marginal")
        log_likelihood, _, _, entropy = blocks.total(told).tolist()
        p = k * structure.n_parameters(d) + structure.n_shared(d) + k - 1
        bic, aic = -2 * log_likelihood + p * float(np.log(n)), -2 * log_likelihood + 2 * p
        rows.append(Criteria(k, sweep.message_length, bic, aic, bic + 2 * entropy))
    return rows


def _density(mixture: MMLGaussianMixture, sweep: Sweep) -> Density:
    """Return a mixture that was passed, in the units in which rows are judged."""
    assert sweep.weights is not None
    assert sweep.means is not None
    assert sweep.covariances is not None
    units = mixture._fitted.standardisation
    alive = sweep.weights > 0.0
    mu = (sweep.means[alive] - units.centre) / units.scale
    C = sweep.covariances[alive] / np.outer(units.scale, units.scale)
    return Density(Parameters(sweep.weights[alive], mu, C), units)

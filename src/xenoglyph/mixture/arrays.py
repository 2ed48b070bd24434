"""A fitted mixture as plain arrays and settings, and back: what a model file holds of it."""

from collections.abc import Mapping
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.mixture import covariance, message_length
from xenoglyph.mixture.covariance import Covariance
from xenoglyph.mixture.estimator import MMLGaussianMixture
from xenoglyph.mixture.fitting import Fitted
from xenoglyph.mixture.message_length import CRITERIA
from xenoglyph.mixture.rows import Standardisation
from xenoglyph.mixture.state import Objective, Parameters
from xenoglyph.mixture.trace import Sweep, Trace

__all__ = ["from_arrays", "to_arrays"]

Array = NDArray[np.float64]

NAMES = ("alpha", "mu", "C", "centre", "scale", "spread")


def to_arrays(mixture: MMLGaussianMixture) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return settings (JSON-able) and arrays from which `from_arrays` makes the same mixture.

    Parameters
    ----------
    mixture : MMLGaussianMixture
        Fitted. Its trace, sample and labels are not kept.

    Returns
    -------
    settings : dict
    arrays : dict
        Weights, means and covariances in standardised units, centre and scale of the features,
        and the spread of the standardised data.
    """
    fitted = mixture._fitted
    standard, units, o = fitted.parameters, fitted.standardisation, fitted.objective
    chosen = fitted.trace.chosen
    settings = {
        "parameters": {**mixture.get_params(), "random_state": _seed(mixture.random_state)},
        "covariance_type": mixture.covariance_type_,
        "criterion": next(name for name, own in CRITERIA.items() if own == o.criterion),
        "n": _known(o.n),
        "message_length": float(chosen.message_length),
        "log_likelihood": _known(chosen.log_likelihood),
        "n_iter": mixture.n_iter_,
        "converged": bool(mixture.converged_),
    }
    values = (standard.alpha, standard.mu, standard.C, units.centre, units.scale, o.spread)
    return settings, dict(zip(NAMES, values, strict=True))


def from_arrays(settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> MMLGaussianMixture:
    """Make the mixture that `to_arrays` took apart; it predicts the same bits.

    Raises
    ------
    ModelFileError
        If the arrays are no mixture: wrong shapes, weights or covariances.
    """
    try:
        values = {name: np.asarray(arrays[name], np.float64) for name in NAMES}
        mixture = MMLGaussianMixture(**settings["parameters"])
        fitted = _fitted(settings, values)
        mixture.n_features_in_ = len(values["scale"])
        mixture._adopt(fitted, settings["covariance_type"])
        mixture.n_iter_ = int(settings["n_iter"])
        del mixture.trace_  # of which only the end is known
    except (KeyError, TypeError, ValueError, DataError, np.linalg.LinAlgError) as error:
        raise ModelFileError(f"The mixture in the model file cannot be used: {error}.") from error
    return mixture


def _fitted(settings: Mapping[str, Any], values: Mapping[str, Array]) -> Fitted:
    """Put a checked mixture together; what only a fit needs of its objective is left zero."""
    structure = covariance.parse(settings["covariance_type"])
    criterion = message_length.parse(settings["criterion"])
    _check(structure, values)
    alpha, mu, C, centre, scale, spread = (values[name] for name in NAMES)
    none = structure.sees(np.zeros_like(spread))
    objective = Objective(structure, criterion, _number(settings["n"]), spread, none, none)
    length = float(settings["message_length"])
    end = Sweep(0, len(alpha), length, _number(settings["log_likelihood"]), chosen=True)
    trace = Trace((end,), (), converged=bool(settings["converged"]))
    return Fitted(Parameters(alpha, mu, C), objective, Standardisation(centre, scale), trace)


def _check(structure: Covariance, values: Mapping[str, Array]) -> None:
    """Raise ValueError or LinAlgError on what is no mixture."""
    alpha, mu, C, centre, scale, spread = (values[name] for name in NAMES)
    k, d = mu.shape
    shapes = (k,), (d,), (d,), (d, d), (k, d) if structure.diagonal else (k, d, d)
    found = alpha.shape, centre.shape, scale.shape, spread.shape, C.shape
    _require(found == shapes, "shapes disagree")
    _require(all(np.isfinite(a).all() for a in values.values()), "not finite")
    _require(bool((alpha > 0).all() and (scale > 0).all()), "a weight or scale is not above 0")
    _require(bool(abs(alpha.sum() - 1) < 1e-9), "weights do not sum to 1")
    _require(not structure.shared or bool((C[0] == C).all()), "covariances are not shared")
    for matrices in (structure.dense(C, d), spread[None]):
        _require(np.allclose(matrices, matrices.swapaxes(1, 2)), "covariances are not symmetric")
        np.linalg.cholesky(matrices)  # raises where one is not positive definite


def _known(number: float) -> float | None:
    """Return a number as JSON has it; what is not known is None there, and NaN here."""
    return float(number) if isfinite(number) else None


def _number(value: Any) -> float:
    return nan if value is None else float(value)


def _seed(random_state: object) -> int | None:
    """Return the seed, or None for a generator, which a file cannot hold."""
    return int(random_state) if isinstance(random_state, (int, np.integer)) else None


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise ValueError(complaint)

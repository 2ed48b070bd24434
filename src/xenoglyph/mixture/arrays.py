"""A fitted mixture as plain arrays and settings, and back: what a model file holds of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.mixture.blocks import Standardisation
from xenoglyph.mixture.cem2 import Parameters
from xenoglyph.mixture.covariance import parse
from xenoglyph.mixture.estimator import MMLGaussianMixture

__all__ = ["from_arrays", "to_arrays"]

Array = NDArray[np.float64]

NAMES = ("alpha", "mu", "C", "centre", "scale")


def to_arrays(mixture: MMLGaussianMixture) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return settings (JSON-able) and arrays from which `from_arrays` makes the same mixture.

    Parameters
    ----------
    mixture : MMLGaussianMixture
        Fitted. Its trace and labels are not kept.

    Returns
    -------
    settings : dict
    arrays : dict
        Weights, means and covariances in standardised units, centre and scale of the features.
    """
    standard, units = mixture._standard, mixture._standardisation
    settings = {
        "parameters": {**mixture.get_params(), "random_state": _seed(mixture.random_state)},
        "message_length": mixture.message_length_,
        "n_iter": mixture.n_iter_,
    }
    values = (standard.alpha, standard.mu, standard.C, units.centre, units.scale)
    return settings, dict(zip(NAMES, values, strict=True))


def from_arrays(settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> MMLGaussianMixture:
    """Make the mixture that `to_arrays` took apart; it predicts the same bits.

    Raises
    ------
    ModelFileError
        If the arrays are no mixture: wrong shapes, weights or covariances.
    """
    try:
        alpha, mu, C, centre, scale = (np.asarray(arrays[name], np.float64) for name in NAMES)
        mixture = MMLGaussianMixture(**settings["parameters"])
        structure = parse(mixture.covariance_type)
        k, d = mu.shape
        shapes = (k,), (d,), (d,), (k, d) if structure.diagonal else (k, d, d)
        _require((alpha.shape, centre.shape, scale.shape, C.shape) == shapes, "shapes disagree")
        _require(all(np.isfinite(a).all() for a in (alpha, mu, C, centre, scale)), "not finite")
        _require(bool((alpha > 0).all() and (scale > 0).all()), "a weight or scale is not above 0")
        _require(bool(abs(alpha.sum() - 1) < 1e-9), "weights do not sum to 1")
        mixture.n_features_in_ = d
        mixture._adopt(Parameters(alpha, mu, C), Standardisation(centre, scale), structure)
        mixture.message_length_ = float(settings["message_length"])
        mixture.n_iter_ = int(settings["n_iter"])
    except (KeyError, TypeError, ValueError, DataError, np.linalg.LinAlgError) as error:
        raise ModelFileError(f"The mixture in the model file cannot be used: {error}.") from error
    return mixture


def _seed(random_state: object) -> int | None:
    """Return the seed, or None for a generator, which a file cannot hold."""
    return int(random_state) if isinstance(random_state, (int, np.integer)) else None


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise ValueError(complaint)

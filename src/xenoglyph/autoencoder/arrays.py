"""A trained auto-encoder as settings and arrays, and back: what a model file holds of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from xenoglyph.autoencoder.augmentation import Augmentation
from xenoglyph.autoencoder.checks import check_choice
from xenoglyph.autoencoder.estimator import SELUAutoencoder
from xenoglyph.autoencoder.losses import LOSSES
from xenoglyph.autoencoder.network import Layout, Network
from xenoglyph.autoencoder.training import HISTORY
from xenoglyph.errors import ModelFileError

__all__ = ["from_arrays", "to_arrays"]


def to_arrays(
    autoencoder: SELUAutoencoder,
) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """Return all that `from_arrays` needs to build this fitted auto-encoder again.

    Returns
    -------
    settings : dict
        "parameters", "layout", "fitted_loss", "history" and "loss", as JSON holds them. A
        `random_state` that is no integer becomes None.
    arrays : dict of str to array
        Weights and biases, named ``encoder/0/weight`` and so on.
    """
    check_is_fitted(autoencoder, "network_")
    parameters = {name: _plain(value) for name, value in autoencoder.get_params().items()}
    settings = {
        "parameters": parameters,
        "layout": autoencoder.network_.layout.to_settings(),
        "fitted_loss": autoencoder._fitted_loss,
        "history": autoencoder.history_,
        "loss": autoencoder.loss_,
    }
    return settings, autoencoder.network_.to_arrays()


def from_arrays(
    settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> SELUAutoencoder:
    """Build a fitted auto-encoder from what `to_arrays` returned.

    Its `transform` and `inverse_transform` give the same bits.

    Raises
    ------
    ModelFileError
        If settings or arrays are not those of an auto-encoder.
    """
    try:
        parameters = dict(settings["parameters"])
        if parameters["hidden_sizes"] is not None:
            parameters["hidden_sizes"] = tuple(parameters["hidden_sizes"])
        autoencoder = SELUAutoencoder(**parameters)
        layout = Layout.from_settings(settings["layout"])
        history = {name: [float(x) for x in settings["history"][name]] for name in HISTORY}
        loss, fitted_loss = float(settings["loss"]), str(settings["fitted_loss"])
        check_choice("fitted_loss", fitted_loss, LOSSES)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"the auto-encoder's settings are damaged: {error!r}") from error
    return autoencoder._adopt(Network.from_arrays(layout, arrays), history, loss, fitted_loss)


def _plain(value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, Augmentation):
        return asdict(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value

"""Whole sets of settings by name: what `SymbolDiscovery` does unless told otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xenoglyph.errors import DataError

__all__ = ["RECIPES", "TOLERANCE", "Recipe", "recipe_named"]

TOLERANCE = 0.008
"""Largest confusion of two symbols beyond what is mistaken in general."""


@dataclass(frozen=True)
class Recipe:
    """Settings of every stage."""

    route: str = "graph"
    """How components become symbols: see `SymbolDiscovery`."""
    autoencoder: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `SELUAutoencoder`."""
    mixture: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `MMLGaussianMixture`."""
    merge: bool = True
    """Whether components are joined into symbols; otherwise every component is a symbol."""
    finish: bool = True
    """Whether drawings are more than what is decoded: see `xenoglyph.drawing`."""
    held_out: bool = False
    """Whether the encoder learns from the source's training images alone and the mixture is
    fitted on the codes of the others."""


RECIPES: Mapping[str, Recipe] = {
    "default": Recipe(),
    # The public article step by step: its network and training, its mixture on the codes
    # of the test images by annihilation from 25 components, the criterion in the form that its
    # program had, and no joining: it called every component a symbol.
    "article": Recipe(
        route="codes",
        autoencoder={
            "init": "glorot_uniform",
            "schedule": "constant",
            "solver": "adam",
            "learning_rate": 1e-3,
            "batch_size": 4096,
            "n_epochs": 600,
        },
        mixture={"max_components": 25, "search": "annihilation", "criterion": "program"},
        merge=False,
        finish=False,
        held_out=True,
    ),
}


def recipe_named(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises
    ------
    DataError
        If there is none.
    """
    if name not in RECIPES:
        raise DataError(f"recipe={name!r} is not known; choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]

"""A run on disk: what it takes to go on with it bit for bit."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from xenoglyph.autoencoder.network import Layout, Network
from xenoglyph.autoencoder.rows import Rows
from xenoglyph.autoencoder.steps import Recipe, TrainingState, start
from xenoglyph.autoencoder.training import HISTORY, Best, Run
from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.storage import read_checkpoint, write_checkpoint

__all__ = ["Keeper", "Task"]

Array = NDArray[Any]
Settings = dict[str, Any]
KIND = "training"


@dataclass(frozen=True)
class Task:
    """What two runs must have in common for one to go on where the other stopped.

    Attributes
    ----------
    layout : Layout
    recipe : Recipe
    settings : dict
        All of it, as JSON has it, so that it equals what comes back from a file.
    """

    layout: Layout
    recipe: Recipe
    settings: Settings

    @classmethod
    def of(
        cls,
        layout: Layout,
        recipe: Recipe,
        rows: Rows,
        *,
        weights: Array | None = None,
        validation: Rows | None = None,
        random_state: int | None = None,
    ) -> "Task":
        """Describe a task; a `random_state` that is no integer is anybody's."""
        told = {
            "layout": layout.to_settings(),
            "recipe": asdict(recipe),
            "images": rows.fingerprint(),
            "weights": None if weights is None else float(weights @ np.arange(len(weights))),
            "validation": None if validation is None else validation.fingerprint(),
            "random_state": random_state,
        }
        settings = json.loads(json.dumps(told, default=lambda number: number.item()))
        return cls(layout, recipe, settings)

    def check(self, other: Mapping[str, Any], where: str) -> None:
        """Raise DataError unless a checkpoint is of the same task."""
        for part, own in self.settings.items():
            came = other.get(part)
            if came == own:
                continue
            told = f"other {part}"
            if isinstance(own, dict) and isinstance(came, dict):
                name = next(name for name in own if own[name] != came.get(name))
                told = f"{name}={came.get(name)!r} instead of {own[name]!r}"
            raise DataError(
                f"the checkpoint in {where} is of a run with {told}: go on with the settings and "
                "images of that run, or begin anew without resuming"
            )


@dataclass(frozen=True)
class Keeper:
    """Writes a run into a folder, and reads it back."""

    folder: str | PathLike[str]
    task: Task

    def save(self, run: Run) -> None:
        """Write a checkpoint; a run that has diverged is not worth one."""
        arrays = _to_arrays(run)
        if all(np.isfinite(array).all() for array in arrays.values()):
            write_checkpoint(
                self.folder, KIND, {**self.task.settings, **_to_settings(run)}, arrays
            )

    def load(self) -> Run | None:
        """Return the run that was saved last; None where there is none.

        Raises
        ------
        DataError
            If it is of another task.
        ModelFileError
            If what lies there is damaged.
        """
        found = read_checkpoint(self.folder, KIND)
        if found is None:
            return None
        settings, arrays = found
        self.task.check(settings, str(self.folder))
        try:
            return _from_file(self.task, settings, arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(
                f"the checkpoint in {self.folder} does not fit together: {error!r}"
            ) from error


def _to_settings(run: Run) -> Settings:
    best = run.best
    return {
        "seed": run.seed,
        "epoch": run.epoch,
        "batch": run.batch,
        "history": run.history,
        "over": run.over,
        "best": None if best is None else {"loss": best.loss, "epoch": best.epoch},
    }


def _to_arrays(run: Run) -> dict[str, Array]:
    state = run.state
    arrays = {f"network/{name}": array for name, array in state.network.to_arrays().items()}
    for number, leaf in enumerate(jax.tree.leaves(state.optimiser)):
        arrays[f"optimiser/{number}"] = np.asarray(leaf)
    arrays |= {"step": np.asarray(state.step), "loss": np.asarray(state.loss)}
    if run.order is not None:
        arrays["order"] = run.order
    if run.best is not None:
        arrays |= {f"best/{name}": a for name, a in run.best.network.to_arrays().items()}
    return arrays


def _from_file(task: Task, settings: Settings, arrays: Mapping[str, Array]) -> Run:
    network = _network(task.layout, arrays, "network/")
    outline, structure = jax.tree.flatten(start(network, task.recipe).optimiser)
    moments = [jnp.asarray(arrays[f"optimiser/{number}"]) for number in range(len(outline))]
    if any(
        a.shape != b.shape or a.dtype != b.dtype for a, b in zip(moments, outline, strict=True)
    ):
        raise ValueError("the optimiser's arrays are of another network")
    state = TrainingState(
        network,
        jax.tree.unflatten(structure, moments),
        jnp.asarray(arrays["step"]),
        jnp.asarray(arrays["loss"]),
    )
    best = settings["best"]
    if best is not None:
        network = _network(task.layout, arrays, "best/")
        best = Best(network, float(best["loss"]), int(best["epoch"]))
    return Run(
        state,
        int(settings["seed"]),
        int(settings["epoch"]),
        int(settings["batch"]),
        arrays.get("order"),
        {name: [float(x) for x in settings["history"][name]] for name in HISTORY},
        best,
        bool(settings["over"]),
    )


def _network(layout: Layout, arrays: Mapping[str, Array], head: str) -> Network:
    own = {name.removeprefix(head): arrays[name] for name in arrays if name.startswith(head)}
    return Network.from_arrays(layout, own)

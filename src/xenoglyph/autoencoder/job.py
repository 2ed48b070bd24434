"""What processes that train a network together have to know, as files in a folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.autoencoder.augmentation import augmentation_from
from xenoglyph.autoencoder.checkpoints import Keeper, Task
from xenoglyph.autoencoder.network import Layout, Network
from xenoglyph.autoencoder.rows import Place, Rows
from xenoglyph.autoencoder.steps import Recipe
from xenoglyph.images.packing import write_npy
from xenoglyph.storage import read_model, write_model

__all__ = ["Job"]

Array = NDArray[Any]

KIND = "epoch"


@dataclass(frozen=True)
class Job:
    """What every process has to know, as files in a folder that it can read."""

    folder: Path
    keep: Path
    """Where the run is kept."""
    task: Task
    rows: Rows | Place
    weights: Array | None
    validation: Rows | Place | None
    watched: bool
    """Whether somebody wants to see the network after every epoch."""

    @property
    def keeper(self) -> Keeper:
        """What writes and reads the run."""
        return Keeper(self.keep, self.task)

    def write(self) -> None:
        """Write the job into its folder; images that lie in a file stay there."""
        settings = {
            "keep": str(self.keep),
            "task": self.task.settings,
            "rows": _write_rows(self.rows, self.folder / "rows.npy"),
            "validation": self.validation
            and _write_rows(self.validation, self.folder / "validation.npy"),
            "watched": self.watched,
        }
        if self.weights is not None:
            np.save(self.folder / "weights.npy", self.weights)
        (self.folder / "job.json").write_text(json.dumps(settings), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """Read what `write` wrote."""
        settings = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        task = settings["task"]
        augmentation = augmentation_from(task["recipe"]["augmentation"])
        recipe = Recipe(**{**task["recipe"], "augmentation": augmentation})
        weights = folder / "weights.npy"
        return cls(
            folder,
            Path(settings["keep"]),
            Task(Layout.from_settings(task["layout"]), recipe, task),
            _read_rows(settings["rows"]),
            np.load(weights) if weights.exists() else None,
            settings["validation"] and _read_rows(settings["validation"]),
            settings["watched"],
        )

    def show(self, network: Network) -> None:
        """Write the network as it is after an epoch."""
        write_model(self.folder / "epoch.safetensors", KIND, {}, network.to_arrays())

    def shown(self) -> dict[str, Array]:
        """Read what `show` wrote, as `Network.to_arrays` returned it."""
        return read_model(self.folder / "epoch.safetensors", KIND)[1]


def _write_rows(rows: Rows | Place, path: Path) -> dict[str, Any]:
    """Tell where images lie; those in memory are written to `path`."""
    place = rows.portable()
    if isinstance(place, Rows):
        kind = np.dtype(np.uint8 if place.bytes == place.n_pixels else np.float32)
        shape = (len(place), place.n_pixels)
        write_npy(path, shape, kind, place.blocks())
        offset = path.stat().st_size - kind.itemsize * len(place) * place.n_pixels
        place = Place(str(path), offset, kind.str, shape, place.image_shape, None)
    index = path.with_suffix(".index.npy")
    if place.index is not None:
        np.save(index, place.index)
    return {**asdict(place), "index": None if place.index is None else str(index)}


def _read_rows(settings: dict[str, Any]) -> Rows:
    index = None if settings["index"] is None else np.load(settings["index"])
    shapes = {name: tuple(settings[name]) for name in ("shape", "image_shape")}
    return Place(**{**settings, **shapes, "index": index}).open()

"""Several processes of this machine that train one network: how they are started and followed."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph import errors
from xenoglyph.autoencoder.augmentation import augmentation_from
from xenoglyph.autoencoder.checkpoints import Keeper, Task
from xenoglyph.autoencoder.network import Layout, Network
from xenoglyph.autoencoder.rows import Rows
from xenoglyph.autoencoder.steps import Recipe
from xenoglyph.autoencoder.training import Callback, Epoch, Run
from xenoglyph.errors import XenoglyphError
from xenoglyph.progress import Progress
from xenoglyph.storage import read_model, write_model

__all__ = ["Job", "train_together"]

Array = NDArray[Any]

KIND = "epoch"
PATIENCE = 10.0
"""Seconds in which processes that are told to stop must have written their checkpoint."""


@dataclass(frozen=True)
class Job:
    """What every process has to know, as files in a folder that all of them can read."""

    folder: Path
    keep: Path
    """Where the run is kept."""
    task: Task
    rows: Rows
    weights: Array | None
    validation: Rows | None
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

    def shown(self) -> Network:
        """Read what `show` wrote."""
        return Network.from_arrays(
            self.task.layout, read_model(self.folder / "epoch.safetensors", KIND)[1]
        )


def train_together(
    n_processes: int,
    run: Run,
    rows: Rows,
    task: Task,
    *,
    weights: Array | None,
    validation: Rows | None,
    report: Progress,
    callbacks: Sequence[Callback],
    checkpoint: str | os.PathLike[str] | None,
) -> Run:
    """Train as `training.train` does, by several processes that share every batch.

    Parameters
    ----------
    n_processes : int
    run, rows, weights, validation, report, callbacks
        As of `training.train`.
    task : Task
        With the recipe.
    checkpoint : path-like, optional
        A folder in which the run is kept.

    Returns
    -------
    Run

    Raises
    ------
    DataError
        If the loss becomes infinite or NaN, or batches are smaller than the processes are many.
    XenoglyphError
        If a process fails.
    """
    with TemporaryDirectory(prefix="xenoglyph-") as name:
        folder = Path(name)
        keep = folder if checkpoint is None else Path(checkpoint).resolve()
        job = Job(folder, keep, task, rows, weights, validation, bool(callbacks))
        job.write()
        job.keeper.save(run)
        with _processes(folder, n_processes) as processes:
            _follow(processes, job, report, callbacks)
        ended = job.keeper.load()
    if ended is None:
        raise XenoglyphError("the training processes ended without a result")
    return ended


def _follow(
    processes: list[subprocess.Popen[str]],
    job: Job,
    report: Progress,
    callbacks: Sequence[Callback],
) -> None:
    """Pass on what the first process tells, until it ends."""
    first = processes[0]
    assert first.stdout is not None
    assert first.stdin is not None
    for line in first.stdout:
        told = json.loads(line)
        if "error" in told:
            kind, message = told["error"]
            raise getattr(errors, kind, XenoglyphError)(message)
        if "progress" in told:
            report(*told["progress"])
            continue
        epoch = Epoch(**{**told["epoch"], "network": job.shown()})
        asked = [callback(epoch) is True for callback in callbacks]
        first.stdin.write(f"{json.dumps(any(asked))}\n")
        first.stdin.flush()
    for process in processes:
        if code := process.wait():
            rank = processes.index(process)
            lines = (job.folder / f"errors-{rank}.txt").read_text(encoding="utf-8").splitlines()
            why = lines[-1] if lines else "no reason given"
            raise XenoglyphError(f"training process {rank} ended with code {code}: {why}")


@contextmanager
def _processes(folder: Path, n: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start the processes; when the block is left they are told to stop, and do."""
    address = f"127.0.0.1:{_free_port()}"
    processes = []
    try:
        for rank in range(n):
            command = [sys.executable, "-m", "xenoglyph.autoencoder.worker", str(folder)]
            command += ["--coordinator", address, "--rank", str(rank), "--of", str(n)]
            with (folder / f"errors-{rank}.txt").open("w") as log:
                # A session of their own: Ctrl-C reaches this process, which tells them.
                processes.append(
                    subprocess.Popen(
                        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                        text=True, start_new_session=True,
                    )
                )  # fmt: skip
        yield processes
    finally:
        # The first one writes the run down, and can only while the others go on with it.
        for process in processes:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_rows(rows: Rows, path: Path) -> dict[str, Any]:
    """Tell where images lie; those in memory are written to `path`."""
    table = rows.table
    file = getattr(table, "filename", None)
    mapped = file is not None and table.flags.c_contiguous and table.dtype == np.uint8
    index = rows.index
    if not mapped:
        written = np.lib.format.open_memmap(
            path, "w+", np.uint8 if rows.bytes == rows.n_pixels else np.float32,
            (len(rows), rows.n_pixels),
        )  # fmt: skip
        done = 0
        for block in rows.blocks():
            written[done : done + len(block)] = block
            done += len(block)
        written.flush()
        file, table, index = path, written, None
    if index is not None:
        np.save(path.with_suffix(".index.npy"), index)
    return {
        "file": str(file),
        "offset": int(getattr(table, "offset", 0)),
        "dtype": table.dtype.str,
        "shape": list(table.shape),
        "image_shape": list(rows.image_shape),
        "index": None if index is None else str(path.with_suffix(".index.npy")),
    }


def _read_rows(settings: dict[str, Any]) -> Rows:
    table = np.memmap(
        settings["file"], settings["dtype"], "r", settings["offset"], tuple(settings["shape"])
    )
    index = None if settings["index"] is None else np.load(settings["index"])
    return Rows(table, tuple(settings["image_shape"]), index)

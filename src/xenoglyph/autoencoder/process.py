"""One of several processes that train a network, as it is seen by whoever started it."""

import json
import queue
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from numpy.typing import NDArray

from xenoglyph.autoencoder.checkpoints import KIND
from xenoglyph.autoencoder.job import Job
from xenoglyph.errors import XenoglyphError
from xenoglyph.storage import read_checkpoint, write_checkpoint

__all__ = ["Kept", "LostError", "TrainingProcess", "WorkersProcess"]

Array = NDArray[Any]
Kept = tuple[dict[str, Any], dict[str, Array]]
"""A checkpoint, as `read_checkpoint` returns it."""

PATIENCE = 10.0
"""Seconds in which processes that are told to stop must have written their checkpoint."""
PAUSE = 0.2
"""Seconds after which a process that tells nothing is left alone for a while."""


class LostError(XenoglyphError):
    """A training process, or the worker that started it, is no more."""


class TrainingProcess:
    """A process of this machine that runs `xenoglyph.autoencoder.worker`.

    Parameters
    ----------
    job : Job
        As it lies in its folder.
    rank, of : int
        Which of how many processes it is.
    """

    def __init__(self, job: Job, rank: int, of: int) -> None:
        self._job, self._rank, self._of = job, rank, of
        self._lines: queue.Queue[str | None] = queue.Queue()

    def start(self, coordinator: str, share: tuple[int, int]) -> None:
        """Start it: `coordinator` is where the first one listens, `share` which cores it has."""
        command = [sys.executable, "-m", "xenoglyph.autoencoder.worker", str(self._job.folder)]
        command += ["--coordinator", coordinator, "--rank", str(self._rank)]
        command += ["--of", str(self._of), "--share", *map(str, share)]
        with self._log.open("w") as log:
            # A session of its own: Ctrl-C reaches whoever started it, who tells it.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, start_new_session=True,
            )  # fmt: skip
        listening = (self._process.stdout, self._lines)
        threading.Thread(target=_listen, args=listening, daemon=True).start()

    def free_port(self) -> int:
        """Return a port of this machine at which nobody listens."""
        with socket.socket() as probe:
            probe.bind(("", 0))
            return int(probe.getsockname()[1])

    def told(self) -> list[str] | None:
        """Return the lines that it has told since it was last asked; None when it has ended."""
        lines = []
        try:
            line = self._lines.get(timeout=PAUSE)
            while line is not None:
                lines.append(line)
                line = self._lines.get_nowait()
        except queue.Empty:
            return lines
        if not lines:
            return None
        self._lines.put(None)
        return lines

    def answer(self, stop: bool) -> None:
        """Say whether training is to end after the epoch of which it has told."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(stop)}\n")
        self._process.stdin.flush()

    def shown(self) -> dict[str, Array]:
        """Return the network of the epoch of which it has told."""
        return self._job.shown()

    def check(self, ending: bool = False) -> None:
        """Raise LostError if it has failed; if it is `ending`, when it has ended."""
        if code := self._process.wait() if ending else self._process.poll():
            lines = self._log.read_text(encoding="utf-8").splitlines()
            why = lines[-1] if lines else "no reason given"
            raise LostError(f"training process {self._rank} ended with code {code}: {why}")

    def stop(self) -> None:
        """Tell it to write its checkpoint and end, and wait until it has."""
        process = getattr(self, "_process", None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            pipe.close()

    @property
    def _log(self) -> Path:
        return self._job.folder / f"errors-{self._rank}.txt"


class WorkersProcess(TrainingProcess):
    """A process that a worker of Dask starts, with all its files in a folder of its own.

    It is an actor: it ends with its worker, and with the client that asked for it.

    Parameters
    ----------
    begun : tuple of Job and Kept
        What is to be done, and the checkpoint to begin with.
    rank, of : int
    """

    def __init__(self, begun: tuple[Job, Kept], rank: int, of: int) -> None:
        job, kept = begun
        self._home = TemporaryDirectory(prefix="xenoglyph-")
        folder = Path(self._home.name)
        own = replace(job, folder=folder, keep=folder)
        own.write()
        write_checkpoint(folder, KIND, *kept)
        super().__init__(own, rank, of)

    def kept(self) -> Kept | None:
        """Return the checkpoint that it wrote last."""
        return read_checkpoint(self._job.keep, KIND)


def _listen(output: IO[str], lines: "queue.Queue[str | None]") -> None:
    try:
        for line in output:
            lines.put(line)
    except ValueError:  # closed by `stop`
        pass
    lines.put(None)

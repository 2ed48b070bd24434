"""Several processes that train one network: how they are started and followed.

They run on this machine, or on the workers of a Dask client, one on each: an actor there starts
it, and is talked to through the scheduler. Images in memory are sent to every worker; images that
lie in a file must lie where all workers see them. The checkpoint is written on this machine.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from numpy.typing import NDArray

from xenoglyph import errors
from xenoglyph.autoencoder.checkpoints import KIND, Task
from xenoglyph.autoencoder.job import Job
from xenoglyph.autoencoder.network import Network
from xenoglyph.autoencoder.process import LostError, TrainingProcess, WorkersProcess
from xenoglyph.autoencoder.rows import Rows
from xenoglyph.autoencoder.training import Callback, Epoch, Run
from xenoglyph.errors import ClusterError, XenoglyphError
from xenoglyph.progress import Progress
from xenoglyph.storage import read_checkpoint, write_checkpoint
from xenoglyph.workers import Client, hold

__all__ = ["train_together"]

Array = NDArray[Any]

ATTEMPTS = 4
"""How often training on workers begins: anew, and from its checkpoint when a worker was lost."""
WORKERS_SECONDS = 60
"""How long to wait until there are workers enough."""
LOST = (OSError, RuntimeError, TimeoutError)
"""What an actor raises whose worker is lost."""


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
    client: Client | None = None,
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
    client : distributed.Client, optional
        On whose workers the processes run.

    Returns
    -------
    Run

    Raises
    ------
    ClusterError
        If there are not workers enough, or they are lost again and again.
    DataError
        If the loss becomes infinite or NaN, or batches are smaller than the processes are many.
    XenoglyphError
        If a process fails.
    """
    with TemporaryDirectory(prefix="xenoglyph-") as name:
        folder = Path(name)
        keep = folder if checkpoint is None else Path(checkpoint).resolve()
        job = Job(folder, keep, task, rows, weights, validation, bool(callbacks))
        job.keeper.save(run)
        if client is None:
            job.write()
            with _started_here(job, n_processes) as processes:
                _follow(processes, job, report, callbacks)
        else:
            _follow_workers(client, n_processes, job, report, callbacks)
        ended = job.keeper.load()
    if ended is None:
        raise XenoglyphError("the training processes ended without a result")
    return ended


def _follow(
    processes: Sequence[Any], job: Job, report: Progress, callbacks: Sequence[Callback]
) -> None:
    """Pass on what the first process tells, until it ends."""
    first, *others = processes
    while (lines := first.told()) is not None:
        for line in lines:
            told = json.loads(line)
            if "error" in told:
                kind, message = told["error"]
                raise getattr(errors, kind, XenoglyphError)(message)
            if "progress" in told:
                report(*told["progress"])
            elif "saved" in told:
                _keep(first, job)
            else:
                network = Network.from_arrays(job.task.layout, first.shown())
                epoch = Epoch(**{**told["epoch"], "network": network})
                asked = [callback(epoch) is True for callback in callbacks]
                first.answer(any(asked))
        for process in others:
            process.check()
    for process in processes:
        process.check(True)


@contextmanager
def _started_here(job: Job, n: int) -> Iterator[list[TrainingProcess]]:
    """Start processes on this machine; when the block is left they are told to stop, and do."""
    processes = [TrainingProcess(job, rank, n) for rank in range(n)]
    address = f"127.0.0.1:{processes[0].free_port()}"
    try:
        for rank, process in enumerate(processes):
            process.start(address, (rank, n))
        yield processes
    finally:
        # The first one writes the run down, and can only while the others go on with it.
        for process in processes:
            process.stop()


def _follow_workers(
    client: Client, n: int, job: Job, report: Progress, callbacks: Sequence[Callback]
) -> None:
    """Train on the workers; where one is lost, go on from the checkpoint with another."""
    for left in reversed(range(ATTEMPTS)):
        try:
            with _started_on_workers(client, job, n) as processes:
                return _follow(processes, job, report, callbacks)
        except LostError as error:
            if not left:
                raise ClusterError(
                    f"{error}; training was begun {ATTEMPTS} times. What it had come to is kept "
                    "where a checkpoint was asked for"
                ) from error


@contextmanager
def _started_on_workers(client: Client, job: Job, n: int) -> Iterator[list["_Remote"]]:
    """Start a process on each of n workers; when the block is left they stop."""
    workers = _workers(client, n)
    hosts = [urlsplit(worker).hostname or "127.0.0.1" for worker in workers]
    kept = read_checkpoint(job.keep, KIND)
    sent = replace(
        job,
        rows=job.rows.portable(),
        validation=None if job.validation is None else job.validation.portable(),
    )
    held = hold(client, (sent, kept))
    actors = [
        client.submit(WorkersProcess, held, rank, n, workers=[worker], actor=True, pure=False)
        for rank, worker in enumerate(workers)
    ]
    processes = [_Remote(actor.result(), rank) for rank, actor in enumerate(actors)]
    try:
        address, before = f"{hosts[0]}:{processes[0].free_port()}", Counter[str]()
        for process, host in zip(processes, hosts, strict=True):
            process.start(address, (before[host], hosts.count(host)))
            before[host] += 1
        yield processes
    except LostError:
        _stop_all(processes)
        raise  # and go on from what was kept last: of later epochs no callback has been told
    except BaseException:
        _stop_all(processes)
        with suppress(LostError):
            _keep(processes[0], job)
        raise
    _stop_all(processes)


def _stop_all(processes: Sequence["_Remote"]) -> None:
    for process in processes:
        with suppress(LostError):
            process.stop()


def _workers(client: Client, n: int) -> list[str]:
    """Addresses of n workers, once there are as many."""
    try:
        client.wait_for_workers(n, timeout=WORKERS_SECONDS)
    except TimeoutError as error:
        raise ClusterError(
            f"n_processes={n} needs as many workers; the scheduler has {len(client.nthreads())}"
        ) from error
    return sorted(client.nthreads())[:n]


class _Remote:
    """A `WorkersProcess` whose methods are called where it runs, and answer here."""

    def __init__(self, actor: Any, rank: int) -> None:
        self._actor, self._rank = actor, rank

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            try:
                return getattr(self._actor, name)(*arguments).result()
            except LOST as error:
                raise LostError(
                    f"the worker of training process {self._rank} was lost: {error}"
                ) from error

        return call


def _keep(first: Any, job: Job) -> None:
    """Write the checkpoint here that a process wrote on the machine where it runs."""
    if isinstance(first, _Remote) and (kept := first.kept()) is not None:
        write_checkpoint(job.keep, KIND, *kept)

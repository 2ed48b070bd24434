"""One of several processes that train a network together: ``python -m`` this, by `processes`."""

import argparse
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

import jax

from xenoglyph.autoencoder.job import Job
from xenoglyph.autoencoder.training import Epoch, Run, train
from xenoglyph.errors import XenoglyphError

__all__ = ["main"]

STOPPED = 143


def main() -> None:
    """Train as the job says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the job lies")
    parser.add_argument("--coordinator", required=True, help="address of the first process")
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--of", type=int, required=True, help="how many processes there are")
    parser.add_argument("--share", type=int, nargs=2, required=True, help="of the cores: i, n")
    arguments = parser.parse_args()
    out, answers = _private_output(), _answers()

    def tell(message: dict[str, Any]) -> None:
        if arguments.rank == 0:
            print(json.dumps(message), file=out, flush=True)

    _take_share_of_cores(*arguments.share)
    jax.distributed.initialize(arguments.coordinator, arguments.of, arguments.rank)
    signal.signal(signal.SIGTERM, _stop)  # only now: JAX has put a handler of its own in place
    try:
        _train(Job.read(arguments.folder), arguments.rank == 0, tell, answers)
    except XenoglyphError as error:
        tell({"error": [type(error).__name__, str(error)]})
    except SystemExit:
        # The others may wait for this one in a sum that will never be: no farewell.
        os._exit(STOPPED)


def _train(
    job: Job, first: bool, tell: Callable[[dict[str, Any]], None], answers: "queue.Queue[bool]"
) -> None:
    run = job.keeper.load()
    assert run is not None

    def show(epoch: Epoch) -> bool:
        if not (first and job.watched):
            return False
        job.show(epoch.network)
        tell({"epoch": {**epoch._asdict(), "network": None}})
        return answers.get()

    def save(run: Run) -> None:
        job.keeper.save(run)
        tell({"saved": run.epoch})

    validation = None if job.validation is None else job.validation.open()
    train(
        run, job.rows.open(), job.task.recipe, weights=job.weights, validation=validation,
        report=lambda *told: tell({"progress": told}), callbacks=[show], save=save,
    )  # fmt: skip


def _answers() -> "queue.Queue[bool]":
    """Read what the process that started this one answers; end when it has ended."""
    answers: queue.Queue[bool] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            answers.put(json.loads(line))
        os._exit(STOPPED)

    threading.Thread(target=listen, daemon=True).start()
    return answers


def _take_share_of_cores(part: int, of: int) -> None:
    """Keep to some of the cores, where the system lets us: threads of all would be in the way."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[part % len(cores) :: of] or cores)


def _private_output() -> TextIO:
    """Keep standard output for what is told; what libraries print there goes with the errors."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _stop(*_: object) -> NoReturn:
    raise SystemExit(STOPPED)


if __name__ == "__main__":
    main()

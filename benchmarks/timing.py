"""Seconds and bytes of a call, processes of one thread, and a core that is kept busy."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

__all__ = ["PATIENCE", "REPEATS", "ROOT", "Cost", "busy_core", "measure", "one_thread"]

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
"""Where `python -m benchmarks....` is started."""

# A call is repeated up to so many times, as long as all of them took fewer seconds.
REPEATS, PATIENCE = 5, 2.0

POOLS = (
    "BLIS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Cost(NamedTuple):
    """What a call took."""

    cpu: float
    """Seconds of all threads of the process."""
    wall: float
    """Seconds."""
    extra: int = 0
    """Bytes by which the process was larger at its peak than before the first call."""


def one_thread() -> dict[str, str]:
    """Return the environment of a process whose BLAS and OpenMP have one thread, and no window."""
    return os.environ | dict.fromkeys(POOLS, "1") | {"MPLBACKEND": "Agg"}


def measure(call: Callable[[], T]) -> tuple[T, Cost]:
    """Call up to `REPEATS` times; return the first result and the least seconds."""
    before = _start_of_peak()
    result, first = _once(call)
    extra = _peak() - before
    costs, spent = [first], first.wall
    while len(costs) < REPEATS and spent < PATIENCE:
        costs.append(_once(call)[1])
        spent += costs[-1].wall
    return result, Cost(min(c.cpu for c in costs), min(c.wall for c in costs), extra)


def _once(call: Callable[[], T]) -> tuple[T, Cost]:
    cpu, wall = time.process_time(), time.perf_counter()
    result = call()
    return result, Cost(time.process_time() - cpu, time.perf_counter() - wall)


def _start_of_peak() -> int:
    """Forget the peak so far, where Linux lets us; return the bytes of the process now."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return _peak()
    return _status("VmRSS")


def _peak() -> int:
    """Most bytes that the process had in memory.

    Linux hands ru_maxrss down from the process that started this one, hence its status instead.
    """
    if STATUS.exists():
        return _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int:
    lines = STATUS.read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


@contextmanager
def busy_core(busy: bool = True) -> Iterator[None]:
    """Keep one core busy with a process that spins, unless `busy` is false."""
    if not busy:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinning:
        try:
            yield
        finally:
            spinning.kill()

"""Clusters of Dask: one of this machine's processes, or one whose scheduler already runs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.resource_tracker import ensure_running
from tempfile import TemporaryDirectory

import dask
from distributed import Client, LocalCluster
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from xenoglyph.errors import ClusterError
from xenoglyph.stopping import undisturbed

__all__ = ["local_workers", "scheduler_at"]

ANSWER_SECONDS = 10
"""How long to wait for the scheduler's answer."""
LOST = (CommClosedError, FutureCancelledError, KilledWorker)
DASHBOARD = "127.0.0.1:0"
"""At any port that is free, and for this machine alone: by itself Dask would let all in."""


@contextmanager
def local_workers(n: int) -> Iterator[tuple[Client, str]]:
    """Start workers on this machine, one process of one thread each; stop them afterwards.

    Parameters
    ----------
    n : int

    Yields
    ------
    client : distributed.Client
    dashboard : str
        Where its dashboard is, or what it lacks.

    Raises
    ------
    ClusterError
        If the scheduler or too many workers are lost.
    """
    with TemporaryDirectory(prefix="xenoglyph-") as folder:
        # No limit on memory: blocks bound it, and JAX alone takes more than a core's share. What
        # a killed worker leaves behind goes with the folder.
        ensure_running()  # what multiprocessing starts first, and then lets Ctrl-C through again
        with undisturbed():
            cluster = LocalCluster(
                n, threads_per_worker=1, processes=True, memory_limit=None,
                dashboard_address=DASHBOARD, local_directory=folder, env={"TMPDIR": folder},
                silence_logs=logging.CRITICAL,
            )  # fmt: skip
        with cluster, Client(cluster) as client, _plain_errors():
            told = cluster.dashboard_link
            if find_spec("bokeh") is None:
                told = "none, for it needs bokeh: pip install bokeh"
            yield client, told


@contextmanager
def scheduler_at(address: str) -> Iterator[tuple[Client, str]]:
    """Connect to a scheduler.

    Parameters
    ----------
    address : str
        Such as ``tcp://10.0.0.1:8786``.

    Yields
    ------
    client : distributed.Client
    dashboard : str
        Where its dashboard is.

    Raises
    ------
    ClusterError
        If no scheduler answers at the address, or it or too many workers are lost.
    """
    with dask.config.set(scheduler=None):  # put back even where a client that fails does not
        try:
            client = Client(address, timeout=ANSWER_SECONDS)
        except (OSError, ValueError, RuntimeError) as error:
            raise ClusterError(
                f"no scheduler of Dask answers at {address}: {error}; start one with `dask "
                "scheduler`, and give the address that it prints"
            ) from error
        with client, _plain_errors():
            yield client, client.dashboard_link


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except LOST as error:
        raise ClusterError(f"the scheduler or its workers were lost: {error}") from error

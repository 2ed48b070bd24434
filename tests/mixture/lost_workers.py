"""Fits a table on two workers, of which one is killed at a random time; once for each trial.

``python lost_workers.py FOLDER TRIALS`` prints in how many trials the result had the same bits as
without any worker.
"""

import hashlib
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from xenoglyph import MMLGaussianMixture

N, ROWS = 400_000, 20_000


def read(path, block_info):
    first, last = block_info[None]["array-location"][0]
    return np.array(np.load(path, mmap_mode="r")[first:last])


def digest(table):
    fit = MMLGaussianMixture(sample_size=10_000).fit(table)
    parts = (fit.weights_, fit.means_, fit.covariances_, np.float64(fit.message_length_))
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def kill_one(cluster, stop, wait):
    """Kill a worker after so many seconds, unless the fit is over."""
    if stop.wait(wait):
        return
    running = [
        nanny.process.pid
        for nanny in cluster.workers.values()
        if nanny.status.name == "running" and nanny.process.status.name == "running"
    ]
    os.kill(random.choice(running), signal.SIGKILL)
    stop.killed = True


def main(folder, trials):
    # A cluster drops a worker for good that it finds missing so long after it was lost, be it
    # lost anew. Nobody loses workers as often as we do.
    dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"})
    path = Path(folder) / "table.npy"
    drawn = np.random.default_rng(0)
    centres = 4.0 * drawn.standard_normal((6, 4))
    np.save(path, drawn.standard_normal((N, 4)) + centres[drawn.integers(0, 6, N)])
    chunks = ((ROWS,) * (N // ROWS), (4,))
    table = da.map_blocks(read, str(path), chunks=chunks, meta=np.empty((0, 4)))
    expected, same = digest(table), 0
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50,
            local_directory=folder,
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        begin = time.perf_counter()
        assert digest(table) == expected
        seconds = time.perf_counter() - begin
        random.seed(0)
        tried = 0
        while tried < trials:
            client.wait_for_workers(2)
            stop = threading.Event()
            stop.killed = False
            wait = random.uniform(0.0, seconds)
            killer = threading.Thread(target=kill_one, args=(cluster, stop, wait))
            killer.start()
            found = digest(table)
            stop.set()
            killer.join()
            # A fit that was over before anybody was killed tells nothing.
            tried += stop.killed
            same += stop.killed and found == expected
    print(same)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

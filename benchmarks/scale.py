"""Tables larger than memory, and more than one process: `python -m benchmarks.scale`.

Rows of 20 Gaussians in six dimensions lie in a file, and are fitted as a memory map: seconds and
peak memory of fresh processes from 10,000 to 10,000,000 rows, beside the same rows in memory,
scikit-learn's GaussianMixture, which is told the number of components, and Dask-ML's k-means where
it is installed. Then: a pass over blocks against a sweep in memory; two workers of Dask against
one; what a billion rows on a hundred workers would take, by a model whose parts are measured.

``--gigabytes 10`` fits a file of that size instead, in a process that tells its peak, and
``--lost 20`` kills a worker in each of so many fits. Answers are checked before times are printed:
k, the message length within 0.1 % of that in memory, the same bits for any number of workers.
Mixtures by Spark (org.apache.spark.ml.clustering.GaussianMixture) are a peer that was not run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from benchmarks.data import separated_source
from benchmarks.tables import number, print_table, seconds
from benchmarks.timing import ROOT, measure, one_thread
from xenoglyph import MMLGaussianMixture
from xenoglyph.mixture.block_em import Expectation
from xenoglyph.mixture.blocks import ArrayBlocks, DaskBlocks
from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.rows import Rows
from xenoglyph.mixture.state import Mixture

Array = NDArray[np.float64]

D, K = 6, 20
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
QUICK = (10_000, 100_000)
AT_ONCE = 1_000_000
"""Rows that are drawn together."""
PEER_MOST = 1_000_000
"""Rows of the largest table that peers in memory are given."""
EXPONENT, THROUGHPUT, SPEEDUP, ALIKE, PEAK = 1.05, 0.7, 1.7, 1e-3, 1024
"""What is to be reached; the last in MiB."""
BILLION, WORKERS = 10**9, 100
MIB = 1 << 20


def write_table(path: Path, n: int, d: int = D, k: int = K) -> None:
    """Write n rows, always of the same Gaussians, as float64 in NumPy's format."""
    random = np.random.RandomState(0)
    draw = separated_source(d, k, random)
    table = np.lib.format.open_memmap(path, "w+", np.float64, (n, d))
    for first in range(0, n, AT_ONCE):
        table[first : first + AT_ONCE] = draw(min(AT_ONCE, n - first), random)
    table.flush()


# ---------------------------------------------------------------- in a process of their own


def fit_ours(path: str, mapped: bool, threads: int) -> dict[str, Any]:
    """Fit a file, mapped or read into memory."""
    X = np.load(path, mmap_mode="r")
    table = X if mapped else np.array(X)
    fit, cost = measure(lambda: MMLGaussianMixture(n_jobs=threads).fit(table))
    told = {"k": fit.n_components_, "length": fit.message_length_, "passes": fit.n_iter_ + 1}
    sampled = 0 if fit.sample_ is None else fit.sample_.n_rows
    return {**told, "sample": sampled, "seconds": cost.wall, "mib": cost.extra / MIB}


def fit_scikit(path: str, k: int) -> dict[str, Any]:
    """Fit scikit-learn's mixture, once, to a file read into memory."""
    X = np.array(np.load(path))
    fit, cost = measure(lambda: GaussianMixture(k, random_state=0).fit(X))
    return {"k": k, "likelihood": fit.lower_bound_, "seconds": cost.wall, "mib": cost.extra / MIB}


def fit_dask_ml(path: str, k: int) -> dict[str, Any]:
    """Fit Dask-ML's k-means, which is told k too, to chunks of a file."""
    X = np.load(path, mmap_mode="r")
    table = da.from_array(X, chunks=(max(1, len(X) // 16), -1))
    kmeans = import_module("dask_ml.cluster").KMeans(k, random_state=0)
    _, cost = measure(lambda: kmeans.fit(table))
    return {"k": k, "seconds": cost.wall, "mib": cost.extra / MIB}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "ours": fit_ours,
    "scikit-learn": fit_scikit,
    "dask-ml": fit_dask_ml,
}


def _alone(task: str, *arguments: Any) -> dict[str, Any]:
    """Run a task in a fresh process of one thread."""
    command = [sys.executable, "-m", "benchmarks.scale", "--task", task, json.dumps(arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=one_thread(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{task} {arguments} failed:\n{done.stderr[-3000:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


# ------------------------------------------------------------------------------------- parts


def grow(folder: Path, sizes: tuple[int, ...]) -> tuple[list[str], dict[str, Any]]:
    """Fit ever more rows; return the checks that failed and the last fit of a map."""
    rows, failures, walls = [], [], []
    for n in sizes:
        path = folder / f"{n}.npy"
        write_table(path, n)
        mapped = _alone("ours", str(path), True, 1)
        memory = _alone("ours", str(path), False, 1)
        walls.append(mapped["seconds"])
        apart = mapped["length"] / memory["length"] - 1.0
        if mapped["k"] != memory["k"] or apart > ALIKE:
            failures.append(f"n = {n:,}: k {mapped['k']} and {memory['k']}, apart {apart:.2e}")
        peers = {}
        if n <= PEER_MOST:
            peers["scikit-learn"] = _alone("scikit-learn", str(path), memory["k"])
        if find_spec("dask_ml"):
            peers["dask-ml"] = _alone("dask-ml", str(path), memory["k"])
        rows.append(
            [
                f"{n:,}", f"{mapped['sample']:,}", str(mapped["k"]), str(memory["k"]),
                f"{apart:.1e}", *_costs(mapped), *_costs(memory),
                *_costs(peers.get("scikit-learn")), *_costs(peers.get("dask-ml")),
            ]
        )  # fmt: skip
    header = (
        "rows", "sample", "k, map", "k, memory", "length apart", "map s", "MiB", "memory s", "MiB",
        "scikit-learn s", "MiB", "Dask-ML k-means s", "MiB",
    )  # fmt: skip
    print_table("Fits of d = 6, 20 Gaussians; one thread; MiB beyond the start", header, rows)
    exponent = np.polyfit(np.log(sizes), np.log(walls), 1)[0]
    print(f"\nseconds of a map grow with n^{exponent:.2f} (wanted: under {EXPONENT})")
    return failures, mapped


def _costs(told: dict[str, Any] | None) -> list[str]:
    return ["-", "-"] if told is None else [seconds(told["seconds"]), number(told["mib"])]


def throughput(path: Path) -> tuple[float, Expectation]:
    """Time a pass over blocks against a sweep in memory; return seconds per row of the pass."""
    X = np.load(path, mmap_mode="r")
    fit = MMLGaussianMixture(sample_size=100_000).fit(X)._fitted
    step = Expectation(fit.standardisation, fit.objective, fit.parameters)
    table = np.array(X[: 2 * AT_ONCE])
    sums, in_blocks = measure(lambda: step.read(ArrayBlocks(table).total(step)))
    rows = Rows(fit.standardisation.apply(table), np.ones(len(table)), fit.standardisation)
    x = Mixture(rows, fit.objective, fit.parameters)
    if not np.isclose(sums.log_likelihood, x.log_likelihood, rtol=1e-10):
        raise SystemExit("a pass and a sweep disagree about the log-likelihood")
    _, sweep = measure(lambda: converge(x, 1, -np.inf))
    ratio = sweep.wall / in_blocks.wall
    per_row = in_blocks.wall / len(table)
    print(
        f"\na pass over blocks: {1e9 * per_row:.0f} ns a row, {ratio:.2f} times the throughput of "
        f"a sweep in memory (wanted: at least {THROUGHPUT})"
    )
    return per_row, step


class Nothing:
    """A statistic as long as that of a pass, which nobody computes."""

    def of(self, X: Array, s: Array) -> Array:
        """Return zeros."""
        return np.zeros(2 + K * (1 + D + D * D))

    def combine(self, a: Array, b: Array) -> Array:
        """Add."""
        return a + b


def _read(path: str, block_info: Any = None) -> Array:
    first, last = block_info[None]["array-location"][0]
    return np.array(np.load(path, mmap_mode="r")[first:last])


def chunked(path: Path, rows: int) -> Any:
    """Return a file as a Dask array whose chunks workers read for themselves."""
    n, d = np.load(path, mmap_mode="r").shape
    sizes = (rows,) * (n // rows) + ((n % rows,) if n % rows else ())
    return da.map_blocks(_read, str(path), chunks=(sizes, (d,)), meta=np.empty((0, d)))


def workers(path: Path, step: Expectation, rows: int) -> tuple[list[str], float]:
    """Time passes on one worker and on two; return failures and the seconds that a task costs."""
    walls, totals = {}, []
    for count in (1, 2):
        with (
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster),
        ):
            table = DaskBlocks(chunked(path, rows))
            table.total(step)  # imports, and reads the file once
            total, cost = measure(lambda table=table: table.total(step))
            totals.append(total)
            walls[count] = cost.wall
            if count == 1:
                idle = DaskBlocks(da.zeros((1000, D), chunks=(1, D)))
                _, empty = measure(lambda idle=idle: idle.total(Nothing()))
    failures = [] if np.array_equal(*totals) else ["two workers add up other bits than one"]
    print(
        f"\none worker {seconds(walls[1])} s a pass, two {seconds(walls[2])}: "
        f"{walls[1] / walls[2]:.2f} times as fast (wanted: at least {SPEEDUP})"
    )
    return failures, empty.wall / 1000


def project(per_row: float, per_task: float, last: dict[str, Any]) -> None:
    """Say what a billion rows on a hundred workers would take."""
    chunks = BILLION // AT_ONCE
    search = last["seconds"] - last["passes"] * last["rows"] * per_row
    one_pass = BILLION / WORKERS * per_row + chunks * per_task
    total = search + (last["passes"] + 2) * one_pass
    print(
        f"\na billion rows on {WORKERS} workers, projected: {total / 60:.1f} minutes =\n"
        f"  {seconds(search)} s of search on the sample (measured: the fit of {last['rows']:,} "
        "rows less its passes)\n"
        f"  + {last['passes'] + 2} passes (measured: {last['passes']} there; one to scan, one to "
        f"draw) of {seconds(one_pass)} s:\n"
        f"    {BILLION // WORKERS:,} rows a worker at {1e9 * per_row:.0f} ns (measured in memory, "
        f"one thread)\n"
        f"    + {chunks:,} tasks of {1e3 * per_task:.2f} ms of the scheduler (measured, one "
        "worker, empty tasks)\n"
        "  Not in the model: reading files, which is as fast as the storage is, and stragglers."
    )


def large(folder: Path, gigabytes: float) -> list[str]:
    """Fit a file of so many gigabytes in a process that tells its peak."""
    path = folder / "large.npy"
    n = int(gigabytes * 1e9 / (8 * D))
    write_table(path, n)
    told = _alone("ours", str(path), True, 2)
    print(
        f"\n{path.stat().st_size / 1e9:.1f} GB, {n:,} rows, two threads: "
        f"{seconds(told['seconds'])} s, {told['passes']} passes, k {told['k']}, "
        f"{told['mib']:.0f} MiB beyond the start (wanted: at most {PEAK})"
    )
    return [] if told["k"] == K else [f"{told['k']} components were found in the large file"]


def lost(folder: Path, trials: int) -> list[str]:
    """Kill a worker in each of so many fits."""
    script = ROOT / "tests" / "mixture" / "lost_workers.py"
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(trials)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    same = done.stdout.strip()
    print(f"\nworkers killed: {same or 0} of {trials} fits with the same bits")
    return [] if same == str(trials) else [f"lost workers: {done.stderr[-2000:]}"]


def main() -> int:
    """Print what was asked for; 1 where a check of ours failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 100,000 rows")
    parser.add_argument("--gigabytes", type=float, default=0.0, help="fit a file of that size")
    parser.add_argument("--lost", type=int, default=0, help="fits in which a worker is killed")
    parser.add_argument("--task", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        name, arguments = options.task
        print(json.dumps(TASKS[name](*json.loads(arguments))))
        return 0
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="xenoglyph-") as name:
        folder = Path(name)
        if options.gigabytes:
            failures += large(folder, options.gigabytes)
        if options.lost:
            failures += lost(folder, options.lost)
        if not options.gigabytes and not options.lost:
            sizes = QUICK if options.quick else SIZES
            failed, last = grow(folder, sizes)
            last["rows"] = sizes[-1]
            path = folder / f"{sizes[-1]}.npy"
            per_row, step = throughput(path)
            more, per_task = workers(path, step, sizes[-1] // 10)
            failures += failed + more
            project(per_row, per_task, last)
    for failure in failures:
        print(f"FAILED: {failure}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())

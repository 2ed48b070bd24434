"""Small measurements: one component's update, the start of a program, the same bits by threads."""

import hashlib
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmarks.tables import number, print_table, seconds
from benchmarks.timing import ROOT, one_thread
from xenoglyph import MMLGaussianMixture
from xenoglyph.mixture.cem2 import converge
from xenoglyph.mixture.fitting import rows_of
from xenoglyph.mixture.state import Mixture

__all__ = ["component_update", "start_up", "threads"]

Array = NDArray[np.float64]

COMPONENTS, SWEEPS, TIMES = 25, 4, 20
JOBS = (1, 2, 3, 4, 8)
STARTS = 7

IMPORTS = {
    "numpy, scipy, sklearn": "import numpy, scipy, sklearn",
    "and sklearn.mixture": "import numpy, scipy, sklearn.mixture",
}
FIT = """
from xenoglyph import MMLGaussianMixture
random = numpy.random.RandomState(0)
X = random.standard_normal((900, 2)) * (2.0 ** 0.5, 0.2 ** 0.5)
X[300:600, 1] += 2.0
X[600:, 1] -= 2.0
MMLGaussianMixture().fit(X)
"""


def component_update(X: Array) -> list[str]:
    """Print the time of one component's update over that of an exponential of every row."""
    n, d = X.shape
    model = MMLGaussianMixture(
        COMPONENTS, min_components=COMPONENTS, search="annihilation", max_sweeps=1, random_state=0
    )  # as many at least as at most, so that none dies
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        fitted = model.fit(X)._fitted
    x = Mixture(rows_of(X, np.ones(n), 1), fitted.objective, fitted.parameters)
    ended, _ = converge(x, SWEEPS, -np.inf)
    argument = np.random.RandomState(0).uniform(-20.0, 0.0, n)
    out = np.empty(n)
    with threadpool_limits(1):
        sweep = _least(lambda: converge(x, SWEEPS, -np.inf)) / (SWEEPS * COMPONENTS)
        exponential = _least(lambda: np.exp(argument, out=out))
    print_table(
        f"One component's update at n = {n:,}, d = {d}, k = {COMPONENTS}, one thread",
        ("", "microseconds"),
        [
            ["update of a component (a sweep over k)", number(1e6 * sweep)],
            [f"np.exp of {n:,} doubles", number(1e6 * exponential)],
        ],
    )
    print(f"\ntarget < 13 exponentials / measured {sweep / exponential:.1f}")
    stopped = len(ended) != SWEEPS or x.k != COMPONENTS or not np.isfinite(x.length())
    return ["the sweeps of the update ended early"] if stopped else []


def _least(call: Callable[[], object]) -> float:
    """Least seconds of `TIMES` calls."""
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def start_up() -> list[str]:
    """Print what the first fit costs a program that has NumPy, SciPy and scikit-learn already."""
    rows = []
    for name, imports in IMPORTS.items():
        walls = np.array([[_run(imports), _run(imports + FIT)] for _ in range(STARTS)])
        bare, fit = np.median(walls, axis=0)
        extra = float(np.median(walls[:, 1] - walls[:, 0]))
        rows.append([name, seconds(bare), seconds(fit), f"0.3 / {extra:.3f}"])
    print_table(
        f"Start-up: wall seconds of a whole process, medians of {STARTS}; the fit is of 900 rows",
        ("imported", "bare", "with our fit", "more: target / measured"),
        rows,
    )
    return []


def _run(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=one_thread(), check=True)
    return time.perf_counter() - start


def threads(X: Array) -> list[str]:
    """Print a digest of the mixture for every number of threads; complain where they differ."""
    rows, failures = [], []
    for search in ("split-merge", "annihilation"):
        digests = set()
        for jobs in JOBS:
            start = time.perf_counter()
            with threadpool_limits(1):
                model = MMLGaussianMixture(search=search, n_jobs=jobs, random_state=0).fit(X)
            wall = time.perf_counter() - start
            parts = model.weights_, model.means_, model.covariances_
            digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
            rows.append([search, str(jobs), str(model.n_components_), seconds(wall), digest[:16]])
            digests.add(digest)
        if len(digests) > 1:
            failures.append(f"{search}: {len(digests)} different results for n_jobs = {JOBS}")
    header = ("search", "n_jobs", "k", "wall s", "SHA-256")
    print_table(f"The same bits for any number of threads, n = {len(X):,}", header, rows)
    return failures

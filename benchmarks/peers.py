"""The programs that are compared, each in a fresh process with one thread.

`python -m benchmarks.peers NAME ROWS.npy ANSWER.npz K` is such a process. What it fits and
returns is judged by the process that started it.
"""

import importlib
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from benchmarks.checks import Answer, message_length, refusal
from benchmarks.codes import cache_folder
from benchmarks.timing import ROOT, Cost, measure, one_thread
from xenoglyph import MMLGaussianMixture

__all__ = [
    "ANNIHILATION",
    "GMM_MML",
    "OURS",
    "PEERS",
    "SAME_CRITERION",
    "SINGLE",
    "Outcome",
    "run_peer",
]

Array = NDArray[np.float64]
Found = tuple[Answer, Cost]

MOST = 25
GMM_MML_VERSION = "0.12"
# Seconds that a program is given.
LIMIT = 3600.0

OURS, SAME_CRITERION = "xenoglyph", "xenoglyph, criterion=program"
ANNIHILATION = "xenoglyph, annihilation"
GMM_MML, SINGLE = f"gmm-mml {GMM_MML_VERSION}", "scikit-learn, our k alone"
SWEEP, MCLUST = f"scikit-learn, BIC of 1 to {MOST}", f"mclust, VVV, 1 to {MOST}"


class Outcome(NamedTuple):
    """What a program answered, once it is checked."""

    name: str
    k: int = 0
    dl: float = np.nan
    """Nats, by `checks.message_length`."""
    cost: Cost = Cost(np.nan, np.nan)
    refused: str | None = None
    """Why there is no answer, or none that holds."""


def run_peer(name: str, X: Array, k: int = 0) -> Outcome:
    """Run a program on X in a process of its own, and check what it answers.

    Parameters
    ----------
    name : str
        A key of `PEERS`.
    X : array of shape (n, d)
    k : int
        Components, for a program that has to be told.
    """
    with TemporaryDirectory() as folder:
        rows, answer = Path(folder, "rows.npy"), Path(folder, "answer.npz")
        np.save(rows, X)
        command = [sys.executable, "-m", "benchmarks.peers", name, str(rows), str(answer), str(k)]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=one_thread(), timeout=LIMIT, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Outcome(name, refused=f"not ready after {LIMIT:,.0f} s")
        if done.returncode:
            return Outcome(name, refused=_last_line(done.stderr))
        with np.load(answer) as read:
            found = Answer(read["weights"], read["means"], read["covariances"])
            cost = Cost(float(read["cpu"]), float(read["wall"]), int(read["extra"]))
    refused = refusal(found, X.shape[1])
    if refused:
        return Outcome(name, len(found.weights), refused=refused)
    return Outcome(name, len(found.weights), message_length(X, found), cost)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def _ours(X: Array, k: int) -> Found:
    return _mml(MMLGaussianMixture(), X)


def _same_criterion(X: Array, k: int) -> Found:
    return _mml(MMLGaussianMixture(criterion="program"), X)


def _annihilation(X: Array, k: int) -> Found:
    from_many = MMLGaussianMixture(search="annihilation", max_components=MOST, random_state=0)
    return _mml(from_many, X)


def _mml(model: MMLGaussianMixture, X: Array) -> Found:
    found, cost = measure(lambda: model.fit(X))
    return Answer(found.weights_, found.means_, found.covariances_), cost


def _single(X: Array, k: int) -> Found:
    found, cost = measure(lambda: GaussianMixture(k, random_state=0).fit(X))
    return Answer(found.weights_, found.means_, found.covariances_), cost


def _sweep(X: Array, k: int) -> Found:
    def best() -> GaussianMixture:
        fits = [GaussianMixture(k, random_state=0).fit(X) for k in range(1, MOST + 1)]
        return fits[int(np.argmin([fit.bic(X) for fit in fits]))]

    found, cost = measure(best)
    return Answer(found.weights_, found.means_, found.covariances_), cost


def _gmm_mml(X: Array, k: int) -> Found:
    sys.path.append(str(_fetched_gmm_mml()))
    GmmMml = importlib.import_module("gmm_mml").GmmMml

    def fit() -> Any:
        np.random.seed(0)  # it draws from NumPy's global state
        return GmmMml(plots=False).fit(X)

    found, cost = measure(fit)
    covariances = np.moveaxis(np.asarray(found.bestcov), -1, 0)
    return Answer(np.ravel(found.bestpp), np.asarray(found.bestmu), covariances), cost


def _fetched_gmm_mml() -> Path:
    """Folder with gmm-mml, installed from PyPI the first time.

    It comes without what it depends on: it asks for a deprecated name of scikit-learn.
    """
    folder = cache_folder() / f"gmm-mml-{GMM_MML_VERSION}"
    if folder.exists():
        return folder
    with TemporaryDirectory(dir=cache_folder()) as unfinished:
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--retries", "1", "--no-deps", "--target", unfinished, f"gmm-mml=={GMM_MML_VERSION}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"pip could not install it: {_last_line(done.stderr)}")
        shutil.copytree(unfinished, folder)
    return folder


def _mclust(X: Array, k: int) -> Found:
    if shutil.which("Rscript") is None:
        raise SystemExit("Rscript is not on the PATH")
    n, d = X.shape
    with TemporaryDirectory() as folder:
        rows, answer = Path(folder, "rows"), Path(folder, "answer")
        np.ascontiguousarray(X).tofile(rows)
        script = str(Path(__file__).with_name("mclust.R"))
        command = ["Rscript", "--vanilla", script, str(rows), str(n), str(d), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(_last_line(done.stderr))
        cpu, wall, count, *numbers = np.fromfile(answer).tolist()
    k, flat = int(count), np.array(numbers)
    parts = flat[:k], flat[k : k + k * d].reshape(k, d), flat[k + k * d :].reshape(k, d, d)
    return Answer(*parts), Cost(cpu, wall)


PEERS: Mapping[str, Callable[[Array, int], Found]] = {
    OURS: _ours,
    SAME_CRITERION: _same_criterion,
    ANNIHILATION: _annihilation,
    GMM_MML: _gmm_mml,
    SWEEP: _sweep,
    SINGLE: _single,
    MCLUST: _mclust,
}
"""Name of a program -> what fits it to rows, of its own choice of k or with the k given."""


def main(name: str, rows: str, answer: str, k: str) -> None:
    """Fit, and write the mixture and what it took."""
    warnings.simplefilter("ignore")  # sweeps over k end without convergence here and there
    found, cost = PEERS[name](np.load(rows), int(k))
    np.savez(answer, **found._asdict(), **cost._asdict())


if __name__ == "__main__":
    main(*sys.argv[1:])

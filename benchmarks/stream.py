"""How fast a mixture learns a stream, how well, and how late it notices what changes.

`python -m benchmarks.stream` draws streams from mixtures that it knows. Rows in memory are fitted
in the same run: those of the last window, by `fit`, and by scikit-learn's `GaussianMixture`, which
is told the number of components. The exit status is 1 where the number of components of a stream
is not that of `fit`, or not that of the clusters that it was drawn from.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from benchmarks.tables import print_table
from xenoglyph import MMLGaussianMixture

Array = NDArray[np.float64]

D, K, BATCH, RATE = 6, 20, 10_000, 1e-5
SEEDS, FRESH = range(5), 20_000
# A component has followed a cluster when its mean is so near, in standard deviations.
NEAR = 0.5


@dataclass(frozen=True)
class World:
    """A mixture to draw from."""

    alpha: Array
    mu: Array
    L: Array
    """Cholesky factors of the covariances."""

    @classmethod
    def drawn(cls, seed: int) -> "World":
        """Draw one: means of three standard deviations, covariances near a half."""
        r = np.random.default_rng(seed)
        A = 0.35 * r.normal(size=(K, D, D))
        C = 0.3 * np.eye(D) + A @ A.transpose(0, 2, 1)
        mu = 3.0 * r.normal(size=(K, D))
        return cls(r.dirichlet(np.full(K, 3.0)), mu, np.linalg.cholesky(C))

    def rows(self, n: int, r: np.random.Generator) -> Array:
        """Draw rows."""
        z = r.choice(len(self.alpha), n, p=self.alpha)
        return self.mu[z] + np.einsum("nij,nj->ni", self.L[z], r.normal(size=(n, D)))


def standing(n: int) -> list[str]:
    """Print speed and likelihood on streams that stay as they are; return what failed."""
    table, failures = [], []
    for seed in SEEDS:
        world, r = World.drawn(seed), np.random.default_rng(1000 + seed)
        X, fresh = world.rows(n, r), world.rows(FRESH, r)
        stream = MMLGaussianMixture(forgetting_rate=RATE, random_state=0)
        start = time.perf_counter()
        for first in range(0, n, BATCH):
            stream.partial_fit(X[first : first + BATCH])
        streamed = time.perf_counter() - start
        window = X[-int(1 / RATE) :]
        start = time.perf_counter()
        fit = MMLGaussianMixture().fit(window)
        fitted = time.perf_counter() - start
        start = time.perf_counter()
        theirs = GaussianMixture(K, random_state=0).fit(window)
        told = time.perf_counter() - start
        scores = stream.score(fresh), fit.score(fresh), float(theirs.score(fresh))
        if stream.n_components_ != fit.n_components_:
            failures.append(
                f"seed {seed}: k {stream.n_components_}, in memory {fit.n_components_}"
            )
        if not np.isfinite(scores).all():
            failures.append(f"seed {seed}: log-likelihoods {scores}")
        speeds = n / streamed, len(window) / fitted, len(window) / told
        table.append([
            str(seed), *(f"{speed:,.0f}" for speed in speeds), f"{speeds[0] / speeds[1]:.2f}",
            f"{stream.n_components_}, {fit.n_components_}", *(f"{score:.4f}" for score in scores),
        ])  # fmt: skip
    header = (
        "seed", "stream rows/s", "fit rows/s", "sklearn rows/s", "stream / fit", "k: stream, fit",
        "fresh: stream", "fit", "sklearn",
    )  # fmt: skip
    title = f"{n:,} rows of {D} numbers from {K} components, in batches of {BATCH:,}"
    print_table(title, header, table)
    return failures


def _worlds(t: float) -> Array:
    """Three clusters; one vanishes after 4 windows, another appears after 6."""
    means = [[0.0, 0.0], [9.0, 0.0]]
    means += [[0.0, -9.0]] if t < 4.0 else []
    return np.array(means + ([[-9.0, 4.0]] if t >= 6.0 else []))


def changing(rate: float) -> Iterator[list[str]]:
    """Yield, for each seed, how many rows pass before a birth and a death are noticed."""
    window, batch = 1.0 / rate, max(int(0.01 / rate), 10)
    for seed in SEEDS:
        r = np.random.default_rng(seed)
        mixture = MMLGaussianMixture(forgetting_rate=rate, random_state=0)
        born = gone = 0
        for first in range(0, int(16 * window), batch):
            means = _worlds(first / window)
            mixture.partial_fit(
                means[r.integers(0, len(means), batch)] + r.normal(size=(batch, 2))
            )
            apart = np.linalg.norm(mixture.means_ - [-9.0, 4.0], axis=1).min()
            old = np.linalg.norm(mixture.means_ - [0.0, -9.0], axis=1).min()
            now = first + batch
            born = (
                now - int(6 * window)
                if first >= 6 * window and not born and apart < NEAR
                else born
            )
            gone = (
                now - int(4 * window) if first >= 4 * window and not gone and old > 2.0 else gone
            )
        row = [f"{rate:g}", str(seed), f"{born:,}", f"{born / window:.2f}"]
        yield [*row, f"{gone:,}", f"{gone / window:.2f}", str(mixture.n_components_)]


def main() -> int:
    """Print the tables; return 1 where a check fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    rows = parser.parse_args().rows
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    failures = standing(rows)
    header = ("rate", "seed", "birth, rows", "windows", "death, rows", "windows", "k at the end")
    table = [row for rate in (1e-3, 1e-4, 1e-5) for row in changing(rate)]
    failures += [f"rate {row[0]}, seed {row[1]}: k {row[-1]}" for row in table if row[-1] != "3"]
    print_table("A cluster appears, another vanishes", header, table)
    for failure in failures:
        print("FAILED", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

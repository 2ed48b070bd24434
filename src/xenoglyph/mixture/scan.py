"""What a first pass over a table's blocks finds out, and the sample that a second one draws."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError
from xenoglyph.mixture.blocks import Blocks
from xenoglyph.mixture.rows import Standardisation, centre_and_scale, checked_units

__all__ = ["Scan", "Scanned", "draw_rows", "scan"]

Array = NDArray[np.float64]

PER_FEATURE = 7
"""Weight, mean, standard deviation, least and largest value, numbers of NaN and of infinities."""


@dataclass(frozen=True)
class Scanned:
    """A table, told in a few numbers."""

    n_rows: int
    """Rows that have a weight, and a value."""
    n: float
    """Sum of their weights."""
    units: Standardisation


@dataclass(frozen=True)
class Scan:
    """The first pass: a `Statistic`.

    Means and standard deviations of two parts are put together as T. F. Chan, G. H. Golub and
    R. J. LeVeque have it ("Algorithms for computing the sample variance: analysis and
    recommendations", The American Statistician 37(3), 242-247, 1983), in roots instead of squares.
    """

    missing: bool
    """Whether values may be missing."""

    def of(self, X: Array, s: Array) -> Array:
        """See `Statistic`."""
        d = X.shape[1]
        features = np.zeros((PER_FEATURE, d))
        features[3], features[4] = np.inf, -np.inf
        kept = _kept(X, s, self.missing)
        features[5], features[6] = np.isnan(X[kept]).sum(axis=0), np.isinf(X[kept]).sum(axis=0)
        bad = np.count_nonzero(~np.isfinite(s)), np.count_nonzero(s < 0.0)
        if not any(bad):
            for j, (x, w) in enumerate(_columns(X, s, kept)):
                if len(x):
                    with np.errstate(over="ignore", invalid="ignore"):
                        mean, scale, _ = centre_and_scale(x, w)
                    features[:5, j] = w.sum(), mean, scale, x.min(), x.max()
        return np.concatenate([features.ravel(), [kept.sum(), s[kept].sum(), *bad]])

    def combine(self, a: Array, b: Array) -> Array:
        """See `Statistic`."""
        whole = a + b
        f, g = (part[:-4].reshape(PER_FEATURE, -1) for part in (a, b))
        both = whole[:-4].reshape(PER_FEATURE, -1)
        n = np.maximum(both[0], np.finfo(np.float64).tiny)
        p, q = f[0] / n, g[0] / n
        with np.errstate(over="ignore", invalid="ignore"):
            apart = g[1] - f[1]
            both[1] = f[1] + q * apart
            within = np.hypot(np.sqrt(p) * f[2], np.sqrt(q) * g[2])
            both[2] = np.hypot(within, np.sqrt(p * q) * apart)
        both[3], both[4] = np.minimum(f[3], g[3]), np.maximum(f[4], g[4])
        return whole


def scan(blocks: Blocks, missing: bool) -> Scanned:
    """Look at every value once.

    Raises
    ------
    DataError
        If a value or weight cannot be used, or there are not two rows.
    """
    told = blocks.total(Scan(missing))
    features = told[:-4].reshape(PER_FEATURE, -1)
    n_rows, n, odd, negative = told[-4:]
    if odd or negative:
        raise DataError(
            f"sample_weight has {odd:.0f} entries that are not finite and {negative:.0f} negative "
            "ones; give each row zero or more."
        )
    _refuse("infinity", features[6], "drop or replace them")
    if not missing:
        _refuse("NaN", features[5], "drop or replace them, or fit with missing='marginal'")
    if n_rows < 2:
        raise DataError(
            f"{n_rows:.0f} row(s) have a positive sample_weight and a value; give two or more."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        reach = features[4] - features[3]
    units = checked_units(features[1], features[2], reach, features[0] == 0.0)
    return Scanned(int(n_rows), float(n), units)


def draw_rows(
    blocks: Blocks, number: int, missing: bool, random: np.random.RandomState
) -> tuple[Array, Array]:
    """Draw rows by chance, from every block in proportion to its rows.

    Parameters
    ----------
    blocks : Blocks
    number : int
        Rows to draw at most; all of the table where it has no more.
    missing : bool
    random : RandomState

    Returns
    -------
    X : array of shape (n, d)
        Fewer than `number` where some of the rows have no weight, or no value.
    s : array of shape (n,)
    """
    reached = np.concatenate([[0], np.cumsum(blocks.counts())])
    total = int(reached[-1])
    numbers = np.diff([min(number, total) * int(place) // total for place in reached])
    X, s = blocks.pick(numbers, int(random.randint(2**31 - 1)))
    kept = _kept(X, s, missing)
    if kept.sum() < 2:
        raise DataError(
            f"Of {len(s):,} rows drawn by chance {kept.sum()} have a positive sample_weight and a "
            "value; drop the others from X."
        )
    return (X, s) if kept.all() else (X[kept], s[kept])


def _kept(X: Array, s: Array, missing: bool) -> NDArray[np.bool_]:
    kept = s > 0.0
    if missing:
        kept &= ~np.isnan(X).all(axis=1)
    return kept


def _columns(X: Array, s: Array, kept: NDArray[np.bool_]) -> Iterator[tuple[Array, Array]]:
    """Values of each column that are there, and their weights."""
    Y, s = (X, s) if kept.all() else (X[kept], s[kept])
    for x in np.array(Y.T, order="C"):
        there = np.isfinite(x)
        yield (x, s) if there.all() else (x[there], s[there])


def _refuse(what: str, numbers: Array, advice: str) -> None:
    if numbers.any():
        columns = np.flatnonzero(numbers)
        named = ", ".join(map(str, columns[:10])) + (", ..." if len(columns) > 10 else "")
        raise DataError(
            f"Input X contains {what} in column(s) {named} ({numbers.sum():.0f} such value(s) in "
            f"all); {advice}."
        )

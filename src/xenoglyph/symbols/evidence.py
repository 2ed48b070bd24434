"""How sure: what resampled images say of the symbols; and labels, where a set has any.

Labels are for the reader's eyes, never for the method.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import entr
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from xenoglyph.progress import Progress, quiet
from xenoglyph.symbols.merging import Symbols, joint_confusion, merge_joint

__all__ = ["LabelTable", "Stability", "label_table", "mean_entropy", "scores", "stability"]

RESAMPLINGS = 100


@dataclass(frozen=True, eq=False)
class Stability:
    """What becomes of symbols when other images of the same kinds are given."""

    numbers: dict[int, int]
    """How many resamplings gave each number of symbols."""
    jaccard: NDArray[np.float64]
    """How much of each symbol comes back, shape (n_symbols,): see `stability`."""

    def in_order(self, order: NDArray[np.intp]) -> "Stability":
        """Return the same of symbols in another order."""
        return Stability(self.numbers, self.jaccard[order])


def stability(
    pieces: NDArray[np.intp],
    held_out: NDArray[np.float64],
    symbols: Symbols,
    tolerance: float,
    random_state: int,
    progress: Progress = quiet,
) -> Stability:
    """Join pieces again and again, of images drawn with replacement from those there are.

    Pieces and networks stay; what varies is which images speak for joining. Of each symbol, the
    largest Jaccard similarity with a symbol of every resampling is taken (images of both over
    images of either), and the mean over resamplings: the clusterwise stability of C. Hennig,
    "Cluster-wise assessment of cluster stability", Computational Statistics & Data Analysis 52
    (2007), who calls a cluster stable from 0.75 on and not to be believed below 0.5.

    Parameters
    ----------
    pieces, held_out, tolerance
        See `merge_pieces`.
    symbols : Symbols
        What all images together gave.
    random_state : int
    progress : callable, optional
        See `xenoglyph.progress`.

    Returns
    -------
    Stability
    """
    random = np.random.default_rng(random_state)
    n, k = held_out.shape
    numbers: Counter[int] = Counter()
    similar = np.zeros(symbols.n_symbols)
    for done in range(RESAMPLINGS):
        progress("resampling", done, RESAMPLINGS, "")
        weights = np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64)
        again = merge_joint(joint_confusion(pieces, held_out, weights), tolerance)
        mass = np.bincount(pieces, weights, minlength=k)
        both = np.zeros((symbols.n_symbols, again.n_symbols))
        np.add.at(both, (symbols.component_symbol, again.component_symbol), mass)
        either = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
        similar += (both / np.maximum(either, 1.0)).max(axis=1)
        numbers[again.n_symbols] += 1
    progress("resampling", RESAMPLINGS, RESAMPLINGS, "")
    return Stability(dict(sorted(numbers.items())), similar / RESAMPLINGS)


def mean_entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how undecided the images of each symbol are.

    Parameters
    ----------
    probabilities : array of shape (n, n_symbols)
        Probability of each symbol for each image.

    Returns
    -------
    array of shape (n_symbols,)
        Mean entropy in nats of those images for which the symbol is the most probable: 0 where
        all are certain, at most log n_symbols; 0 where there are none.
    """
    n_symbols = probabilities.shape[1]
    own = probabilities.argmax(axis=1)
    nats = entr(probabilities).sum(axis=1)
    count = np.bincount(own, minlength=n_symbols)
    return np.asarray(np.bincount(own, nats, minlength=n_symbols) / np.maximum(count, 1))


@dataclass(frozen=True, eq=False)
class LabelTable:
    """How many images of each label each symbol holds."""

    counts: NDArray[np.int64]
    """Shape (n_symbols, n_labels)."""
    label_names: tuple[str, ...]
    """Names of the columns."""


def label_table(symbols: ArrayLike, labels: ArrayLike, n_symbols: int) -> LabelTable:
    """Count images by symbol and label.

    Parameters
    ----------
    symbols : array of shape (n,)
        Symbol of each image, from 0 to ``n_symbols - 1``.
    labels : array of shape (n,)
        Label of each image, of any kind that can be sorted.
    n_symbols : int

    Returns
    -------
    LabelTable
    """
    names, columns = np.unique(np.asarray(labels), return_inverse=True)
    counts = np.zeros((n_symbols, len(names)), dtype=np.int64)
    np.add.at(counts, (np.asarray(symbols), columns), 1)
    return LabelTable(counts, tuple(str(name) for name in names))


def scores(table: LabelTable) -> dict[str, float]:
    """Agreement of symbols and labels, each number at most one.

    Parameters
    ----------
    table : LabelTable

    Returns
    -------
    dict
        ``ari`` (adjusted Rand index), ``nmi`` (normalised mutual information, arithmetic mean),
        ``purity`` (share of images that bear their symbol's most frequent label) and
        ``accuracy`` (the same under the best one-to-one matching of symbols to labels, by the
        Hungarian method, so that surplus symbols cost).
    """
    counts = table.counts
    n = max(int(counts.sum()), 1)
    symbol, label = (index.repeat(counts.ravel()) for index in _cells(counts))
    matched = linear_sum_assignment(counts, maximize=True)
    return {
        "ari": float(adjusted_rand_score(label, symbol)),
        "nmi": float(normalized_mutual_info_score(label, symbol)),
        "purity": float(counts.max(axis=1).sum() / n),
        "accuracy": float(counts[matched].sum() / n),
    }


def _cells(counts: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Row and column of every cell, flat."""
    row, column = np.indices(counts.shape)
    return row.ravel(), column.ravel()

"""Symbols against labels, where a set has labels: for the reader's eyes, never for the method."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

__all__ = ["LabelTable", "label_table", "scores"]


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

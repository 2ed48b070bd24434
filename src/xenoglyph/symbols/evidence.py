"""How sure: what resampled images say of the symbols; and labels, where a set has any.

Labels are for the reader's eyes, never for the method.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import entr
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from xenoglyph.mixture import MMLGaussianMixture
from xenoglyph.progress import Progress, quiet
from xenoglyph.symbols.merging import Symbols, joint_confusion, merge_joint

__all__ = [
    "Cut",
    "LabelTable",
    "Stability",
    "component_shares",
    "label_table",
    "mean_entropy",
    "most_typical",
    "scores",
    "stability",
]

RESAMPLINGS = 100
BLOCK = 1 << 17
"""Codes whose components are looked at together."""


@dataclass(frozen=True, eq=False)
class Stability:
    """What becomes of symbols when images are cut otherwise, and others like them given."""

    cuts: tuple[int, ...]
    """Number of symbols that each cut gave."""
    numbers: dict[int, int]
    """How many resamplings gave each number of symbols."""
    jaccard: NDArray[np.float64]
    """How much of each symbol comes back, shape (n_symbols,): see `stability`."""

    def in_order(self, order: NDArray[np.intp]) -> "Stability":
        """Return the same of symbols in another order."""
        return replace(self, jaccard=self.jaccard[order])


@dataclass(frozen=True, eq=False)
class Cut:
    """One way of cutting images into pieces, and which of these were joined."""

    pieces: NDArray[np.intp]
    """Piece of each image, shape (n,)."""
    heard: NDArray[np.float64]
    """Probability of each piece for each image, by who has not seen it: see `merge_pieces`."""
    symbols: Symbols
    """Which pieces are which symbol."""

    @property
    def groups(self) -> NDArray[np.intp]:
        """Symbol of the piece of each image, shape (n,)."""
        return self.symbols.component_symbol[self.pieces]


def most_typical(cuts: Sequence[Cut], numbers: Mapping[int, int]) -> int:
    """Tell which of several cuts is to be believed.

    Parameters
    ----------
    cuts : sequence of Cut
        Of the same images.
    numbers : mapping of int to int
        How many resamplings gave each number of symbols.

    Returns
    -------
    int
        Number of a cut: of those whose number of symbols is the nearest to the most frequent, the
        one whose symbols are the most like those of the other cuts (mean adjusted Rand index).
    """
    usual = max(numbers, key=lambda number: (numbers[number], -number))
    away = [abs(cut.symbols.n_symbols - usual) for cut in cuts]
    alike = [
        float(np.mean([adjusted_rand_score(one.groups, other.groups) for other in cuts]))
        for one in cuts
    ]
    return min(range(len(cuts)), key=lambda c: (away[c], -alike[c]))


def stability(
    cuts: Sequence[Cut], tolerance: float, random_state: int, progress: Progress = quiet
) -> tuple[int, Stability]:
    """Join the pieces of several cuts again and again, of images drawn with replacement.

    What varies is the cut, with whoever was asked about its pieces, and which images speak for
    joining. Of each symbol, the largest Jaccard similarity with a symbol of every resampling is
    taken (images of both over images of either), and the mean over resamplings: the clusterwise
    stability of C. Hennig, "Cluster-wise assessment of cluster stability", Computational
    Statistics & Data Analysis 52 (2007), who calls a cluster stable from 0.75 on and not to be
    believed below 0.5.

    Parameters
    ----------
    cuts : sequence of Cut
        Of the same images, by different seeds; each has its share of the resamplings.
    tolerance : float
        See `merge_pieces`.
    random_state : int
    progress : callable, optional
        See `xenoglyph.progress`.

    Returns
    -------
    typical : int
        Number of the cut to be believed: see `most_typical`.
    stability : Stability
        Of its symbols.
    """
    random = np.random.default_rng(random_state)
    n = len(cuts[0].pieces)
    numbers: Counter[int] = Counter()
    similar = [np.zeros(cut.symbols.n_symbols) for cut in cuts]
    for done in range(RESAMPLINGS):
        progress("resampling", done, RESAMPLINGS, "")
        cut = cuts[done % len(cuts)]
        weights = np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64)
        again = merge_joint(joint_confusion(cut.pieces, cut.heard, weights), tolerance)
        groups = again.component_symbol[cut.pieces]
        for own, other in zip(similar, cuts, strict=True):
            own += _likest(other.groups, groups, weights)
        numbers[again.n_symbols] += 1
    progress("resampling", RESAMPLINGS, RESAMPLINGS, "")
    typical = most_typical(cuts, numbers)
    found = tuple(cut.symbols.n_symbols for cut in cuts)
    jaccard = similar[typical] / RESAMPLINGS
    return typical, Stability(found, dict(sorted(numbers.items())), jaccard)


def _likest(
    groups: NDArray[np.intp], others: NDArray[np.intp], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Largest Jaccard similarity of each group with one of the others, images weighted."""
    both = np.zeros((int(groups.max()) + 1, int(others.max()) + 1))
    np.add.at(both, (groups, others), weights)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
    return np.asarray((both / np.maximum(either, 1.0)).max(axis=1))


def component_shares(
    mixture: MMLGaussianMixture, codes: NDArray[np.float64], probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Tell how much of each symbol each component of a mixture holds.

    Parameters
    ----------
    mixture : MMLGaussianMixture
    codes : array of shape (n, d)
    probabilities : array of shape (n, n_symbols)
        Probability of each symbol for the image of each code.

    Returns
    -------
    components : array of shape (n,)
        The most probable component of each code.
    shares : array of shape (n_components, n_symbols)
        Share of each component's images that show each symbol.
    """
    components = np.empty(len(codes), np.intp)
    shared = np.zeros((mixture.n_components_, probabilities.shape[1]))
    mass = np.zeros((mixture.n_components_, 1))
    for first in range(0, len(codes), BLOCK):
        own = slice(first, first + BLOCK)
        posterior = mixture.predict_proba(codes[own])
        components[own] = posterior.argmax(axis=1)
        shared += posterior.T @ probabilities[own]
        mass += posterior.sum(axis=0)[:, None]
    return components, shared / np.maximum(mass, np.finfo(np.float64).tiny)


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

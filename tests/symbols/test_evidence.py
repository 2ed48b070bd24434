"""Scores against labels, compared with scikit-learn on the images one by one."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from xenoglyph.symbols import label_table, scores


@given(seed=st.integers(0, 10**6), k=st.integers(1, 5), c=st.integers(1, 5))
def test_scores_agree_with_the_slow_way(seed, k, c):
    r = np.random.default_rng(seed)
    symbols, labels = r.integers(0, k, 60), r.integers(0, c, 60)
    found = scores(label_table(symbols, labels, k))
    assert found["ari"] == pytest.approx(adjusted_rand_score(labels, symbols), abs=1e-12)
    assert found["nmi"] == pytest.approx(normalized_mutual_info_score(labels, symbols), abs=1e-12)
    size = max(k, c)
    right = [np.sum(np.array(p)[symbols] == labels) for p in permutations(range(size))]
    assert found["accuracy"] == pytest.approx(max(right) / 60)
    majority = [np.bincount(labels[symbols == s], minlength=1).max() for s in range(k)]
    assert found["purity"] == pytest.approx(sum(majority) / 60)


def test_surplus_symbols_cost_accuracy_and_not_purity():
    table = label_table([0, 0, 1, 1, 2, 2], ["a", "a", "a", "a", "b", "b"], 3)
    assert scores(table)["purity"] == 1.0
    assert scores(table)["accuracy"] == pytest.approx(4 / 6)


def test_the_table_counts_and_names():
    table = label_table([1, 1, 0], ["seven", "one", "one"], 3)
    assert table.label_names == ("one", "seven")
    np.testing.assert_array_equal(table.counts, [[1, 0], [1, 1], [0, 0]])

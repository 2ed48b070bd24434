"""Scores against labels, compared with scikit-learn on the images one by one."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from xenoglyph.symbols import label_table, mean_entropy, merge_pieces, scores, stability


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


def pieces_with(confused, n=300):
    """Two clear pieces, and two of n images each of which a share is taken for the other's."""
    pieces = np.repeat(np.arange(4), n)
    told = pieces.copy()
    swapped = (pieces < 2) & (np.arange(4 * n) % n < round(confused * n))
    told[swapped] = 1 - pieces[swapped]
    return pieces, np.eye(4)[told]


@pytest.mark.parametrize(("confused", "n_symbols"), [(0.0, 4), (0.4, 3)])
def test_clear_symbols_come_back_from_every_resampling(confused, n_symbols):
    pieces, held_out = pieces_with(confused)
    symbols = merge_pieces(pieces, held_out, 0.06)
    found = stability(pieces, held_out, symbols, 0.06, 0)
    assert found.numbers == {n_symbols: 100}
    np.testing.assert_allclose(found.jaccard, 1.0)


def test_a_symbol_at_the_tolerance_is_not_stable_and_the_others_are():
    pieces, held_out = pieces_with(0.06)
    # 6 % of two of four symbols: 3 % of all images are mistaken, and excused.
    tolerance = 0.03 + 1e-6
    symbols = merge_pieces(pieces, held_out, tolerance)
    found = stability(pieces, held_out, symbols, tolerance, 0)
    assert set(found.numbers) == {3, 4}
    assert min(found.numbers.values()) > 5
    unsure = np.isin(np.arange(symbols.n_symbols), symbols.component_symbol[:2])
    assert (found.jaccard[unsure] < 0.9).all()
    np.testing.assert_allclose(found.jaccard[~unsure], 1.0)
    # The mean over resamplings that part them (1) and that do not (one in two).
    assert symbols.n_symbols == 4
    expected = 1.0 - 0.5 * found.numbers[3] / 100
    np.testing.assert_allclose(found.jaccard[unsure], expected, atol=0.05)


def test_stability_follows_another_order():
    pieces, held_out = pieces_with(0.06)
    symbols = merge_pieces(pieces, held_out, 0.06)
    found = stability(pieces, held_out, symbols, 0.06, 0)
    order = np.arange(symbols.n_symbols)[::-1]
    np.testing.assert_array_equal(found.in_order(order).jaccard, found.jaccard[::-1])


def test_entropy_is_of_the_images_of_a_symbol():
    told = np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [0.0, 0.5, 0.5]])
    mixed = -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    np.testing.assert_allclose(mean_entropy(told), [mixed / 2, np.log(2), 0.0])

"""Scores against labels, compared with scikit-learn on the images one by one."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from xenoglyph.symbols import (
    Cut,
    label_table,
    mean_entropy,
    merge_pieces,
    most_typical,
    scores,
    stability,
)


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


def cut_with(confused, tolerance):
    pieces, heard = pieces_with(confused)
    return Cut(pieces, heard, merge_pieces(pieces, heard, tolerance))


@pytest.mark.parametrize(("confused", "n_symbols"), [(0.0, 4), (0.4, 3)])
def test_clear_symbols_come_back_from_every_resampling(confused, n_symbols):
    typical, found = stability([cut_with(confused, 0.06)], 0.06, 0)
    assert typical == 0
    assert found.cuts == (n_symbols,)
    assert found.numbers == {n_symbols: 100}
    np.testing.assert_allclose(found.jaccard, 1.0)


# 6 % of two of four symbols: 3 % of all images are mistaken, and excused.
LIMIT = 0.03 + 1e-6


def test_a_symbol_at_the_tolerance_is_not_stable_and_the_others_are():
    cut = cut_with(0.06, LIMIT)
    _, found = stability([cut], LIMIT, 0)
    assert set(found.numbers) == {3, 4}
    assert min(found.numbers.values()) > 5
    unsure = np.isin(np.arange(cut.symbols.n_symbols), cut.symbols.component_symbol[:2])
    assert (found.jaccard[unsure] < 0.9).all()
    np.testing.assert_allclose(found.jaccard[~unsure], 1.0)
    # The mean over resamplings that part them (1) and that do not (one in two).
    assert cut.symbols.n_symbols == 4
    expected = 1.0 - 0.5 * found.numbers[3] / 100
    np.testing.assert_allclose(found.jaccard[unsure], expected, atol=0.05)


def test_cuts_take_turns_and_the_number_found_most_often_counts():
    """One cut tells two symbols apart that two others do not, whatever images are drawn."""
    odd, usual = cut_with(0.0, 0.06), cut_with(0.4, 0.06)
    for cuts, typical in ([odd, usual, usual], 1), ([usual, odd, odd], 1):
        chosen, found = stability(cuts, 0.06, 0)
        assert chosen == typical
        assert found.cuts == tuple(cut.symbols.n_symbols for cut in cuts)
        once, twice = (cuts[c].symbols.n_symbols for c in (0, 1))
        assert found.numbers == {once: 34, twice: 66}
    # Of the two symbols that the odd cut would make one, half is left in 34 of 100.
    np.testing.assert_allclose(np.sort(found.jaccard), [0.83, 0.83, 1.0, 1.0], atol=0.01)


def test_of_cuts_with_the_usual_number_the_one_like_the_others_is_typical():
    usual = cut_with(0.4, 0.06)
    # As many symbols, but other images: the broken twin of counting alone.
    turned = Cut(np.roll(usual.pieces, 150), np.roll(usual.heard, 150, axis=0), usual.symbols)
    assert most_typical([turned, usual, usual], {3: 100}) == 1
    assert most_typical([turned, usual, usual], {3: 40, 4: 60}) == 1
    four = cut_with(0.0, 0.06)
    assert most_typical([turned, usual, usual, four], {3: 40, 4: 60}) == 3
    assert most_typical([turned], {9: 100}) == 0


def test_stability_follows_another_order():
    _, found = stability([cut_with(0.06, LIMIT)], LIMIT, 0)
    order = np.arange(len(found.jaccard))[::-1]
    np.testing.assert_array_equal(found.in_order(order).jaccard, found.jaccard[::-1])


def test_entropy_is_of_the_images_of_a_symbol():
    told = np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [0.0, 0.5, 0.5]])
    mixed = -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    np.testing.assert_allclose(mean_entropy(told), [mixed / 2, np.log(2), 0.0])

"""Joining components: the confusions, the tree, the numbering."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import laws
from xenoglyph import DataError, ModelFileError
from xenoglyph.symbols.merging import (
    at_most,
    confusion,
    joint_confusion,
    merge_components,
    merge_pieces,
    symbols_from_settings,
    symbols_to_settings,
)


def random_posterior(seed, n=200, k=6, sharpness=3.0):
    logits = sharpness * np.random.default_rng(seed).standard_normal((n, k))
    P = np.exp(logits)
    return P / P.sum(axis=1, keepdims=True)


def test_confusion_is_the_share_taken_for_another():
    P = np.array([[0.9, 0.1], [0.4, 0.6], [0.0, 1.0]])
    taken_for = P.argmax(axis=1)
    expected = [[P[taken_for == j, i].sum() / P[:, i].sum() for j in (0, 1)] for i in (0, 1)]
    np.testing.assert_allclose(confusion(P), expected)


def test_an_empty_component_is_confused_with_nothing():
    assert not np.isnan(confusion(np.array([[1.0, 0.0], [1.0, 0.0]]))).any()


@given(seed=st.integers(0, 10**6), tolerance=st.floats(0.0, 1.0))
def test_no_join_above_tolerance_is_left_out_and_none_below_is_made(seed, tolerance):
    P = random_posterior(seed)
    symbols = merge_components(P, tolerance)
    for merge in symbols.merges:
        if merge.joined:
            assert merge.confusion > tolerance
    assert symbols.n_symbols == P.shape[1] - sum(merge.joined for merge in symbols.merges)
    pooled = symbols.pool(P)
    laws.check_distribution(pooled)
    left = confusion(pooled)
    np.fill_diagonal(left, 0.0)
    assert left.max() <= tolerance


def test_the_tree_joins_everything_at_last():
    symbols = merge_components(random_posterior(1), 0.05)
    last = symbols.merges[-1]
    assert sorted(last.first + last.second) == list(range(6))
    assert len(symbols.merges) == 5


def test_a_split_cluster_is_one_symbol_and_a_separate_one_is_not():
    one = np.tile([[0.5, 0.5, 0.0], [0.45, 0.55, 0.0]], (50, 1))
    other = np.tile([[0.001, 0.001, 0.998]], (80, 1))
    symbols = merge_components(np.concatenate([one, other]), 0.05)
    np.testing.assert_array_equal(symbols.component_symbol, [0, 0, 1])
    np.testing.assert_array_equal(symbols.components(0), [0, 1])


def test_symbols_are_numbered_by_falling_share():
    P = np.eye(3)[[0, 1, 1, 1, 2, 2]]
    np.testing.assert_array_equal(merge_components(P, 0.5).component_symbol, [2, 0, 1])


@pytest.mark.parametrize("tolerance", [-0.1, 1.5, float("nan")])
def test_a_tolerance_that_is_no_share_is_refused(tolerance):
    with pytest.raises(DataError, match=f"tolerance={tolerance} was given"):
        merge_components(random_posterior(0), tolerance)


def test_settings_bring_the_symbols_back():
    symbols = merge_components(random_posterior(2), 0.2)
    settings = json.loads(json.dumps(symbols_to_settings(symbols)))
    again = symbols_from_settings(settings, 6)
    np.testing.assert_array_equal(again.component_symbol, symbols.component_symbol)
    assert again.merges == symbols.merges


@pytest.mark.parametrize("component_symbol", [[0, 1], [0, 2, 2], [-1, 0, 1]])
def test_settings_that_do_not_fit_are_refused(component_symbol):
    settings = {"component_symbol": component_symbol, "merges": []}
    with pytest.raises(ModelFileError, match="do not fit"):
        symbols_from_settings(settings, 3)


def split_and_separate(n=400, seed=0):
    """Pieces 0 and 1 of one kind, told apart by lot; piece 2 of another."""
    random = np.random.default_rng(seed)
    pieces = np.repeat([0, 1, 2], n)
    held_out = np.zeros((3 * n, 3))
    share = random.random(2 * n)
    held_out[: 2 * n, :2] = np.column_stack([share, 1 - share])
    held_out[2 * n :] = [0.01, 0.0, 0.99]
    return pieces, held_out


def test_pieces_that_others_cannot_tell_apart_are_one_symbol():
    symbols = merge_pieces(*split_and_separate(), 0.06)
    np.testing.assert_array_equal(symbols.component_symbol, [0, 0, 1])
    first, second = symbols.merges
    assert (first.joined, second.joined) == (True, False)
    assert first.confusion == pytest.approx(0.5, abs=0.05)
    # Both directions: 400 rows a hundredth of which is taken for the first kind, and none back.
    assert second.confusion == pytest.approx(at_most(np.float64(0.5 * 4.0)) / (396.0 + 2.0))


@given(count=st.floats(0.0, 1e6))
def test_a_count_lies_one_standard_deviation_below_what_it_may_be(count):
    mean = at_most(np.float64(count))
    assert mean - count == pytest.approx(np.sqrt(mean), rel=1e-6)


@pytest.mark.parametrize(("n", "n_symbols"), [(19, 1), (21, 2)])
def test_clear_pieces_are_apart_if_there_are_enough_images_to_know(n, n_symbols):
    pieces = np.repeat([0, 1], n)
    assert merge_pieces(pieces, np.eye(2)[pieces], 0.05).n_symbols == n_symbols


def test_of_equal_shares_that_of_more_images_is_the_better_known():
    few, many = split_and_separate(100), split_and_separate(10_000)
    assert merge_pieces(*few, 0.01).n_symbols == 1
    assert merge_pieces(*many, 0.01).n_symbols == 2


def test_what_was_learnt_by_heart_joins_nothing():
    """The broken twin: asked about the rows that it has learnt, nobody is confused."""
    pieces, _ = split_and_separate()
    assert merge_pieces(pieces, np.eye(3)[pieces], 0.06).n_symbols == 3


def test_the_interval_is_that_of_the_same_symbols():
    pieces, held_out = split_and_separate()
    low, high = merge_pieces(pieces, held_out, 0.06).tolerance_interval
    for tolerance, n_symbols in ((low, 2), (0.999 * high, 2), (high, 3), (0.999 * low, 1)):
        assert merge_pieces(pieces, held_out, tolerance).n_symbols == n_symbols


def test_a_join_costs_what_the_table_of_confusions_says():
    pieces = np.repeat([0, 1, 2], 100)
    held_out = np.zeros((300, 3))
    held_out[np.arange(300), pieces] = 1.0
    held_out[:40] = [0.0, 1.0, 0.0]
    symbols = merge_pieces(pieces, held_out, 0.1)
    n, joint = 300, joint_confusion(pieces, held_out)
    chance = np.outer(joint.sum(axis=1), joint.sum(axis=0)) / n
    told = np.where(joint > 0, joint * np.log(np.where(joint > 0, joint, 1) / chance), 0).sum()
    # What all joins together cost is all that could be told.
    assert sum(merge.nats for merge in symbols.merges) == pytest.approx(told)
    assert symbols.merges[0].nats > 0
    # Two clear halves are told apart by log 2 for each row: the broken twin of a cheap join.
    assert symbols.merges[-1].nats == pytest.approx(n * (np.log(3) - 2 / 3 * np.log(2)))


def test_separation_is_one_less_the_confusion_with_the_nearest():
    pieces = np.repeat([0, 1, 2], 100)
    held_out = np.full((300, 3), 0.0)
    held_out[np.arange(300), pieces] = 1.0
    held_out[:10] = [0.0, 1.0, 0.0]
    symbols = merge_pieces(pieces, held_out, 0.2)
    assert symbols.n_symbols == 3
    of = {piece: symbols.component_symbol[piece] for piece in range(3)}
    assert symbols.nearest[of[0]] == of[1]
    assert symbols.nearest[of[1]] == of[0]
    # Taken for neither, but a hundred images do not show that it never is.
    assert symbols.separation[of[2]] == pytest.approx(1 - 1 / 95)
    assert symbols.separation[of[0]] == pytest.approx(1 - at_most(np.float64(5)) / 95)
    assert symbols.separation[of[0]] == symbols.separation[of[1]]


def test_a_symbol_alone_has_nobody_near():
    symbols = merge_pieces(np.zeros(5, int), np.ones((5, 1)), 0.1)
    assert symbols.nearest.tolist() == [-1]
    assert symbols.separation.tolist() == [1.0]

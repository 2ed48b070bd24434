"""Joining components: the confusions, the tree, the numbering."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import laws
from xenoglyph import DataError, ModelFileError
from xenoglyph.symbols.merging import (
    confusion,
    merge_components,
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

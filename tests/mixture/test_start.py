"""The start depends on the values and weights of the rows, on nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenoglyph.errors import DegenerateDataWarning
from xenoglyph.mixture.blocks import Rows, standardisation
from xenoglyph.mixture.covariance import parse
from xenoglyph.mixture.start import random_start, spread_of


def rows_of(X, s=None):
    s = np.ones(len(X)) if s is None else np.asarray(s, float)
    units = standardisation(X, s)
    return Rows(units.apply(X), s, units)


def start_of(X, s=None, k=8, seed=0):
    rows = rows_of(X, s)
    start = random_start(rows, parse("full"), spread_of(rows), k, np.random.RandomState(seed))
    return start.mu * rows.standardisation.scale + rows.standardisation.centre


@given(seed=st.integers(0, 10**6))
def test_neither_order_nor_repetition_matters(seed):
    r = np.random.default_rng(seed)
    X, w = r.standard_normal((40, 3)), r.integers(1, 4, 40)
    order = r.permutation(40)
    plain = start_of(X, w, seed=seed)
    np.testing.assert_allclose(start_of(X[order], w[order], seed=seed), plain, rtol=1e-9)
    np.testing.assert_allclose(start_of(np.repeat(X, w, axis=0), seed=seed), plain, rtol=1e-9)


def test_means_are_distinct_rows_and_fewer_where_there_are_fewer():
    X = np.repeat(np.random.default_rng(1).integers(0, 100, (4, 3)).astype(float), 50, axis=0)
    means = start_of(X, k=25)
    assert {tuple(row) for row in np.rint(means)} == {tuple(row) for row in X}
    assert len(means) == 4


def test_rows_are_drawn_in_proportion_to_their_weights():
    X = np.arange(20.0)[:, None] ** 2
    s = np.where(np.arange(20) < 10, 1.0, 1e-12)
    np.testing.assert_allclose(np.sort(start_of(X, s, k=10).ravel()), X[:10, 0], atol=1e-6)


def test_dependent_columns_are_said_and_given_a_small_variance():
    x = np.random.default_rng(0).standard_normal((50, 2))
    X = np.column_stack([x, x.sum(axis=1)])
    with pytest.warns(DegenerateDataWarning, match="3 columns vary in 2 directions only"):
        spread = spread_of(rows_of(X))
    np.testing.assert_allclose(np.linalg.eigvalsh(spread)[0], 1e-6, rtol=1e-6)

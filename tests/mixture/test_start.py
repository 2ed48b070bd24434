"""The start depends on the values and weights of the rows, on nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixture.problems import clusters, rows_from
from xenoglyph.errors import DegenerateDataWarning
from xenoglyph.mixture.covariance import parse
from xenoglyph.mixture.message_length import CRITERIA
from xenoglyph.mixture.rows import resolution
from xenoglyph.mixture.start import cells, objective_for, one_component, random_start


def objective_of(rows, name="full"):
    return objective_for(rows, parse(name), CRITERIA["program"], 1e-6, 1, np.inf, True)


def start_of(X, s=None, k=8, seed=0):
    rows = rows_from(X, None if s is None else np.asarray(s, float))
    start = random_start(rows, objective_of(rows), k, np.random.RandomState(seed))
    return rows.standardisation.revert(start.mu)


@given(seed=st.integers(0, 10**6))
def test_neither_order_nor_repetition_matters(seed):
    r = np.random.default_rng(seed)
    X, w = r.standard_normal((40, 3)), r.integers(1, 4, 40)
    order = r.permutation(40)
    plain = start_of(X, w, seed=seed)
    np.testing.assert_allclose(start_of(X[order], w[order], seed=seed), plain, rtol=1e-9)
    np.testing.assert_allclose(start_of(np.repeat(X, w, axis=0), seed=seed), plain, rtol=1e-9)


def test_rows_come_in_one_order_and_equal_ones_together():
    X = np.random.default_rng(0).integers(0, 3, (300, 2)).astype(float)
    rows = rows_from(X)
    assert rows.Z.shape == (2, 9)
    assert rows.n == 300
    again = rows_from(X[::-1])
    np.testing.assert_allclose(again.Z, rows.Z, rtol=1e-12)
    np.testing.assert_array_equal(again.s, rows.s)


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
    rows = rows_from(np.column_stack([x, x.sum(axis=1)]))
    with pytest.warns(DegenerateDataWarning, match="3 columns vary in 2 directions only"):
        o = objective_of(rows)
    np.testing.assert_allclose(np.linalg.eigvalsh(o.spread)[0], 1e-6, rtol=1e-6)
    assert np.linalg.eigvalsh(o.rounding)[-1] > 0.0


def test_one_component_has_the_datas_mean_and_covariance():
    X = clusters(d=3)
    rows = rows_from(X)
    start = one_component(rows, objective_of(rows))
    mean = rows.standardisation.revert(start.mu)[0]
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-9)
    scale = rows.standardisation.scale
    C = start.C[0] * np.outer(scale, scale)
    np.testing.assert_allclose(C, np.cov(X.T, bias=True), rtol=1e-5)


@pytest.mark.parametrize("name", ["full", "diag", "spherical", "tied"])
def test_cells_share_out_the_rows_and_follow_the_clusters(name):
    X = clusters(apart=50.0, n=400)
    rows = rows_from(X)
    start = cells(rows.Z, rows.s, objective_of(rows, name), 4)
    assert start.k == 4
    np.testing.assert_allclose(start.alpha.sum(), 1.0)
    np.testing.assert_allclose(start.alpha @ start.mu, 0.0, atol=1e-9)
    # A cut goes through the emptiness between clusters, not through one of them, so long as
    # there is one.
    middles = rows.standardisation.revert(start.mu)[:, 0]
    assert {round(m / 50.0) for m in middles} == {0, 1, 2}


def test_cells_are_fewer_where_rows_are_few():
    rows = rows_from(np.random.default_rng(0).standard_normal((9, 2)))
    assert cells(rows.Z, rows.s, objective_of(rows), 64).k <= 3


@pytest.mark.parametrize(("step", "width"), [(0.5, 0.5), (1e-3, 1e-3), (7.0, 7.0)])
def test_rounded_features_are_found_out(step, width):
    x = np.round(np.random.default_rng(0).standard_normal(2000) * 10 * step / step) * step
    smooth = np.random.default_rng(1).standard_normal(2000)
    steps = resolution(np.stack([x, smooth]), 2000.0)
    np.testing.assert_allclose(steps, [width, 0.0], rtol=1e-9)


def test_noise_in_the_last_digit_is_not_taken_for_a_step():
    x = np.repeat([0.1, 0.2, 0.1 + 0.2, 0.3, 0.4], 100)
    np.testing.assert_allclose(resolution(x[None], 500.0), [0.1], rtol=1e-6)

"""Rows with missing values: exact marginals, and what plain EM for them is known to do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import laws
from mixture.problems import clusters, rows_from
from xenoglyph import DataError, MMLGaussianMixture
from xenoglyph.mixture.covariance import COVARIANCES, parse
from xenoglyph.mixture.message_length import CRITERIA
from xenoglyph.mixture.start import cells, objective_for
from xenoglyph.mixture.state import Mixture


def holes(X, share, seed=0):
    X = X.copy()
    X[np.random.default_rng(seed).uniform(size=X.shape) < share] = np.nan
    return X


def marginal_log_density(X, fit):
    """Row by row, SciPy's density of what is there."""
    out = []
    for row in X:
        there = ~np.isnan(row)
        logs = np.log(fit.weights_)
        if there.any():
            logs = logs + [
                multivariate_normal(m[there], C[np.ix_(there, there)]).logpdf(row[there])
                for m, C in zip(fit.means_, fit.covariances_, strict=True)
            ]
        out.append(logs)
    return np.array(out)


@pytest.mark.parametrize("name", COVARIANCES)
def test_densities_and_posteriors_are_the_marginals(name):
    X = holes(clusters(n=200, d=3) * [1.0, 10.0, 0.1], 0.2)
    fit = MMLGaussianMixture(missing="marginal", covariance_type=name).fit(X)
    logs = marginal_log_density(X, fit)
    np.testing.assert_allclose(fit.score_samples(X), logsumexp(logs, axis=1), rtol=1e-8, atol=1e-8)
    posterior = fit.predict_proba(X)
    laws.check_distribution(posterior)
    expected = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    np.testing.assert_allclose(posterior, expected, atol=1e-8)
    np.testing.assert_array_equal(fit.labels_, fit.predict(X))
    assert 2 <= fit.n_components_ <= 4
    lengths = [s.message_length for s in fit.trace_.sweeps]
    assert np.isfinite(lengths).all()


def test_without_holes_it_is_the_ordinary_fit_bit_for_bit():
    X = clusters(1)
    one, other = MMLGaussianMixture().fit(X), MMLGaussianMixture(missing="marginal").fit(X)
    np.testing.assert_array_equal(one.means_, other.means_)
    assert one.message_length_ == other.message_length_


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(sorted(COVARIANCES)))
def test_moments_of_incomplete_rows_are_those_of_a_slow_loop(seed, name):
    X = holes(clusters(seed, 60, 3), 0.3, seed)
    X = X[~np.isnan(X).all(axis=1)]
    rows, structure = rows_from(X), parse(name)
    o = objective_for(rows, structure, CRITERIA["program"], 1e-6, 1, np.inf, True)
    filled = rows.filled(np.zeros(3), o.spread)
    x = Mixture(rows, o, cells(filled, rows.s, o, 2))
    count, first, second = rows.moments(x, 0)
    w, C, mu = x.responsibility(0), structure.dense(x.C[:1], 3)[0], x.mu[0]
    n, one, two = 0.0, np.zeros(3), np.zeros((3, 3))
    for weight, z in zip(w, rows.Z.T, strict=True):
        o_, m_ = ~np.isnan(z), np.isnan(z)
        B = C[np.ix_(m_, o_)] @ np.linalg.inv(C[np.ix_(o_, o_)])
        step = np.zeros(3)
        step[o_] = z[o_] - mu[o_]
        step[m_] = B @ step[o_]
        left = np.zeros((3, 3))
        left[np.ix_(m_, m_)] = C[np.ix_(m_, m_)] - B @ C[np.ix_(o_, m_)]
        n, one, two = n + weight, one + weight * step, two + weight * (np.outer(step, step) + left)
    np.testing.assert_allclose(count, n, rtol=1e-9)
    np.testing.assert_allclose(first, one, atol=1e-8)
    np.testing.assert_allclose(second, structure.sees(two), atol=1e-7)


def test_values_missing_at_random_do_not_bias_the_mean_of_a_correlated_column():
    """The mean of the values that are there would be off by half a standard deviation."""
    X = np.random.default_rng(3).multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 4000)
    X[X[:, 0] > 0.0, 1] = np.nan
    fit = MMLGaussianMixture(1, missing="marginal").fit(X)
    assert abs(fit.means_[0, 1]) < 0.1
    assert abs(np.nanmean(X[:, 1])) > 0.5
    np.testing.assert_allclose(fit.covariances_[0], [[1, 0.9], [0.9, 1]], atol=0.15)


def test_an_empty_row_tells_nothing_and_gets_the_weights():
    X = holes(clusters(2, 200), 0.1)
    X = X[~np.isnan(X).all(axis=1)]
    fit = MMLGaussianMixture(missing="marginal").fit(X)
    more = MMLGaussianMixture(missing="marginal").fit(np.vstack([X, np.full((5, 2), np.nan)]))
    np.testing.assert_array_equal(more.means_, fit.means_)
    np.testing.assert_allclose(more.predict_proba([[np.nan, np.nan]])[0], fit.weights_)
    assert len(more.labels_) == len(X) + 5


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
def test_weights_and_units_are_as_without_holes(search):
    X = holes(clusters(4, 200), 0.15)
    w = np.random.default_rng(0).integers(1, 3, 200)
    settings = {"missing": "marginal", "search": search, "random_state": 0, "max_components": 6}
    one = MMLGaussianMixture(**settings).fit(X, sample_weight=w)
    many = MMLGaussianMixture(**settings).fit(np.repeat(X, w, axis=0) * 1e-9 + 1.0)
    assert many.n_components_ == one.n_components_
    seen = (w @ ~np.isnan(X)).sum()
    moved = many.message_length_ - seen * np.log(1e-9)
    np.testing.assert_allclose(moved, one.message_length_, rtol=1e-5)


def test_the_default_names_the_place_and_the_way_out():
    X = clusters()
    X[17, 1] = np.nan
    with pytest.raises(DataError, match=r"NaN at row 17, column 1 .* missing='marginal'"):
        MMLGaussianMixture().fit(X)
    with pytest.raises(DataError, match=r"infinity at row 3, column 0"):
        MMLGaussianMixture(missing="marginal").fit(
            np.where(np.arange(600)[:, None] == 3, np.inf, X)
        )

"""The public estimator: oracles, invariances, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

import laws
import oracles
from mixture.problems import clusters
from xenoglyph import DataError, DegenerateDataWarning, MMLGaussianMixture
from xenoglyph.mixture.covariance import COVARIANCES


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
@pytest.mark.parametrize("name", COVARIANCES)
def test_densities_and_posteriors_are_scipys(name, search):
    X = load_iris().data
    fit = MMLGaussianMixture(10, covariance_type=name, search=search, random_state=0).fit(X)
    mixture = fit.weights_, fit.means_, fit.covariances_
    np.testing.assert_allclose(fit.score_samples(X), oracles.log_density(X, *mixture), rtol=1e-9)
    posterior = fit.predict_proba(X)
    laws.check_distribution(posterior)
    np.testing.assert_allclose(posterior, oracles.posterior(X, *mixture), atol=1e-9)
    np.testing.assert_array_equal(fit.predict(X), posterior.argmax(axis=1))
    np.testing.assert_array_equal(fit.labels_, fit.predict(X))
    np.testing.assert_allclose(fit.weights_.sum(), 1.0, rtol=1e-12)
    assert (np.diff(fit.weights_) <= 0.0).all()


@settings(max_examples=15)
@given(
    scale=st.tuples(st.integers(-150, 150), st.integers(-150, 150)),
    shift=st.floats(-1e8, 1e8),
    name=st.sampled_from(sorted(COVARIANCES)),
)
def test_units_and_origin_do_not_matter(scale, shift, name):
    """Rows on a grid of 2^-20, so that shifting them loses no digit."""
    X = np.round(clusters(0, 300, 2, apart=6.0) * 2**20) / 2**20
    units = 10.0 ** np.array(scale)
    shift = np.round(shift)
    plain = MMLGaussianMixture(covariance_type=name).fit(X)
    other = MMLGaussianMixture(covariance_type=name).fit((X + shift) * units)
    assert other.n_components_ == plain.n_components_
    np.testing.assert_array_equal(other.labels_, plain.labels_)
    moved = plain.message_length_ + len(X) * np.log(units).sum()
    np.testing.assert_allclose(other.message_length_, moved, rtol=1e-9)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 4), name=st.sampled_from(["full", "tied"]))
def test_turned_and_stretched_axes_do_not_matter(seed, d, name):
    X = clusters(seed, 200, d, apart=5.0)
    r = np.random.default_rng(seed)
    A = np.linalg.qr(r.standard_normal((d, d)))[0] @ np.diag(r.uniform(0.1, 10.0, d))
    plain = MMLGaussianMixture(covariance_type=name).fit(X)
    other = MMLGaussianMixture(covariance_type=name).fit(X @ A.T + 7.0)
    assert other.n_components_ == plain.n_components_
    np.testing.assert_array_equal(other.labels_, plain.labels_)
    moved = plain.message_length_ + len(X) * np.linalg.slogdet(A)[1]
    np.testing.assert_allclose(other.message_length_, moved, rtol=1e-9)
    np.testing.assert_allclose(other.means_, plain.means_ @ A.T + 7.0, rtol=1e-6, atol=1e-6)


@settings(max_examples=10)
@given(
    seed=st.integers(0, 10**6),
    name=st.sampled_from(sorted(COVARIANCES)),
    search=st.sampled_from(["split-merge", "annihilation"]),
)
def test_a_weight_counts_as_repetition_and_none_as_removal(seed, name, search):
    X = clusters(seed, 150, 2)
    w = np.random.default_rng(seed).integers(0, 4, 150)
    parameters = {"covariance_type": name, "search": search, "random_state": 0}
    one = MMLGaussianMixture(**parameters).fit(X, sample_weight=w)
    many = MMLGaussianMixture(**parameters).fit(np.repeat(X, w, axis=0))
    assert one.n_components_ == many.n_components_
    np.testing.assert_allclose(one.means_, many.means_, rtol=1e-9)
    np.testing.assert_allclose(one.covariances_, many.covariances_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.message_length_, many.message_length_, rtol=1e-9)
    rest = MMLGaussianMixture(**parameters).fit(X[w > 0], sample_weight=w[w > 0])
    np.testing.assert_array_equal(rest.means_, one.means_)
    np.testing.assert_array_equal(rest.covariances_, one.covariances_)
    assert rest.message_length_ == one.message_length_


@pytest.mark.parametrize("name", COVARIANCES)
def test_the_order_of_rows_does_not_matter(name):
    X = clusters(2, 300, 3)
    order = np.random.default_rng(0).permutation(300)
    one = MMLGaussianMixture(covariance_type=name).fit(X)
    other = MMLGaussianMixture(covariance_type=name).fit(X[order])
    np.testing.assert_array_equal(other.labels_, one.labels_[order])
    np.testing.assert_allclose(other.message_length_, one.message_length_, rtol=1e-11)


@pytest.mark.parametrize("n_jobs", [2, 3, 8, -1])
def test_threads_do_not_change_a_bit(n_jobs):
    X = clusters(0, 5000, 4)
    one, more = MMLGaussianMixture().fit(X), MMLGaussianMixture(n_jobs=n_jobs).fit(X)
    for name in ("weights_", "means_", "covariances_"):
        assert getattr(one, name).tobytes() == getattr(more, name).tobytes()


@pytest.mark.parametrize("name", COVARIANCES)
def test_samples_have_the_moments_of_their_component(name):
    fit = MMLGaussianMixture(covariance_type=name).fit(clusters(0, 300, 2, apart=6.0))
    n = 40_000
    X, components = fit.sample(n, component=1, random_state=1)
    assert (components == 1).all()
    C = fit.covariances_[1]
    sd = np.sqrt(np.diagonal(C))
    np.testing.assert_allclose(X.mean(axis=0), fit.means_[1], atol=5 * sd.max() / np.sqrt(n))
    np.testing.assert_allclose(np.cov(X.T), C, atol=6 * sd.max() ** 2 / np.sqrt(n))
    _, components = fit.sample(n, random_state=1)
    share = np.bincount(components, minlength=fit.n_components_) / n
    np.testing.assert_allclose(share, fit.weights_, atol=5 / (2 * np.sqrt(n)))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_components": 0}, "max_components=0 .* an integer of at least 1 or 'auto'"),
        ({"max_components": 2.5}, "max_components=2.5"),
        ({"max_components": "many"}, "max_components='many'"),
        ({"min_components": 30, "max_components": 25}, "max_components=25 .* at least 30"),
        ({"min_components": 301}, "min_components=301 .* only 300 different rows"),
        ({"max_sweeps": True}, "max_sweeps=True"),
        ({"tol": float("nan")}, "tol=nan was given; give a positive number"),
        ({"prior_scatter": -1.0}, "prior_scatter=-1.0 .* or 'auto'"),
        ({"covariance_type": "round"}, "covariance_type='round'"),
        ({"criterion": "bic"}, "criterion='bic'"),
        ({"search": "random"}, "search='random' .* one of split-merge, annihilation"),
        ({"missing": "drop"}, "missing='drop' .* one of error, marginal"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(DataError, match=message):
        MMLGaussianMixture(**parameters).fit(clusters(n=300))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((10, 2)), r"column\(s\) 0, 1 are constant"),
        (np.column_stack([np.arange(9.0), np.full(9, 1e8)]), r"column\(s\) 1 are constant"),
        (np.array([[1.7e308], [0.0], [-1.7e308]]), r"column\(s\) 0 range beyond what"),
        (np.array([[0.0], [1e160], [3e160]]), r"column\(s\) 0 have squares beyond"),
        (np.array([[0.0], [1e-160], [3e-160]]), r"column\(s\) 0 have squares too small"),
    ],
)
def test_data_without_a_density_are_refused(X, message):
    with pytest.raises(DataError, match=message):
        MMLGaussianMixture().fit(X)


def test_more_columns_than_rows_give_a_finite_answer():
    X = np.random.default_rng(0).standard_normal((8, 10))
    with pytest.warns(DegenerateDataWarning, match="10 columns vary in 7 directions only"):
        fit = MMLGaussianMixture().fit(X)
    assert fit.n_components_ == 1
    assert np.isfinite(fit.message_length_)
    laws.check_distribution(fit.predict_proba(X))


def test_ties_are_not_taken_for_components_without_extent():
    X = np.repeat([[i, j] for i in range(3) for j in range(3)], 40, axis=0).astype(float)
    assert MMLGaussianMixture().fit(X).n_components_ <= 4


def test_predicting_before_fitting_is_refused():
    with pytest.raises(NotFittedError):
        MMLGaussianMixture().predict(clusters())


@pytest.mark.parametrize("component", [-1, 99, 0.5])
def test_an_unknown_component_is_refused(component):
    with pytest.raises(DataError, match=rf"component={component} does not exist; choose 0 to"):
        MMLGaussianMixture().fit(clusters()).sample(1, component=component)


@pytest.mark.parametrize("name", COVARIANCES)
@pytest.mark.parametrize("criterion", ["wallace-freeman", "eq15", "program"])
def test_a_flat_cluster_makes_no_noise(name, criterion):
    r = np.random.default_rng(0)
    X = np.vstack([r.standard_normal((200, 2)), np.c_[np.full(100, 5.0), r.standard_normal(100)]])
    fit = MMLGaussianMixture(covariance_type=name, criterion=criterion).fit(X)
    assert np.isfinite(fit.covariances_).all()
    laws.check_distribution(fit.predict_proba(X))


@pytest.mark.parametrize("name", COVARIANCES)
def test_far_rows_have_a_distribution(name):
    fit = MMLGaussianMixture(covariance_type=name).fit(clusters(0, 300, 2, apart=6.0))
    laws.check_distribution(fit.predict_proba([[1e8, -1e8], [1e150, 0.0], [-1e300, 1e300]]))


@pytest.mark.parametrize(
    ("w", "message"),
    [
        (np.r_[1e60, np.ones(149)], r"1 row\(s\) have a positive sample_weight"),
        (np.full(150, 5e-324), "sample_weight sums up to too little"),
    ],
)
def test_weights_that_float64_cannot_add_are_refused(w, message):
    with pytest.raises(DataError, match=message):
        MMLGaussianMixture().fit(clusters(n=150), sample_weight=w)


def test_there_are_never_more_components_than_different_rows():
    X, w = clusters(n=5), [0.018, 475920.0, 9e-5, 0.005, 1e-9]
    assert MMLGaussianMixture().fit(X, sample_weight=w).n_components_ <= 5

"""The public estimator: oracles, invariances, containers, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import laws
import oracles
from xenoglyph import DataError, DegenerateDataWarning, MMLGaussianMixture
from xenoglyph.mixture.covariance import COVARIANCES


def three_clusters(seed=0, n=300):
    r = np.random.default_rng(seed)
    return r.standard_normal((n, 2)) + 6.0 * r.integers(0, 3, (n, 1))


def fitted(X, **parameters):
    return MMLGaussianMixture(10, random_state=0, **parameters).fit(X)


# The checks' own tables have fewer rows than columns, which is said.
@pytest.mark.filterwarnings("ignore:The .* columns vary in")
@parametrize_with_checks(
    [MMLGaussianMixture(5, covariance_type=name, random_state=0) for name in COVARIANCES]
)
def test_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", COVARIANCES)
def test_densities_and_posteriors_are_scipys(name):
    X = load_iris().data
    fit = fitted(X, covariance_type=name)
    mixture = fit.weights_, fit.means_, fit.covariances_
    np.testing.assert_allclose(fit.score_samples(X), oracles.log_density(X, *mixture), rtol=1e-9)
    posterior = fit.predict_proba(X)
    laws.check_distribution(posterior)
    np.testing.assert_allclose(posterior, oracles.posterior(X, *mixture), atol=1e-9)
    np.testing.assert_array_equal(fit.predict(X), posterior.argmax(axis=1))
    np.testing.assert_array_equal(fit.labels_, fit.predict(X))
    np.testing.assert_allclose(fit.weights_.sum(), 1.0, rtol=1e-12)


def test_three_clusters_are_three():
    counts = [
        MMLGaussianMixture(random_state=seed).fit(three_clusters(seed)).n_components_
        for seed in range(10)
    ]
    assert counts.count(3) >= 9


@settings(max_examples=15)
@given(
    scale=st.tuples(st.integers(-150, 150), st.integers(-150, 150)),
    shift=st.floats(-1e6, 1e6),
)
def test_units_and_origin_do_not_matter(scale, shift):
    X = three_clusters()
    units = 10.0 ** np.array(scale)
    plain, other = fitted(X), fitted((X + shift) * units)
    assert other.n_components_ == plain.n_components_
    np.testing.assert_array_equal(other.labels_, plain.labels_)
    moved = plain.message_length_ + len(X) * np.log(units).sum()
    np.testing.assert_allclose(other.message_length_, moved, rtol=1e-6)


@settings(max_examples=15)
@given(seed=st.integers(0, 999))
def test_a_weight_counts_as_repetition(seed):
    """From one and the same start; rows are drawn for it by weight, in another order."""
    r = np.random.default_rng(seed)
    X, w = three_clusters(seed, 150), r.integers(0, 4, 150)
    one = MMLGaussianMixture(1).fit(X, sample_weight=w)
    many = MMLGaussianMixture(1).fit(np.repeat(X, w, axis=0))
    np.testing.assert_allclose(one.means_, many.means_, rtol=1e-9)
    np.testing.assert_allclose(one.covariances_, many.covariances_, rtol=1e-9)
    np.testing.assert_allclose(one.message_length_, many.message_length_, rtol=1e-9)


def test_a_weight_of_zero_is_removal_bit_for_bit():
    X = three_clusters()
    w = (np.arange(len(X)) % 3 > 0).astype(float)
    one, other = fitted(X[w > 0]), MMLGaussianMixture(10, random_state=0).fit(X, sample_weight=w)
    np.testing.assert_array_equal(one.means_, other.means_)
    assert one.message_length_ == other.message_length_


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda X: X.tolist(),
        lambda X: X.astype(np.uint8),
        lambda X: X.astype(np.int8),
        lambda X: X.astype(np.float16),
        lambda X: X.astype(np.float32),
        lambda X: X.astype(">f8"),
        lambda X: np.repeat(X, 2, axis=0)[::2],
    ],
    ids=["fortran", "list", "uint8", "int8", "float16", "float32", "big-endian", "strided"],
)
def test_the_container_does_not_matter(convert):
    X = np.rint(three_clusters() * 3 + 30)
    plain, other = fitted(X), fitted(convert(X))
    np.testing.assert_array_equal(other.means_, plain.means_)
    np.testing.assert_array_equal(other.predict_proba(convert(X)), plain.predict_proba(X))
    np.testing.assert_array_equal(other.score_samples(convert(X)), plain.score_samples(X))


def test_far_away_rows_have_finite_posteriors():
    fit = fitted(three_clusters())
    laws.check_distribution(fit.predict_proba([[1e8, -1e8], [1e150, 0.0]]))


def test_the_same_seed_gives_the_same_bits_and_leaves_numpys_own_alone():
    X = three_clusters()
    np.random.seed(5)
    state = np.random.get_state()[1].copy()
    one, two = fitted(X), fitted(X)
    np.testing.assert_array_equal(one.means_, two.means_)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    np.testing.assert_array_equal(clone(one).fit(X).means_, one.means_)


@pytest.mark.parametrize("name", COVARIANCES)
def test_samples_have_the_moments_of_their_component(name):
    fit = fitted(three_clusters(), covariance_type=name)
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
        ({"max_components": 0}, "max_components=0 was given; give an integer of at least 1"),
        ({"max_components": 2.5}, "max_components=2.5"),
        ({"min_components": 30}, "max_components=25 was given; .* at least 30"),
        ({"max_sweeps": True}, "max_sweeps=True"),
        ({"tol": float("nan")}, "tol=nan was given; give a positive number"),
        ({"prior_scatter": -1.0}, "prior_scatter=-1.0"),
        ({"covariance_type": "round"}, "covariance_type='round'"),
        ({"criterion": "bic"}, "criterion='bic'"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(DataError, match=message):
        MMLGaussianMixture(**parameters).fit(three_clusters())


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
        fit = MMLGaussianMixture(random_state=0).fit(X)
    assert fit.n_components_ == 1
    assert np.isfinite(fit.message_length_)
    laws.check_distribution(fit.predict_proba(X))


def test_a_negative_weight_is_refused():
    with pytest.raises(DataError, match="sample_weight has negative entries"):
        MMLGaussianMixture().fit(three_clusters(), sample_weight=-np.ones(300))


def test_predicting_before_fitting_is_refused():
    with pytest.raises(NotFittedError):
        MMLGaussianMixture().predict(three_clusters())


@pytest.mark.parametrize("component", [-1, 99])
def test_an_unknown_component_is_refused(component):
    with pytest.raises(DataError, match=rf"component={component} does not exist; choose 0 to"):
        fitted(three_clusters()).sample(1, component=component)

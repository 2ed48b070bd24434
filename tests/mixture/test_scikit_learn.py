"""An estimator like scikit-learn's own: its contract, its tools, and what its mixture promises."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
import sklearn
from scipy.stats import norm
from sklearn.base import clone
from sklearn.covariance import EmpiricalCovariance
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import parametrize_with_checks

import laws
from mixture.problems import clusters
from xenoglyph import DegenerateDataWarning, MMLGaussianMixture
from xenoglyph.mixture.covariance import COVARIANCES

SEARCHES = ["split-merge", "annihilation"]
METHODS = ["predict", "predict_proba", "transform", "score_samples"]
NUMBERS = ["score", "message_length", "aic", "bic", "icl"]

X = clusters(0, 300, 3, apart=5.0)
FITS = {name: MMLGaussianMixture(covariance_type=name).fit(X) for name in COVARIANCES}


def check_same_predictions(one, other, table=X):
    for method in METHODS:
        np.testing.assert_array_equal(getattr(one, method)(table), getattr(other, method)(table))
    for method in NUMBERS:
        assert getattr(one, method)(table) == getattr(other, method)(table), method


def check_same_fit(one, other):
    for name in ("weights_", "means_", "covariances_", "labels_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("message_length_", "n_iter_", "lower_bound_", "covariance_type_"):
        assert getattr(one, name) == getattr(other, name), name


# ------------------------------------------------------------------------------------- contract


# The checks' own tables have fewer rows than columns, which is said.
@pytest.mark.filterwarnings("ignore:The .* columns vary in:xenoglyph.DegenerateDataWarning")
@parametrize_with_checks(
    [
        MMLGaussianMixture(),
        *(MMLGaussianMixture(5, covariance_type=name) for name in [*COVARIANCES, "auto"]),
        MMLGaussianMixture(5, search="annihilation", random_state=0),
        MMLGaussianMixture(5, missing="marginal"),
    ]
)
def test_scikit_learns_contract(estimator, check):
    check(estimator)


def copied(fit):
    file = io.BytesIO()
    joblib.dump(fit, file)
    file.seek(0)
    return {
        "deepcopy": copy.deepcopy(fit),
        "joblib": joblib.load(file),
        **{
            f"pickle {protocol}": pickle.loads(pickle.dumps(fit, protocol=protocol))
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
        },
    }


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_copy_is_the_same_fit(covariance_type):
    fit = FITS[covariance_type]
    assert fit.n_components_ == 3
    for other in copied(fit).values():
        check_same_fit(other, fit)
        check_same_predictions(other, fit)
        np.testing.assert_array_equal(
            other.sample(5, random_state=0)[0], fit.sample(5, random_state=0)[0]
        )
        assert str(other.trace_) == str(fit.trace_)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"search": "annihilation", "random_state": 4}, {"covariance_type": "auto", "n_jobs": 2}],
)
def test_a_clone_is_not_fitted_and_fits_alike(parameters):
    fit = MMLGaussianMixture(9, **parameters).fit(X)
    fresh = clone(fit)
    assert not [name for name in vars(fresh) if name.endswith("_")]
    assert fresh.get_params() == fit.get_params()
    check_same_fit(fresh.fit(X), fit)


def test_fitting_changes_no_parameter():
    mixture = MMLGaussianMixture(covariance_type="auto")
    before = mixture.get_params()
    assert mixture.fit(X).get_params() == before
    assert set(before) == set(MMLGaussianMixture().get_params())


def test_parameters_set_after_a_fit_are_for_the_next():
    fit = copy.deepcopy(FITS["full"])
    fit.set_params(covariance_type="diag", search="annihilation", criterion="eq15", tol=1.0)
    check_same_predictions(fit, FITS["full"])
    np.testing.assert_array_equal(fit.covariances_, FITS["full"].covariances_)
    assert fit.covariance_type_ == "full"


def test_a_second_fit_forgets_the_first():
    pd = pytest.importorskip("pandas")
    mixture = MMLGaussianMixture().fit(pd.DataFrame(X[:, :2], columns=["a", "b"]))
    check_same_fit(mixture.fit(X), FITS["full"])
    assert mixture.n_features_in_ == 3
    assert not hasattr(mixture, "feature_names_in_")


def test_targets_are_ignored():
    check_same_fit(MMLGaussianMixture().fit(X, np.arange(len(X))), FITS["full"])
    labels = MMLGaussianMixture().fit_predict(X, ["a"] * len(X))
    np.testing.assert_array_equal(labels, FITS["full"].labels_)


# ---------------------------------------------------------------------------------------- tools


def test_at_the_end_of_a_pipeline():
    line = make_pipeline(StandardScaler(), MMLGaussianMixture()).fit(X)
    scaled = StandardScaler().fit_transform(X)
    fit = MMLGaussianMixture().fit(scaled)
    np.testing.assert_array_equal(line.predict(X), fit.labels_)
    np.testing.assert_array_equal(line.predict_proba(X), fit.predict_proba(scaled))
    np.testing.assert_array_equal(line.transform(X), fit.predict_proba(scaled))
    assert line.score(X) == fit.score(scaled)
    np.testing.assert_array_equal(line.fit_predict(X), fit.labels_)


def test_before_a_classifier():
    line = make_pipeline(MMLGaussianMixture(), LogisticRegression()).fit(X, FITS["full"].labels_)
    assert line.score(X, FITS["full"].labels_) == 1.0
    assert line[-1].n_features_in_ == line[0].n_components_ == 3


def test_a_grid_search_finds_the_covariance_type_that_predicts_best():
    r = np.random.default_rng(2)
    table = r.standard_normal((400, 4)) * [1.0, 1.0, 5.0, 0.2]
    table[200:] = table[200:] * [4.0, 0.2, 0.3, 3.0] + 9.0
    folds = KFold(4, shuffle=True, random_state=0)
    search = GridSearchCV(
        MMLGaussianMixture(),
        {"covariance_type": ["tied", "diag", "spherical"]},
        cv=folds,
        error_score="raise",
    )
    search.fit(table)
    assert search.best_params_ == {"covariance_type": "diag"}
    expected = cross_val_score(MMLGaussianMixture(covariance_type="diag"), table, cv=folds)
    np.testing.assert_allclose(search.best_score_, expected.mean(), rtol=1e-12)
    check_same_fit(search.best_estimator_, MMLGaussianMixture(covariance_type="diag").fit(table))


def test_output_as_frames():
    pd = pytest.importorskip("pandas")
    fit = MMLGaussianMixture().fit(X)
    names = ["mmlgaussianmixture0", "mmlgaussianmixture1", "mmlgaussianmixture2"]
    assert fit.get_feature_names_out().tolist() == names
    two = MMLGaussianMixture(2, min_components=2).fit(X)
    assert two.get_feature_names_out().tolist() == names[:2]
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=range(7, 307))
    out = MMLGaussianMixture().set_output(transform="pandas").fit_transform(frame)
    assert out.columns.tolist() == names
    pd.testing.assert_index_equal(out.index, frame.index)
    np.testing.assert_array_equal(out.to_numpy(), fit.predict_proba(X))
    pl = pytest.importorskip("polars")
    out = fit.set_output(transform="polars").transform(X)
    assert isinstance(out, pl.DataFrame)
    assert out.columns == names


def test_the_names_of_features_are_kept():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    fit = MMLGaussianMixture().fit(frame)
    assert fit.feature_names_in_.tolist() == ["a", "b", "c"]
    check = fit.to_sklearn()
    assert check.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(check.predict(frame), fit.labels_)


def test_weights_find_their_way_through_a_pipeline():
    weights = np.arange(len(X)) % 3
    with sklearn.config_context(enable_metadata_routing=True):
        mixture = MMLGaussianMixture().set_fit_request(sample_weight=True)
        mixture.set_score_request(sample_weight=True)
        line = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), mixture)
        line.fit(X, sample_weight=weights)
        score = line.score(X, sample_weight=weights)
    scaled = StandardScaler().fit_transform(X)
    fit = MMLGaussianMixture().fit(scaled, sample_weight=weights)
    check_same_fit(line[-1], fit)
    assert score == fit.score(scaled, sample_weight=weights)
    assert score != fit.score(scaled)


def test_weights_that_nobody_asked_for_are_not_swallowed():
    with sklearn.config_context(enable_metadata_routing=True):
        line = make_pipeline(MMLGaussianMixture())
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            line.fit(X, sample_weight=np.ones(len(X)))


def test_a_notebook_shows_it():
    for mixture in (MMLGaussianMixture(7), MMLGaussianMixture(7).fit(X)):
        for text in (repr(mixture), mixture._repr_html_(), estimator_html_repr(mixture)):
            assert "MMLGaussianMixture" in text
        assert "max_components=7" in repr(mixture)


def test_progress_is_told():
    told = []
    MMLGaussianMixture().fit(X, progress=lambda *arguments: told.append(arguments))
    assert told
    assert {stage for stage, *_ in told} == {"mixture"}
    assert told[-1][-1].endswith("components")


# ----------------------------------------------------------------------------------- attributes


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_attributes_agree_with_one_another(covariance_type, search):
    table = X * [1e-8, 1.0, 1e8]
    fit = MMLGaussianMixture(
        9, covariance_type=covariance_type, search=search, random_state=0
    ).fit(table)
    k, d = fit.n_components_, 3
    assert k > 1
    assert fit.covariance_type_ == covariance_type
    assert fit.n_features_in_ == d
    assert fit.weights_.shape == (k,)
    assert fit.means_.shape == (k, d)
    for name in ("covariances_", "precisions_", "precisions_cholesky_"):
        assert getattr(fit, name).shape == (k, d, d)
        assert getattr(fit, name).dtype == np.float64
    assert (np.diff(fit.weights_) <= 0.0).all()
    for C, P, U in zip(fit.covariances_, fit.precisions_, fit.precisions_cholesky_, strict=True):
        sd = np.sqrt(np.diagonal(C))
        assert np.array_equal(U, np.triu(U))
        np.testing.assert_allclose((P @ C) / sd * sd[:, None], np.eye(d), atol=1e-9)
        np.testing.assert_allclose((U @ U.T) * np.outer(sd, sd), P * np.outer(sd, sd), atol=1e-9)
        log_det = np.linalg.slogdet(C)[1]
        np.testing.assert_allclose(np.log(np.diagonal(U)).sum(), -0.5 * log_det, rtol=1e-12)
    if "diag" in covariance_type or covariance_type == "spherical":
        np.testing.assert_array_equal(fit.covariances_, fit.covariances_ * np.eye(d))
    if "tied" in covariance_type:
        np.testing.assert_array_equal(fit.covariances_, fit.covariances_[:1].repeat(k, axis=0))
    if covariance_type == "spherical":
        ratio = np.diagonal(fit.covariances_, axis1=1, axis2=2) / table.var(axis=0)
        np.testing.assert_allclose(ratio, ratio[:, :1].repeat(d, axis=1), rtol=1e-9)
    assert fit.converged_ is True
    assert fit.n_iter_ == len(fit.trace_.sweeps) - 1 > 0
    assert fit.message_length_ == fit.trace_.chosen.message_length
    assert fit.trace_.chosen.n_components == k
    np.testing.assert_allclose(fit.lower_bound_, fit.score(table), rtol=1e-9)
    np.testing.assert_array_equal(fit.labels_, fit.predict(table))
    # What is left is the prior on covariances.
    prior = fit.message_length_ - fit.message_length(table)
    assert 0.0 < prior < 0.05 * k * d


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_predictions_agree_with_one_another(covariance_type):
    fit = FITS[covariance_type]
    posterior = fit.predict_proba(X)
    laws.check_distribution(posterior)
    np.testing.assert_array_equal(fit.predict(X), posterior.argmax(axis=1))
    np.testing.assert_array_equal(fit.transform(X), posterior)
    np.testing.assert_array_equal(fit.fit_transform(X), posterior)
    assert fit.score_samples(X).shape == (300,)
    assert fit.score(X) == fit.score_samples(X).mean()
    assert adjusted_rand_score(np.rint(X.mean(axis=1) / 5.0), fit.labels_) > 0.95


def test_icl_is_never_less_than_bic():
    table = load_iris().data
    for covariance_type in COVARIANCES:
        fit = MMLGaussianMixture(covariance_type=covariance_type, min_components=3).fit(table)
        assert fit.icl(table) > fit.bic(table)
        posterior = fit.predict_proba(table)
        entropy = -(posterior[posterior > 0] * np.log(posterior[posterior > 0])).sum()
        np.testing.assert_allclose(fit.icl(table) - fit.bic(table), 2.0 * entropy, rtol=1e-9)
    one = MMLGaussianMixture(1).fit(table)
    assert one.icl(table) == one.bic(table)


def test_scores_by_weight_are_those_of_repeated_rows():
    weights = np.arange(len(X)) % 4
    repeated = np.repeat(X, weights, axis=0)
    for fit in FITS.values():
        np.testing.assert_allclose(
            fit.score(X, sample_weight=weights), fit.score(repeated), rtol=1e-12
        )
        np.testing.assert_allclose(
            fit.message_length(X, sample_weight=weights), fit.message_length(repeated), rtol=1e-12
        )


# ------------------------------------------------------------------------- scikit-learn's mixture

PARAMETERS = {"full": 41, "tied": 26, "diag": 21, "spherical": 13, "tied_diag": 16}


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_parameters_are_counted(covariance_type):
    """Two components of five features, as in scikit-learn's own test."""
    table = np.random.default_rng(0).standard_normal((50, 5))
    fit = MMLGaussianMixture(2, min_components=2, covariance_type=covariance_type).fit(table)
    counted = (fit.bic(table) - fit.aic(table)) / (np.log(50.0) - 2.0)
    np.testing.assert_allclose(counted, PARAMETERS[covariance_type], rtol=1e-9)


@pytest.mark.parametrize("units", [1.0, np.array([1e-8, 1.0, 1e8])], ids=["plain", "scaled"])
@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_scikit_learns_mixture_predicts_the_same(covariance_type, units):
    table = X * units
    ours = MMLGaussianMixture(covariance_type=covariance_type, random_state=0).fit(table)
    theirs = ours.to_sklearn()
    assert isinstance(theirs, GaussianMixture)
    assert theirs.n_components == ours.n_components_ == 3
    rows = np.vstack([table, ours.sample(300, random_state=1)[0]])
    np.testing.assert_array_equal(theirs.predict(rows), ours.predict(rows))
    np.testing.assert_allclose(theirs.predict_proba(rows), ours.predict_proba(rows), atol=1e-10)
    np.testing.assert_allclose(theirs.score_samples(rows), ours.score_samples(rows), rtol=1e-10)
    np.testing.assert_allclose(theirs.score(rows), ours.score(rows), rtol=1e-10)
    # Theirs knows no variances that all features or components share, and counts them apart.
    more = theirs._n_parameters() - ours._n_parameters()
    assert (more == 0) == (covariance_type in ("full", "tied", "diag"))
    np.testing.assert_allclose(theirs.aic(rows), ours.aic(rows) + 2 * more, rtol=1e-10)
    np.testing.assert_allclose(
        theirs.bic(rows), ours.bic(rows) + more * np.log(len(rows)), rtol=1e-10
    )
    for name in ("converged_", "n_iter_", "lower_bound_", "n_features_in_"):
        assert getattr(theirs, name) == getattr(ours, name)
    if np.ndim(units) == 0:  # theirs does not draw from covariances so far from round
        drawn = theirs.sample(2000)[0]
        np.testing.assert_allclose(drawn.mean(axis=0), ours.weights_ @ ours.means_, atol=1.0)


def test_scikit_learns_mixture_is_a_copy():
    names = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")
    for fit in FITS.values():
        before = {name: getattr(fit, name).copy() for name in names}
        posterior = fit.predict_proba(X)
        theirs = fit.to_sklearn()
        for name in names:
            getattr(theirs, name)[:] = 7.0
        for name in names:
            np.testing.assert_array_equal(getattr(fit, name), before[name], err_msg=name)
        np.testing.assert_array_equal(fit.predict_proba(X), posterior)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag"])
def test_scikit_learn_goes_on_from_the_answer_and_stays(covariance_type):
    """With the same weights and a tiny prior, the maximum likelihood is next to our answer."""
    ours = FITS[covariance_type]
    theirs = ours.to_sklearn()
    shape = {"full": slice(None), "tied": 0}.get(covariance_type, slice(None))
    precisions = ours.precisions_[shape]
    if covariance_type == "diag":
        precisions = np.diagonal(precisions, axis1=1, axis2=2)
    theirs.set_params(
        weights_init=ours.weights_, means_init=ours.means_, precisions_init=precisions, tol=1e-6
    )
    theirs.fit(X)
    np.testing.assert_array_equal(theirs.predict(X), ours.predict(X))
    np.testing.assert_allclose(theirs.score(X), ours.score(X), atol=5e-3)
    assert theirs.score(X) > ours.score(X) - 1e-6


def test_densities_are_products_where_features_are_independent():
    for name in ("diag", "spherical", "tied_diag"):
        fit = FITS[name]
        sd = np.sqrt(np.diagonal(fit.covariances_, axis1=1, axis2=2))
        logs = norm.logpdf(X[:, None], fit.means_, sd).sum(axis=2) + np.log(fit.weights_)
        expected = np.logaddexp.reduce(logs, axis=1)
        np.testing.assert_allclose(fit.score_samples(X), expected, rtol=1e-12)


def truth(name, r):
    """A mixture of three components far apart, of a covariance type; and rows of it."""
    d, weights = 2, np.array([0.5, 0.3, 0.2])
    means = np.array([[0.0, 0.0], [14.0, 3.0], [-2.0, 15.0]])
    A, between = r.standard_normal((3, d, d)), weights @ means**2 - (weights @ means) ** 2
    C = {
        "full": A @ A.transpose(0, 2, 1) + 0.5 * np.eye(d),
        "diag": r.uniform(0.3, 2.0, (3, d))[:, :, None] * np.eye(d),
        # In proportion to the features' own variances, which is what it means here.
        "spherical": r.uniform(0.01, 0.05, (3, 1, 1)) * np.diag(between),
    }
    C["tied"] = C["full"][:1].repeat(3, axis=0)
    C["tied_diag"] = C["diag"][:1].repeat(3, axis=0)
    label = r.choice(3, 6000, p=weights)
    rows = means[label] + np.einsum(
        "nij,nj->ni", np.linalg.cholesky(C[name])[label], r.standard_normal((6000, d))
    )
    return weights, means, C[name], label, rows


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_the_truth_is_found(covariance_type):
    weights, means, C, label, rows = truth(covariance_type, np.random.default_rng(7))
    fit = MMLGaussianMixture(covariance_type=covariance_type).fit(rows)
    assert fit.n_components_ == 3
    np.testing.assert_allclose(fit.weights_, weights, atol=0.03)
    np.testing.assert_allclose(fit.means_, means, atol=0.15)
    assert adjusted_rand_score(label, fit.labels_) > 0.99
    for found, true in zip(fit.precisions_, np.linalg.inv(C), strict=True):
        empirical = EmpiricalCovariance()
        empirical.covariance_ = true
        assert empirical.error_norm(found) < 0.15


@pytest.mark.parametrize("tol", [1e-1, 1e-9])
@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_fitting_and_predicting_in_one_step_is_the_same(covariance_type, search, tol):
    mixture = MMLGaussianMixture(
        6, covariance_type=covariance_type, search=search, tol=tol, random_state=1
    )
    labels = mixture.fit_predict(X)
    np.testing.assert_array_equal(labels, mixture.labels_)
    np.testing.assert_array_equal(labels, clone(mixture).fit(X).predict(X))
    assert np.issubdtype(labels.dtype, np.integer)
    weighted = mixture.fit_predict(X, sample_weight=np.arange(300) % 2)
    fit = clone(mixture).fit(X, sample_weight=np.arange(300) % 2)
    np.testing.assert_array_equal(weighted, fit.labels_)
    assert len(weighted) == 300


def test_one_component_of_one_feature_has_the_same_bic_for_every_covariance_type():
    table = np.random.default_rng(0).standard_normal((100, 1))
    found = [
        MMLGaussianMixture(1, covariance_type=name).fit(table).bic(table) for name in COVARIANCES
    ]
    np.testing.assert_allclose(found, found[0], rtol=1e-12)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_aic_and_bic_are_not_far_from_those_of_one_gaussian(covariance_type):
    n, d = 50, 3
    table = np.random.default_rng(0).standard_normal((n, d))
    entropy = 0.5 * np.linalg.slogdet(np.cov(table.T, bias=True))[1]
    entropy += 0.5 * d * (1.0 + np.log(2.0 * np.pi))
    fit = MMLGaussianMixture(2, min_components=2, covariance_type=covariance_type).fit(table)
    p = fit._n_parameters()
    assert fit.aic(table) < 2.0 * n * entropy + 2.0 * p + n * d / np.sqrt(n)
    assert fit.bic(table) < 2.0 * n * entropy + np.log(n) * p + n * d / np.sqrt(n)


@pytest.mark.filterwarnings("ignore:The fit did not converge within 1 sweeps")
@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_the_message_gets_shorter_from_one_warm_start_to_the_next(covariance_type):
    """A sweep at a time, until they say that they have converged.

    More clusters than components: one that is left with a row or two has the least covariance that
    is allowed, not that which makes the message shortest, and the law does not hold.
    """
    table = clusters(3, 4500, 3, apart=1.5, k=5)
    mixture = MMLGaussianMixture(
        4,
        min_components=4,
        covariance_type=covariance_type,
        tol=1e-7,
        max_sweeps=1,
        warm_start=True,
    )
    lengths = []
    for _ in range(200):
        lengths.append(mixture.fit(table).message_length_)
        if mixture.converged_:
            break
    assert mixture.converged_
    assert len(lengths) > 1
    laws.check_never_rises(lengths, [4] * len(lengths))


def test_two_points_are_fitted_with_a_warning():
    """Where scikit-learn's mixture without regularisation refuses."""
    table = np.vstack([np.ones((5, 5)), np.zeros((5, 5))])
    for covariance_type in COVARIANCES:
        with pytest.warns(DegenerateDataWarning, match="The 5 columns vary in 1 directions only"):
            fit = MMLGaussianMixture(covariance_type=covariance_type).fit(table)
        np.linalg.cholesky(fit.covariances_)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 10, 31, 32, 33])
def test_the_weight_of_a_single_component_is_one(n):
    """scikit-learn issue 23032: weights that do not sum to one cannot be drawn from."""
    table = np.random.default_rng(n).standard_normal((n, 1))
    fit = MMLGaussianMixture(1, criterion="program").fit(table)
    assert fit.weights_.tolist() == [1.0]
    np.testing.assert_allclose(fit.means_[0], table.mean(axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fit.covariances_[0, 0], table.var(axis=0), rtol=0.01)
    assert fit.sample(n)[0].shape == (n, 1)


# ---------------------------------------------------------------------------------------- seeds


@pytest.mark.parametrize("covariance_type", [*COVARIANCES, "auto"])
def test_no_seed_matters_to_split_and_merge(covariance_type):
    table = clusters(4, 200, 2, apart=2.5)
    fits = [
        MMLGaussianMixture(covariance_type=covariance_type, random_state=seed).fit(table)
        for seed in (0, 1, None, np.random.RandomState(2))
    ]
    for other in fits[1:]:
        check_same_fit(other, fits[0])


@pytest.mark.parametrize("min_components", [50, 150])
def test_no_seed_matters_though_many_components_are_asked_for(min_components):
    one, other = (
        MMLGaussianMixture(min_components=min_components, random_state=seed).fit(
            clusters(0, 200, 2)
        )
        for seed in (0, 1)
    )
    assert one.n_components_ == min_components
    check_same_fit(one, other)


def test_a_seed_matters_to_annihilation_and_to_what_is_drawn():
    table = clusters(4, 200, 2, apart=2.5)
    one, two, three = (
        MMLGaussianMixture(12, search="annihilation", random_state=seed).fit(table)
        for seed in (0, 0, 1)
    )
    check_same_fit(one, two)
    assert one.n_iter_ != three.n_iter_ or (one.means_ != three.means_).any()
    np.testing.assert_array_equal(one.sample(9)[0], one.sample(9)[0])
    assert (one.sample(9, random_state=5)[0] != one.sample(9)[0]).any()


# ----------------------------------------------------------------------------------- warm starts


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_warm_start_on_the_same_rows_is_at_the_answer(covariance_type, search):
    mixture = MMLGaussianMixture(
        9, covariance_type=covariance_type, search=search, warm_start=True, random_state=0
    ).fit(X)
    k, length, means = mixture.n_components_, mixture.message_length_, mixture.means_
    assert mixture.n_iter_ > 4
    mixture.fit(X)
    assert mixture.n_components_ == k
    np.testing.assert_allclose(mixture.means_, means, atol=0.02)
    if search == "split-merge":
        assert mixture.message_length_ <= length + 1e-9 * abs(length)
        assert mixture.n_iter_ <= 4
    else:  # whose steps may make the message a little longer, as they were published
        assert mixture.message_length_ <= length + mixture.tol * len(X)


@pytest.mark.parametrize("search", SEARCHES)
def test_a_warm_start_that_does_not_fit_is_none(search):
    mixture = MMLGaussianMixture(9, search=search, warm_start=True, random_state=0).fit(X)
    check_same_fit(mixture.fit(X[:, :2]), clone(mixture).fit(X[:, :2]))
    mixture.fit(X).set_params(covariance_type="diag")
    check_same_fit(mixture.fit(X), clone(mixture).fit(X))


def test_without_warm_start_a_second_fit_begins_anew():
    mixture = MMLGaussianMixture().fit(X + np.eye(3)[0])
    check_same_fit(mixture.fit(X), FITS["full"])


def test_a_warm_start_goes_on_in_other_units():
    mixture = MMLGaussianMixture(warm_start=True).fit(X)
    mixture.fit(X * 1e3 + 1e5)
    assert mixture.n_components_ == 3
    fresh = MMLGaussianMixture().fit(X * 1e3 + 1e5)
    np.testing.assert_allclose(mixture.message_length_, fresh.message_length_, rtol=1e-3)


# ------------------------------------------------------------------------------------------ rows


@pytest.mark.parametrize("units", [1.0, np.array([1e-8, 1.0, 1e8])], ids=["plain", "scaled"])
@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_drawn_rows_have_the_moments_of_their_component(covariance_type, units):
    sheared = X @ [[1.0, 0.9, 0.0], [0.0, 1.0, -0.7], [0.0, 0.0, 1.0]]
    fit = MMLGaussianMixture(covariance_type=covariance_type).fit(sheared * units)
    n = 20_000
    for m in range(fit.n_components_):
        rows, components = fit.sample(n, component=m, random_state=m)
        assert rows.shape == (n, 3)
        assert (components == m).all()
        C, variance = fit.covariances_[m], np.diagonal(fit.covariances_[m])
        assert (np.abs(rows.mean(axis=0) - fit.means_[m]) < 5.0 * np.sqrt(variance / n)).all()
        sigma = np.sqrt((np.outer(variance, variance) + C**2) / n)
        assert (np.abs(np.cov(rows.T) - C) < 5.0 * sigma).all()


def test_components_are_drawn_by_their_weights():
    fit, n = FITS["full"], 30_000
    for among in (None, [0, 2], [2, 1], [1]):
        own = [0, 1, 2] if among is None else sorted(among)
        rows, components = fit.sample(n, component=among, random_state=1)
        assert np.unique(components).tolist() == own
        share = fit.weights_[own] / fit.weights_[own].sum()
        drawn = np.bincount(components, minlength=3)[own] / n
        assert (np.abs(drawn - share) <= 5.0 * np.sqrt(share * (1.0 - share) / n)).all()
        assert adjusted_rand_score(components, fit.predict(rows)) > 0.98


def test_the_mixture_of_drawn_rows_is_the_mixture():
    for name, fit in FITS.items():
        rows, components = fit.sample(5000, random_state=0)
        again = MMLGaussianMixture(covariance_type=name).fit(rows)
        assert again.n_components_ == 3
        assert adjusted_rand_score(components, again.labels_) > 0.98
        np.testing.assert_allclose(again.weights_, fit.weights_, atol=0.05)


def test_one_row_is_drawn_by_default():
    rows, components = FITS["full"].sample()
    assert rows.shape == (1, 3)
    assert components.shape == (1,)

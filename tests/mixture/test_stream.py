"""Streams: what is remembered and forgotten, what is born and dies, and what a refusal leaves."""

import copy
import pickle
import tracemalloc
import warnings
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.exceptions import NotFittedError

from mixture.problems import clusters, problem
from xenoglyph import DataError, DegenerateDataWarning, MMLGaussianMixture
from xenoglyph.mixture.arrays import from_arrays, to_arrays
from xenoglyph.mixture.covariance import COVARIANCES
from xenoglyph.mixture.reservoir import Reservoir, counted
from xenoglyph.mixture.review import Review
from xenoglyph.mixture.state import Mixture
from xenoglyph.mixture.sums import Sums

FITTED = ("weights_", "means_", "covariances_", "precisions_cholesky_")


def around(r, means, n):
    """Spheres about the means, in random order."""
    means = np.asarray(means, float)
    return means[r.integers(0, len(means), n)] + r.standard_normal((n, means.shape[1]))


def streamed(batches, **settings):
    mixture = MMLGaussianMixture(random_state=0, **settings)
    for batch in batches:
        mixture.partial_fit(batch)
    return mixture


def check_same_bits(one, other):
    for name in FITTED:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.message_length_ == other.message_length_


# --------------------------------------------------------------------------------- what is counted


def check_counts(count, rate):
    """A weight of two is two rows, and the stream counts for 1 / rate rows in the end."""
    w, fade = count(np.ones(2), rate)
    doubled, doubled_fade = count(np.full(1, 2.0), rate)
    np.testing.assert_allclose(w.sum(), doubled.sum(), rtol=1e-12)
    np.testing.assert_allclose(fade, doubled_fade, rtol=1e-12)
    np.testing.assert_allclose(count(np.ones(int(40 / rate)), rate)[0].sum(), 1.0 / rate)


@pytest.mark.parametrize("rate", [1e-3, 0.1])
def test_a_stream_counts_for_its_window(rate):
    check_counts(counted, rate)


def test_the_checker_rejects_weights_that_fade_by_the_row():
    def by_the_row(s, rate):
        age = np.arange(len(s))[::-1]
        return s * np.exp(-rate * age), float(np.exp(-rate * len(s)))

    with pytest.raises(AssertionError):
        check_counts(by_the_row, 0.1)


def test_without_forgetting_a_row_is_a_row():
    s = np.random.default_rng(0).uniform(size=9)
    w, fade = counted(s, 0.0)
    np.testing.assert_array_equal(w, s)
    assert fade == 1.0


# ------------------------------------------------------------------------------------- the sample


def filled(X, s, rate, capacity=50, seed=0, cuts=()):
    sample, random = Reservoir.empty(capacity, X.shape[1]), np.random.RandomState(seed)
    for rows, weights in zip(np.split(X, cuts), np.split(s, cuts), strict=True):
        if len(weights):
            sample.add(rows, weights, rate, random)
    return sample


def check_unbiased(weights_of):
    """Sums over the stream are estimated without bias by sums over its sample."""
    r = np.random.default_rng(0)
    X, s, rate = np.arange(400.0)[:, None], r.uniform(0.5, 2.0, 400), 5e-3
    w = counted(s, rate)[0]
    estimates = []
    for seed in range(400):
        sample = filled(X, s, rate, seed=seed)
        a = weights_of(sample)
        estimates.append([a.sum(), a @ sample.X[:, 0]])
    truth = np.array([w.sum(), w @ X[:, 0]])
    error = np.std(estimates, axis=0) / np.sqrt(len(estimates))
    assert (np.abs(np.mean(estimates, axis=0) - truth) < 4.0 * error + 1e-3 * truth).all()


def test_the_sample_stands_for_the_stream():
    check_unbiased(lambda sample: sample.weights()[0])


def test_the_checker_rejects_weights_without_the_chance_of_being_held():
    with pytest.raises(AssertionError):
        check_unbiased(lambda sample: sample.w * 400 / 50)


@pytest.mark.parametrize("cuts", [(1, 2, 3), (100,), (55, 56, 399), range(1, 400)])
def test_the_sample_is_the_same_however_the_stream_is_cut(cuts):
    X, s = np.random.default_rng(1).normal(size=(400, 2)), np.ones(400)
    whole, parts = filled(X, s, 1e-2), filled(X, s, 1e-2, cuts=tuple(cuts))
    np.testing.assert_array_equal(whole.X, parts.X)
    np.testing.assert_allclose(whole.weights(), parts.weights(), rtol=1e-9)


def test_a_sample_that_is_not_full_is_the_stream():
    X, s = np.random.default_rng(2).normal(size=(40, 2)), np.ones(40)
    sample = filled(X, s, 1e-3)
    assert sample.whole
    of_stream, of_sample = sample.weights()
    np.testing.assert_allclose(of_stream, counted(s, 1e-3)[0], rtol=1e-12)
    np.testing.assert_array_equal(of_sample, of_stream)
    np.testing.assert_array_equal(sample.X, X)


def test_what_was_not_seen_is_no_evidence():
    X, s = np.random.default_rng(3).normal(size=(4000, 1)), np.ones(4000)
    of_stream, of_sample = filled(X, s, 0.0).weights()
    assert of_sample.sum() == pytest.approx(50)
    assert of_stream.sum() == pytest.approx(4000, rel=0.6)


# --------------------------------------------------------------------------------------- the sums


@pytest.mark.parametrize("criterion", ["program", "wallace-freeman"])
@pytest.mark.parametrize("name", COVARIANCES)
def test_the_m_step_undoes_what_makes_sums_of_a_mixture(name, criterion):
    rows, o, start = problem(n=900, d=3, k=4, name=name, criterion=criterion)
    x = Mixture(rows, o, start)
    again = Sums.of(x.parameters(), 700.0, o).maximised(o)
    np.testing.assert_allclose(again.alpha, x.alpha, rtol=1e-10)
    np.testing.assert_array_equal(again.mu, x.mu)
    np.testing.assert_allclose(again.C, x.C, rtol=1e-10, atol=1e-12)


def check_on_line_em(stream_of, rate):
    """Sums over batches, each judged by the mixture before it, are NumPy's own."""
    r = np.random.default_rng(0)
    means = [[0, 0], [6, 0], [0, 7]]
    mixture = stream_of(around(r, means, 600), rate)
    units = mixture._fitted.standardisation
    sums, o = mixture._stream.sums, mixture._fitted.objective
    raw = sums.scatter + sums.count[:, None, None] * np.einsum("mi,mj->mij", sums.mu, sums.mu)
    count, first = sums.count.copy(), sums.count[:, None] * sums.mu
    for _ in range(2):
        X = around(r, means, 50)
        terms = [
            a * multivariate_normal(m, C).pdf(X)
            for a, m, C in zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
        ]
        w = np.array(terms) / np.sum(terms, axis=0) * counted(np.ones(50), rate)[0]
        Z, fade = (X - units.centre) / units.scale, np.exp(-rate * 50)
        count, first = fade * count + w.sum(axis=1), fade * first + w @ Z
        raw = fade * raw + np.einsum("mn,ni,nj->mij", w, Z, Z)
        mixture.partial_fit(X)
    mu = first / count[:, None]
    scatter = raw - count[:, None, None] * np.einsum("mi,mj->mij", mu, mu)
    C = (scatter + o.prior) / (count - o.narrowness[0])[:, None, None]
    alpha = (count - 0.5 * o.N) / (count - 0.5 * o.N).sum()
    np.testing.assert_allclose(mixture.weights_, alpha, rtol=1e-8)
    np.testing.assert_allclose(mixture.means_, units.revert(mu), atol=1e-8)
    outer = np.outer(units.scale, units.scale)
    np.testing.assert_allclose(mixture.covariances_, C * outer, rtol=1e-7, atol=1e-8)


def begin(X, rate):
    return MMLGaussianMixture(random_state=0, forgetting_rate=rate).partial_fit(X)


@pytest.mark.parametrize("rate", [0.0, 1e-4])
def test_the_sums_are_those_of_on_line_em(rate):
    check_on_line_em(begin, rate)


def test_the_checker_rejects_a_wrong_rate():
    with pytest.raises(AssertionError):
        check_on_line_em(lambda X, rate: begin(X, 5e-4), 1e-4)


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_one_component_that_forgets_nothing_is_the_mean_and_covariance_of_all_rows(cut):
    X = np.random.default_rng(0).normal([3.0, -1e3], [1.0, 1e-4], (350, 2))
    batches = [X[:200], *(X[i : i + cut] for i in range(200, 350, cut))]
    mixture = streamed(batches, max_components=1, forgetting_rate=0.0)
    np.testing.assert_allclose(mixture.means_[0], X.mean(axis=0), rtol=1e-9)
    theirs = 350 / (350 - 4) * np.cov(X.T, bias=True)  # with the price of narrowness
    scale = np.outer(X.std(axis=0), X.std(axis=0))
    np.testing.assert_allclose(mixture.covariances_[0] / scale, theirs / scale, atol=1e-6)


def test_what_the_sample_cannot_judge_is_left_alone():
    """A component that the whole stream pays for and the sample has no row of."""
    rows, o, _ = problem(n=800, k=3, criterion="wallace-freeman")
    fit = MMLGaussianMixture().fit(clusters(0, 800))
    far = np.array([[9.0, 9.0]])
    parameters = fit._fitted.parameters
    count = 1e5 * np.append(parameters.alpha, 1e-3)
    mu = np.concatenate([parameters.mu, far])
    C = np.concatenate([parameters.C, parameters.C[:1]])
    sums = Sums(count, mu, count[:, None, None] * C)
    review = Review(sums, replace(o, n=sums.n), rows, 0)
    review.split()
    review.shrink()
    assert len(review.sums.count) == parameters.k + 1
    np.testing.assert_array_equal(review.sums.mu[-1], far[0])


# ------------------------------------------------------------------------------- births and deaths

RATE, WINDOW = 2e-3, 500


def truth(t):
    """Means after t windows: one stays, one moves, one vanishes, one appears."""
    means = [[0.0, 0.0], [9.0, 0.2 * t]]
    return means + ([[0.0, -9.0]] if t < 3 else []) + ([[-9.0, 4.0]] if t >= 7 else [])


def check_followed(learn, seed):
    """The number of components and their means are the generator's, given time."""
    r = np.random.default_rng(seed)
    for t in np.arange(0.0, 11.0, 0.2):
        mixture = learn(around(r, truth(t), WINDOW // 5))
        # A death takes as long as old rows are remembered, a birth as a few new ones take to come.
        if 1.0 <= t < 3.0 or 6.4 <= t < 7.0 or t >= 8.0:
            assert mixture.n_components_ == len(truth(t)), t
            apart = np.linalg.norm(mixture.means_[:, None] - np.array(truth(t)), axis=2)
            assert apart.min(axis=0).max() < 0.75, t


@pytest.mark.parametrize("seed", range(4))
def test_components_are_born_move_and_die_with_the_stream(seed):
    check_followed(MMLGaussianMixture(forgetting_rate=RATE, random_state=0).partial_fit, seed)


@pytest.mark.parametrize("learn", ["forgets nothing", "learns once", "learns the last batch"])
def test_the_checker_rejects_what_does_not_follow(learn):
    mixture = MMLGaussianMixture(forgetting_rate=0.0, random_state=0)
    once = MMLGaussianMixture()
    learners = {
        "forgets nothing": mixture.partial_fit,
        "learns once": lambda X: once if hasattr(once, "means_") else once.fit(X),
        "learns the last batch": lambda X: MMLGaussianMixture().fit(X[:20]),
    }
    with pytest.raises(AssertionError):
        check_followed(learners[learn], 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_that_stays_as_it_is_keeps_its_components(seed):
    r = np.random.default_rng(seed)
    means = 5.0 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    mixture = MMLGaussianMixture(random_state=seed, forgetting_rate=1e-4)
    for _ in range(20):
        mixture.partial_fit(around(r, means, 5000))
        assert mixture.n_components_ == 5
    apart = np.linalg.norm(mixture.means_[:, None] - means, axis=2)
    assert apart.min(axis=0).max() < 0.15
    assert mixture.trace_.events == ()


def test_components_keep_their_places_and_events_tell_what_came_of_them():
    r = np.random.default_rng(0)
    mixture = streamed([around(r, [[0, 0], [9, 0]], 1000)], forgetting_rate=RATE)
    before = mixture.means_.copy()
    mixture.partial_fit(around(r, [[0, 0], [9, 0], [0, 9]], 600))
    np.testing.assert_allclose(mixture.means_[:2], before, atol=0.5)
    np.testing.assert_allclose(mixture.means_[2:], [[0, 9]], atol=0.5)
    (birth,) = mixture.trace_.events
    assert (birth.kind, birth.n_components_before, birth.n_components_after) == ("split", 2, 3)
    assert birth.saved > 0.0
    assert mixture.trace_.chosen.n_components == 3
    assert mixture.trace_.chosen.message_length == mixture.message_length_


# ------------------------------------------------------------------------------ rows as they come


def test_the_first_mixture_is_that_of_fit():
    X = clusters(0, 500, 3)
    streamed_once = streamed([X], forgetting_rate=0.0)
    fit = MMLGaussianMixture().fit(X)
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_array_equal(getattr(streamed_once, name), getattr(fit, name))
    assert not hasattr(streamed_once, "labels_")


def test_rows_may_come_one_by_one():
    X = around(np.random.default_rng(0), [[0, 0], [9, 0]], 200)
    mixture = MMLGaussianMixture(random_state=0, forgetting_rate=1e-3)
    for i, row in enumerate(X):
        if i < 6:
            with pytest.raises(NotFittedError):
                mixture.predict(X)
        mixture.partial_fit(row[None])
    assert mixture.n_components_ == 2
    assert mixture.n_iter_ == 194


@pytest.mark.parametrize("cuts", [range(250, 6000, 250), [4000], [37, 2011, 2012, 5000]])
def test_where_the_stream_is_cut_hardly_matters(cuts):
    X = around(np.random.default_rng(0), [[0, 0], [9, 0], [0, 9]], 6000)
    one = streamed(np.split(X, range(500, 6000, 500)), forgetting_rate=1e-3)
    other = streamed(np.split(X, cuts), forgetting_rate=1e-3)
    assert one.n_components_ == other.n_components_ == 3
    order = [np.argmin(np.linalg.norm(other.means_ - m, axis=1)) for m in one.means_]
    np.testing.assert_allclose(one.means_, other.means_[order], atol=0.02)
    np.testing.assert_allclose(one.weights_, other.weights_[order], atol=0.005)


def test_the_same_batches_give_the_same_bits():
    X = np.split(around(np.random.default_rng(0), [[0, 0], [5, 0]], 4000), 8)
    check_same_bits(streamed(X, forgetting_rate=RATE), streamed(X, forgetting_rate=RATE, n_jobs=2))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_goes_on_as_the_stream_does_and_apart_from_it(copied):
    X = np.split(around(np.random.default_rng(0), [[0, 0], [5, 0]], 4000), 8)
    mixture = streamed(X[:4], forgetting_rate=RATE)
    other = copied(mixture)
    for batch in X[4:]:
        other.partial_fit(batch)
    check_same_bits(other, streamed(X, forgetting_rate=RATE))
    check_same_bits(mixture, streamed(X[:4], forgetting_rate=RATE))


@pytest.mark.parametrize(
    "settings", [{"covariance_type": name} for name in [*COVARIANCES, "auto"]]
)
def test_every_type_of_covariance_streams(settings):
    X = np.split(around(np.random.default_rng(1), [[0, 0], [8, 0], [0, 8]], 3000), 6)
    assert streamed(X, forgetting_rate=RATE, **settings).n_components_ == 3


def test_values_may_be_missing():
    r = np.random.default_rng(0)
    X = around(r, [[0, 0, 0], [8, 0, 8]], 900)
    X[r.uniform(size=X.shape) < 0.3] = np.nan
    mixture = streamed(np.split(X, 3), forgetting_rate=5e-3, missing="marginal")
    assert mixture.n_components_ == 2
    np.testing.assert_allclose(np.sort(mixture.means_[:, 0]), [0, 8], atol=0.3)
    mixture.partial_fit(np.full((1, 3), np.nan))  # which tells nothing


@pytest.mark.parametrize(("scale", "origin"), [(1e-9, 0.0), (1e9, 1e12), (1e-3, 1e4)])
def test_units_make_no_difference(scale, origin):
    X = np.split(around(np.random.default_rng(0), [[0, 0], [8, 0]], 3000), 6)
    plain = streamed(X, forgetting_rate=RATE)
    other = streamed([x * scale + origin for x in X], forgetting_rate=RATE)
    np.testing.assert_allclose((other.means_ - origin) / scale, plain.means_, atol=1e-3)


@pytest.mark.parametrize("jump", [1e2, 1e6])
def test_a_stream_may_go_anywhere(jump):
    r = np.random.default_rng(0)
    means = np.array([[0.0, 0.0], [9.0, 0.0]])
    mixture = streamed([around(r, means, 500) for _ in range(4)], forgetting_rate=RATE)
    for _ in range(10):
        mixture.partial_fit(around(r, means + jump, 500))
    assert mixture.n_components_ == 2
    order = np.argsort(mixture.means_[:, 0])
    np.testing.assert_allclose(mixture.means_[order] - jump, means, atol=0.3)


def test_a_weight_counts_as_equal_rows():
    X = around(np.random.default_rng(0), [[0, 0], [8, 0]], 300)
    rows = streamed([np.repeat(X, 2, axis=0)], forgetting_rate=0.0)
    weighted = MMLGaussianMixture(random_state=0, forgetting_rate=0.0)
    weighted.partial_fit(X, sample_weight=np.full(300, 2.0))
    np.testing.assert_allclose(weighted.means_, rows.means_, rtol=1e-6)


# ---------------------------------------------------------------------------- fit and partial_fit


def test_fit_starts_anew():
    X, other = clusters(0, 400), clusters(1, 400, apart=9.0)
    mixture = streamed([X, X]).fit(other)
    fit = MMLGaussianMixture(random_state=0).fit(other)
    check_same_bits(mixture, fit)
    check_same_bits(mixture.partial_fit(X), fit.partial_fit(X))


@pytest.mark.parametrize(("rate", "counts"), [(0.0, 400.0), (1e-2, 100 * (1 - np.exp(-4)))])
def test_a_stream_after_a_fit_counts_its_rows(rate, counts):
    X = around(np.random.default_rng(0), [[0, 0]], 400)
    mixture = MMLGaussianMixture(forgetting_rate=rate).fit(X)
    before = mixture.means_.copy()
    mixture.partial_fit(np.array([[3.0, 3.0]]))
    (one,), fade = counted(np.ones(1), rate)
    share = one / (one + fade * counts)
    np.testing.assert_allclose(mixture.means_ - before, share * (3.0 - before), rtol=1e-6)


def test_a_loaded_mixture_does_not_go_on():
    mixture = streamed([clusters(0, 400)])
    loaded = from_arrays(*to_arrays(mixture))
    np.testing.assert_array_equal(loaded.means_, mixture.means_)
    with pytest.raises(DataError, match="loaded from a file"):
        loaded.partial_fit(clusters(1, 10))


# ----------------------------------------------------------------------------- bounds and refusals


def test_memory_does_not_grow():
    r = np.random.default_rng(0)
    mixture = streamed([r.normal(size=(20_000, 2))], max_components=1)
    size = len(pickle.dumps(mixture))
    for _ in range(4):
        mixture.partial_fit(r.normal(size=(20_000, 2)))
    assert len(pickle.dumps(mixture)) < size + 20_000  # the ledger has a line for each call
    large = r.normal(size=(400_000, 2))
    tracemalloc.start()
    mixture.partial_fit(large)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * large.nbytes


def test_the_ledger_is_bounded():
    r = np.random.default_rng(0)
    mixture = streamed([r.normal(size=(50, 1))], max_components=1)
    for _ in range(1100):
        mixture.partial_fit(r.normal(size=(1, 1)))
    assert len(mixture.trace_.sweeps) == 1000
    assert mixture.trace_.chosen.number == mixture.n_iter_ == 1100


BAD = {
    "NaN": lambda X: np.where(X[3, 1] == X, np.nan, X),
    "infinity": lambda X: np.where(X[3, 1] == X, np.inf, X),
    "features": lambda X: X[:, :1],
    "text": lambda X: X.astype(str),
    "empty": lambda X: X[:0],
    "one dimension": lambda X: X[0],
    "too far": lambda X: np.concatenate([X, np.full((1, 2), 1e200)]),
    "lazy": da.from_array,
}


@pytest.mark.parametrize("begun", [False, True], ids=["before a mixture", "with a mixture"])
@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_changes_nothing(name, begun):
    X = around(np.random.default_rng(0), [[0, 0], [9, 0]], 500)
    first = X[:300] if begun else X[:5]
    mixture = streamed([first], forgetting_rate=1e-3)
    if name == "too far" and not begun:
        return  # nobody knows yet what is far
    with pytest.raises(ValueError, match=r".+"):
        mixture.partial_fit(BAD[name](X[300:]))
    with pytest.raises(DataError, match="negative"):
        mixture.partial_fit(X[300:], sample_weight=-np.ones(200))
    check_same_bits(mixture.partial_fit(X[300:]), streamed([first, X[300:]], forgetting_rate=1e-3))


def test_a_constant_feature_is_waited_for():
    X = np.c_[np.random.default_rng(0).normal(size=400), np.zeros(400)]
    mixture = streamed([X])
    with pytest.raises(NotFittedError):
        mixture.predict(X)
    assert mixture.partial_fit([[0.0, 1.0]]).n_components_ >= 1


@pytest.mark.parametrize("still", [[1], [0, 1]])
def test_features_may_come_to_rest(still):
    r = np.random.default_rng(0)
    X = around(r, [[0, 0], [9, 0]], 500)
    mixture = streamed([X], forgetting_rate=2e-2)
    X[:, still] = 0.0
    for _ in range(4):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateDataWarning)
            mixture.partial_fit(X)
    assert np.isfinite(mixture.score_samples(X)).all()


def test_the_type_of_covariance_stays():
    mixture = streamed([clusters(0, 300)]).set_params(covariance_type="diag")
    with pytest.raises(DataError, match="began with 'full'"):
        mixture.partial_fit(clusters(1, 10))


@pytest.mark.parametrize("rate", [-1e-9, 1.0, np.nan, "0", None, True])
def test_the_forgetting_rate_is_checked(rate):
    with pytest.raises(DataError, match="forgetting_rate"):
        MMLGaussianMixture(forgetting_rate=rate).partial_fit(clusters(0, 50))

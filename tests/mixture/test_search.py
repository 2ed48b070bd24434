"""Both searches: what they find, and what they write down."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import laws
from mixture.problems import clusters
from xenoglyph import MMLGaussianMixture
from xenoglyph.mixture.covariance import COVARIANCES

SEARCHES = ["split-merge", "annihilation"]


def lattice(side, n, seed=0):
    """A square lattice of spheres, six standard deviations apart."""
    r = np.random.default_rng(seed)
    centres = 6.0 * np.stack(np.meshgrid(range(side), range(side)), axis=-1).reshape(-1, 2)
    label = np.repeat(np.arange(side**2), n)
    return centres[label] + r.standard_normal((len(label), 2)), label


@pytest.mark.parametrize(
    ("X", "label"),
    [
        lattice(5, 100),
        lattice(7, 60),
        (clusters(0, 300, 3, apart=8.0), None),
        (np.random.default_rng(0).standard_normal((500, 2)), None),
    ],
    ids=["5 x 5", "7 x 7", "three", "one"],
)
def test_the_clusters_are_found_whatever_the_seed(X, label):
    one, other = (MMLGaussianMixture(random_state=seed).fit(X) for seed in (0, 1))
    np.testing.assert_array_equal(one.means_, other.means_)
    expected = {2500: 25, 2940: 49, 300: 3, 500: 1}[len(X)]
    assert one.n_components_ == expected
    if label is not None:
        assert adjusted_rand_score(label, one.labels_) > 0.97


def test_clusters_within_clusters_are_found_at_any_distance():
    r = np.random.default_rng(0)
    far = np.array([[0, 0], [8, 0], [0, 8], [1e4, 0], [1e4 + 8, 0], [1e4, 8]])
    label = r.integers(0, 6, 1200)
    fit = MMLGaussianMixture().fit(far[label] + r.standard_normal((1200, 2)))
    assert fit.n_components_ == 6
    assert adjusted_rand_score(label, fit.labels_) > 0.99


def test_an_outlier_does_not_hide_the_clusters():
    X = clusters(0, 500, 2, apart=6.0, k=2)
    label = X.sum(axis=1) > 6.0
    X[0] = 1e4
    fit = MMLGaussianMixture().fit(X)
    assert fit.n_components_ == 2
    assert adjusted_rand_score(label[1:], fit.labels_[1:]) > 0.9


def test_annihilation_grows_where_its_start_was_too_small():
    X, _ = lattice(6, 60)
    held = MMLGaussianMixture(25, search="annihilation", random_state=0).fit(X)
    free = MMLGaussianMixture(search="annihilation", random_state=0).fit(X)
    assert held.n_components_ <= 25 < free.n_components_
    assert free.message_length_ < held.message_length_


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("name", COVARIANCES)
def test_the_bounds_on_components_hold(search, name):
    X = clusters(1, 400, 2, apart=8.0, k=5)
    settings = {"search": search, "covariance_type": name, "random_state": 0}
    assert MMLGaussianMixture(3, **settings).fit(X).n_components_ <= 3
    few = MMLGaussianMixture(min_components=8, max_components=9, **settings).fit(X)
    assert 8 <= few.n_components_ <= 9
    assert (few.weights_ > 0.0).all()
    exact = MMLGaussianMixture(1, **settings).fit(X)
    assert exact.n_components_ == 1


@pytest.mark.parametrize("name", COVARIANCES)
def test_the_message_never_gets_longer_while_nothing_dies(name):
    X = clusters(2, 500, 3, apart=3.0)
    trace = MMLGaussianMixture(covariance_type=name).fit(X).trace_
    starts = {event.sweep for event in trace.events}
    lengths = [s.message_length for s in trace.sweeps if s.number not in starts]
    ks = [s.n_components for s in trace.sweeps if s.number not in starts]
    laws.check_never_rises(lengths, ks)


@pytest.mark.parametrize("search", SEARCHES)
def test_the_ledger_adds_up(search):
    fit = MMLGaussianMixture(search=search, random_state=0).fit(clusters(3, 600, 2, k=5))
    trace = fit.trace_
    assert trace.chosen.n_components == fit.n_components_
    assert trace.chosen.message_length == fit.message_length_
    assert [s.number for s in trace.sweeps] == list(range(len(trace.sweeps)))
    assert trace.best_by_k[fit.n_components_] == pytest.approx(fit.message_length_, rel=1e-12)
    assert min(trace.best_by_k.values()) >= fit.message_length_ - 1e-9
    k, distance = trace.runner_up
    assert k != fit.n_components_
    assert distance == pytest.approx(trace.best_by_k[k] - fit.message_length_)
    assert distance >= 0.0
    changes = {"split": 1, "annihilation": -1, "deletion": -1, "merge": -1}
    for event in trace.events:
        difference = event.n_components_after - event.n_components_before
        assert difference * changes[event.kind] > 0
        assert 0 < event.sweep < len(trace.sweeps)
        assert 0.0 < event.weight <= 1.0
        assert event.saved == pytest.approx(event.saved_model + event.saved_data)
    starved = [e for e in trace.events if e.kind == "annihilation"]
    for event in starved:
        before, after = trace.sweeps[event.sweep - 1], trace.sweeps[event.sweep]
        assert event.saved == pytest.approx(before.message_length - after.message_length)
        assert after.n_components < event.n_components_before <= before.n_components
    splits = [e for e in trace.events if e.kind == "split"]
    assert not splits or search == "split-merge"
    assert all(event.saved > 0.0 for event in splits)


def test_the_answer_of_annihilation_is_the_shortest_that_converged():
    X = clusters(4, 600, 2)
    fit = MMLGaussianMixture(
        12, search="annihilation", record_parameters=True, random_state=0
    ).fit(X)
    trace = fit.trace_
    assert trace.sweeps[0].n_components == 12
    assert trace.sweeps[-1].n_components == 1
    assert trace.chosen.converged
    assert trace.chosen.message_length == pytest.approx(min(trace.best_by_k.values()), rel=1e-12)
    np.testing.assert_allclose(np.sort(trace.chosen.weights), np.sort(fit.weights_))
    assert {e.kind for e in trace.events} == {"annihilation", "deletion"}
    before = [e.n_components_before for e in sorted(trace.events, key=lambda e: e.sweep)]
    assert sorted(before, reverse=True) == list(range(12, 1, -1))


@pytest.mark.parametrize("search", SEARCHES)
def test_recording_parameters_changes_nothing_else(search):
    X = clusters(5, 300, 2)
    settings = {"search": search, "random_state": 0}
    plain = MMLGaussianMixture(**settings).fit(X)
    recorded = MMLGaussianMixture(record_parameters=True, **settings).fit(X)
    np.testing.assert_array_equal(recorded.means_, plain.means_)
    for sweep in recorded.trace_.sweeps:
        assert sweep.means.shape == (sweep.n_components, 2)
        assert sweep.covariances.shape == (sweep.n_components, 2, 2)
        np.testing.assert_allclose(sweep.weights.sum(), 1.0)
    assert all(sweep.means is None for sweep in plain.trace_.sweeps)
    last = recorded.trace_.chosen
    np.testing.assert_allclose(np.sort(last.weights), np.sort(recorded.weights_), rtol=1e-12)


def test_the_ledger_can_be_read_and_tabled():
    pd = pytest.importorskip("pandas")
    trace = MMLGaussianMixture().fit(clusters(0, 300, 2, apart=8.0)).trace_
    frame = trace.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == len(trace.events)
    np.testing.assert_allclose(frame.saved, frame.saved_model + frame.saved_data)
    text = str(trace).splitlines()
    assert len(text) == 1 + len(trace.events) + 2
    assert text[1].split()[1] == trace.events[0].kind
    assert text[-2].startswith("3 components: ")
    assert text[-1].startswith("runner-up: ")


@pytest.mark.parametrize("name", ["full", "diag", "spherical", "tied", "tied_diag"])
def test_the_shortest_message_tells_the_structure(name):
    r = np.random.default_rng(0)
    A = {
        "full": [[[1, 0.8], [0.8, 1]], [[1, -0.8], [-0.8, 1]]],
        "tied": [[[1, 0.8], [0.8, 1]]] * 2,
        "diag": [np.diag([1.0, 0.05]), np.diag([0.05, 1.0])],
        "tied_diag": [np.diag([1.0, 0.1])] * 2,
        "spherical": [np.eye(2), 0.1 * np.eye(2)],
    }[name]
    X = np.concatenate(
        [r.multivariate_normal([m, m], C, 500) for m, C in zip((0, 7), A, strict=True)]
    )
    fit = MMLGaussianMixture(covariance_type="auto").fit(X)
    assert fit.n_components_ == 2
    assert fit.covariance_type_ == name


@pytest.mark.parametrize("seed", range(3))
def test_clusters_are_found_along_one_of_many_directions(seed):
    """Rows for 2.7 times the parameters of three components, in thirty dimensions."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.standard_normal((30, 30)))[0]
    label = random.integers(0, 3, 4000)
    X = random.standard_normal((4000, 30))
    X[:, 0] += 12.0 * label
    fit = MMLGaussianMixture().fit(X @ turn)
    assert fit.n_components_ == 3
    assert adjusted_rand_score(label, fit.labels_) > 0.99

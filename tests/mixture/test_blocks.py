"""Tables in blocks: one sum whoever adds it up, one fit whatever holds the table."""

import operator
import subprocess
import sys
from functools import reduce
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

import laws
import oracles
from mixture.problems import clusters
from xenoglyph import DataError, DegenerateDataWarning, MMLGaussianMixture, NotEnoughMemoryError
from xenoglyph.mixture import block_fit, blocks
from xenoglyph.mixture.block_em import Expectation, Splitting, maximise
from xenoglyph.mixture.blocks import ArrayBlocks, DaskBlocks, blocks_of
from xenoglyph.mixture.covariance import COVARIANCES, parse
from xenoglyph.mixture.message_length import CRITERIA
from xenoglyph.mixture.scan import Scan, draw_rows, scan
from xenoglyph.mixture.start import objective_for, random_start
from xenoglyph.mixture.state import Mixture

from mixture.problems import rows_from  # isort: skip

FITTED = ("weights_", "means_", "covariances_")


class Strings:
    """A statistic that tells in which order rows were put together."""

    def of(self, X, s):
        return "(" + ",".join(f"{x:g}" for x in X[:, 0]) + ")"

    def combine(self, a, b):
        return f"[{a}{b}]"


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "ROWS", 100)


@pytest.fixture(scope="module")
def table():
    return clusters(1, 6000, 3, apart=6.0, k=4)


@pytest.fixture(scope="module")
def memory_map(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("maps") / "table.npy"
    np.save(path, table)
    return np.load(path, mmap_mode="r")


def lazy(table, rows=700):
    return da.from_array(table, chunks=(rows, 2))


def check_same(one, other):
    for name in FITTED:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.message_length_ == other.message_length_


def check_equally_long(one, other):
    """Components equal in number, messages within a thousandth."""
    assert one.n_components_ == other.n_components_
    assert one.message_length_ == pytest.approx(other.message_length_, rel=1e-3)


# ------------------------------------------------------------------------------------- sources


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("n", [1, 100, 101, 799, 800, 1234])
def test_the_tree_is_the_same_whoever_adds(n):
    X = np.arange(n, dtype=float)[:, None]
    trees = {ArrayBlocks(X, None, threads).total(Strings()) for threads in (1, 2, 3, 7)}
    assert len(trees) == 1
    tree = trees.pop()
    assert [
        int(x) for x in tree.translate(str.maketrans("[]()", "    ")).replace(",", " ").split()
    ] == list(range(n))
    depth = max(np.cumsum([(c == "[") - (c == "]") for c in tree]))
    assert depth <= np.ceil(np.log2(-(-n // 100) or 1)) + 1


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("n_chunks", [1, 2, 8, 9, 65])
def test_chunks_are_added_up_in_one_order_by_any_scheduler(n_chunks):
    random = np.random.default_rng(n_chunks)
    X = random.standard_normal((n_chunks * 150 + 7, 2)) * 10.0 ** random.integers(-9, 9)
    table = da.from_array(X, chunks=(150 + 7 // n_chunks + 1, 1))
    totals = []
    for scheduler, workers in (("synchronous", 1), ("threads", 1), ("threads", 2), ("threads", 5)):
        with dask.config.set(scheduler=scheduler, num_workers=workers):
            totals.append(blocks_of(table, None, 1, len).total(Scan(False)))
    for total in totals:
        np.testing.assert_array_equal(total, totals[0])
    np.testing.assert_allclose(totals[0][2:4], X.mean(axis=0), rtol=1e-9, atol=1e-12)


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=6),
    st.integers(0, 2**31),
    st.sampled_from([1e-150, 1e-3, 1.0, 1e150]),
    st.sampled_from([0.0, 1.0, 1e6]),
    st.booleans(),
)
def test_a_scan_of_parts_is_that_of_the_whole(sizes, seed, scale, offset, missing):
    random = np.random.default_rng(seed)
    X = scale * (offset + random.standard_normal((sum(sizes), 2)))
    s = random.uniform(0.1, 3.0, len(X)) * (random.uniform(size=len(X)) < 0.8)
    if missing:
        X[random.uniform(size=X.shape) < 0.3] = np.nan
    statistic = Scan(missing)
    cuts = np.split(np.arange(len(X)), np.cumsum(sizes)[:-1])
    parts = reduce(statistic.combine, [statistic.of(X[i], s[i]) for i in cuts])
    whole = statistic.of(X, s)
    features, expected = parts[:-4].reshape(7, 2), whole[:-4].reshape(7, 2)
    np.testing.assert_allclose(features[:2], expected[:2], rtol=1e-9)
    size = np.abs(np.where(expected[0] > 0, expected[1], 0.0)).max(initial=0.0)
    np.testing.assert_allclose(features[2], expected[2], rtol=1e-6, atol=1e-9 * size)
    np.testing.assert_array_equal(features[3:], expected[3:])
    assert parts[-4:-2] == pytest.approx(whole[-4:-2])


def test_a_scan_tells_what_numpy_does(table):
    weights = np.random.default_rng(0).uniform(0.0, 2.0, len(table))
    found = scan(ArrayBlocks(table, weights), missing=False)
    mean = np.average(table, axis=0, weights=weights)
    sd = np.sqrt(np.average((table - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(found.units.centre, mean)
    np.testing.assert_allclose(found.units.scale, sd)
    assert found.n == pytest.approx(weights.sum())
    assert found.n_rows == np.count_nonzero(weights)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("number", [2, 37, 5999, 6000, 10_000])
def test_rows_are_drawn_once_and_evenly(table, number):
    random = np.random.RandomState(0)
    marked = np.column_stack([np.arange(len(table)), table])
    for source in (ArrayBlocks(marked), DaskBlocks(da.from_array(marked, chunks=(700, 4)))):
        X, s = draw_rows(source, number, False, random)
        assert len(X) == len(s) == min(number, len(table))
        np.testing.assert_array_equal(marked[X[:, 0].astype(int)], X)
        assert len(np.unique(X[:, 0])) == len(X)
        quarters = np.bincount((4 * X[:, 0] / len(table)).astype(int), minlength=4)
        assert quarters.max() - quarters.min() <= 2 + len(X) // 1000


# ------------------------------------------------------------------------------------------ EM


def em_problem(name, criterion="wallace-freeman", seed=0, missing=0.0, k=5):
    X = clusters(seed, 900, 2)
    if missing:
        X[np.random.default_rng(seed).uniform(size=X.shape) < missing] = np.nan
        X = X[~np.isnan(X).all(axis=1)]
    rows = rows_from(X)
    o = objective_for(rows, parse(name), CRITERIA[criterion], 1e-6, 1, np.inf, True)
    return X, rows, o, random_start(rows, o, k, np.random.RandomState(seed))


@pytest.mark.parametrize("name", COVARIANCES)
def test_a_pass_adds_up_what_the_definition_says(name):
    X, rows, o, p = em_problem(name)
    weights = np.random.default_rng(0).uniform(0.0, 2.0, len(X))
    step = Expectation(rows.standardisation, o, p)
    sums = step.read(ArrayBlocks(X, weights).total(step))
    Z = (X - rows.standardisation.centre) / rows.standardisation.scale
    dense = o.structure.dense(p.C, 2)
    P = oracles.posterior(Z, p.alpha, p.mu, dense) * weights[:, None]
    np.testing.assert_allclose(sums.count, P.sum(axis=0))
    for m in range(p.k):
        D = Z - p.mu[m]
        np.testing.assert_allclose(sums.first[m], P[:, m] @ D, atol=1e-9)
        second = o.structure.sees((P[:, m, None] * D).T @ D)
        np.testing.assert_allclose(sums.second[m], second, atol=1e-9)
    density = oracles.log_density(Z, p.alpha, p.mu, dense)
    assert sums.log_likelihood == pytest.approx(weights @ density)
    assert sums.volume == pytest.approx(weights.sum() * rows.standardisation.log_volume)


def lengths_of_passes(name, criterion, missing, seed, damage=lambda p: p):
    X, rows, o, p = em_problem(name, criterion, seed, missing)
    lengths, ks = [], []
    for _ in range(25):
        lengths.append(Mixture(rows, o, p).length())
        ks.append(p.k)
        step = Expectation(rows.standardisation, o, p)
        p = damage(maximise(o, p, step.read(ArrayBlocks(X).total(step)))[0])
    return lengths, ks


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("name", COVARIANCES)
def test_no_pass_makes_the_message_longer(name, criterion, missing):
    for seed in range(3):
        lengths, ks = lengths_of_passes(name, criterion, missing, seed)
        laws.check_never_rises(lengths, ks)
        assert lengths[0] - lengths[-1] > 10.0


def test_passes_that_do_less_well_are_found_out():
    random = np.random.default_rng(0)

    def damage(p):
        return type(p)(p.alpha, p.mu + random.normal(0.0, 0.3, p.mu.shape), p.C)

    with pytest.raises(AssertionError):
        laws.check_never_rises(*lengths_of_passes("full", "program", 0.0, 0, damage))


@pytest.mark.parametrize("name", ["full", "diag", "spherical"])
def test_a_split_saves_at_least_what_it_promises(name):
    X, rows, o, p = em_problem(name, k=2)
    parts = random_start(rows, o, 3, np.random.RandomState(5))
    whole = Expectation(rows.standardisation, o, p)
    split = Splitting(whole, {1: parts})
    promised, sums = split.read(ArrayBlocks(X).total(split))[1]
    before = Mixture(rows, o, p)
    after = Mixture(rows, o, block_fit.after_splits(p, {1: block_fit.Split(0.0, 0.0, parts)}))
    assert promised <= after.log_likelihood - before.log_likelihood + 1e-6
    assert sums.count.sum() == pytest.approx(before.responsibility(1).sum(), rel=1e-3)
    # A part that is the component itself promises nothing, and is one with it.
    same = type(p)(np.ones(1), p.mu[1:], p.C[1:])
    split = Splitting(whole, {1: same})
    assert split.read(ArrayBlocks(X).total(split))[1][0] == pytest.approx(0.0, abs=1e-6)


# ------------------------------------------------------------------------------------ estimator


def test_what_fits_is_fitted_like_an_array(table):
    array = MMLGaussianMixture().fit(table)
    dasked = MMLGaussianMixture().fit(lazy(table))
    check_same(array, dasked)
    assert dasked.sample_ is None
    np.testing.assert_array_equal(dasked.labels_.compute(), array.labels_)


@pytest.mark.parametrize("name", COVARIANCES)
def test_a_sample_finds_the_structure_and_all_rows_the_parameters(table, memory_map, name):
    array = MMLGaussianMixture(covariance_type=name).fit(table)
    assert array.n_components_ == 4
    settings = {"covariance_type": name, "sample_size": 1000}
    for X in (memory_map, lazy(table), table, pd.DataFrame(table)):
        fit = MMLGaussianMixture(**settings).fit(X)
        check_equally_long(fit, array)
        told = fit.sample_
        assert (told.n_rows, told.n_total) == (1000, 6000)
        assert told.n_components in (4, 5)
        assert 0.0 < told.standard_error < 0.1
        assert told.gained >= 0.0
        assert fit.message_length_ == pytest.approx(
            fit.trace_.sweeps[0].message_length - 6000 * told.gained
        )
        assert fit.trace_.chosen is fit.trace_.sweeps[-1]
        np.testing.assert_allclose(fit.means_, array.means_[_matching(fit, array)], atol=0.02)
    poor = MMLGaussianMixture(max_components=3).fit(table)
    with pytest.raises(AssertionError):
        check_equally_long(poor, array)


def _matching(fit, other):
    apart = np.linalg.norm(fit.means_[:, None] - other.means_, axis=2)
    return apart.argmin(axis=1)


def test_what_only_all_rows_pay_for_is_found_and_what_they_do_not_is_not():
    """Eight clusters of which a sample shows three or four rows each."""
    random = np.random.default_rng(0)
    centres = random.uniform(-30.0, 30.0, (8, 2))
    rare = np.concatenate([centre + random.standard_normal((80, 2)) for centre in centres])
    X = random.permutation(np.concatenate([3.0 * random.standard_normal((19_360, 2)), rare]))
    array = MMLGaussianMixture().fit(X)
    fit = MMLGaussianMixture(sample_size=1000).fit(lazy(X, 3000))
    assert fit.sample_.n_components < array.n_components_
    assert fit.message_length_ <= array.message_length_ * 1.001
    assert any(event.kind == "split" for event in fit.trace_.events)
    assert fit.trace_.chosen.n_components == fit.n_components_
    gaussian = MMLGaussianMixture(sample_size=500).fit(lazy(random.standard_normal((20_000, 3))))
    assert gaussian.n_components_ == 1


@pytest.mark.parametrize("threads", [2, 3])
def test_the_same_bits_for_any_number_of_threads_and_workers(table, memory_map, threads):
    one = MMLGaussianMixture(sample_size=1000).fit(memory_map)
    check_same(one, MMLGaussianMixture(sample_size=1000, n_jobs=threads).fit(memory_map))
    with dask.config.set(scheduler="synchronous"):
        alone = MMLGaussianMixture(sample_size=1000).fit(lazy(table))
    with dask.config.set(scheduler="threads", num_workers=threads):
        check_same(alone, MMLGaussianMixture(sample_size=1000).fit(lazy(table)))
    other = MMLGaussianMixture(sample_size=1000, random_state=1).fit(memory_map)
    with pytest.raises(AssertionError):
        check_same(one, other)


def test_weights_missing_values_and_a_warm_start(table):
    random = np.random.default_rng(0)
    X, s = table.copy(), random.integers(0, 3, len(table)).astype(float)
    X[random.uniform(size=X.shape) < 0.1] = np.nan
    settings = {"missing": "marginal", "covariance_type": "diag"}
    array = MMLGaussianMixture(**settings).fit(X, sample_weight=s)
    weights = da.from_array(s, chunks=700)
    fit = MMLGaussianMixture(sample_size=1500, **settings).fit(lazy(X), sample_weight=weights)
    check_equally_long(fit, array)
    assert fit.sample_.n_total == np.count_nonzero(s * ~np.isnan(X).all(axis=1))
    again = MMLGaussianMixture(sample_size=1500, warm_start=True, **settings)
    again.fit(lazy(X), sample_weight=weights).fit(lazy(X), sample_weight=weights)
    check_equally_long(again, array)


def test_an_array_of_which_a_sample_is_searched_has_labels_and_the_bits_of_a_map(
    table, memory_map
):
    array = MMLGaussianMixture(sample_size=1000).fit(table)
    check_same(array, MMLGaussianMixture(sample_size=1000).fit(memory_map))
    np.testing.assert_array_equal(array.labels_, array.predict(table))
    mapped = MMLGaussianMixture(sample_size=1000)
    np.testing.assert_array_equal(mapped.fit_predict(memory_map), array.labels_)
    assert not hasattr(mapped, "labels_")


def test_the_published_search_and_every_structure_at_once(table):
    fit = MMLGaussianMixture(
        10, search="annihilation", sample_size=1500, random_state=0, record_parameters=True
    ).fit(lazy(table))
    assert 4 <= fit.n_components_ <= 6
    assert fit.trace_.sweeps[-1].means.shape == (fit.n_components_, 3)
    auto = MMLGaussianMixture(covariance_type="auto", sample_size=1500).fit(lazy(table))
    assert auto.covariance_type_ in COVARIANCES
    assert auto.n_components_ == 4


def test_frames_in_partitions_keep_their_names(table):
    frame = pd.DataFrame(table, columns=["a", "b", "c"])
    parts = dd.from_pandas(frame, npartitions=5)
    wide = parts[parts["a"] > -100.0]  # of unknown length
    fit = MMLGaussianMixture(sample_size=1000).fit(wide)
    assert list(fit.feature_names_in_) == ["a", "b", "c"]
    check_equally_long(fit, MMLGaussianMixture().fit(frame))
    np.testing.assert_array_equal(fit.predict(wide).compute(), fit.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        fit.predict(wide[["b", "a", "c"]])
    with pytest.raises(ValueError, match="2 features"):
        MMLGaussianMixture().fit(table).predict(lazy(table[:, :2]))


def test_files_of_parquet(table, tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(table, columns=["a", "b", "c"])
    for first in range(0, len(frame), 2000):
        frame[first : first + 2000].to_parquet(tmp_path / f"{first:05}.parquet")
    parts = dd.read_parquet(tmp_path)
    fit = MMLGaussianMixture(sample_size=1000).fit(parts)
    check_equally_long(fit, MMLGaussianMixture().fit(frame))
    np.testing.assert_array_equal(fit.predict(parts).compute(), fit.predict(frame))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform", "score_samples"])
def test_answers_for_rows_are_lazy_or_read_in_blocks(table, memory_map, method, monkeypatch):
    monkeypatch.setattr(blocks, "ROWS", 500)
    fit = MMLGaussianMixture().fit(table)
    expected = getattr(fit, method)(table)
    np.testing.assert_array_equal(getattr(fit, method)(memory_map), expected)
    looked = []

    def look(block):
        looked.append(len(block))
        return block

    watched = lazy(table).rechunk({1: -1}).map_blocks(look, meta=np.empty((0, 0)))
    answer = getattr(fit, method)(watched)
    assert not looked
    assert answer.shape == expected.shape
    assert answer.dtype == expected.dtype
    np.testing.assert_array_equal(answer.compute(), expected)
    assert sum(looked) == len(table)


@pytest.mark.parametrize("method", ["score", "aic", "bic", "icl", "message_length"])
def test_answers_for_tables_are_sums_over_blocks(table, memory_map, method, monkeypatch):
    monkeypatch.setattr(blocks, "ROWS", 500)
    fit = MMLGaussianMixture().fit(table)
    expected = getattr(fit, method)(table)
    for X in (memory_map, lazy(table)):
        assert getattr(fit, method)(X) == pytest.approx(expected, rel=1e-12)
    s = np.arange(len(table), dtype=float)
    if method in ("score", "message_length"):
        told = getattr(fit, method)(lazy(table), sample_weight=da.from_array(s, chunks=700))
        assert told == pytest.approx(getattr(fit, method)(table, sample_weight=s), rel=1e-12)


def test_dask_is_not_imported_where_nothing_is_dask_s():
    code = (
        "import sys, numpy as np; from xenoglyph import MMLGaussianMixture;"
        "MMLGaussianMixture().fit(np.random.default_rng(0).normal(size=(99, 2)));"
        "print(sorted({'dask', 'distributed', 'xenoglyph'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "['xenoglyph']"


# ---------------------------------------------------------------------------------- bad input


def spoilt(table, value, row=4321, column=1):
    X = table.copy()
    X[row, column] = value
    return X


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: spoilt(X, np.nan), r"NaN in column\(s\) 1 \(1 such"),
        (lambda X: spoilt(X, np.inf), r"infinity in column\(s\) 1 \(1 such"),
        (lambda X: np.column_stack([X, np.ones(len(X))]), r"column\(s\) 3 are constant"),
        (lambda X: spoilt(X, 1e300), r"column\(s\) 1 have squares beyond float64"),
        (lambda X: X[:1], "1 row"),
        (operator.itemgetter((slice(None), slice(0))), "shape"),
        (operator.itemgetter((slice(None), 0)), "shape"),
    ],
)
def test_one_clear_error_for_what_cannot_be_fitted(table, change, message):
    X = change(table)
    with pytest.raises(DataError, match=message):
        MMLGaussianMixture(sample_size=1000).fit(da.from_array(X, chunks=700))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda n: np.ones(n), "give it as a Dask array"),
        (lambda n: da.ones(n, chunks=900), "chunks"),
        (lambda n: da.ones((n, 1), chunks=700), "dimension"),
        (lambda n: -da.ones(n, chunks=700), "6000 negative"),
        (lambda n: da.zeros(n, chunks=700), r"0 row\(s\) have a positive"),
        (lambda n: da.full(n, np.nan, chunks=700), "6000 entries that are not finite"),
        (lambda n: (da.arange(n, chunks=700) > n - 3).astype(float), "drop the others"),
    ],
)
def test_one_clear_error_for_weights(table, weights, message):
    with pytest.raises(DataError, match=message):
        MMLGaussianMixture(sample_size=60).fit(lazy(table), sample_weight=weights(len(table)))


def test_weights_of_a_memory_map(table, memory_map):
    weights = np.ones(len(table))
    fit = MMLGaussianMixture(sample_size=1000).fit(memory_map, sample_weight=weights)
    check_same(fit, MMLGaussianMixture(sample_size=1000).fit(memory_map))
    for wrong in (weights[1:], np.array(["1"] * len(table))):
        with pytest.raises(DataError, match="sample_weight has shape"):
            MMLGaussianMixture(sample_size=1000).fit(memory_map, sample_weight=wrong)


def test_a_value_that_cannot_be_judged_is_refused_where_it_is_met(table, tmp_path):
    fit = MMLGaussianMixture().fit(table)
    answer = fit.predict(lazy(spoilt(table, np.nan)))
    with pytest.raises(DataError, match="contains NaN"):
        answer.compute()
    path = tmp_path / "x.npy"
    np.save(path, np.tile(spoilt(table, np.nan), (4, 1)))
    with pytest.raises(DataError, match="row 4321, column 1"):
        fit.score_samples(np.load(path, mmap_mode="r"))
    with pytest.raises(DataError, match="NaN"):
        fit.score(lazy(spoilt(table, np.nan)))
    with pytest.raises(NotFittedError):
        MMLGaussianMixture().predict(lazy(table))


@pytest.mark.parametrize("size", [1, 0, 2.5, "all", True])
def test_a_sample_size_is_a_number_of_rows(table, size):
    with pytest.raises(DataError, match="sample_size"):
        MMLGaussianMixture(sample_size=size).fit(table)


def test_what_would_not_fit_into_memory_is_refused_with_the_figure(table, monkeypatch):
    monkeypatch.setattr("xenoglyph.memory.available_memory", lambda: 2**20)
    with pytest.raises(NotEnoughMemoryError, match=r"6,000 rows of 3 columns .* \d MiB.* 1 MiB"):
        MMLGaussianMixture().fit(table)
    with pytest.raises(NotEnoughMemoryError, match="give sample_size, so that a sample"):
        MMLGaussianMixture(sample_size=10**6).fit(lazy(table))
    MMLGaussianMixture(sample_size=1000).fit(lazy(table))


def test_columns_that_depend_on_one_another_are_told(table):
    doubled = np.column_stack([table, table[:, 0]])
    with pytest.warns(DegenerateDataWarning, match="3 directions"):
        MMLGaussianMixture(sample_size=1000).fit(lazy(doubled))


# ------------------------------------------------------------------------- processes and memory

GROWTH = """
import resource, sys
import numpy as np
from xenoglyph import MMLGaussianMixture
X = np.load(sys.argv[1], mmap_mode="r")
MMLGaussianMixture(sample_size=5000).fit(np.array(X[:20000]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fit = MMLGaussianMixture(sample_size=5000, tol=1e-3).fit(X)
assert fit.score(X) > -100
fit.predict(X)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, fit.n_components_)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak, in kilobytes")
def test_a_memory_map_is_not_held_in_memory(tmp_path):
    path = tmp_path / "large.npy"
    n = 4_000_000
    X = np.lib.format.open_memmap(path, "w+", np.float64, (n, 6))
    part = clusters(0, 100_000, 6, apart=8.0, k=2)
    for first in range(0, n, len(part)):
        X[first : first + len(part)] = part
    del X
    out = subprocess.run(
        [sys.executable, "-c", GROWTH, str(path)], check=True, capture_output=True, text=True
    )
    kilobytes, k = map(int, out.stdout.split())
    assert path.stat().st_size > 180e6
    assert kilobytes < 120_000
    assert k == 2


LOST = Path(__file__).with_name("lost_workers.py")


def test_a_killed_worker_changes_nothing(tmp_path):
    """Real workers, real SIGKILL: see the script."""
    out = subprocess.run(
        [sys.executable, str(LOST), str(tmp_path), "2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 0, out.stderr[-3000:]
    assert out.stdout.split()[-1] == "2"

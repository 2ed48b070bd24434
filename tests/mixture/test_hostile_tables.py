"""Tables that break other mixtures: each gives a sound fit or one clear error, and no noise."""

import datetime
import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import laws
from mixture.problems import clusters
from xenoglyph import DataError, DegenerateDataWarning, MMLGaussianMixture
from xenoglyph.mixture import kernels
from xenoglyph.mixture.covariance import COVARIANCES

SEARCHES = ["split-merge", "annihilation"]

r = np.random.default_rng(0)
# On a grid of 2^-10, so that moving them by less than 1e12 loses no digit.
X = np.rint((r.standard_normal((200, 2)) + 8.0 * (np.arange(200) >= 120)[:, None]) * 1024) / 1024
ONES = np.ones(len(X))


def changed(value, row=3, column=1, table=X):
    Y = np.array(table, dtype=float)
    Y[row, column] = value
    return Y


def check_sound(fit, table):
    """All that is fitted is finite, a mixture, and of one mind with the predictions."""
    k, d = fit.means_.shape
    assert fit.n_components_ == k >= fit.min_components
    assert fit.weights_.shape == (k,)
    assert (fit.weights_ > 0.0).all()
    np.testing.assert_allclose(fit.weights_.sum(), 1.0, rtol=1e-12)
    for name in ("means_", "covariances_", "precisions_", "precisions_cholesky_"):
        assert np.isfinite(getattr(fit, name)).all(), name
    assert fit.covariances_.shape == (k, d, d)
    spread = np.sqrt(np.diagonal(fit.covariances_, axis1=1, axis2=2))
    assert (spread > 0.0).all()
    np.testing.assert_array_equal(fit.covariances_, fit.covariances_.transpose(0, 2, 1))
    np.linalg.cholesky(fit.covariances_)  # raises where one is not positive definite
    assert np.isfinite([fit.message_length_, fit.lower_bound_, fit.message_length(table)]).all()
    laws.check_distribution(fit.predict_proba(table))
    assert np.isfinite(fit.score_samples(table)).all()
    np.testing.assert_array_equal(fit.predict(table), fit.labels_)
    drawn, _ = fit.sample(5, random_state=0)
    assert np.isfinite(drawn).all()


# ------------------------------------------------------------------------------- what is refused

ONE_COLUMN = X[:, 0]
DATES = np.arange(20).reshape(10, 2).astype("datetime64[s]")
CONSTANT = r"The values of column\(s\) {} are constant, which no density can describe; drop them"
LARGE = r"The values of column\(s\) {} have squares beyond float64; divide them by a constant"
SMALL = r"The values of column\(s\) {} have squares too small for float64; multiply them"


class NoArray:
    """What says that it cannot be an array."""

    def __array__(self, *arguments, **keywords):
        raise RuntimeError("no array today")


REFUSED = {
    "no rows": (np.zeros((0, 2)), ValueError, r"0 sample\(s\) .* minimum of 2 is required"),
    "no columns": (np.zeros((5, 0)), ValueError, r"0 feature\(s\) .* minimum of 1 is required"),
    "one row": (X[:1], ValueError, r"1 sample\(s\) .* minimum of 2 is required"),
    "one dimension": (ONE_COLUMN, ValueError, r"Expected 2D array, got 1D(.|\n)*reshape\(-1, 1\)"),
    "three dimensions": (X[None], ValueError, "Found array with dim 3"),
    "a scalar": (3.0, ValueError, "Expected 2D array, got scalar"),
    "None": (None, ValueError, "Expected 2D array, got scalar"),
    "a word": ("hello", ValueError, "could not convert string to float: 'hello'"),
    "bytes": (b"hello", ValueError, "could not convert string to float"),
    "a dict": ({"a": [1.0, 2.0]}, TypeError, "must be a string or a real number, not 'dict'"),
    "a generator": ((row for row in X), TypeError, "a real number, not 'generator'"),
    "rows of several lengths": ([[1, 2], [3]], ValueError, "inhomogeneous shape"),
    "an array that cannot be": (NoArray(), RuntimeError, "no array today"),
    "fields": (
        np.zeros(9, dtype=[("a", float), ("b", float)]),
        TypeError,
        r"Cannot cast .* dtype\(\[\('a', '<f8'\), \('b', '<f8'\)\]\)",
    ),
    "one NaN": (changed(np.nan), DataError, r"NaN at row 3, column 1 \(1 such .*'marginal'\.$"),
    "a row of NaN": (changed(np.nan, 7, slice(None)), DataError, "NaN at row 7, column 0 .2 such"),
    "+infinity": (changed(np.inf), DataError, r"infinity at row 3, column 1 .*replace it\.$"),
    "-infinity": (changed(-np.inf, 0, 0), DataError, "infinity at row 0, column 0"),
    "objects with None": (changed(None).astype(object), DataError, "NaN at row 3, column 1"),
    "identical rows of 1": (np.full((50, 2), 1.0), DataError, CONSTANT.format("0, 1")),
    "identical rows of 0": (np.zeros((50, 2)), DataError, CONSTANT.format("0, 1")),
    "identical rows of 1e8": (np.full((50, 2), 1e8), DataError, CONSTANT.format("0, 1")),
    "zeros of both signs": (np.where(X > 0, 0.0, -0.0), DataError, CONSTANT.format("0, 1")),
    "a constant column": (changed(1.0, slice(None)), DataError, CONSTANT.format("1")),
    "a constant column of 1e8": (changed(1e8, slice(None)), DataError, CONSTANT.format("1")),
    "a dozen constant columns": (
        np.column_stack([X, np.ones((200, 12))]),
        DataError,
        CONSTANT.format(r"2, 3, 4, 5, 6, 7, 8, 9, 10, 11, \.\.\."),
    ),
    "an outlier at 1e200": (changed(1e200), DataError, LARGE.format("1")),
    "an outlier at 1e308, twice": (
        [[1.7e308], [0.0], [-1.7e308]],
        DataError,
        r"column\(s\) 0 range beyond what float64 holds; divide them by a constant",
    ),
    "units of 1e-160": (X * 1e-160, DataError, SMALL.format("0, 1")),
    "subnormal": (X * 1e-310, DataError, SMALL.format("0, 1")),
    "units of 1e155": (X * 1e155, DataError, LARGE.format("0, 1")),
    "units of 1e300": (X * 1e300, DataError, LARGE.format("0, 1")),
    "units of 1e-160 in one column": (X * [1.0, 1e-160], DataError, SMALL.format("1")),
    "complex": (X + 1j, ValueError, "Complex data not supported"),
    "words": (np.array([["a", "b"]] * 10), DataError, "X holds text; give numbers"),
    "digits as text": (X.astype(str), DataError, "X holds text; give numbers"),
    "digits as bytes": (X.astype(bytes), DataError, "X holds text; give numbers"),
    "a column of empty strings": ([["", 1.0], ["", 2.0]], ValueError, "could not convert string"),
    "objects with words": (
        np.array([["a", 1.0], ["b", 2.0]], dtype=object),
        ValueError,
        "could not convert string to float: 'a'",
    ),
    "objects with dates": (
        [[datetime.date(2020, 1, 1), 1.0], [datetime.date(2020, 1, 2), 2.0]],
        TypeError,
        "a real number, not 'datetime.date'",
    ),
    "objects with an integer beyond float64": (
        np.array([[10**400, 1.0], [2.0, 3.0]], dtype=object),
        DataError,
        r"beyond what float64 holds \(int too large to convert to float\)",
    ),
    "dates": (DATES, DataError, r"X holds dates or durations \(datetime64\[s\]\); give numbers"),
    "durations": (DATES - DATES[0], DataError, r"dates or durations \(timedelta64\[s\]\)"),
    "sparse": (csr_array(X), TypeError, r"Sparse data was passed .*\.toarray\(\)"),
    "masked": (
        np.ma.masked_array(X, X > 9),
        DataError,
        r"masked array, whose mask would be ignored; give X\.filled\(numpy\.nan\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_fit_but_one_clear_error(name):
    table, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        MMLGaussianMixture().fit(table)


@pytest.mark.parametrize("name", ["one NaN", "+infinity", "a constant column", "units of 1e300"])
@pytest.mark.parametrize("covariance_type", [*COVARIANCES, "auto"])
def test_the_same_error_for_every_covariance_type(covariance_type, name):
    table, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        MMLGaussianMixture(covariance_type=covariance_type).fit(table)


def test_errors_do_not_print_the_table():
    for name, (table, error, _) in REFUSED.items():
        if name in ("one dimension", "complex", "a generator"):
            continue  # scikit-learn's own words; a generator is used up
        with pytest.raises(error) as caught:
            MMLGaussianMixture().fit(table)
        assert len(str(caught.value)) < 400, name


# -------------------------------------------------------------------------------- what is fitted

LINE = r"The {} columns vary in {} directions only"
HILBERT = 1.0 / (np.arange(8)[:, None] + np.arange(8) + 1.0)
angle, turn = r.uniform(0.0, 2.0 * np.pi, 300), r.uniform(0.0, 12.0, 300)
GRID = np.array([(i, j) for i in range(3) for j in range(3)] * 20, dtype=float)
MOSTLY_ONE_ROW = np.vstack([np.zeros((180, 2)), X[:20]])

FITTED = {
    "two rows": (X[:2], LINE.format(2, 1)),
    "three rows": (X[:3], None),
    "five rows": (X[:5], None),
    "two distinct rows": (np.repeat([[0.0, 0.0], [1.0, 2.0]], 100, axis=0), LINE.format(2, 1)),
    "two distinct rows, another scale": ([[9999.0], [0.0]], None),
    "a row, and all others in one point": (
        np.vstack([np.zeros((99, 2)), [[1.0, 1.0]]]),
        LINE.format(2, 1),
    ),
    "a column twice": (np.column_stack([X, X[:, 0]]), LINE.format(3, 2)),
    "a linear combination": (np.column_stack([X, X.sum(axis=1)]), LINE.format(3, 2)),
    "a line": (np.column_stack([X[:, 0], 2.0 * X[:, 0]]), LINE.format(2, 1)),
    "a Hilbert matrix": (r.standard_normal((150, 8)) @ HILBERT, LINE.format(8, r"[567]")),
    "more columns than rows": (r.standard_normal((20, 50)), LINE.format(50, 19)),
    "a row more than columns": (r.standard_normal((5, 4)), None),
    "an outlier at 1e6": (changed(1e6), None),
    "an outlier at 1e150": (changed(1e150), None),
    "columns of 1e-150 and 1e150": (X * [1e-150, 1e150], None),
    "an offset of 1e15": (X + 1e15, None),
    "float32, an offset of 1e4": ((X + 1e4).astype(np.float32), None),
    "float32, an offset of 1e6": ((X + 1e6).astype(np.float32), None),
    "float32, units of 1e-20": ((X * 1e-20).astype(np.float32), None),
    "float32, units of 1e-8": ((X * 1e-8).astype(np.float32), None),
    "float32, units of 1e20": ((X * 1e20).astype(np.float32), None),
    "rows 1e-12 apart": (1.0 + 1e-12 * X, None),
    "truth values": (r.uniform(size=(200, 3)) < 0.3, None),
    "zeros and ones": (r.integers(0, 2, (200, 20)), None),
    "integers near 2^63": ((np.rint(X * 1e6) + 2**62).astype(np.uint64), None),
    "a grid": (GRID, None),
    "Cauchy tails": (r.standard_cauchy((200, 2)), None),
    "noise": (r.uniform(size=(200, 2)), None),
    "a ring": (np.column_stack([np.cos(angle), np.sin(angle)]), None),
    "a spiral": (np.column_stack([turn * np.cos(turn), turn * np.sin(turn)]), None),
    "one column": (X[:, :1], None),
    "two rows of each cluster": (np.repeat(np.arange(25.0), 2)[:, None] + X[:50] / 1e3, None),
    "nearly all rows the same": (MOSTLY_ONE_ROW, None),
    "1e5 rows, three distinct": (np.repeat([[0, 0], [1, 5], [2, 2]], 33_333, axis=0), None),
    "a flat cluster": (
        np.vstack([X, np.column_stack([np.linspace(0.0, 1.0, 100), np.full(100, 20.0)])]),
        None,
    ),
    "clusters 1e-8 apart": (X * 1e-9 / 8.0, None),
    "two identical clusters": (np.vstack([X, X]), None),
}


@pytest.mark.parametrize("covariance_type", COVARIANCES)
@pytest.mark.parametrize("name", FITTED)
def test_a_sound_fit(name, covariance_type):
    table, warning = FITTED[name]
    mixture = MMLGaussianMixture(covariance_type=covariance_type)
    if warning is None:
        fit = mixture.fit(table)
    else:
        with pytest.warns(DegenerateDataWarning, match=warning):
            fit = mixture.fit(table)
    assert fit.converged_
    check_sound(fit, table)


@pytest.mark.parametrize("name", FITTED)
def test_a_sound_fit_by_annihilation(name):
    table, warning = FITTED[name]
    mixture = MMLGaussianMixture(8, search="annihilation", random_state=0)
    if warning is None:
        fit = mixture.fit(table)
    else:
        with pytest.warns(DegenerateDataWarning, match=warning):
            fit = mixture.fit(table)
    assert fit.n_components_ <= 8
    check_sound(fit, table)


@pytest.mark.parametrize(("covariance_type", "d"), [("full", 300), ("diag", 784)])
def test_a_sound_fit_to_pictures_fewer_than_their_pixels(covariance_type, d):
    table = np.random.default_rng(0).standard_normal((20, d))
    with pytest.warns(DegenerateDataWarning, match=LINE.format(d, 19)):
        fit = MMLGaussianMixture(covariance_type=covariance_type).fit(table)
    assert fit.n_components_ == 1
    assert np.isfinite(fit.score_samples(table)).all()


UNITS = {
    "units of 1e-150": (1e-150, 0.0),
    "units of 1e-100": (1e-100, 0.0),
    "units of 1e-8": (1e-8, 0.0),
    "units of 1e-3": (1e-3, 0.0),
    "units of 1e8": (1e8, 0.0),
    "units of 1e100": (1e100, 0.0),
    "units of 1e150": (1e150, 0.0),
    "columns of 1e-8 and 1e8": ([1e-8, 1e8], 0.0),
    "columns of 1e-150 and 1e150": ([1e-150, 1e150], 0.0),
    "an offset of 1e6": (1.0, 1e6),
    "an offset of 1e8": (1.0, 1e8),
    "an offset of 1e12": (1.0, 1e12),
    "an offset and units": (1e-100, 1e8),
}


@pytest.mark.parametrize("covariance_type", COVARIANCES)
@pytest.mark.parametrize("name", UNITS)
def test_the_same_fit_in_other_units(name, covariance_type):
    units, offset = UNITS[name]
    plain = MMLGaussianMixture(covariance_type=covariance_type).fit(X)
    other = MMLGaussianMixture(covariance_type=covariance_type).fit((X + offset) * units)
    assert plain.n_components_ >= 2
    assert other.n_components_ == plain.n_components_
    np.testing.assert_array_equal(other.labels_, plain.labels_)
    moved = plain.message_length_ + len(X) * np.log(np.ones(2) * units).sum()
    np.testing.assert_allclose(other.message_length_, moved, rtol=1e-9)
    spread = np.sqrt(np.diagonal(plain.covariances_, axis1=1, axis2=2)) * units
    np.testing.assert_allclose(
        other.means_ / spread, (plain.means_ + offset) * units / spread, rtol=1e-12, atol=1e-9
    )


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_an_offset_at_the_end_of_float64_changes_no_label(covariance_type):
    plain = MMLGaussianMixture(covariance_type=covariance_type).fit(X)
    other = MMLGaussianMixture(covariance_type=covariance_type).fit(X + 1e15)
    assert other.n_components_ == plain.n_components_
    assert (other.labels_ == plain.labels_).mean() > 0.98


@pytest.mark.parametrize("search", SEARCHES)
def test_the_order_of_the_rows_does_not_matter(search):
    one = MMLGaussianMixture(search=search, random_state=0).fit(X)
    order = np.random.default_rng(1).permutation(len(X))
    other = MMLGaussianMixture(search=search, random_state=0).fit(X[order])
    np.testing.assert_array_equal(other.means_, one.means_)
    np.testing.assert_array_equal(other.labels_, one.labels_[order])
    assert other.message_length_ == one.message_length_


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_many_copies_of_a_row_are_one_row_of_their_weight(covariance_type):
    mixture = MMLGaussianMixture(covariance_type=covariance_type)
    copies = mixture.fit(MOSTLY_ONE_ROW)
    means, length = copies.means_, copies.message_length_
    weighted = mixture.fit(MOSTLY_ONE_ROW[179:], sample_weight=[180.0] + [1.0] * 20)
    np.testing.assert_allclose(weighted.means_, means, rtol=1e-9)
    np.testing.assert_allclose(weighted.message_length_, length, rtol=1e-9)


def test_spikes_are_not_worth_a_component():
    """Where ties come from rounding, and where all tails are heavy."""
    assert MMLGaussianMixture().fit(GRID).n_components_ == 1
    assert MMLGaussianMixture().fit(FITTED["zeros and ones"][0]).n_components_ == 1
    for covariance_type in ("full", "diag"):
        fit = MMLGaussianMixture(covariance_type=covariance_type).fit(FITTED["Cauchy tails"][0])
        assert np.bincount(fit.labels_).min() > 1


def test_a_column_of_noise_too_small_to_see_is_modelled():
    fit = MMLGaussianMixture().fit(X * [1e-8, 1e8])
    truth = np.cov((X * [1e-8, 1e8])[fit.labels_ == 0].T)
    np.testing.assert_allclose(np.diagonal(fit.covariances_[0]), np.diagonal(truth), rtol=0.1)


def test_a_table_that_changes_during_the_fit_leaves_the_mixture_as_it_was():
    table = X.copy()

    def spoil(*arguments):
        table[:] = -7.0

    fit = MMLGaussianMixture().fit(table, progress=spoil)
    assert (table == -7.0).all()
    np.testing.assert_array_equal(fit.means_, MMLGaussianMixture().fit(X).means_)


FORK = """
import os
import numpy as np
from xenoglyph import MMLGaussianMixture

X = np.random.default_rng(0).standard_normal((5000, 2))
here = MMLGaussianMixture(n_jobs=3).fit(X)
child = os.fork()
if child == 0:
    there = MMLGaussianMixture(n_jobs=3).fit(X)
    os._exit(0 if np.array_equal(here.means_, there.means_) else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_a_fork_of_a_process_that_had_threads_fits_with_threads():
    """In a process of its own, since others of these tests start JAX, which must not fork."""
    command = [sys.executable, "-c", FORK]
    done = subprocess.run(command, check=False, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -------------------------------------------------------------------------------- missing values


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_chessboard_of_holes_is_fitted(covariance_type):
    """No row has what its neighbours have: which clusters belong together cannot be known."""
    table = np.random.default_rng(0).standard_normal((120, 4))
    table[60:] += 8.0
    table[np.add.outer(np.arange(120), np.arange(4)) % 2 == 0] = np.nan
    fit = MMLGaussianMixture(covariance_type=covariance_type, missing="marginal").fit(table)
    assert fit.n_components_ == 2
    for own in (slice(0, None, 2), slice(1, None, 2)):
        first, second = np.split(fit.labels_[own], 2)
        assert set(first) ^ set(second) == {0, 1}
    check_sound(fit, table)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_row_of_holes_has_the_weights_for_posteriors(covariance_type):
    mixture = MMLGaussianMixture(covariance_type=covariance_type, missing="marginal")
    fit = mixture.fit(changed(np.nan, 7, slice(None)))
    means = fit.means_
    np.testing.assert_allclose(fit.predict_proba([[np.nan, np.nan]])[0], fit.weights_, rtol=1e-12)
    assert fit.score_samples([[np.nan, np.nan]])[0] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_array_equal(mixture.fit(np.delete(X, 7, axis=0)).means_, means)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed(np.nan, slice(None)), r"column\(s\) 1 are all missing; drop them"),
        (np.full((9, 2), np.nan), r"0 row\(s\) have a positive sample_weight and a value"),
        (changed(np.nan, slice(1, None), slice(None)), r"1 row\(s\) have a positive"),
        (changed(np.nan, slice(1, None)), CONSTANT.format("1")),
        (changed(np.inf, 3, 0, changed(np.nan)), "infinity at row 3, column 0"),
    ],
    ids=["a column", "every value", "all rows but one", "all of a column but one", "infinity too"],
)
def test_too_many_holes_are_refused(table, message):
    with pytest.raises(DataError, match=message):
        MMLGaussianMixture(missing="marginal").fit(table)


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
@pytest.mark.parametrize("kind", ["a combination", "a column twice", "a line", "more columns"])
def test_holes_in_dependent_columns_are_said_and_fitted(kind, covariance_type):
    for seed in range(3):
        A = clusters(seed, 200, 2)
        random = np.random.default_rng(seed)
        table = {
            "a combination": np.column_stack([A, A.sum(axis=1)]),
            "a column twice": np.column_stack([A, A[:, 0]]),
            "a line": np.column_stack([A[:, 0], 2.0 * A[:, 0]]),
            "more columns": random.standard_normal((10, 20)),
        }[kind]
        table[random.uniform(size=table.shape) < 0.05] = np.nan
        table = table[~np.isnan(table).all(axis=1)]
        mixture = MMLGaussianMixture(covariance_type=covariance_type, missing="marginal")
        with pytest.warns(DegenerateDataWarning, match="directions only"):
            mixture.fit(table)
        check_sound(mixture, table)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_column_of_two_values_and_holes_is_fitted(covariance_type):
    table = changed(np.nan, slice(2, None))
    fit = MMLGaussianMixture(missing="marginal", covariance_type=covariance_type).fit(table)
    check_sound(fit, table)


# ---------------------------------------------------------------------------------------- frames


def test_nullable_columns_are_fitted_and_their_holes_found():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b"]).astype("Float64")
    frame.iloc[3, 1] = pd.NA
    with pytest.raises(DataError, match="NaN at row 3, column 1"):
        MMLGaussianMixture().fit(frame)
    fit = MMLGaussianMixture(missing="marginal").fit(frame)
    other = MMLGaussianMixture(missing="marginal").fit(changed(np.nan))
    np.testing.assert_array_equal(fit.means_, other.means_)


def test_nulls_of_polars_are_holes():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": X[:, 0], "b": [None, *X[1:, 1]]})
    with pytest.raises(DataError, match="NaN at row 0, column 1"):
        MMLGaussianMixture().fit(frame)
    fit = MMLGaussianMixture(missing="marginal").fit(frame)
    other = MMLGaussianMixture(missing="marginal").fit(changed(np.nan, 0))
    np.testing.assert_array_equal(fit.means_, other.means_)


def test_columns_of_several_types_are_fitted_as_numbers():
    pd = pytest.importorskip("pandas")
    truth, count = X[:, 1] > 4.0, np.arange(200) % 7
    frame = pd.DataFrame({"a": X[:, 0], "b": truth, "c": count})
    fit = MMLGaussianMixture().fit(frame)
    other = MMLGaussianMixture().fit(np.column_stack([X[:, 0], truth, count]))
    np.testing.assert_array_equal(fit.means_, other.means_)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda pd: pd.DataFrame({"a": ONE_COLUMN, "b": pd.Categorical(["x", "y"] * 100)}),
            ValueError,
            "could not convert string to float: 'x'",
        ),
        (
            lambda pd: pd.DataFrame({"a": ONE_COLUMN, "b": ["x", "y"] * 100}),
            ValueError,
            "could not convert string to float: 'x'",
        ),
        (lambda pd: pd.DataFrame(X, columns=["a", "a"]), ValueError, "unique column names"),
        (
            lambda pd: pd.DataFrame(X, columns=["a", 1]),
            TypeError,
            "Feature names are only supported if all input features have string names",
        ),
        (lambda pd: pd.Series(ONE_COLUMN), ValueError, "Expected a 2-dimensional container"),
        (lambda pd: pd.DataFrame({"a": X[:, 0] + 1j, "b": X[:, 1]}), ValueError, "Complex data"),
        (
            lambda pd: pd.DataFrame({"a": ONE_COLUMN, "b": pd.date_range("2020", periods=200)}),
            DataError,
            r"X holds dates or durations \(datetime64.*\); give numbers",
        ),
        (
            lambda pd: pd.DataFrame({"a": pd.date_range("2020", periods=200)}),
            DataError,
            "X holds dates or durations",
        ),
    ],
    ids=[
        "categories", "words", "names twice", "names and numbers", "a series", "complex",
        "a column of dates", "dates alone",
    ],
)  # fmt: skip
def test_frames_that_are_refused(make, error, message):
    pd = pytest.importorskip("pandas")
    with pytest.raises(error, match=message):
        MMLGaussianMixture().fit(make(pd))


def test_polars_frames_with_dates_are_refused():
    pl = pytest.importorskip("polars")
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(200)]
    with pytest.raises(DataError, match=r"dates or durations \(Date\)"):
        MMLGaussianMixture().fit(pl.DataFrame({"a": ONE_COLUMN, "b": days}))


def test_names_in_levels_are_no_hindrance():
    pd = pytest.importorskip("pandas")
    levels = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    fit = MMLGaussianMixture().fit(pd.DataFrame(X, columns=levels))
    np.testing.assert_array_equal(fit.means_, MMLGaussianMixture().fit(X).means_)
    assert not hasattr(fit, "feature_names_in_")


# ----------------------------------------------------------------------------------- parameters

BAD = [
    ({"max_components": 0}, "max_components=0 was given; give an integer of at least 1 or 'auto'"),
    ({"max_components": -1}, "max_components=-1 was given"),
    ({"max_components": 2.5}, "max_components=2.5 was given"),
    ({"max_components": 3.0}, "max_components=3.0 was given"),
    ({"max_components": "2"}, "max_components='2' was given"),
    ({"max_components": None}, "max_components=None was given"),
    ({"max_components": True}, "max_components=True was given"),
    ({"max_components": np.inf}, "max_components=inf was given"),
    ({"min_components": 0}, "min_components=0 was given; give an integer of at least 1"),
    ({"min_components": 2.0}, "min_components=2.0 was given"),
    ({"min_components": 5, "max_components": 3}, "max_components=3 was given; .* at least 5"),
    ({"min_components": 300}, "min_components=300 was given, but X has only 200 different rows"),
    ({"min_components": 10**30}, "but X has only 200 different rows; give fewer components"),
    ({"max_sweeps": 0}, "max_sweeps=0 was given; give an integer of at least 1"),
    ({"max_sweeps": 2.0}, "max_sweeps=2.0 was given"),
    *(
        ({name: value}, f"{name}={value!r} was given; give a positive number")
        for name in ("tol", "prior_scatter")
        for value in (0, 0.0, -1.0, np.nan, np.inf, "x", None, True)
    ),
    ({"covariance_type": "round"}, "covariance_type='round' is not known; choose one of auto, fu"),
    ({"covariance_type": None}, "covariance_type=None is not known"),
    ({"covariance_type": ["full"]}, r"covariance_type=\['full'\] is not known"),
    ({"search": "grid"}, "search='grid' is not known; choose one of split-merge, annihilation"),
    ({"search": None}, "search=None is not known"),
    ({"criterion": "bic"}, "criterion='bic' is not known; choose one of auto, wallace-freeman"),
    ({"criterion": None}, "criterion=None is not known"),
    ({"missing": "drop"}, "missing='drop' is not known; choose one of error, marginal"),
    *(
        ({"n_jobs": value}, f"n_jobs={value!r} was given; give a positive integer, -1 for all")
        for value in (0, "a", 1.5, True)
    ),
]


@pytest.mark.parametrize(("parameters", "message"), BAD, ids=lambda p: str(p)[:50])
def test_a_parameter_out_of_range_is_refused_by_name(parameters, message):
    with pytest.raises(DataError, match=message):
        MMLGaussianMixture(**parameters).fit(X)


@pytest.mark.parametrize("random_state", ["x", -1, 2**40, 1.5])
def test_what_is_no_seed_is_refused(random_state):
    with pytest.raises(ValueError, match=r"cannot be used to seed|Seed must be between"):
        MMLGaussianMixture(random_state=random_state).fit(X)


def test_no_bound_on_sweeps_is_too_high():
    assert MMLGaussianMixture(max_sweeps=10**30).fit(X).converged_


@pytest.mark.parametrize("search", SEARCHES)
def test_a_bound_on_components_beyond_the_rows_is_just_a_bound(search):
    table = X[:30]
    fit = MMLGaussianMixture(10**9, search=search, random_state=0).fit(table)
    assert fit.n_components_ <= 3
    if search == "split-merge":
        np.testing.assert_array_equal(fit.means_, MMLGaussianMixture().fit(table).means_)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_as_few_components_as_asked_for(covariance_type):
    fit = MMLGaussianMixture(covariance_type=covariance_type, min_components=5).fit(X)
    assert fit.n_components_ == 5
    check_sound(fit, X)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_more_components_than_clusters_are_still_a_mixture(covariance_type):
    table = clusters(0, 150, 2, apart=1e4, k=4)
    fit = MMLGaussianMixture(covariance_type=covariance_type, min_components=6).fit(table)
    check_sound(fit, table)


@pytest.mark.parametrize("prior_scatter", [1e-300, 1e6, 1e300])
def test_a_prior_of_any_weight_gives_a_sound_fit(prior_scatter):
    check_sound(MMLGaussianMixture(prior_scatter=prior_scatter).fit(X), X)


@pytest.mark.parametrize("tol", [1e-300, 1e300])
def test_a_tolerance_of_any_size_gives_a_sound_fit(tol):
    check_sound(MMLGaussianMixture(tol=tol).fit(X), X)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
@pytest.mark.parametrize(
    ("search", "max_sweeps", "n"),
    # Up to 4000 rows "split-merge" makes two searches, and may take the one that converged.
    [("annihilation", 1, 300), ("annihilation", 2, 300), ("split-merge", 1, 4500)],
)
def test_too_few_sweeps_are_said_and_remembered(search, max_sweeps, n, covariance_type):
    table = clusters(3, n, 3, apart=1.5, k=2)
    mixture = MMLGaussianMixture(
        12,
        min_components=4,
        covariance_type=covariance_type,
        search=search,
        max_sweeps=max_sweeps,
        random_state=0,
    )
    message = f"did not converge within {max_sweeps} sweeps .* raise max_sweeps or tol"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        fit = mixture.fit(table)
    assert len(caught) == 1
    assert fit.converged_ is False
    assert fit.trace_.converged is False
    check_sound(fit, table)
    assert mixture.set_params(max_sweeps=1000, min_components=1).fit(table).converged_ is True


# --------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (-ONES, DataError, "sample_weight has negative entries; give each row zero or more"),
        (changed(-1e-9, 3, 0, X)[:, 0], DataError, "sample_weight has negative entries"),
        (np.full(200, np.nan), ValueError, "sample_weight contains NaN"),
        (np.full(200, np.inf), ValueError, "sample_weight contains infinity"),
        (0.0 * ONES, ValueError, "must contain at least one non-zero|is zero everywhere"),
        (ONES[:3], ValueError, r"sample_weight.shape == \(3,\), expected \(200,\)"),
        (np.ones((200, 2)), ValueError, "must be 1D array or scalar, got 2D"),
        (["a"] * 200, ValueError, "could not convert string to float"),
        (np.eye(200)[0], DataError, r"1 row\(s\) have a positive sample_weight .*two or more"),
        (np.full(200, 1e300), DataError, "sample_weight sums up to too much; divide it by a"),
        (np.full(200, 1e307), DataError, "sample_weight sums up to too much"),
    ],
    ids=["minus one", "one negative", "NaN", "infinity", "zero", "three", "two columns", "words",
         "one row", "1e300", "beyond float64"],
)  # fmt: skip
def test_weights_that_are_refused(weights, error, message):
    with pytest.raises(error, match=message):
        MMLGaussianMixture().fit(X, sample_weight=weights)


def test_a_column_that_is_constant_where_rows_have_weight_is_refused():
    table = np.column_stack([X[:, 0], np.arange(200) == 7])
    with pytest.raises(DataError, match=CONSTANT.format("1")):
        MMLGaussianMixture().fit(table, sample_weight=np.arange(200) != 7)


def test_equal_weights_of_one_are_no_weights():
    plain = MMLGaussianMixture().fit(X)
    for weights in (ONES, ONES.astype(int), ONES.astype(bool), ONES.tolist(), 1.0):
        weighted = MMLGaussianMixture().fit(X, sample_weight=weights)
        np.testing.assert_array_equal(weighted.means_, plain.means_)
        assert weighted.message_length_ == plain.message_length_


@pytest.mark.parametrize("covariance_type", COVARIANCES)
@pytest.mark.parametrize("weight", [1e-300, 1e-9, 0.005, 5.0])
def test_weights_of_any_size_give_a_sound_fit(weight, covariance_type):
    mixture = MMLGaussianMixture(covariance_type=covariance_type)
    fit = mixture.fit(X, sample_weight=np.full(200, weight))
    check_sound(fit, X)
    if weight < 0.01:  # all rows together are less than two
        assert fit.n_components_ == 1


def test_two_rows_of_weight_make_one_component():
    weights = np.zeros(200)
    weights[[3, 150]] = 1.0
    with pytest.warns(DegenerateDataWarning, match=LINE.format(2, 1)):
        fit = MMLGaussianMixture().fit(X, sample_weight=weights)
    assert fit.n_components_ == 1
    np.testing.assert_allclose(fit.means_[0], X[[3, 150]].mean(axis=0), rtol=1e-9)


# ----------------------------------------------------------------------------------- predictions

METHODS = ["predict", "predict_proba", "transform", "score_samples"]
FITS = {name: MMLGaussianMixture(covariance_type=name).fit(X) for name in COVARIANCES}
EVERY_METHOD = [*METHODS, "score", "message_length", "aic", "bic", "icl"]


@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (X[:, :1], ValueError, "X has 1 features, but MMLGaussianMixture is expecting 2"),
        (np.ones((3, 9)), ValueError, "X has 9 features, but MMLGaussianMixture is expecting 2"),
        (X[0], ValueError, "Expected 2D array, got 1D"),
        (X[:0], ValueError, r"0 sample\(s\) .* minimum of 1 is required"),
        (changed(np.nan), DataError, "NaN at row 3, column 1"),
        (changed(np.inf), DataError, "infinity at row 3, column 1"),
        (X.astype(str), DataError, "X holds text"),
        (DATES, DataError, "X holds dates"),
        (csr_array(X), TypeError, "Sparse data was passed"),
        (np.ma.masked_array(X, X > 9), DataError, "masked array"),
        (X + 1j, ValueError, "Complex data not supported"),
    ],
    ids=["a column less", "more columns", "one dimension", "no rows", "NaN", "infinity", "text",
         "dates", "sparse", "masked", "complex"],
)  # fmt: skip
def test_no_prediction_but_one_clear_error(method, table, error, message):
    with pytest.raises(error, match=message):
        getattr(FITS["full"], method)(table)


@pytest.mark.parametrize("method", [*EVERY_METHOD, "sample", "to_sklearn"])
def test_predicting_before_fitting_is_refused(method):
    arguments = () if method in ("sample", "to_sklearn") else (X,)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(MMLGaussianMixture(), method)(*arguments)


@pytest.mark.parametrize("method", METHODS)
def test_a_frame_of_other_columns_is_refused(method):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b"])
    predict = getattr(MMLGaussianMixture().fit(frame), method)
    for other in (frame[["b", "a"]], frame.rename(columns={"b": "c"})):
        with pytest.raises(ValueError, match="feature names should match those"):
            predict(other)
    with pytest.raises(ValueError, match=r"feature names should match those(.|\n)*missing"):
        predict(frame[["a"]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        predict(X)


def test_weights_of_a_score_are_checked_too():
    for method in ("score", "message_length"):
        ask = getattr(FITS["full"], method)
        with pytest.raises(DataError, match="sample_weight has negative entries"):
            ask(X, sample_weight=-ONES)
        with pytest.raises(ValueError, match=r"sample_weight.shape == \(3,\)"):
            ask(X, sample_weight=ONES[:3])


FAR = [[v, w] for v in (1e8, -1e150, 1e300, 1.7e308, -1.7e308) for w in (0.0, v, -v)]


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_rows_at_the_end_of_float64_are_predicted(covariance_type):
    fit = FITS[covariance_type]
    assert fit.n_components_ >= 2
    laws.check_distribution(fit.predict_proba(FAR))
    assert np.isfinite(fit.score_samples(FAR)).all()
    assert np.isfinite([fit.score(FAR), fit.bic(FAR), fit.aic(FAR), fit.icl(FAR)]).all()
    assert (fit.score_samples(FAR) < fit.score_samples(X).min()).all()


# BLAS, which the kernels without a compiler call, sums otherwise where there are few rows.
ALIKE = {"atol": 0.0, "rtol": 0.0 if kernels.name == "c++" else 1e-12}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_row_is_predicted_alike_alone_and_among_others(covariance_type, method):
    predict = getattr(FITS[covariance_type], method)
    table = np.vstack([X, FAR[0], r.uniform(-3.0, 12.0, (50, 2))])
    whole = predict(table)
    for row in (0, 1, 2, 3, 57, 199, 200, 250):
        alone = predict(table[row : row + 1])
        np.testing.assert_allclose(alone, whole[row : row + 1], **ALIKE)
    for size in (2, 3, 7, 64, 100):
        parts = [predict(table[i : i + size]) for i in range(0, len(table), size)]
        np.testing.assert_allclose(np.concatenate(parts), whole, **ALIKE)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_wide_rows_are_predicted_alike_alone_and_among_others(covariance_type):
    table = np.random.default_rng(5).standard_normal((260, 9)) + 3.0 * (X[:1, 0] > 0)
    fit = MMLGaussianMixture(covariance_type=covariance_type, min_components=2).fit(table[:200])
    for method in METHODS:
        predict = getattr(fit, method)
        parts = [predict(table[i : i + 13]) for i in range(0, len(table), 13)]
        np.testing.assert_allclose(np.concatenate(parts), predict(table), **ALIKE)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_many_rows_are_labelled_as_few(covariance_type):
    fit = FITS[covariance_type]
    table = np.random.default_rng(5).uniform(-3.0, 12.0, (40_000, 2))
    labels = fit.predict(table)
    np.testing.assert_array_equal(labels, fit.predict_proba(table).argmax(axis=1))
    for part in (slice(0, 9), slice(16_380, 16_390), slice(32_760, 32_770), slice(39_999, None)):
        np.testing.assert_array_equal(fit.predict(table[part]), labels[part])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples=0 was given; give an integer of at least 1"),
        ({"n_samples": -1}, "n_samples=-1 was given"),
        ({"n_samples": 1e9}, "n_samples=1000000000.0 was given"),
        ({"n_samples": True}, "n_samples=True was given"),
        ({"component": -1}, "component=-1 does not exist; choose 0 to 1"),
        ({"component": 2}, "component=2 does not exist; choose 0 to 1"),
        ({"component": 0.0}, "component=0.0 does not exist"),
        ({"component": "0"}, "component='0' does not exist"),
        ({"component": []}, r"component=\[\] does not exist"),
        ({"component": [0, 5]}, r"component=\[0, 5\] does not exist"),
        ({"component": True}, "component=True does not exist"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    fit = FITS["full"]
    assert fit.n_components_ == 2
    with pytest.raises(DataError, match=message):
        fit.sample(**arguments)

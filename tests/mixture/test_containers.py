"""The container does not matter: each predicts and is fitted as its float64 copy, bit for bit."""

import numpy as np
import pytest

from mixture.problems import clusters
from xenoglyph import MMLGaussianMixture
from xenoglyph.mixture.covariance import COVARIANCES

FITTED = ["means_", "weights_", "covariances_", "labels_", "message_length_", "lower_bound_"]
METHODS = [
    "predict",
    "predict_proba",
    "transform",
    "score_samples",
    "score",
    "message_length",
    "aic",
    "bic",
    "icl",
]

REAL = clusters(0, 240, 3, apart=6.0) * [1.0, 10.0, 0.1]
# Whole numbers whose squares leave eight bits.
WHOLE = np.rint(4.0 * clusters(0, 240, 3, apart=6.0) + 40.0)
assert WHOLE.min() >= 0
assert 16 <= WHOLE.max() <= 127
TRUTH = (np.random.default_rng(0).uniform(size=(240, 6)) < 0.3).astype(float)


def _strided(table):
    every = np.full((2 * len(table), 3 * table.shape[1]), 7.0)
    every[::2, 1::3] = table
    return every[::2, 1::3]


def _reversed(table):
    return table[::-1, ::-1].copy()[::-1, ::-1]


def _read_only(table):
    copy = table.copy()
    copy.setflags(write=False)
    return copy


def _memmap(table, folder):
    path = folder / "table"
    table.tofile(path)
    return np.memmap(path, dtype=table.dtype, mode="r", shape=table.shape)


def _pandas(table, dtype):
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(table, columns=list("abcdef"[: table.shape[1]])).astype(dtype)


def _polars(table):
    pl = pytest.importorskip("polars")
    return pl.DataFrame(table, schema=list("abcdef"[: table.shape[1]]))


CONTAINERS = {
    "uint8": lambda folder: WHOLE.astype(np.uint8),
    "int8": lambda folder: WHOLE.astype(np.int8),
    "truth values": lambda folder: TRUTH.astype(bool),
    "zeros and ones": lambda folder: TRUTH.astype(np.int32),
    "uint64": lambda folder: (REAL * 1e12 + 2.0**62).astype(np.uint64) + np.uint64(3),
    "float16": lambda folder: REAL.astype(np.float16),
    "float32": lambda folder: REAL.astype(np.float32),
    "float32, units of 1e-20": lambda folder: (REAL * 1e-20).astype(np.float32),
    "float32, an offset of 1e4": lambda folder: (REAL + 1e4).astype(np.float32),
    "big-endian": lambda folder: REAL.astype(">f8"),
    "big-endian float32": lambda folder: REAL.astype(">f4"),
    "longdouble": lambda folder: REAL.astype(np.longdouble) / 3,
    "objects": lambda folder: REAL.astype(object),
    "columns first": lambda folder: np.asfortranarray(REAL),
    "uint8, columns first": lambda folder: np.asfortranarray(WHOLE.astype(np.uint8)),
    "strided": lambda folder: _strided(REAL),
    "backwards": lambda folder: _reversed(REAL),
    "read-only": lambda folder: _read_only(REAL),
    "a read-only file": lambda folder: _memmap(REAL, folder),
    "a read-only file of uint8": lambda folder: _memmap(WHOLE.astype(np.uint8), folder),
    "lists": lambda folder: REAL.tolist(),
    "lists of ints": lambda folder: WHOLE.astype(int).tolist(),
    "tuples": lambda folder: tuple(map(tuple, REAL)),
    "pandas": lambda folder: _pandas(REAL, float),
    "pandas, float32": lambda folder: _pandas(REAL, np.float32),
    "pandas, uint8": lambda folder: _pandas(WHOLE, np.uint8),
    "pandas, nullable": lambda folder: _pandas(REAL, "Float64"),
    "polars": lambda folder: _polars(REAL),
    "polars, uint8": lambda folder: _polars(WHOLE.astype(np.uint8)),
}


def as_float64(table):
    return np.array(table, dtype=np.float64, order="C")


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
@pytest.mark.parametrize("name", CONTAINERS)
def test_the_container_does_not_matter(name, covariance_type, tmp_path):
    table = CONTAINERS[name](tmp_path)
    plain = as_float64(table)
    before = plain.copy()
    fit = MMLGaussianMixture(covariance_type=covariance_type).fit(table)
    expected = MMLGaussianMixture(covariance_type=covariance_type).fit(plain)
    for attribute in FITTED:
        value = getattr(fit, attribute)
        np.testing.assert_array_equal(value, getattr(expected, attribute), err_msg=attribute)
    for method in METHODS:
        value = getattr(fit, method)(table)
        np.testing.assert_array_equal(value, getattr(expected, method)(plain), err_msg=method)
    np.testing.assert_array_equal(as_float64(table), before)
    np.testing.assert_array_equal(plain, before)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_eight_bits_are_enough_for_every_covariance_type(covariance_type):
    mixture = MMLGaussianMixture(covariance_type=covariance_type)
    scores = mixture.fit(WHOLE).score_samples(WHOLE)
    np.testing.assert_array_equal(mixture.score_samples(WHOLE.astype(np.uint8)), scores)
    np.testing.assert_array_equal(mixture.fit(WHOLE.astype(np.uint8)).score_samples(WHOLE), scores)


HOLED = REAL.copy()
HOLED[np.random.default_rng(1).uniform(size=HOLED.shape) < 0.1] = np.nan

WITH_HOLES = {
    "float16": lambda: HOLED.astype(np.float16),
    "float32": lambda: HOLED.astype(np.float32),
    "big-endian": lambda: HOLED.astype(">f8"),
    "columns first": lambda: np.asfortranarray(HOLED),
    "strided": lambda: _strided(HOLED),
    "objects": lambda: np.where(np.isnan(HOLED), None, HOLED),
    "lists": lambda: np.where(np.isnan(HOLED), None, HOLED).tolist(),
    "pandas": lambda: _pandas(HOLED, float),
    "pandas, nullable": lambda: _pandas(HOLED, "Float64"),
    "polars": lambda: _polars(HOLED),
    "polars, nulls": lambda: _polars(HOLED).fill_nan(None),
}


@pytest.mark.parametrize("name", WITH_HOLES)
def test_nor_does_it_where_values_are_missing(name):
    table = WITH_HOLES[name]()
    # Of pandas' own missing values numpy makes no numbers.
    plain = HOLED.copy() if name == "pandas, nullable" else as_float64(table)
    np.testing.assert_array_equal(np.isnan(plain), np.isnan(HOLED))
    fit = MMLGaussianMixture(missing="marginal").fit(table)
    expected = MMLGaussianMixture(missing="marginal").fit(plain)
    for attribute in FITTED:
        value = getattr(fit, attribute)
        np.testing.assert_array_equal(value, getattr(expected, attribute), err_msg=attribute)
    for method in ("predict", "predict_proba", "score_samples", "icl"):
        value = getattr(fit, method)(table)
        np.testing.assert_array_equal(value, getattr(expected, method)(plain), err_msg=method)


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
def test_a_fit_changes_neither_table_nor_weights(search):
    table, weights = REAL.copy(), np.linspace(0.0, 2.0, len(REAL))
    mixture = MMLGaussianMixture(8, search=search, random_state=0)
    mixture.fit(table, sample_weight=weights).score(table, sample_weight=weights)
    np.testing.assert_array_equal(table, REAL)
    np.testing.assert_array_equal(weights, np.linspace(0.0, 2.0, len(REAL)))


@pytest.mark.parametrize(
    "parameters",
    [{"random_state": None}, {"random_state": 0}, {"random_state": 0, "search": "annihilation"}],
)
def test_numpys_own_random_state_is_left_alone(parameters):
    np.random.seed(5)
    state = np.random.get_state()
    fit = MMLGaussianMixture(8, **parameters).fit(REAL)
    fit.predict_proba(REAL)
    fit.sample(3, random_state=1)
    after = np.random.get_state()
    assert after[0] == state[0]
    np.testing.assert_array_equal(after[1], state[1])
    assert after[2:] == state[2:]


def test_a_generator_is_drawn_from_and_not_replaced():
    """By "annihilation" and by `sample`; "split-merge" draws nothing."""
    random = np.random.RandomState(3)
    fit = MMLGaussianMixture(8, random_state=random).fit(REAL)
    assert random.randint(10**9) == np.random.RandomState(3).randint(10**9)
    assert fit.random_state is random
    first, second = fit.sample(9)[0], fit.sample(9)[0]
    assert (first != second).any()

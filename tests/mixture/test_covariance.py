"""Covariance structures obey the same laws and count their parameters as the paper does."""

import numpy as np
import pytest

import laws
from xenoglyph.errors import DataError
from xenoglyph.mixture.covariance import COVARIANCES, parse


@pytest.mark.parametrize("d", [1, 2, 7])
@pytest.mark.parametrize("name", COVARIANCES)
def test_laws_hold(name, d):
    laws.check_covariance(parse(name), d, np.random.default_rng(d))


@pytest.mark.parametrize(
    ("name", "counts"),
    [("full", [2, 5, 9, 14, 65]), ("diag", [2, 4, 6, 8, 20]), ("spherical", [2, 3, 4, 5, 11])],
)
def test_parameters_are_counted(name, counts):
    assert [parse(name).n_parameters(d) for d in (1, 2, 3, 4, 10)] == counts


def test_all_structures_are_one_in_one_dimension():
    fits = [float(parse(name).from_scatter(_one(name), 4.0).ravel()[0]) for name in COVARIANCES]
    assert fits == [0.75] * len(COVARIANCES)


def _one(name):
    return np.array([3.0]) if parse(name).diagonal else np.array([[3.0]])


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DataError, match=r"'round' is not known; choose one of full, diag"):
        parse("round")

"""Covariance structures obey the same laws and count their parameters as the paper does."""

import numpy as np
import pytest

import laws
from xenoglyph.errors import DataError
from xenoglyph.mixture.covariance import COVARIANCES, parse

DIMENSIONS = (1, 2, 3, 4, 10)


@pytest.mark.parametrize("d", [1, 2, 7])
@pytest.mark.parametrize("name", COVARIANCES)
def test_laws_hold(name, d):
    laws.check_covariance(parse(name), d, np.random.default_rng(d))
    laws.check_fisher(parse(name), d)


@pytest.mark.parametrize(
    ("name", "own", "shared"),
    [
        ("full", [2, 5, 9, 14, 65], [0] * 5),
        ("tied", [1, 2, 3, 4, 10], [1, 3, 6, 10, 55]),
        ("diag", [2, 4, 6, 8, 20], [0] * 5),
        ("tied_diag", [1, 2, 3, 4, 10], [1, 2, 3, 4, 10]),
        ("spherical", [2, 3, 4, 5, 11], [0] * 5),
    ],
)
def test_parameters_are_counted(name, own, shared):
    assert [parse(name).n_parameters(d) for d in DIMENSIONS] == own
    assert [parse(name).n_shared(d) for d in DIMENSIONS] == shared


def test_all_structures_are_one_in_one_dimension():
    scatters = [parse(name).sees(np.array([[3.0]])) for name in COVARIANCES]
    fits = [
        parse(n).from_scatter(s, 4.0).item() for n, s in zip(COVARIANCES, scatters, strict=True)
    ]
    assert fits == [0.75] * len(COVARIANCES)


@pytest.mark.parametrize("name", ["round", 3, None])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(DataError, match=rf"{name!r} is not known; choose one of auto, full, tied"):
        parse(name)

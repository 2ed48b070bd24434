"""The message length against the formulas as they are printed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from xenoglyph import MMLGaussianMixture
from xenoglyph.errors import DataError
from xenoglyph.mixture.covariance import COVARIANCES
from xenoglyph.mixture.message_length import (
    CRITERIA,
    component_cost,
    order_saving,
    parse,
    weight_cost,
)

X = np.random.default_rng(0).standard_normal((300, 2)) * [1.0, 1e3] + [5.0, -1e4]
X[:150] += [4.0, 0.0]


@given(k=st.integers(1, 9), N=st.integers(2, 90), n=st.integers(10, 10**6), seed=st.integers(0, 9))
def test_terms_add_up_to_equation_15_and_the_programs_form(k, N, n, seed):
    alpha = np.random.default_rng(seed).dirichlet(np.full(k, 5.0))
    eq15, program = (
        weight_cost(np.log(alpha), N) + component_cost(k, N, CRITERIA[name].log_rows(n))
        for name in ("eq15", "program")
    )
    printed = N / 2 * np.log(n * alpha / 12).sum() + k / 2 * np.log(n / 12) + k * (N + 1) / 2
    np.testing.assert_allclose(eq15, printed, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(program - eq15, k * (N + 1) / 2 * (np.log(12) - 1), rtol=1e-6)


@pytest.mark.parametrize("name", COVARIANCES)
@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_fit_has_the_length_of_the_formula(criterion, name):
    fit = MMLGaussianMixture(4, criterion=criterion, covariance_type=name).fit(X)
    structure = COVARIANCES[name]
    N, shared = structure.n_parameters(2), structure.n_shared(2)
    mixture = fit.weights_, fit.means_, fit.covariances_
    expected = oracles.message_length(criterion, X, *mixture, N, shared, name)
    np.testing.assert_allclose(fit.message_length(X), expected, rtol=1e-12)
    # The fit's own figure has the price of the prior on covariances on top.
    assert 0 < fit.message_length_ - expected < 1.0


def test_repeated_rows_are_as_long_as_their_weight():
    fit = MMLGaussianMixture().fit(X)
    w = np.random.default_rng(1).integers(0, 4, len(X))
    repeated = fit.message_length(np.repeat(X, w, axis=0))
    np.testing.assert_allclose(fit.message_length(X, sample_weight=w), repeated, rtol=1e-12)


def test_the_order_of_components_is_worth_the_logarithm_of_a_factorial():
    assert order_saving(1) == 0.0
    np.testing.assert_allclose(order_saving(5), np.log(120.0))


@pytest.mark.parametrize("name", ["bic", 15, None])
def test_an_unknown_criterion_lists_the_known_ones(name):
    with pytest.raises(
        DataError, match=rf"criterion={name!r} is not known; choose one of auto, w"
    ):
        parse(name)

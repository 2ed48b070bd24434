"""The message length against the formulas as they are printed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from xenoglyph import MMLGaussianMixture
from xenoglyph.errors import DataError
from xenoglyph.mixture.message_length import CRITERIA, kappa, model_length


@given(k=st.integers(1, 9), N=st.integers(2, 90), n=st.integers(10, 10**6), seed=st.integers(0, 9))
def test_the_program_charges_each_component_more_than_eq15(k, N, n, seed):
    alpha = np.random.default_rng(seed).dirichlet(np.ones(k))
    eq15, program = (model_length(alpha, N, n, CRITERIA[name]) for name in ("eq15", "program"))
    np.testing.assert_allclose(program - eq15, k * (N + 1) / 2 * (np.log(12) - 1), rtol=1e-9)


@pytest.mark.parametrize(
    ("criterion", "oracle"),
    [("eq15", oracles.message_length_eq15), ("program", oracles.message_length_program)],
)
def test_a_fit_has_the_length_of_the_formula(criterion, oracle):
    X = np.random.default_rng(0).standard_normal((300, 2)) * [1.0, 1e3] + [5.0, -1e4]
    fit = MMLGaussianMixture(8, criterion=criterion, random_state=0).fit(X)
    expected = oracle(X, fit.weights_, fit.means_, fit.covariances_, N=5)
    np.testing.assert_allclose(fit.message_length(X), expected, rtol=1e-12)
    # The fit's own figure has the price of the prior on covariances on top.
    assert 0 < fit.message_length_ - expected < 1.0


def test_an_unknown_criterion_lists_the_known_ones():
    with pytest.raises(DataError, match=r"criterion='bic' is not known; choose one of eq15"):
        kappa("bic")

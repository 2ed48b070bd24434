"""The loops over rows against SciPy, for the compiled kernels and their NumPy twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from xenoglyph.mixture import kernels
from xenoglyph.mixture.kernels import numpy_kernels

BOTH = pytest.mark.parametrize("module", [kernels, numpy_kernels], ids=["chosen", "numpy"])


def mixture(seed, n, d, k, spread=1.0, diagonal=False):
    """Random rows and components, one of them dead, with consistent terms and totals."""
    r = np.random.default_rng(seed)
    Z, s = r.standard_normal((d, n)), r.uniform(0.5, 2.0, n)
    mu = spread * r.standard_normal((k, d))
    A = r.uniform(0.3, 2.0, (k, d)) if diagonal else r.standard_normal((k, d, 2 * d))
    C = A**2 if diagonal else A @ A.transpose(0, 2, 1) / d
    factor, log_norm, log_det = np.empty_like(C), np.empty(k), np.empty(k)
    numpy_kernels.prepare(C, np.zeros_like(C[0]), factor, log_norm, log_det)
    log_a = np.log(r.dirichlet(np.ones(k)))
    if k > 2:
        log_a[k - 1] = -np.inf
    terms = [np.empty(n) for _ in range(k)]
    state = terms, np.empty(n), np.empty(n), log_a, mu, C, factor, log_norm
    numpy_kernels.resum(Z, s, *state, True, 1)
    return r, Z, s, state


def exact(Z, state):
    """log total of every row, by SciPy."""
    _, _, _, log_a, mu, C, _, _ = state
    logs = []
    for a, m, c in zip(log_a, mu, C, strict=True):
        dense = np.diag(c) if c.ndim == 1 else c
        logs.append(a + multivariate_normal(m, dense).logpdf(Z.T).reshape(Z.shape[1]))
    return logsumexp(logs, axis=0)


@BOTH
@pytest.mark.parametrize("d", [1, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("diagonal", [False, True])
def test_densities_are_scipys(module, d, diagonal):
    _, Z, s, state = mixture(d, 1500, d, 3, diagonal=diagonal)
    _, _, _, _, mu, C, factor, _ = state
    rounding = np.zeros_like(C[0])
    own, norm, log_det = np.empty_like(factor), np.empty(3), np.empty(3)
    module.prepare(C, rounding, own, norm, log_det)
    np.testing.assert_allclose(own, factor, rtol=1e-9, atol=1e-9)
    dense = np.diag(C[0]) if diagonal else C[0]
    np.testing.assert_allclose(log_det[0], -np.linalg.slogdet(dense)[1] / 2, rtol=1e-9, atol=1e-9)
    out = np.empty(1500)
    module.log_density(Z, mu[0], own[0], norm[0], out)
    expected = multivariate_normal(mu[0], dense).logpdf(Z.T)
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-9)
    logs = module.resum(Z, s, *state, True, 1)
    np.testing.assert_allclose(logs, s @ exact(Z, state), rtol=1e-12)


@BOTH
def test_rounding_takes_its_trace_from_the_norm(module):
    C, rounding = np.array([[[2.0, 0.3], [0.3, 1.0]]]), np.array([[0.1, 0.0], [0.0, 0.2]])
    factor, norm, log_det = np.empty_like(C), np.empty(1), np.empty(1)
    module.prepare(C, rounding, factor, norm, log_det)
    trace = np.trace(np.linalg.inv(C[0]) @ rounding)
    expected = -np.log(2 * np.pi) - np.linalg.slogdet(C[0])[1] / 2 - trace / 2
    np.testing.assert_allclose(norm[0], expected, rtol=1e-12)


@BOTH
def test_a_covariance_that_rounding_made_singular_has_a_factor(module):
    C = np.array([[[1.0, 1.0], [1.0, 1.0]]])
    factor, norm, log_det = np.empty_like(C), np.empty(1), np.empty(1)
    module.prepare(C, np.zeros((2, 2)), factor, norm, log_det)
    assert np.isfinite(factor).all()
    assert np.isfinite(norm).all()


@BOTH
@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("d", [1, 3, 6, 9])
def test_moments_are_sums_over_the_posterior(module, diagonal, d):
    _, Z, s, state = mixture(1, 2500, d, 4, diagonal=diagonal)
    terms, offset, total, _, mu, *_ = state
    w = s * terms[1] / total
    np.testing.assert_allclose(
        w.sum(), (s * np.exp(np.log(terms[1]) + offset - exact(Z, state))).sum()
    )
    D = Z.T - mu[1]
    second = (w[:, None] * D).T @ D
    expected = np.diagonal(second) if diagonal else second[np.triu_indices(d)]
    sums = np.empty(1 + d + len(expected))
    module.moments(Z, s, terms[1], total, mu[1], diagonal, sums)
    np.testing.assert_allclose(sums[0], w.sum(), rtol=1e-12)
    np.testing.assert_allclose(sums[1 : 1 + d], w @ D, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(sums[1 + d :], expected, rtol=1e-10, atol=1e-11)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 700),
    d=st.integers(1, 5),
    spread=st.sampled_from([1.0, 30.0, 3000.0]),
    move=st.sampled_from([0.0, 1.0, 50.0, 1e4]),
    dies=st.booleans(),
)
def test_exchange_keeps_totals_exact(seed, n, d, spread, move, dies):
    for module in (kernels, numpy_kernels):
        _, Z, s, state = mixture(seed, n, d, 4, spread)
        _, offset, total, log_a, mu, *_ = state
        mu[1] += move
        log_a[1] = -np.inf if dies else log_a[1] + 1.0
        module.exchange(Z, s, *state, 1, 1)
        mu[0] -= move
        module.exchange(Z, s, *state, 0, 1)
        expected = exact(Z, state)
        np.testing.assert_allclose(offset + np.log(total), expected, rtol=1e-9, atol=1e-9)
        module.resum(Z, s, *state, False, 1)
        np.testing.assert_allclose(offset + np.log(total), expected, rtol=1e-12, atol=1e-11)


def test_totals_without_the_guard_would_lose_digits():
    """The twin that only subtracts breaks the law above: the guard is needed."""
    _, Z, s, state = mixture(0, 500, 3, 4, spread=3.0)
    terms, offset, total, log_a, *_ = state
    with np.errstate(divide="ignore", invalid="ignore"):
        naive = offset + np.log(total - terms[0])
    log_a[0] = -np.inf
    kernels.exchange(Z, s, *state, 0, 1)
    expected = exact(Z, state)
    assert np.abs(offset + np.log(total) - expected).max() < 1e-12
    assert not np.abs(naive - expected).max() < 1e-9


@BOTH
def test_rows_that_no_component_covers_survive(module):
    Z = np.array([[0.0, 1e3, -3e5]])
    terms, offset, total = [np.empty(3), np.empty(3)], np.empty(3), np.empty(3)
    log_a, mu, C = np.log([0.25, 0.75]), np.array([[0.0], [1.0]]), np.ones((2, 1, 1))
    factor, log_norm, log_det = np.empty_like(C), np.empty(2), np.empty(2)
    module.prepare(C, np.zeros((1, 1)), factor, log_norm, log_det)
    state = terms, offset, total, log_a, mu, C, factor, log_norm
    module.resum(Z, np.ones(3), *state, True, 1)
    np.testing.assert_allclose(offset + np.log(total), exact(Z, state), rtol=1e-13)
    log_a[1] = -np.inf  # what covered them best goes
    module.exchange(Z, np.ones(3), *state, 1, 1)
    np.testing.assert_allclose(offset + np.log(total), exact(Z, state), rtol=1e-13)

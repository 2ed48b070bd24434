"""The kernels against SciPy, and the compiled ones against their NumPy twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from xenoglyph.mixture import kernels
from xenoglyph.mixture.kernels import numpy_kernels

BOTH = pytest.mark.parametrize("module", [kernels, numpy_kernels], ids=["chosen", "numpy"])


def mixture(seed, n, d, k, spread=1.0):
    """Random rows, components and consistent running totals, with one dead component."""
    r = np.random.default_rng(seed)
    Z = r.standard_normal((d, n))
    means = spread * r.standard_normal((k, d))
    factors = np.stack([np.triu(r.uniform(0.3, 2.0, (d, d))) for _ in range(k)])
    log_a = np.log(r.dirichlet(np.ones(k)))
    log_u = np.empty((k, n))
    for m in range(k):
        log_norm = np.log(np.diagonal(factors[m])).sum() - d / 2 * np.log(2 * np.pi)
        numpy_kernels.log_density(Z, means[m], factors[m], log_norm, log_u[m])
    if k > 2:
        log_a[k - 1] = -np.inf
    offset, total = np.empty(n), np.empty(n)
    numpy_kernels.resum(log_u, log_a, offset, total)
    return r, Z, means, factors, log_a, log_u, offset, total


@BOTH
@pytest.mark.parametrize("d", [1, 3, 8])
def test_log_density_is_scipys(module, d):
    _, Z, means, factors, *_ = mixture(d, 2500, d, 2)
    P, out = factors[0], np.empty(2500)
    log_norm = np.log(np.diagonal(P)).sum() - d / 2 * np.log(2 * np.pi)
    module.log_density(Z, means[0], P, log_norm, out)
    expected = multivariate_normal(means[0], np.linalg.inv(P @ P.T)).logpdf(Z.T)
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-9)


@BOTH
@pytest.mark.parametrize("diagonal", [False, True])
def test_moments_are_sums_over_the_posterior(module, diagonal):
    d, n = 3, 2500
    r, Z, means, _, log_a, log_u, offset, total = mixture(1, n, d, 4)
    s = r.uniform(0.0, 2.0, n)
    w = s * np.exp(log_a[1] + log_u[1] - logsumexp(log_a[:, None] + log_u, axis=0))
    D = Z.T - means[1]
    second = (w[:, None] * D).T @ D
    expected = np.diagonal(second) if diagonal else second[np.triu_indices(d)]
    sums = np.empty(1 + d + len(expected))
    module.moments(Z, s, log_u[1], log_a[1], offset, total, means[1], diagonal, sums)
    np.testing.assert_allclose(sums[0], w.sum(), rtol=1e-12)
    np.testing.assert_allclose(sums[1 : 1 + d], w @ D, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(sums[1 + d :], expected, rtol=1e-10)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 2100),
    d=st.integers(1, 5),
    spread=st.sampled_from([1.0, 30.0, 3000.0]),
    move=st.sampled_from([0.0, 1.0, 50.0, 1e4]),
    dies=st.booleans(),
)
def test_exchange_keeps_totals_exact(seed, n, d, spread, move, dies):
    for module in (kernels, numpy_kernels):
        _, Z, means, factors, log_a, log_u, offset, total = mixture(seed, n, d, 4, spread)
        fresh = np.zeros(n)
        new = -np.inf if dies else log_a[1] + 1.0
        for m in range(4):
            log_norm = float(np.log(np.diagonal(factors[m])).sum())
            target, weight = (means[m] + move, new) if m == 1 else (means[m], log_a[m])
            module.exchange(
                Z, target, factors[m], log_norm, m, weight, log_u, log_a, offset, total, fresh
            )
            log_a[m] = weight
            exact = logsumexp(log_a[:, None] + log_u, axis=0)
            np.testing.assert_allclose(offset + np.log(total), exact, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(offset + np.log(fresh), exact, rtol=1e-12, atol=1e-12)


def test_running_totals_without_the_guard_would_drift():
    """The twin that only subtracts breaks the law above: the guard is needed."""
    _, Z, means, factors, log_a, log_u, offset, total = mixture(0, 500, 3, 4)
    naive = offset + np.log(total - np.exp(log_a[0] + log_u[0] - offset))
    fresh = np.zeros(500)
    kernels.exchange(Z, means[0], factors[0], 0.0, 0, -np.inf, log_u, log_a, offset, total, fresh)
    log_a[0] = -np.inf
    exact = logsumexp(log_a[:, None] + log_u, axis=0)
    assert np.abs(offset + np.log(total) - exact).max() < 1e-12
    assert np.abs(naive - exact).max() > 1e-12


@BOTH
def test_resum_survives_rows_that_no_component_covers(module):
    log_u = np.array([[-1e5, 0.0, 5e4], [-1e5 - 1.0, -800.0, 1.0]])
    log_a = np.log([0.25, 0.75])
    offset, total = np.empty(3), np.empty(3)
    module.resum(log_u, log_a, offset, total)
    expected = logsumexp(log_a[:, None] + log_u, axis=0)
    np.testing.assert_allclose(offset + np.log(total), expected, rtol=1e-15)

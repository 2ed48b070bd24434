"""Checkers that many tests share; ``test_laws.py`` feeds each a broken twin it must reject."""

import numpy as np


def check_never_rises(lengths, ks, slack=1e-9):
    """Message length does not rise from one sweep to the next while k stays the same."""
    for before, after, k_before, k_after in zip(lengths, lengths[1:], ks, ks[1:], strict=False):
        if k_before == k_after:
            assert after <= before + slack * abs(before), (before, after)


def check_distribution(P, tol=1e-12):
    """Every row of P is a probability distribution."""
    assert np.isfinite(P).all()
    assert (P >= 0).all()
    np.testing.assert_allclose(P.sum(axis=1), 1.0, atol=tol, rtol=0)


def check_covariance(structure, d, random):
    """A covariance structure agrees with itself and with the dense matrix it stands for."""
    A = random.standard_normal((4 * d + 4, d))
    scatter = (A**2).sum(axis=0) if structure.diagonal else A.T @ A
    C = structure.from_scatter(scatter, float(len(A)))
    dense = structure.dense(C[None], d)[0]
    P = structure.precision_factor(C, d)
    full_P = np.diag(P) if P.ndim == 1 else P
    np.testing.assert_allclose(full_P @ full_P.T @ dense, np.eye(d), atol=1e-9)
    assert np.allclose(full_P, np.triu(full_P))
    sign, log_det = np.linalg.slogdet(dense)
    assert sign == 1
    np.testing.assert_allclose(structure.log_determinant(P), -log_det / 2, atol=1e-9)
    prior = np.diagonal(scatter) if structure.diagonal and scatter.ndim == 2 else scatter
    dense_prior = np.diag(prior) if prior.ndim == 1 else prior
    expected = 0.5 * np.trace(dense_prior @ np.linalg.inv(dense))
    np.testing.assert_allclose(structure.penalty(P, prior), expected, rtol=1e-9)
    scale = random.uniform(0.1, 10.0, d)
    units = structure.dense(structure.in_units(C[None], scale), d)[0]
    np.testing.assert_allclose(units, dense * np.outer(scale, scale), rtol=1e-12)

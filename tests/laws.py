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
    S = A.T @ A
    C = structure.from_scatter(structure.sees(S), float(len(A)))
    assert C.shape == ((d,) if structure.diagonal else (d, d))
    np.testing.assert_array_equal(structure.sees(S), S.diagonal() if structure.diagonal else S)
    dense = structure.dense(C[None], d)[0]
    np.testing.assert_allclose(np.trace(dense), np.trace(S) / len(A), rtol=1e-12)
    np.testing.assert_allclose(structure.sees(dense), C, rtol=1e-15)
    sign, log_det = np.linalg.slogdet(dense)
    assert sign == 1
    np.testing.assert_allclose(structure.log_determinant(C), log_det, atol=1e-9)
    scale = random.uniform(0.1, 10.0, d)
    units = structure.dense(structure.in_units(C[None], scale), d)[0]
    np.testing.assert_allclose(units, dense * np.outer(scale, scale), rtol=1e-12)


def check_fisher(structure, d):
    """The Fisher information falls with the covariance as `narrowness` says.

    Scaling C by t multiplies that of a mean by 1/t and that of a parameter of C by 1/t^2, and
    log |C| grows by d log t.
    """
    means, others = d, structure.n_parameters(d) - d
    falls = means + 2 * others
    np.testing.assert_allclose(structure.narrowness(d) * d, falls)
    np.testing.assert_allclose(structure.narrowness_shared(d) * d, 2 * structure.n_shared(d))

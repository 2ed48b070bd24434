"""Each shared checker rejects a twin that is broken in just the way it is there to find."""

import numpy as np
import pytest

import laws
from xenoglyph.mixture.covariance import Full


def test_a_rise_at_fixed_k_is_found():
    laws.check_never_rises([3.0, 2.0, 5.0, 4.0], [2, 2, 1, 1])
    with pytest.raises(AssertionError):
        laws.check_never_rises([3.0, 2.0, 2.1], [2, 2, 2])


@pytest.mark.parametrize("P", [[[0.5, 0.6]], [[1.5, -0.5]], [[np.nan, 1.0]]])
def test_what_is_no_distribution_is_found(P):
    with pytest.raises(AssertionError):
        laws.check_distribution(np.array(P))


class LosesTheScale(Full):
    def from_scatter(self, scatter, count):
        return scatter


class ForgetsHalf(Full):
    def log_determinant(self, covariance):
        return super().log_determinant(covariance) / 2


class ScalesOnce(Full):
    def in_units(self, covariances, scale):
        return covariances * scale


class SeesTheDiagonal(Full):
    def sees(self, matrix):
        return np.diag(np.diagonal(matrix))


@pytest.mark.parametrize("broken", [LosesTheScale, ForgetsHalf, ScalesOnce, SeesTheDiagonal])
def test_a_broken_covariance_structure_is_found(broken):
    laws.check_covariance(Full(), 3, np.random.default_rng(0))
    with pytest.raises(AssertionError):
        laws.check_covariance(broken(), 3, np.random.default_rng(0))


class CountsMeansOnly(Full):
    def narrowness(self, d):
        return 1.0


def test_a_wrong_fisher_information_is_found():
    laws.check_fisher(Full(), 3)
    with pytest.raises(AssertionError):
        laws.check_fisher(CountsMeansOnly(), 3)

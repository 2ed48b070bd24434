"""BIC, AIC and ICL along a fit, against the estimator's own of the mixture that it ended with."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from mixture.problems import clusters
from xenoglyph import DataError, MMLGaussianMixture
from xenoglyph.mixture.criteria import criteria_by_k


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_the_answers_criteria_are_the_estimators(covariance_type):
    X = clusters()
    mixture = MMLGaussianMixture(covariance_type=covariance_type, record_parameters=True).fit(X)
    rows = criteria_by_k(mixture, X)
    assert [row.n_components for row in rows] == sorted({row.n_components for row in rows})
    own = next(row for row in rows if row.n_components == mixture.n_components_)
    assert own.message_length == mixture.message_length_
    for name in ("bic", "aic", "icl"):
        assert getattr(own, name) == pytest.approx(getattr(mixture, name)(X), rel=1e-9)


def test_one_component_is_scikit_learns():
    X = clusters(k=1)
    mixture = MMLGaussianMixture(record_parameters=True).fit(X)
    single = criteria_by_k(mixture, X)[0]
    peer = GaussianMixture(1, reg_covar=0.0).fit(X)
    assert single.n_components == 1
    # The covariance here carries a prior, so it fits a little less closely.
    assert single.bic == pytest.approx(peer.bic(X), rel=1e-3)
    assert single.icl == single.bic


def test_without_the_path_there_is_one_clear_error():
    mixture = MMLGaussianMixture().fit(np.random.default_rng(0).normal(size=(50, 2)))
    with pytest.raises(DataError, match="record_parameters"):
        criteria_by_k(mixture, np.zeros((50, 2)))

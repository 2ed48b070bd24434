"""scikit-learn's own checks of a transformer, with the exceptions named.

Its tables hold any numbers, ours pixels: they are brought into [0, 1] on the way.
"""

from typing import Any

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from xenoglyph import MMLGaussianMixture
from xenoglyph.autoencoder import SELUAutoencoder

SQUASHED = "the numbers that the check gives are brought into [0, 1] before they are looked at"
STOCHASTIC = "steps take images in a random order, which repetition changes and weights do not"
EXCEPTIONS = {
    "check_fit_non_negative": SQUASHED,
    "check_positive_only_tag_during_fit": SQUASHED,
    "check_sample_weight_equivalence_on_dense_data": STOCHASTIC,
}


def squashed(X: Any) -> Any:
    """Bring every finite number into (0, 1); leave all else as it is."""
    if issparse(X):
        return X
    table = np.asarray(X)
    if table.ndim != 2 or table.dtype.kind not in "fiub":
        return X
    numbers = table.astype(np.float64)
    if not np.isfinite(numbers).all():
        return X
    pixels = np.arctan(numbers) / np.pi + 0.5
    return type(X)(pixels, columns=X.columns, index=X.index) if hasattr(X, "iloc") else pixels


class OfAnyNumbers(SELUAutoencoder):
    """The auto-encoder, of tables of any numbers."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        return super().fit(squashed(X), y, sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        return super().partial_fit(squashed(X), y, sample_weight)

    def transform(self, X: Any) -> Any:
        return super().transform(squashed(X))

    def score_samples(self, X: Any) -> Any:
        return super().score_samples(squashed(X))


# `l2` keeps codes small: a check compares them to 1e-7, less than float32 tells of larger ones.
@parametrize_with_checks(
    [OfAnyNumbers(1, (4,), n_epochs=2, l2=1.0, random_state=0)],
    expected_failed_checks=lambda _: EXCEPTIONS,
)
@pytest.mark.filterwarnings("ignore")
def test_it_passes_the_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_it_works_in_a_pipeline_and_in_a_search() -> None:
    random = np.random.default_rng(0)
    shown = random.integers(0, 2, (60, 1, 1)) * np.tri(4)
    images = np.clip(shown + 0.1 * random.random((60, 4, 4)), 0, 1)
    plain = SELUAutoencoder(2, (8,), n_epochs=20, random_state=0)
    assert make_pipeline(plain, MMLGaussianMixture()).fit(images)[-1].n_components_ >= 1
    search = GridSearchCV(plain, {"n_epochs": [1, 20]}, cv=2, error_score="raise").fit(images)
    assert search.best_params_ == {"n_epochs": 20}

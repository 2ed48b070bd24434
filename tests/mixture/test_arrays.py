"""A mixture taken apart and put together again predicts the same bits."""

import numpy as np
import pytest

from xenoglyph import MMLGaussianMixture, ModelFileError
from xenoglyph.mixture.arrays import from_arrays, to_arrays
from xenoglyph.mixture.covariance import COVARIANCES

X = np.random.default_rng(0).standard_normal((200, 3)) * [1.0, 10.0, 0.1]


@pytest.mark.parametrize("name", COVARIANCES)
def test_round_trip(name):
    fit = MMLGaussianMixture(6, covariance_type=name, random_state=3).fit(X)
    again = from_arrays(*to_arrays(fit))
    np.testing.assert_array_equal(again.predict_proba(X), fit.predict_proba(X))
    np.testing.assert_array_equal(again.covariances_, fit.covariances_)
    np.testing.assert_array_equal(again.sample(9)[0], fit.sample(9)[0])
    assert again.get_params() == fit.get_params()
    assert again.message_length(X) == fit.message_length(X)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("alpha", lambda a: a * 2),
        ("alpha", lambda a: -a),
        ("mu", lambda a: a[:, :1]),
        ("mu", lambda a: a * np.nan),
        ("C", lambda a: -a),
        ("C", lambda a: a[0]),
        ("scale", lambda a: a * 0),
        ("centre", lambda a: a[:1]),
    ],
)
def test_what_is_no_mixture_is_refused(name, damage):
    settings, arrays = to_arrays(MMLGaussianMixture(3, random_state=0).fit(X))
    with pytest.raises(ModelFileError, match="mixture in the model file cannot be used"):
        from_arrays(settings, {**arrays, name: damage(arrays[name])})


def test_a_missing_array_is_refused():
    settings, arrays = to_arrays(MMLGaussianMixture(3, random_state=0).fit(X))
    del arrays["mu"]
    with pytest.raises(ModelFileError, match="mu"):
        from_arrays(settings, arrays)

"""A mixture taken apart and put together again predicts the same bits."""

import json

import numpy as np
import pytest

from xenoglyph import MMLGaussianMixture, ModelFileError
from xenoglyph.mixture.arrays import from_arrays, to_arrays
from xenoglyph.mixture.covariance import COVARIANCES
from xenoglyph.mixture.message_length import CRITERIA

random = np.random.default_rng(0)
X = (random.standard_normal((240, 3)) + 6.0 * (np.arange(240) % 3)[:, None]) * [1.0, 10.0, 0.1]


def fitted(*arguments, **parameters):
    return MMLGaussianMixture(*arguments, **{"random_state": 3} | parameters).fit(X)


def through_json(fit):
    """Take a fit apart and put it together as a file would."""
    settings, arrays = to_arrays(fit)
    return from_arrays(json.loads(json.dumps(settings, allow_nan=False)), arrays)


@pytest.mark.parametrize(
    "parameters",
    [
        *({"covariance_type": name} for name in [*COVARIANCES, "auto"]),
        *({"criterion": name} for name in CRITERIA),
        {"search": "annihilation", "max_components": 6},
    ],
    ids=lambda parameters: next(iter(parameters.values())),
)
def test_round_trip(parameters):
    fit = fitted(**parameters)
    again = through_json(fit)
    assert fit.n_components_ > 1
    for name in ("predict", "predict_proba", "score_samples", "transform"):
        np.testing.assert_array_equal(getattr(again, name)(X), getattr(fit, name)(X))
    for name in ("message_length", "aic", "bic", "icl"):
        assert getattr(again, name)(X) == getattr(fit, name)(X)
    np.testing.assert_array_equal(again.sample(9)[0], fit.sample(9)[0])
    assert again.get_params() == fit.get_params()
    kept = {
        key: value
        for key, value in vars(fit).items()
        if key not in ("labels_", "sample_", "trace_")
    }
    assert set(vars(again)) == set(kept)
    for name in kept.keys() - {"_fitted"}:
        np.testing.assert_array_equal(getattr(again, name), kept[name])
    theirs, ours = again.to_sklearn(), fit.to_sklearn()
    np.testing.assert_array_equal(theirs.predict_proba(X), ours.predict_proba(X))
    assert theirs.lower_bound_ == ours.lower_bound_


def test_a_mixture_that_came_back_can_be_taken_apart_again():
    settings, arrays = to_arrays(fitted())
    again_settings, again_arrays = to_arrays(from_arrays(settings, arrays))
    assert again_settings == settings
    assert again_arrays.keys() == arrays.keys()
    for name in arrays:
        np.testing.assert_array_equal(again_arrays[name], arrays[name])


def test_a_mixture_that_came_back_can_be_fitted_further():
    fit = fitted(warm_start=True)
    again = through_json(fit)
    assert again.fit(X).n_components_ == fit.n_components_


def test_values_may_be_missing_after_loading():
    holes = X.copy()
    holes[::7, 1] = np.nan
    fit = MMLGaussianMixture(missing="marginal").fit(holes)
    np.testing.assert_array_equal(through_json(fit).predict_proba(holes), fit.predict_proba(holes))


def test_a_generator_is_not_kept():
    assert through_json(fitted(random_state=np.random.RandomState(0))).random_state is None


NOT_A_MIXTURE = [
    ("alpha", lambda a: a * 2),
    ("alpha", lambda a: -a),
    ("mu", lambda a: a[:, :1]),
    ("mu", lambda a: a * np.nan),
    ("C", lambda a: -a),
    ("C", lambda a: a[0]),
    ("C", lambda a: a + np.triu(np.full(3, 0.1), 1)),
    ("scale", lambda a: a * 0),
    ("centre", lambda a: a[:1]),
    ("spread", lambda a: a[:1]),
    ("spread", lambda a: -a),
    ("spread", lambda a: a * np.inf),
]


@pytest.mark.parametrize(("name", "damage"), NOT_A_MIXTURE)
def test_what_is_no_mixture_is_refused(name, damage):
    settings, arrays = to_arrays(fitted(3))
    with pytest.raises(ModelFileError, match="mixture in the model file cannot be used"):
        from_arrays(settings, {**arrays, name: damage(arrays[name])})


@pytest.mark.parametrize("covariance_type", ["tied", "tied_diag"])
def test_covariances_that_should_be_shared_and_are_not_are_refused(covariance_type):
    settings, arrays = to_arrays(fitted(covariance_type=covariance_type))
    arrays["C"] = arrays["C"].copy()
    arrays["C"][-1] *= 1.5
    with pytest.raises(ModelFileError, match="not shared"):
        from_arrays(settings, arrays)


@pytest.mark.parametrize(
    "wrong",
    [
        {"covariance_type": "round"},
        {"covariance_type": "auto"},
        {"covariance_type": "diag"},
        {"criterion": "cheapest"},
        {"parameters": {"colour": "blue"}},
        {"message_length": None},
        {"n_iter": "many"},
    ],
    ids=str,
)
def test_settings_of_no_mixture_are_refused(wrong):
    settings, arrays = to_arrays(fitted(3))
    with pytest.raises(ModelFileError, match="mixture in the model file cannot be used"):
        from_arrays({**settings, **wrong}, arrays)


@pytest.mark.parametrize("name", ["alpha", "mu", "C", "centre", "scale", "spread"])
def test_a_missing_array_is_refused(name):
    settings, arrays = to_arrays(fitted(3))
    del arrays[name]
    with pytest.raises(ModelFileError, match=name):
        from_arrays(settings, arrays)


@pytest.mark.parametrize("name", ["parameters", "covariance_type", "n", "n_iter", "converged"])
def test_a_missing_setting_is_refused(name):
    settings, arrays = to_arrays(fitted(3))
    del settings[name]
    with pytest.raises(ModelFileError, match=name):
        from_arrays(settings, arrays)

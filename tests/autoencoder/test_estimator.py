"""SELUAutoencoder on real digits: it learns, repeats itself, travels, and refuses clearly."""

import hashlib
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from xenoglyph.autoencoder import SELUAutoencoder
from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.images import ImageSet, as_images

Calls = list[tuple[str, int, int, str]]


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return as_images(load_digits().images / 16, labels=load_digits().target)


@pytest.fixture(scope="module")
def fitted(digits: ImageSet) -> SELUAutoencoder:
    """The default recipe, cut short, with the last 297 digits held out."""
    autoencoder = SELUAutoencoder(n_epochs=40, random_state=0)
    return autoencoder.fit(digits[:1500], validation=digits[1500:])


def small(**changes: Any) -> SELUAutoencoder:
    """An auto-encoder that is trained in no time."""
    plain: dict[str, Any] = {"code_size": 2, "hidden_sizes": (8,), "n_epochs": 2}
    plain["random_state"] = 0
    return SELUAutoencoder(**{**plain, **changes})


def digest(autoencoder: SELUAutoencoder) -> str:
    arrays = autoencoder.network_.to_arrays()
    return hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays))).hexdigest()


def cross_entropy(p: np.ndarray, x: np.ndarray) -> float:
    p = np.clip(p.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-(x * np.log(p) + (1 - x) * np.log1p(-p)).mean())


# ------------------------------------------------------------------------------------ it learns


def test_it_learns_far_more_than_the_mean_image(fitted: SELUAutoencoder, digits: ImageSet) -> None:
    """Held out digits cost at most four fifths of what the mean training digit makes them cost."""
    mean = digits.pixels[:1500].mean(axis=0)
    assert fitted.validation_loss_ is not None
    assert fitted.validation_loss_ < 0.8 * cross_entropy(mean, digits.pixels[1500:])


def test_the_loss_is_that_of_the_images_it_draws(
    fitted: SELUAutoencoder, digits: ImageSet
) -> None:
    penalty = 0.01 * np.square(fitted.network_.to_arrays()["encoder/2/weight"]).sum()
    for part, loss in ((digits[:1500], fitted.loss_), (digits[1500:], fitted.validation_loss_)):
        drawn = fitted.inverse_transform(fitted.transform(part))
        assert drawn.dtype == np.float32
        assert loss == pytest.approx(cross_entropy(drawn, part.pixels) + penalty, rel=1e-4)


def test_codes_are_the_article_s_six_numbers(fitted: SELUAutoencoder, digits: ImageSet) -> None:
    codes = fitted.transform(digits)
    assert codes.shape == (1797, 6)
    assert codes.dtype == np.float64
    assert fitted.network_.sizes == (64, 256, 128, 6)
    assert fitted.n_features_in_ == 64


def test_history_has_one_number_to_an_epoch(fitted: SELUAutoencoder) -> None:
    loss, held_out, seconds = fitted.history_.values()
    assert len(loss) == len(held_out) == len(seconds) == 40
    assert loss[-1] < loss[0]
    assert held_out[-1] == fitted.validation_loss_


def test_few_images_are_given_more_epochs(digits: ImageSet) -> None:
    autoencoder = small(n_epochs="auto").fit(digits[:100])
    assert len(autoencoder.history_["loss"]) == 800  # 8,000 / sqrt(100)


def test_validation_changes_nothing_else(digits: ImageSet) -> None:
    without = small().fit(digits)
    assert without.history_["validation_loss"] == []
    assert without.validation_loss_ is None
    assert digest(without) == digest(small().fit(digits, validation=digits[:10]))


# ----------------------------------------------------------------------------- it repeats itself


def test_one_seed_gives_the_same_bits_in_every_process(digits: ImageSet) -> None:
    program = (
        "import hashlib; from sklearn.datasets import load_digits;"
        "from xenoglyph.autoencoder import SELUAutoencoder;"
        "a = SELUAutoencoder(2, (8,), n_epochs=2, random_state=7);"
        "a.fit(load_digits().images / 16);"
        "w = a.network_.to_arrays();"
        "print(hashlib.sha256(b''.join(w[k].tobytes() for k in sorted(w))).hexdigest())"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    elsewhere = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    here = [small(random_state=seed).fit(digits) for seed in (7, 7, 8)]
    assert [digest(autoencoder) == elsewhere for autoencoder in here] == [True, True, False]


def test_a_random_state_object_is_drawn_from(digits: ImageSet) -> None:
    state = np.random.RandomState(0)
    first, second = (digest(small(random_state=state).fit(digits)) for _ in range(2))
    assert first != second
    assert first == digest(small(random_state=np.random.RandomState(0)).fit(digits))


def test_importing_leaves_jax_and_the_terminal_alone() -> None:
    program = (
        "import jax; before = dict(jax.config.values);"
        "import xenoglyph.autoencoder; assert dict(jax.config.values) == before"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


# ------------------------------------------------------------------------------------ it travels


def test_arrays_and_json_make_the_same_autoencoder_again(
    fitted: SELUAutoencoder, digits: ImageSet
) -> None:
    settings, arrays = fitted.to_arrays()
    again = SELUAutoencoder.from_arrays(json.loads(json.dumps(settings, allow_nan=False)), arrays)
    codes = fitted.transform(digits)
    np.testing.assert_array_equal(again.transform(digits), codes)
    np.testing.assert_array_equal(again.inverse_transform(codes), fitted.inverse_transform(codes))
    assert again.get_params() == fitted.get_params()
    assert (again.history_, again.loss_) == (fitted.history_, fitted.loss_)
    assert (again.image_shape_, again.n_features_in_) == ((8, 8), 64)


def test_a_changed_parameter_does_not_spoil_the_file(digits: ImageSet) -> None:
    autoencoder = small(random_state=np.random.RandomState(0), code_size=np.int64(2)).fit(digits)
    codes = autoencoder.transform(digits)
    settings, arrays = autoencoder.set_params(code_size=5).to_arrays()
    json.dumps(settings)
    np.testing.assert_array_equal(
        SELUAutoencoder.from_arrays(settings, arrays).transform(digits), codes
    )


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"colour": "red"}},
        {"layers": [64]},
        {"layers": [10, 8, 2]},
        {"layers": "64"},
        {"image_shape": [8, -8]},
        {"image_shape": None},
        {"history": {"loss": []}},
        {"loss": "low"},
    ],
    ids=str,
)
def test_damaged_settings_are_refused(digits: ImageSet, change: dict[str, object]) -> None:
    settings, arrays = small().fit(digits).to_arrays()
    with pytest.raises(ModelFileError, match="settings are damaged"):
        SELUAutoencoder.from_arrays({**settings, **change}, arrays)


def test_arrays_of_other_layers_are_refused(digits: ImageSet) -> None:
    settings, arrays = small().fit(digits).to_arrays()
    with pytest.raises(ModelFileError, match="encoder/0/weight must be float32"):
        SELUAutoencoder.from_arrays({**settings, "layers": [64, 9, 2]}, arrays)


# --------------------------------------------------------------------------- what it takes, gives


@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 3), (24,)])
def test_images_come_back_in_the_shape_they_had(shape: tuple[int, ...]) -> None:
    X = np.random.default_rng(0).integers(0, 256, (30, *shape), dtype=np.uint8)
    autoencoder = small().fit(X)
    assert autoencoder.image_shape_ == shape
    assert autoencoder.inverse_transform(autoencoder.transform(X[:1])).shape == (1, *shape)


def test_all_forms_of_the_same_images_are_the_same() -> None:
    X = np.random.default_rng(0).integers(0, 256, (30, 4, 6), dtype=np.uint8)
    forms = (X, X / 255, X[..., None], as_images(X), X.reshape(30, 24))
    assert len({digest(small().fit(form)) for form in forms}) == 1


def test_scikit_learn_knows_it(digits: ImageSet) -> None:
    autoencoder = clone(small()).set_output(transform="default")
    np.testing.assert_allclose(
        autoencoder.fit_transform(digits, validation=digits[:9]), autoencoder.transform(digits)
    )
    assert list(autoencoder.get_feature_names_out()) == ["code0", "code1"]


def test_codes_may_come_as_a_data_frame(digits: ImageSet) -> None:
    pytest.importorskip("pandas")
    frame = small().set_output(transform="pandas").fit_transform(digits)
    assert list(frame.columns) == ["code0", "code1"]


def test_progress_hears_of_every_epoch(digits: ImageSet) -> None:
    heard: Calls = []
    autoencoder = small().fit(
        digits, validation=digits[:9], progress=lambda *call: heard.append(call)
    )
    history = autoencoder.history_
    notes = [
        f"loss {loss:.4f}, validation {held_out:.4f}"
        for loss, held_out in zip(history["loss"], history["validation_loss"], strict=True)
    ]
    assert heard == [("autoencoder", 1, 2, notes[0]), ("autoencoder", 2, 2, notes[1])]


def test_an_interrupt_passes_and_leaves_the_estimator_unfitted(digits: ImageSet) -> None:
    def interrupt(*call: object) -> None:
        raise KeyboardInterrupt

    autoencoder = small()
    with pytest.raises(KeyboardInterrupt):
        autoencoder.fit(digits, progress=interrupt)
    with pytest.raises(NotFittedError):
        autoencoder.transform(digits)


# ------------------------------------------------------------------------------------ it refuses


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((5, 4, 4), 0.5), "all 5 images are the same"),
        (np.zeros((1, 4, 4)), "one image was given"),
        (np.full((5, 4, 4), np.nan), "NaN"),
        (np.linspace(0, 2, 80).reshape(5, 4, 4), r"\[0, 1\]"),
        (np.linspace(0, 2, 80).reshape(5, 16), r"\[0, 1\]"),
        (np.zeros((0, 4, 4)), "no images"),
        (np.zeros(5), "shape"),
        (np.eye(5)[:, :2], "code_size=2 was given for images of 2 pixels"),
    ],
    ids=["constant", "one", "NaN", "range", "table range", "none", "flat", "few pixels"],
)
def test_images_that_teach_nothing_are_refused(X: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        small().fit(X)


def test_other_shapes_than_the_fitted_are_refused(digits: ImageSet) -> None:
    autoencoder = small().fit(digits)
    with pytest.raises(DataError, match=r"shape \(8, 8\) were fitted; came .* shape \(4, 16\)"):
        autoencoder.transform(digits.pixels.reshape(-1, 4, 16))
    with pytest.raises(DataError, match=r"shape \(8, 8\) were fitted; came .* shape \(8, 7\)"):
        small().fit(digits, validation=digits.pixels[:, :, 1:])


@pytest.mark.parametrize("codes", [np.zeros((3, 5)), np.zeros(2), np.full((3, 2), np.inf)])
def test_codes_that_are_none_are_refused(digits: ImageSet, codes: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"codes must be finite numbers of shape \(n, 2\)"):
        small().fit(digits).inverse_transform(codes)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"init": "he"}, "init='he' was given; give one of lecun_normal, glorot_uniform"),
        ({"hidden_sizes": 8}, "hidden_sizes=8"),
        ({"hidden_sizes": (8, 0)}, "a width in hidden_sizes=0"),
        ({"code_size": True}, "code_size=True"),
        ({"n_epochs": "all"}, "n_epochs='all'"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_parameters_are_checked(
    digits: ImageSet, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        small(**parameters).fit(digits)


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_nothing_comes_from_an_unfitted_one(method: str) -> None:
    with pytest.raises(NotFittedError):
        getattr(SELUAutoencoder(), method)(np.zeros((2, 6)))
    with pytest.raises(NotFittedError):
        SELUAutoencoder().to_arrays()

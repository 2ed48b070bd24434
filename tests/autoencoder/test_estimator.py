"""SELUAutoencoder on real digits: it learns, repeats itself, travels, and refuses clearly."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from xenoglyph.autoencoder import Augmentation, SELUAutoencoder
from xenoglyph.autoencoder.arrays import from_arrays, to_arrays
from xenoglyph.errors import DataError, ModelFileError
from xenoglyph.images import ImageSet, as_images

Calls = list[tuple[str, int, int, str]]

LAYOUT = {
    "image_shape": [8, 8],
    "hidden_sizes": [8],
    "code_size": 2,
    "architecture": "dense",
}


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
    assert [layer.weight.shape for layer in fitted.network_.encoder] == [
        (64, 256),
        (256, 128),
        (128, 6),
    ]
    assert fitted.n_features_in_ == 64


def test_history_has_one_number_to_an_epoch(fitted: SELUAutoencoder) -> None:
    loss, held_out = fitted.history_.values()
    assert len(loss) == len(held_out) == 40
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
    settings, arrays = to_arrays(fitted)
    again = from_arrays(json.loads(json.dumps(settings, allow_nan=False)), arrays)
    codes = fitted.transform(digits)
    np.testing.assert_array_equal(again.transform(digits), codes)
    np.testing.assert_array_equal(again.inverse_transform(codes), fitted.inverse_transform(codes))
    assert again.get_params() == fitted.get_params()
    assert (again.history_, again.loss_) == (fitted.history_, fitted.loss_)
    assert (again.image_shape_, again.n_features_in_) == ((8, 8), 64)


def test_a_changed_parameter_does_not_spoil_the_file(digits: ImageSet) -> None:
    autoencoder = small(random_state=np.random.RandomState(0), code_size=np.int64(2)).fit(digits)
    codes = autoencoder.transform(digits)
    settings, arrays = to_arrays(autoencoder.set_params(code_size=5))
    json.dumps(settings)
    np.testing.assert_array_equal(from_arrays(settings, arrays).transform(digits), codes)


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"colour": "red"}},
        {"layout": {"image_shape": [8, 8]}},
        {"layout": "64"},
        {"layout": {**LAYOUT, "code_size": 64}},
        {"layout": {**LAYOUT, "image_shape": [8, -8]}},
        {"layout": {**LAYOUT, "image_shape": None}},
        {"layout": {**LAYOUT, "architecture": "brick"}},
        {"fitted_loss": "cubic"},
        {"history": {"loss": []}},
        {"loss": "low"},
    ],
    ids=str,
)
def test_damaged_settings_are_refused(digits: ImageSet, change: dict[str, object]) -> None:
    settings, arrays = to_arrays(small().fit(digits))
    with pytest.raises(ModelFileError, match="settings are damaged"):
        from_arrays({**settings, **change}, arrays)


def test_arrays_of_other_layers_are_refused(digits: ImageSet) -> None:
    settings, arrays = to_arrays(small().fit(digits))
    with pytest.raises(ModelFileError, match="encoder/0/weight must be float32"):
        from_arrays({**settings, "layout": {**settings["layout"], "hidden_sizes": [9]}}, arrays)


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


# ------------------------------------------------------------------------------------- its options


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.1},
        {"loss": "gaussian"},
        {"augmentation": {"shift": 0.1, "rotation": 10, "scale": 0.1, "slant": 0.1}},
        {"augmentation": Augmentation(shift=0.1, elastic=0.05), "consistency": 1.0},
        {"architecture": "convolutional", "hidden_sizes": (4, 8)},
    ],
    ids=str,
)
def test_every_option_learns_and_travels(digits: ImageSet, options: dict[str, Any]) -> None:
    plain = {"code_size": 4, "hidden_sizes": (32,), "random_state": 0}
    start = SELUAutoencoder(**{**plain, **options, "n_epochs": 1, "learning_rate": 0.0})
    autoencoder = SELUAutoencoder(**{**plain, **options, "n_epochs": 30}).fit(digits)
    assert autoencoder.loss_ < 0.8 * start.fit(digits).loss_
    settings, arrays = to_arrays(autoencoder)
    again = from_arrays(json.loads(json.dumps(settings)), arrays)
    np.testing.assert_array_equal(again.transform(digits), autoencoder.transform(digits))
    drawn = again.inverse_transform(again.transform(digits[:9]))
    assert drawn.shape == (9, 8, 8)
    assert ((drawn >= 0) & (drawn <= 1)).all()


def moved_code_distance(digits: ImageSet, consistency: float) -> float:
    """Squared distance that a shift by one pixel moves codes, over their variance."""
    autoencoder = SELUAutoencoder(
        4, (64,), n_epochs=40, random_state=0, augmentation={"shift": 0.13},
        consistency=consistency,
    ).fit(digits)  # fmt: skip
    codes = autoencoder.transform(digits)
    moved = autoencoder.transform(np.roll(digits.pixels, 1, axis=2))
    return float(np.square(codes - moved).sum(axis=1).mean() / codes.var(axis=0).sum())


def test_consistency_keeps_the_code_of_a_drawing_that_moves(digits: ImageSet) -> None:
    assert moved_code_distance(digits, 1.0) < 0.5 * moved_code_distance(digits, 0.0)


def test_what_does_not_belong_is_drawn_worst(fitted: SELUAutoencoder, digits: ImageSet) -> None:
    noise = np.random.default_rng(0).permuted(digits[1500:].flat, axis=1).reshape(-1, 8, 8)
    known, strange = fitted.score_samples(digits[1500:]), fitted.score_samples(noise)
    assert (strange[:, None] < known).mean() > 0.95
    assert fitted.score(digits[1500:]) == pytest.approx(known.mean())
    drawn = fitted.inverse_transform(fitted.transform(digits[1500:1501]))
    assert known[0] == pytest.approx(-cross_entropy(drawn, digits[1500:1501].pixels), rel=1e-4)


def test_images_of_no_weight_are_not_there(digits: ImageSet) -> None:
    weights = np.arange(100) % 4 > 0
    one = small().fit(digits[:100], sample_weight=weights)
    other = small().fit(digits[np.flatnonzero(weights)])
    assert digest(one) == digest(other)
    assert one.loss_ == other.loss_


def test_equal_weights_are_no_weights(digits: ImageSet) -> None:
    weighted = small().fit(digits, sample_weight=np.full(1797, 7.0))
    assert digest(weighted) == digest(small().fit(digits))


def test_heavy_images_are_drawn_better(digits: ImageSet) -> None:
    weights = np.where(digits.labels == 1, 30.0, 1.0)
    plain, heavy = (
        SELUAutoencoder(2, (32,), n_epochs=40, random_state=0).fit(digits, sample_weight=w)
        for w in (None, weights)
    )
    ones = digits[np.flatnonzero(digits.labels == 1)]
    assert heavy.score(ones) > plain.score(ones)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3), "1797 images need as many numbers in sample_weight"),
        (np.full(1797, -1.0), "finite numbers of at least 0"),
        (np.full(1797, np.nan), "finite numbers of at least 0"),
        (np.arange(1797) == 3, "zero for all images but one"),
    ],
    ids=["few", "negative", "NaN", "one"],
)
def test_weights_are_checked(digits: ImageSet, weights: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        small().fit(digits, sample_weight=weights)


def test_a_fraction_is_held_out_and_not_learned(digits: ImageSet) -> None:
    autoencoder = small(validation_fraction=0.25).fit(digits[:100])
    assert len(autoencoder.history_["validation_loss"]) == 2
    # 75 images make no full batch of 76.
    steps = small(validation_fraction=0.25, batch_size=75).fit(digits[:100])
    assert digest(steps) != digest(small(batch_size=75).fit(digits[:100]))


def test_early_stopping_ends_training(digits: ImageSet) -> None:
    autoencoder = small(
        n_epochs=500, learning_rate=0.3, validation_fraction=0.2, early_stopping=True,
        n_iter_no_change=3,
    ).fit(digits[:200])  # fmt: skip
    losses = autoencoder.history_["validation_loss"]
    assert len(losses) == int(np.argmin(losses)) + 4 < 500


def test_batches_given_one_after_another_teach_too(digits: ImageSet) -> None:
    autoencoder = SELUAutoencoder(4, (64,), learning_rate=2e-3, random_state=0)
    losses = []
    for _ in range(3):
        for first in range(0, 1500, 300):
            autoencoder.partial_fit(digits[first : first + 300])
        losses.append(-autoencoder.score(digits[1500:]))
    assert losses[2] < losses[1] < losses[0]
    assert len(autoencoder.history_["loss"]) == 15


def test_a_fit_is_gone_on_with_by_partial_fit_and_by_a_warm_start(digits: ImageSet) -> None:
    autoencoder = small(warm_start=True, learning_rate=1e-3, schedule="constant").fit(digits)
    before = autoencoder.loss_
    assert autoencoder.partial_fit(digits).loss_ < before
    assert autoencoder.fit(digits).loss_ < before
    assert small(learning_rate=1e-3, schedule="constant").fit(digits).loss_ == before


def test_partial_fit_refuses_images_of_another_shape(digits: ImageSet) -> None:
    autoencoder = small().partial_fit(digits)
    with pytest.raises(DataError, match="were fitted; came images of shape"):
        autoencoder.partial_fit(digits.pixels[:, 1:])


def test_callbacks_hear_of_every_epoch(digits: ImageSet) -> None:
    heard = []
    autoencoder = small().fit(digits, callbacks=[heard.append])
    assert [epoch.loss for epoch in heard] == autoencoder.history_["loss"]


def test_a_memory_map_is_the_array_it_holds(digits: ImageSet, tmp_path: Path) -> None:
    greys = np.rint(digits.pixels * 255).astype(np.uint8)
    np.save(tmp_path / "greys.npy", greys)
    mapped = np.load(tmp_path / "greys.npy", mmap_mode="r")
    one, other = small().fit(greys), small().fit(mapped)
    assert digest(one) == digest(other)
    np.testing.assert_array_equal(one.transform(greys), other.transform(mapped))


PEAK = """
import sys, numpy as np, resource
from xenoglyph.autoencoder import SELUAutoencoder
n = int(sys.argv[1])
images = np.memmap(sys.argv[2], np.uint8, "r", shape=(n, 64, 64))
plan = {"n_epochs": 1, "batch_size": 64, "random_state": 0}
SELUAutoencoder(2, (4,), **plan).fit(images[:2000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
SELUAutoencoder(2, (4,), **plan).fit(images).transform(images)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_peak_memory_does_not_grow_with_the_images_of_a_map(tmp_path: Path) -> None:
    """160 MB of images take less than a third of that beyond what 8 MB take.

    What is freed is to be given back at once: how much the C library keeps of it varies.
    """
    n = 40_000
    images = np.memmap(tmp_path / "many.u8", np.uint8, "w+", shape=(n, 64, 64))
    images[:] = np.random.default_rng(0).integers(0, 256, (n, 1, 64), dtype=np.uint8)
    images.flush()
    command = [sys.executable, "-c", PEAK, str(n), str(tmp_path / "many.u8")]
    frugal = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "131072"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=frugal)
    assert int(done.stdout) < images.nbytes / 3


def test_two_processes_lose_what_one_does(digits: ImageSet) -> None:
    plan = {"hidden_sizes": (32,), "n_epochs": 3, "batch_size": 300, "random_state": 0}
    heard: list[list[Any]] = [[], []]
    told: Calls = []
    one, two = (
        SELUAutoencoder(2, **plan, n_processes=n).fit(
            digits[:900], validation=digits[900:1200], callbacks=[heard[n - 1].append],
            progress=lambda *call: told.append(call),
        )
        for n in (1, 2)
    )  # fmt: skip
    for name, losses in one.history_.items():
        np.testing.assert_allclose(two.history_[name], losses, atol=1e-5)
    assert two.loss_ == pytest.approx(one.loss_, abs=1e-5)
    assert told[3:] == told[:3]
    for here, there in zip(*heard, strict=True):
        assert (there.epoch, there.n_epochs) == (here.epoch, here.n_epochs)
        np.testing.assert_allclose(there.network.code_kernel, here.network.code_kernel, atol=1e-3)


def test_an_error_of_a_process_is_told_as_here(digits: ImageSet) -> None:
    wild = small(n_processes=2, learning_rate=1e30)
    with pytest.raises(DataError, match=r"diverged in epoch \d+ with learning_rate=1e\+30"):
        wild.fit(digits)


# ------------------------------------------------------------------------------------ it refuses


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((1, 4, 4)), "one image was given"),
        (np.full((5, 4, 4), np.nan), "NaN"),
        (np.linspace(0, 2, 80).reshape(5, 4, 4), r"\[0, 1\]"),
        (np.linspace(0, 2, 80).reshape(5, 16), r"\[0, 1\]"),
        (np.zeros((0, 4, 4)), "no images"),
        (np.zeros(5), "shape"),
        (np.zeros((5, 4, 4), dtype=int), "uint8, bool or floats"),
        (np.zeros((5, 4, 4, 2)), "1, 3 or 4 channels"),
        (np.eye(5)[:, :2], "code_size=2 was given for images of 2 pixels"),
    ],
    ids=[
        "one",
        "NaN",
        "range",
        "table range",
        "none",
        "flat",
        "integers",
        "channels",
        "few pixels",
    ],
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
        ({"architecture": "brick"}, "architecture='brick'"),
        ({"augmentation": {"spin": 3}}, "give an Augmentation, or a dict of shift, rotation"),
        ({"augmentation": {"shift": -1}}, "augmentation's shift=-1"),
        ({"validation_fraction": 1.0}, "validation_fraction=1.0"),
        ({"early_stopping": True}, "early_stopping=True needs images to judge by"),
        ({"n_iter_no_change": 0}, "n_iter_no_change=0"),
        ({"n_processes": 0}, "n_processes=0"),
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
        to_arrays(SELUAutoencoder())

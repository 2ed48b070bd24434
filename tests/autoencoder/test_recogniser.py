"""Networks that learn classes, and say of images that they have not seen."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import laws
from xenoglyph import ModelFileError, load_images
from xenoglyph.autoencoder import Augmentation, recogniser
from xenoglyph.autoencoder.recogniser import Recogniser, train_recognisers

MOVES = Augmentation(shift=0.06, rotation=5.0)
EFFORT = 0.25
"""Digits are easy."""


@pytest.fixture(scope="module")
def digits():
    return load_images("digits")


def learnt(digits, classes, **settings):
    rows = digits.pixels.reshape(len(digits), -1)
    return train_recognisers(rows, [classes], (8, 8), MOVES, 0, **settings)[0]


@pytest.fixture(scope="module")
def taught(digits):
    return learnt(digits, digits.labels, effort=EFFORT)


def test_held_out_images_are_recognised(digits, taught):
    networks, held_out = taught
    laws.check_distribution(held_out)
    assert np.mean(held_out.argmax(axis=1) == digits.labels) > 0.95
    told = networks.predict_proba(digits.pixels.reshape(len(digits), -1))
    laws.check_distribution(told)
    assert np.mean(told.argmax(axis=1) == digits.labels) > 0.98


def test_what_cannot_be_learnt_is_not_known_of_held_out_images(digits):
    """The law behind the joins: classes by lot are confused, though a network can learn them."""
    by_lot = np.random.default_rng(0).integers(2, size=len(digits))
    networks, held_out = learnt(digits, by_lot, effort=EFFORT)
    assert np.mean(held_out.argmax(axis=1) == by_lot) < 0.56
    told = networks.predict_proba(digits.pixels.reshape(len(digits), -1))
    assert np.mean(told.argmax(axis=1) == by_lot) > 0.6


def test_of_two_images_both_are_learnt(digits):
    networks, held_out = learnt(digits[:2], np.arange(2))
    assert len(networks.networks) == 1
    np.testing.assert_array_equal(held_out.argmax(axis=1), [0, 1])


def test_the_same_seed_gives_the_same_bits(digits, taught):
    again, held_out = learnt(digits, digits.labels, effort=EFFORT)
    np.testing.assert_array_equal(held_out, taught[1])
    for name, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, taught[0].to_arrays()[name])


def test_networks_learn_side_by_side_what_they_learn_alone(digits, monkeypatch):
    some = digits[:500]
    together = learnt(some, some.labels, effort=0.1)[1]
    monkeypatch.setattr(recogniser, "device_threads", lambda count: ThreadPoolExecutor(1))
    np.testing.assert_array_equal(learnt(some, some.labels, effort=0.1)[1], together)


def test_several_ways_of_classing_are_learnt_at_once(digits):
    rows = digits.pixels.reshape(len(digits), -1)
    classings = [digits.labels.astype(int), digits.labels.astype(int) % 3]
    both = train_recognisers(rows, classings, (8, 8), MOVES, 0, effort=EFFORT)
    assert [held_out.shape[1] for _, held_out in both] == [10, 3]
    for classes, (networks, held_out) in zip(classings, both, strict=True):
        laws.check_distribution(held_out)
        assert np.mean(held_out.argmax(axis=1) == classes) > 0.95
        assert np.mean(networks.predict_proba(rows).argmax(axis=1) == classes) > 0.98


def test_effort_is_a_share_of_the_steps(digits):
    some = digits[:500]
    steps = []
    for effort in (0.1, 0.2):
        learnt(some, some.labels, effort=effort, progress=lambda *news: steps.append(news[2]))
    usual = recogniser.EPOCHS / np.sqrt(500) * 500 / recogniser.BATCH_SIZE
    assert list(dict.fromkeys(steps)) == [np.ceil(0.1 * usual), np.ceil(0.2 * usual)]


def test_arrays_bring_it_back(digits, taught):
    rows = digits.pixels[:50].reshape(50, -1)
    again = Recogniser.from_arrays(taught[0].to_arrays(), 64, 10)
    np.testing.assert_array_equal(again.predict_proba(rows), taught[0].predict_proba(rows))


def test_classes_in_another_order_are_the_same_classes(digits, taught):
    rows = digits.pixels[:50].reshape(50, -1)
    order = np.random.default_rng(0).permutation(10)
    told = taught[0].in_order(order).predict_proba(rows)
    np.testing.assert_allclose(told, taught[0].predict_proba(rows)[:, order], atol=1e-6)


def test_no_image_has_no_probability(taught):
    assert taught[0].predict_proba(np.empty((0, 64), np.float32)).shape == (0, 10)


@pytest.mark.parametrize("wrong", ["pixels", "classes", "missing", "empty"])
def test_arrays_that_do_not_fit_are_refused(taught, wrong):
    arrays = {} if wrong == "empty" else taught[0].to_arrays()
    if wrong == "missing":
        del arrays["1/2/bias"]
    with pytest.raises(ModelFileError, match="does not fit"):
        Recogniser.from_arrays(arrays, 65 if wrong == "pixels" else 64, 10 + (wrong == "classes"))

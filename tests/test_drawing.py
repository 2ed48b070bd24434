"""Drawings are as sharp as the images and as new, and nothing but that is done to them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors

from xenoglyph import ImageSet, MMLGaussianMixture, ModelFileError, SELUAutoencoder, load_images
from xenoglyph.autoencoder import Augmentation
from xenoglyph.drawing import (
    ENOUGH,
    STEPS,
    Finish,
    Sharpening,
    draw_recognised,
    learn_moves,
    learn_sharpness,
    n_tried,
    with_moved,
)
from xenoglyph.recognition import MOVES

UNIT = st.floats(0.0, 1.0, width=32)
PICTURES = hnp.arrays(np.float32, (3, 4, 5), elements=UNIT)


@pytest.fixture(scope="module")
def images():
    return load_images("digits")


@pytest.fixture(scope="module")
def parts(images):
    """An auto-encoder and the mixture of its codes."""
    autoencoder = SELUAutoencoder(n_epochs=60, random_state=0).fit(images)
    mixture = MMLGaussianMixture(random_state=0).fit(autoencoder.transform(images))
    return autoencoder, mixture


def learn_finish(images, parts):
    """What a discovery learns, but of drawings that no networks looked at."""
    autoencoder, mixture = parts
    random = np.random.RandomState(0)
    sharp = learn_sharpness(images, autoencoder, random)
    codes, _ = mixture.sample(1000, random_state=random)
    decoded = autoencoder.inverse_transform(codes)
    return learn_moves(sharp, images, autoencoder, decoded, MOVES, random)


@pytest.fixture(scope="module")
def finish(images, parts):
    return learn_finish(images, parts)


def finished(parts, finish, seed=1, n=600):
    """Drawings of another seed than the finish was learnt by."""
    autoencoder, mixture = parts
    codes, _ = mixture.sample(n, random_state=seed)
    return finish(autoencoder.inverse_transform(codes), np.random.RandomState(seed))


# --------------------------------------------------------------------------------------- sharpness


@given(PICTURES, st.floats(1.0, 8.0), st.floats(0.2, 5.0))
def test_sharpening_keeps_order_paper_and_ink(pixels, power, odds):
    sharpen = Sharpening(power, odds)
    sharp = sharpen(pixels)
    assert sharp.dtype == np.float32
    assert ((sharp >= 0) & (sharp <= 1)).all()
    order = np.argsort(pixels, axis=None)
    assert (np.diff(sharp.ravel()[order]) >= -1e-6).all()
    np.testing.assert_array_equal(sharpen(np.array([0.0, 1.0])), [0.0, 1.0])


@given(PICTURES, st.floats(1.0, 8.0))
def test_sharpening_leaves_less_grey(pixels, power):
    sharp = Sharpening(power)(pixels)
    assert (np.abs(sharp - 0.5) >= np.abs(pixels - 0.5) - 1e-6).all()


@given(PICTURES)
def test_odds_are_those_that_the_docstring_tells(pixels):
    pixels = np.clip(pixels.astype(np.float64), 0.01, 0.99)
    sharp = Sharpening(3.0, 0.7)(pixels)
    np.testing.assert_allclose(sharp / (1 - sharp), 0.7 * (pixels / (1 - pixels)) ** 3, rtol=1e-6)


@given(PICTURES)
def test_no_finish_changes_nothing(pixels):
    for nothing in (Finish(), Finish(moves=MOVES, share=0.0)):
        np.testing.assert_allclose(nothing(pixels, np.random.RandomState(0)), pixels, atol=1e-6)


def check_sharpness(sharp, truth):
    """The law: mean and deviation of the pixels are those of the images."""
    assert sharp.mean() == pytest.approx(truth.mean(), abs=2e-3)
    assert sharp.std() == pytest.approx(truth.std(), abs=2e-3)


def test_reconstructions_become_as_sharp_as_the_images(images, parts, finish):
    autoencoder, _ = parts
    decoded = autoencoder.inverse_transform(autoencoder.transform(images))
    check_sharpness(finish.sharpen(decoded), images.pixels)
    assert 1.0 < finish.sharpen.power < finish.sharpen_moved.power < 8.0
    with pytest.raises(AssertionError):
        check_sharpness(decoded, images.pixels)


def test_moved_reconstructions_too(images, parts, finish):
    """Moving blurs, so what sharpens those that are not moved would not do."""
    autoencoder, _ = parts
    decoded = autoencoder.inverse_transform(autoencoder.transform(images))
    check_sharpness(finish(decoded, np.random.RandomState(3)), images.pixels)
    twin = replace(finish, sharpen_moved=finish.sharpen)
    with pytest.raises(AssertionError):
        check_sharpness(twin(decoded, np.random.RandomState(3)), images.pixels)


def test_images_of_one_level_need_no_sharpening(parts):
    blank = ImageSet(np.zeros((20, 8, 8), np.float32))
    assert learn_sharpness(blank, parts[0], np.random.RandomState(0)) == Finish()


# ----------------------------------------------------------------------------------------- newness


def check_newness(images, drawn):
    """The law: a drawing has its nearest image no nearer than an image has, in the median."""
    search = NearestNeighbors(n_neighbors=2).fit(images.pixels.reshape(len(images), -1))
    own = search.kneighbors(drawn.reshape(len(drawn), -1))[0][:, 0]
    assert np.median(own) >= np.median(search.kneighbors()[0][:, 0])


def test_drawings_are_as_new_as_the_images(images, parts, finish):
    assert 0.0 < finish.share < 1.0
    check_newness(images, finished(parts, finish))
    with pytest.raises(AssertionError):
        check_newness(images, finished(parts, replace(finish, share=0.0)))


def test_no_drawing_is_moved_further_than_it_must(images, parts, finish):
    """Some less would not have been enough."""
    less = replace(finish, share=finish.share - 2 / STEPS)
    with pytest.raises(AssertionError):
        check_newness(images, finished(parts, less))


def test_images_that_are_all_there_twice_need_no_moves(images, parts):
    twice = images[np.arange(200).repeat(2)]
    assert learn_finish(twice, parts).share == 0.0


def test_of_many_images_some_are_enough(images, parts, finish, monkeypatch):
    monkeypatch.setattr("xenoglyph.drawing.COMPARED", 64 * 600)
    monkeypatch.setattr("xenoglyph.drawing.TRIED_PIXELS", 64 * 600)
    some = learn_finish(images, parts)
    assert some != finish
    assert some.sharpen.power == pytest.approx(finish.sharpen.power, rel=0.1)
    assert some.share == pytest.approx(finish.share, abs=3 / STEPS)


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 3)])
def test_paper_comes_in_from_beyond_the_edge(shape):
    dark_on_light = np.full((20, *shape), 0.8, np.float32)
    dark_on_light[:, 4, 2:6] = 0.1
    finish = Finish(moves=Augmentation(shift=0.4), share=0.3)
    drawn = finish(dark_on_light, np.random.RandomState(0))
    border = np.concatenate([drawn[:, [0, -1]].ravel(), drawn[:, :, [0, -1]].ravel()])
    np.testing.assert_allclose(border, 0.8, atol=1e-6)
    assert np.ptp(drawn, axis=0).max() > 0.3
    # The broken twin: black comes in.
    moved = finish.moves.moved(dark_on_light, 0, finish.share)
    assert moved[:, [0, -1]].min() < 0.5


def test_of_large_images_fewer_are_tried():
    assert n_tried(ImageSet(np.zeros((2, 28, 28), np.float32))) == 2000
    assert n_tried(ImageSet(np.zeros((2, 512, 512, 3), np.float32))) == 21


def test_a_finish_moves_by_its_random_state(images):
    finish = Finish(moves=MOVES, share=0.5)
    one, same, other = (finish(images.pixels, np.random.RandomState(s)) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


# -------------------------------------------------------------------------------------- few images


def test_few_images_are_learnt_with_moved_copies(images):
    few = images[:50]
    more = with_moved(few, MOVES)
    assert len(more) == len(few) * (ENOUGH * 64 // len(few))
    np.testing.assert_array_equal(more.pixels[:50], few.pixels)
    assert len(np.unique(more.pixels.reshape(len(more), -1), axis=0)) == len(more)
    np.testing.assert_array_equal(with_moved(few, MOVES).pixels, more.pixels)
    # A copy is nearer to its image than most others are.
    off = np.square(more.pixels[50:100] - few.pixels).mean()
    assert off < 0.5 * np.square(few.pixels[1:] - few.pixels[:-1]).mean()


def test_many_images_are_enough(images):
    assert with_moved(images, MOVES) is images


def test_large_images_have_no_more_copies_than_fit(images, monkeypatch):
    monkeypatch.setattr("xenoglyph.drawing.COMPARED", 64 * 120)
    assert len(with_moved(images[:50], MOVES)) == 100


def test_with_copies_what_lies_between_few_images_is_drawn_better(images):
    few, others = images[:60], images[1000:1300]
    alone, helped = (
        SELUAutoencoder(n_epochs=n_epochs, random_state=0).fit(learnt).score(others)
        for learnt, n_epochs in ((few, 300), (with_moved(few, MOVES), 60))
    )
    assert helped > alone


# ----------------------------------------------------------------------------------- kept in files


@pytest.mark.parametrize(
    "finish", [Finish(), Finish(Sharpening(2.5, 0.5), MOVES, 0.375, Sharpening(3.0))]
)
def test_a_finish_is_kept_as_json(finish):
    assert Finish.from_settings(json.loads(json.dumps(finish.to_settings()))) == finish


@pytest.mark.parametrize(
    "damage",
    [
        {"sharpen": {"power": 0.0, "odds": 1.0}},
        {"sharpen_moved": {"power": 1.0, "odds": -1.0}},
        {"share": -0.5},
    ],
)
def test_a_damaged_finish_is_refused(damage):
    with pytest.raises(ModelFileError, match="damaged"):
        Finish.from_settings(Finish().to_settings() | damage)


# -------------------------------------------------------------------------------------- recognised


def test_drawings_are_thrown_away_until_enough_are_recognised():
    random = np.random.default_rng(0)

    def recognise(drawn):
        return np.stack([drawn[:, 0] < 0.9, drawn[:, 0] >= 0.9], axis=1).astype(float)

    drawn = draw_recognised(30, 1, lambda n: random.random((n, 2)), recognise)
    assert drawn.shape == (30, 2)
    assert (drawn[:, 0] >= 0.9).all()


def test_the_likest_are_taken_where_none_is_recognised():
    random, all_drawn = np.random.default_rng(0), []

    def draw(n):
        all_drawn.append(random.random((n, 1)))
        return all_drawn[-1]

    drawn = draw_recognised(3, 1, draw, lambda x: np.hstack([1 - x / 3, x / 3]))
    likest = np.sort(np.concatenate(all_drawn), axis=0)[-3:]
    np.testing.assert_array_equal(np.sort(drawn, axis=0), likest)

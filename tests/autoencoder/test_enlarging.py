"""Enlarging small images, and networks that do without."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenoglyph.autoencoder.enlarging import Enlargement

SHAPES = [(8, 8), (6, 9), (5, 7, 3), (16, 12), (1, 4)]


def pictures(shape, seed, n=3):
    return np.random.default_rng(seed).random((n, *shape), dtype=np.float32)


@pytest.mark.parametrize("shape", [(28, 28), (20, 64), (24, 24, 3)])
def test_what_is_large_enough_stays(shape):
    enlarge = Enlargement.of(shape)
    assert enlarge.image_shape == shape
    own = pictures(shape, 0)
    assert np.shares_memory(enlarge(own), own)


@pytest.mark.parametrize("shape", SHAPES)
def test_both_sides_grow_by_the_same_whole_number(shape):
    height, width, *channels = Enlargement.of(shape).image_shape
    assert height // shape[0] == width // shape[1] > 1
    assert height % shape[0] == width % shape[1] == 0
    assert 16 <= min(height, width) <= 36
    assert tuple(channels) == shape[2:]


@given(shape=st.sampled_from(SHAPES), grey=st.floats(0.0, 1.0, width=32))
def test_one_grey_stays_that_grey(shape, grey):
    even = np.full((2, *shape), grey, np.float32)
    np.testing.assert_allclose(Enlargement.of(shape)(even), grey, atol=1e-5)


def test_a_smooth_picture_becomes_the_same_in_finer_steps():
    def wave(side):
        at = (np.arange(side) + 0.5) / side
        return np.outer(np.sin(5 * at + 1), np.cos(4 * at)).astype(np.float32)

    inside = np.s_[6:18, 6:18]
    np.testing.assert_allclose(
        Enlargement.of((8, 8))(wave(8)[None])[0][inside], wave(24)[inside], atol=0.02
    )
    repeated = np.kron(wave(8), np.ones((3, 3)))
    assert np.abs(repeated - wave(24))[inside].max() > 0.15


@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 10**6))
def test_a_folded_layer_says_of_small_images_what_the_layer_says_of_large_ones(shape, seed):
    enlarge = Enlargement.of(shape)
    small = pictures(shape, seed)
    large = enlarge(small).reshape(len(small), -1)
    weight = np.random.default_rng(seed).normal(size=(large.shape[1], 5)).astype(np.float32)
    folded = enlarge.fold(weight)
    assert folded.dtype == np.float32
    np.testing.assert_allclose(
        small.reshape(len(small), -1) @ folded, large @ weight, rtol=1e-3, atol=1e-3
    )

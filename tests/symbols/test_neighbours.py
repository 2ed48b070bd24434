"""Distances that forgive small movements, and the neighbours found by them."""

import numpy as np
import pytest
from scipy import ndimage

from xenoglyph import load_images
from xenoglyph.autoencoder import Augmentation
from xenoglyph.symbols.neighbours import nearest_images, tangent_distances, tangents

ALL = Augmentation(shift=0.1, rotation=10.0, scale=0.1, slant=0.2)
MOVES = {
    # What each movement does to an image, a little of it: the amount to its tangent's number.
    "shift": [lambda x, t: ndimage.shift(x, (0, -t)), lambda x, t: ndimage.shift(x, (-t, 0))],
    "rotation": [lambda x, t: warped(x, [[1.0, -t], [t, 1.0]])],
    "scale": [
        lambda x, t: warped(x, [[1.0, 0.0], [0.0, 1.0 + t]]),
        lambda x, t: warped(x, [[1.0 + t, 0.0], [0.0, 1.0]]),
    ],
    "slant": [lambda x, t: warped(x, [[1.0, 0.0], [t, 1.0]])],
}


def warped(picture, matrix):
    """The picture whose pixel at p, from the centre, is the old one's at matrix @ p."""
    centre = (np.array(picture.shape) - 1) / 2
    matrix = np.array(matrix)
    return ndimage.affine_transform(picture, matrix, centre - matrix @ centre, order=3)


def blob(side=31):
    """A smooth picture without symmetry, dark at its edges."""
    y, x = np.mgrid[:side, :side] - side // 2
    picture = np.exp(-((x - 2.0) ** 2 / 16 + (y + 1.0) ** 2 / 9))
    return picture + 0.7 * np.exp(-((x + 3.0) ** 2 / 8 + (y - 3.0) ** 2 / 12 - x * y / 60))


@pytest.mark.parametrize("kind", MOVES)
def test_tangents_are_derivatives_of_movements(kind):
    picture, t = blob(), 1e-3
    T = tangents(picture[None].astype(np.float32), Augmentation(**{kind: 1.0}))[0]
    assert len(T) == len(MOVES[kind])
    for tangent, move in zip(T, MOVES[kind], strict=True):
        derivative = ((move(picture, t) - move(picture, -t)) / (2 * t)).ravel()
        cosine = tangent @ derivative / np.linalg.norm(tangent) / np.linalg.norm(derivative)
        assert cosine > 0.99
        assert np.linalg.norm(tangent) == pytest.approx(np.linalg.norm(derivative), rel=0.1)


def test_a_moved_picture_is_near_and_another_is_not():
    picture = blob().astype(np.float32)
    moved = warped(ndimage.shift(picture, (0.7, -0.9)), [[1.03, 0.05], [-0.06, 0.97]])
    others = np.stack([moved, ndimage.shift(picture, (7, -7))]).astype(np.float32)[None]
    plain = tangent_distances(picture[None], others, Augmentation())[0]
    near = tangent_distances(picture[None], others, ALL)[0]
    np.testing.assert_allclose(plain, ((others[0] - picture) ** 2).sum(axis=(1, 2)), rtol=1e-5)
    assert near[0] < 0.1 * plain[0]
    assert near[1] > 0.3 * plain[1]
    assert (near <= plain * (1 + 1e-5)).all()


def test_a_blank_picture_has_plain_distances():
    blank, others = np.zeros((1, 8, 8), np.float32), np.ones((1, 2, 8, 8), np.float32)
    np.testing.assert_allclose(tangent_distances(blank, others, ALL), 64.0, rtol=1e-5)


def test_neighbours_are_others_and_show_the_same_digit():
    digits = load_images("digits")
    found = nearest_images(digits.pixels, 5, ALL)
    assert found.shape == (len(digits), 5)
    assert (found != np.arange(len(digits))[:, None]).all()
    assert all(len(set(row)) == 5 for row in found.tolist())
    same = np.mean(digits.labels[found] == digits.labels[:, None])
    plain = nearest_images(digits.pixels, 5, Augmentation())
    assert same > np.mean(digits.labels[plain] == digits.labels[:, None])
    assert same > 0.98


def test_repeated_images_are_neighbours_of_each_other_and_not_of_themselves():
    pixels = np.repeat(load_images("digits").pixels[:4], 60, axis=0)
    found = nearest_images(pixels, 10, ALL)
    assert (found != np.arange(len(pixels))[:, None]).all()
    np.testing.assert_array_equal(found // 60, np.repeat(np.arange(4), 60)[:, None].repeat(10, 1))


def test_colours_count_each():
    random = np.random.default_rng(0)
    grey = random.random((1, 8, 8)).astype(np.float32)
    others = random.random((1, 3, 8, 8)).astype(np.float32)
    colour, other_colours = (np.stack([one, one], axis=-1) for one in (grey, others))
    np.testing.assert_allclose(
        tangent_distances(colour, other_colours, ALL),
        2 * tangent_distances(grey, others, ALL),
        rtol=1e-3,
    )

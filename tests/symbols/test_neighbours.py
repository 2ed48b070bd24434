"""Distances that forgive small movements, and the neighbours found by them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from xenoglyph import load_images
from xenoglyph.autoencoder import Augmentation
from xenoglyph.autoencoder.enlarging import Enlargement
from xenoglyph.symbols import neighbours
from xenoglyph.symbols.neighbours import (
    STIFFER,
    Planes,
    nearest_images,
    plane_distances,
    tangent_distances,
    tangents,
)

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


def one_moved(pictures, moves):
    """Distances of the first picture, which may be moved, from each of the others."""
    pictures = np.asarray(pictures, np.float32)
    return tangent_distances(pictures[:1], pictures[None, 1:], moves)[0]


def both_moved(pictures, moves):
    """The same where the others may be moved too."""
    pictures = np.asarray(pictures, np.float32)
    planes = Planes.of(pictures.reshape(len(pictures), -1), tangents(pictures, moves))
    return plane_distances(planes, np.array([0]), np.arange(1, len(pictures))[None])[0]


EITHER = pytest.mark.parametrize("distances", [one_moved, both_moved])


@given(
    hnp.arrays(float, (2, 9), elements=st.floats(-1, 1, width=16)),
    hnp.arrays(float, (2, 3, 9), elements=st.floats(-1, 1, width=16)),
)
def test_distances_are_the_least_over_all_amounts(points, movements):
    def least_squares(first, second):
        """By a solver of its own: the amounts and their ridge as rows of one system."""
        T, S = movements[first], movements[second]
        ridges = [STIFFER * (M**2).sum() / 3 for M in (T, S)]
        rows = np.vstack([np.hstack([T.T, -S.T]), np.diag(np.sqrt(np.repeat(ridges, 3)))])
        told = np.concatenate([points[second] - points[first], np.zeros(6)])
        amounts = np.linalg.lstsq(rows, told, rcond=None)[0]
        return ((rows @ amounts - told) ** 2).sum()

    planes = Planes.of(points, movements)
    there, back = (plane_distances(planes, np.array([i]), np.array([[1 - i]])) for i in (0, 1))
    size = 1e-9 * max(1.0, float(((points[0] - points[1]) ** 2).sum()))
    assert there[0, 0] == pytest.approx(least_squares(0, 1), abs=size)
    assert back[0, 0] == pytest.approx(there[0, 0], abs=size)


@EITHER
def test_a_moved_picture_is_near_and_another_is_not(distances):
    picture = blob()
    moved = warped(ndimage.shift(picture, (0.7, -0.9)), [[1.03, 0.05], [-0.06, 0.97]])
    three = np.stack([picture, moved, ndimage.shift(picture, (7, -7))])
    plain, near = distances(three, Augmentation()), distances(three, ALL)
    np.testing.assert_allclose(plain, ((three[1:] - picture) ** 2).sum(axis=(1, 2)), rtol=1e-5)
    assert near[0] < 0.1 * plain[0]
    assert near[1] > 0.3 * plain[1]
    assert (near <= plain * (1 + 1e-5)).all()


def test_pictures_that_are_both_moved_come_nearer():
    picture = blob()
    far = warped(ndimage.shift(picture, (1.5, -1.5)), [[1.06, 0.1], [-0.12, 0.94]])
    [one], [both] = one_moved([picture, far], ALL), both_moved([picture, far], ALL)
    assert both < 0.7 * one


@EITHER
def test_blank_pictures_have_plain_distances(distances):
    pictures = np.zeros((3, 8, 8))
    pictures[1:] += 1.0
    np.testing.assert_allclose(distances(pictures, ALL), 64.0, rtol=1e-5)


def test_neighbours_are_others_and_show_the_same_digit(monkeypatch):
    digits = load_images("digits")
    large = Enlargement.of(digits.image_shape)(digits.pixels)

    def same(moves):
        found = nearest_images(large, 10, moves)
        assert found.shape == (len(digits), 10)
        assert (found != np.arange(len(digits))[:, None]).all()
        assert all(len(set(row)) == 10 for row in found.tolist())
        return np.mean(digits.labels[found] == digits.labels[:, None])

    both, neither = same(ALL), same(Augmentation())
    monkeypatch.setattr(neighbours, "FEW", len(digits) - 1)
    assert both > same(ALL) > neither
    assert both > 0.98


@pytest.mark.parametrize("few", [0, neighbours.FEW])
def test_repeated_images_are_neighbours_of_each_other_and_not_of_themselves(few, monkeypatch):
    monkeypatch.setattr(neighbours, "FEW", few)
    pixels = np.repeat(load_images("digits").pixels[:4], 60, axis=0)
    found = nearest_images(pixels, 10, ALL)
    assert (found != np.arange(len(pixels))[:, None]).all()
    np.testing.assert_array_equal(found // 60, np.repeat(np.arange(4), 60)[:, None].repeat(10, 1))


@EITHER
def test_colours_count_each(distances):
    grey = np.random.default_rng(0).random((4, 8, 8))
    colour = np.stack([grey, grey], axis=-1)
    np.testing.assert_allclose(distances(colour, ALL), 2 * distances(grey, ALL), rtol=1e-3)

"""Images move as SciPy moves them, each by its own amounts, and no further than was asked."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from xenoglyph.autoencoder import augmentation as module
from xenoglyph.autoencoder.augmentation import Augmentation, _sampled, augmentation_from
from xenoglyph.errors import DataError

KEY = jax.random.key(0)
EVERYTHING = Augmentation(shift=0.1, rotation=20, scale=0.2, slant=0.2, elastic=0.05)
SHAPES = [(7, 5), (6, 6), (7, 5, 3), (6, 9, 4), (1, 1)]


def images(shape: tuple[int, ...], n: int = 4) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).random((n, np.prod(shape))), jnp.float32)


def grid(height: int, width: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"))


def places(augmentation: Augmentation, *sizes: int) -> np.ndarray:
    """Where the pixels of n images come from, [n, 2, h, w]."""
    return np.stack(augmentation._places(*sizes, KEY), axis=1)


def moved(augmentation: Augmentation, picture: np.ndarray, key: jax.Array = KEY) -> np.ndarray:
    """The one picture, moved."""
    row = jnp.asarray(picture.reshape(1, -1), jnp.float32)
    return np.asarray(augmentation.move(row, picture.shape, key)).reshape(picture.shape)


@pytest.fixture
def furthest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every amount that is drawn be the largest."""
    monkeypatch.setattr(module, "_even", lambda key, shape: jnp.ones(shape))


# ----------------------------------------------------------------------------------- interpolation

Sampler = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def sampled(sampler: Sampler, picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """One picture [h, w] at places [2, h, w]."""
    row, column = (jnp.asarray(axis, jnp.float32) for axis in places)
    return np.asarray(sampler(jnp.asarray(picture[..., None], jnp.float32), row, column))[..., 0]


def check_sampling(sampler: Sampler, picture: np.ndarray, places: np.ndarray) -> None:
    """The law: linear between pixels, zero beyond them, as SciPy has it."""
    out = sampled(sampler, picture, places)
    slow = ndimage.map_coordinates(
        picture.astype(np.float64), places, order=1, mode="grid-constant"
    )
    np.testing.assert_allclose(out, slow, atol=1e-5)


@given(
    hnp.arrays(np.float32, (4, 3), elements=st.floats(0, 1, width=32)),
    hnp.arrays(np.float32, (2, 5, 4), elements=st.floats(-9, 9, width=32)),
)
def test_places_between_pixels_are_interpolated_as_scipy_does(
    picture: np.ndarray, places: np.ndarray
) -> None:
    check_sampling(_sampled, picture, places)


def test_the_nearest_pixel_would_not_do() -> None:
    def nearest(picture: jax.Array, row: jax.Array, column: jax.Array) -> jax.Array:
        return picture[jnp.round(row).astype(int), jnp.round(column).astype(int)]

    with pytest.raises(AssertionError):
        check_sampling(nearest, np.eye(3, dtype=np.float32), np.full((2, 1, 1), 0.7, np.float32))


@given(st.integers(-7, 7), st.integers(-7, 7))
def test_a_shift_by_whole_pixels_lets_zeros_in(down: int, right: int) -> None:
    """To the last bit: nothing of the edge is left behind."""
    picture = 1 + np.arange(20, dtype=np.float32).reshape(5, 4)
    wide = np.zeros((25, 24), np.float32)
    wide[10:15, 10:14] = picture
    places = grid(5, 4) + np.array([down, right])[:, None, None]
    out = sampled(_sampled, picture, places)
    rolled = np.roll(wide, (-down, -right), axis=(0, 1))[10:15, 10:14]
    np.testing.assert_array_equal(out, rolled)


# ----------------------------------------------------------------------------------- kinds of move


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nothing_asked_moves_nothing(shape: tuple[int, ...]) -> None:
    x = images(shape)
    np.testing.assert_array_equal(Augmentation().move(x, shape, KEY), x)


@pytest.mark.parametrize("name", ["shift", "rotation", "scale", "slant", "elastic"])
def test_everything_asked_moves_something(name: str) -> None:
    x = images((7, 5))
    out = replace(Augmentation(), **{name: 0.3}).move(x, (7, 5), KEY)
    assert (out != x).any(axis=1).all()


def about_the_centre(matrix: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Oracle: SciPy's affine map, where `matrix` leads from a new pixel to an old one."""
    centre = (np.array(picture.shape) - 1) / 2
    return ndimage.affine_transform(
        picture, matrix, centre - matrix @ centre, order=1, mode="grid-constant"
    )


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s], [s, c]])


@pytest.mark.parametrize(
    ("amounts", "matrix"),
    [
        ({"rotation": 90}, turned(90)),
        ({"rotation": 33}, turned(33)),
        ({"scale": np.log(2)}, np.eye(2) / 2),
        ({"slant": 0.5}, np.array([[1, 0], [0.5, 1]])),
        ({"rotation": 33, "scale": np.log(2)}, turned(33) / 2),
    ],
    ids=str,
)
@pytest.mark.usefixtures("furthest")
def test_the_furthest_move_is_scipy_s(amounts: dict[str, float], matrix: np.ndarray) -> None:
    picture = np.random.default_rng(0).random((9, 7))
    out = moved(Augmentation(**amounts), picture)
    np.testing.assert_allclose(out, about_the_centre(matrix, picture), atol=1e-4)
    with pytest.raises(AssertionError):  # the other way round is another picture
        np.testing.assert_allclose(
            out, about_the_centre(np.linalg.inv(matrix), picture), atol=1e-4
        )


@pytest.mark.usefixtures("furthest")
def test_a_quarter_turn_is_numpy_s() -> None:
    picture = np.random.default_rng(0).random((8, 8))
    np.testing.assert_allclose(
        moved(Augmentation(rotation=90), picture), np.rot90(picture, -1), atol=1e-5
    )


@pytest.mark.usefixtures("furthest")
def test_a_shift_is_a_share_of_each_side() -> None:
    """A quarter of 8x4 is two rows and one column."""
    picture = np.random.default_rng(0).random((8, 4))
    out = moved(Augmentation(shift=0.25), picture)
    np.testing.assert_allclose(out[:-2, :-1], picture[2:, 1:], atol=1e-6)
    assert not out[-2:].any()
    assert not out[:, -1].any()


# ----------------------------------------------------------------------------------------- how far


def blob(height: int, width: int) -> np.ndarray:
    rows, columns = grid(height, width)
    away = (rows - (height - 1) / 2) ** 2 + (columns - (width - 1) / 2) ** 2
    return np.exp(-away / 8)


def check_shift(augmentation: Augmentation, share: float) -> None:
    """The law: mass centres move at most that share of the side, and some nearly as much."""
    height, width = 41, 61
    x = jnp.asarray(np.tile(blob(height, width).ravel(), (100, 1)), jnp.float32)
    out = np.asarray(augmentation.move(x, (height, width), KEY)).reshape(-1, height, width)
    centres = np.array([ndimage.center_of_mass(one) for one in out])
    furthest = np.abs(centres - [20, 30]).max(axis=0) / [height, width]
    assert (furthest <= share + 0.002).all()
    assert (furthest >= 0.9 * share).all()


def test_mass_centres_move_as_far_as_was_asked_and_no_further() -> None:
    check_shift(Augmentation(shift=0.1), 0.1)
    for other in (0.05, 0.2):
        with pytest.raises(AssertionError):
            check_shift(Augmentation(shift=other), 0.1)


@pytest.mark.parametrize("name", ["rotation", "scale"])
def test_what_turns_and_grows_does_so_about_the_centre(name: str) -> None:
    out = moved(replace(Augmentation(), **{name: 0.5}), blob(41, 61))
    assert ndimage.center_of_mass(out) == pytest.approx((20, 30), abs=0.01)


def test_no_bend_is_larger_than_was_asked() -> None:
    """As a share of the side; and most images bend by more than half of it."""
    bends = np.abs(places(Augmentation(elastic=0.1), 500, 28, 28) - grid(28, 28)) / 28
    assert bends.max() <= 0.1 + 1e-6
    assert np.median(bends.max(axis=(1, 2, 3))) > 0.05


def check_smooth(bends: np.ndarray) -> None:
    """The law: neighbours move together, so that steps are far smaller than bends."""
    steps = [np.abs(np.diff(bends, axis=axis)).mean() for axis in (2, 3)]
    assert max(steps) < 0.25 * np.abs(bends).mean()


def test_bends_are_smooth() -> None:
    check_smooth(places(Augmentation(elastic=0.1), 100, 28, 28) - grid(28, 28))
    with pytest.raises(AssertionError):
        check_smooth(np.random.default_rng(0).uniform(-1, 1, (100, 2, 28, 28)))


@given(st.integers(0, 2**31 - 1))
def test_pixels_stay_between_zero_and_one(seed: int) -> None:
    out = EVERYTHING.move(images((7, 5)), (7, 5), jax.random.key(seed))
    assert (out >= 0).all()
    assert (out <= 1 + 1e-6).all()


# ---------------------------------------------------------------------------------- what is random


def test_each_image_of_a_batch_moves_in_its_own_way() -> None:
    same = jnp.tile(images((7, 5), 1), (50, 1))
    assert len(np.unique(EVERYTHING.move(same, (7, 5), KEY), axis=0)) == 50


def test_the_key_alone_says_how_images_move() -> None:
    x = images((7, 5))
    first, again, other = (EVERYTHING.move(x, (7, 5), jax.random.key(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=1).all()


@pytest.mark.parametrize("name", ["shift", "rotation", "scale", "slant", "elastic"])
def test_moves_go_both_ways_alike(name: str) -> None:
    """The mean place of a pixel is nearly its own; scaling is even in its logarithm alone."""
    mean = places(replace(Augmentation(), **{name: 0.2}), 4000, 9, 9).mean(axis=0)
    np.testing.assert_allclose(mean, grid(9, 9), atol=0.1)


@pytest.mark.parametrize("shape", [(7, 5, 3), (6, 9, 4)])
def test_the_channels_of_an_image_move_together(shape: tuple[int, int, int]) -> None:
    x = images(shape)
    out = EVERYTHING.move(x, shape, KEY).reshape(-1, *shape)
    for channel in range(shape[2]):
        alone = x.reshape(-1, *shape)[..., channel].reshape(len(x), -1)
        expected = EVERYTHING.move(alone, shape[:2], KEY).reshape(-1, *shape[:2])
        np.testing.assert_allclose(out[..., channel], expected, atol=1e-6)


# ----------------------------------------------------------------------------------- what it takes


@pytest.mark.parametrize("amount", [-0.1, np.nan, np.inf, "far", None, True])
@pytest.mark.parametrize("name", ["shift", "elastic"])
def test_amounts_that_are_none_are_refused(name: str, amount: Any) -> None:
    with pytest.raises(DataError, match=f"augmentation's {name}=.* give a number of at least 0"):
        Augmentation(**{name: amount})


def test_a_dict_of_amounts_is_an_augmentation() -> None:
    amounts = {"shift": 0.1, "rotation": 10}
    assert augmentation_from(amounts) == Augmentation(shift=0.1, rotation=10)
    assert augmentation_from(EVERYTHING) is EVERYTHING
    assert augmentation_from(None) is None


@pytest.mark.parametrize("value", [{"turn": 10}, {1: 2}, "shift", 0.1, ["shift"]], ids=str)
def test_what_names_no_amounts_is_refused(value: object) -> None:
    known = "give an Augmentation, or a dict of shift, rotation, scale, slant, elastic"
    with pytest.raises(DataError, match=known):
        augmentation_from(value)


def test_a_dict_s_amounts_are_checked() -> None:
    with pytest.raises(DataError, match="augmentation's shift=-1"):
        augmentation_from({"shift": -1})


def test_the_rows_of_a_table_cannot_be_moved() -> None:
    with pytest.raises(DataError, match="table"):
        EVERYTHING.move(images((24,)), (24,), KEY)


# -------------------------------------------------------------------------- outside of the device


@pytest.mark.parametrize("shape", [(7, 5), (6, 5, 3)])
def test_a_share_of_the_moves_is_smaller_moves(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).random((5, *shape)).astype(np.float32)
    fields = {name: 0.4 * value for name, value in vars(EVERYTHING).items()}
    expected = Augmentation(**fields).moved(pixels, 3)
    np.testing.assert_allclose(EVERYTHING.moved(pixels, 3, 0.4), expected, atol=1e-5)
    np.testing.assert_allclose(EVERYTHING.moved(pixels, 3, 0.0), pixels, atol=1e-5)
    assert np.abs(EVERYTHING.moved(pixels, 3) - expected).max() > 0.01


def test_images_are_moved_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.tile(np.random.default_rng(0).random((1, 6, 6)), (7, 1, 1)).astype(np.float32)
    monkeypatch.setattr(module, "TOGETHER", 3)
    done = EVERYTHING.moved(pixels, 0)
    assert done.shape == pixels.shape
    assert len(np.unique(done.reshape(7, -1), axis=0)) == 7
    np.testing.assert_array_equal(EVERYTHING.moved(pixels[:4], 0), done[:4])
    assert not np.array_equal(EVERYTHING.moved(pixels, 1), done)

"""The same images in any form are the same rows; maps stay on disk; other things are refused."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenoglyph.autoencoder.rows import Rows, as_float, as_pixels, image_rows
from xenoglyph.errors import DataError
from xenoglyph.images import as_images

LEVELS = np.arange(256, dtype=np.uint8)


def images(n: int = 11, shape: tuple[int, ...] = (3, 4)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)


def on_device(rows: Rows) -> np.ndarray:
    return np.asarray(jax.jit(as_pixels)(rows.take(slice(None))))


# --------------------------------------------------------------------------------- the same floats


def check_quotient(to_floats: Callable[[jax.Array], jax.Array]) -> None:
    """The law: all 256 values are NumPy's quotients, to the last bit, compiled or not."""
    expected = LEVELS / np.float32(255)
    assert expected.dtype == np.float32
    for function in (to_floats, jax.jit(to_floats)):
        np.testing.assert_array_equal(function(jnp.asarray(LEVELS)), expected, strict=True)


def test_pixels_are_divided_by_255_to_the_last_bit() -> None:
    check_quotient(as_pixels)
    np.testing.assert_array_equal(as_float(LEVELS), LEVELS / np.float32(255), strict=True)


def test_a_product_with_the_reciprocal_would_not_do() -> None:
    with pytest.raises(AssertionError):
        check_quotient(lambda x: x.astype(jnp.float32) * np.float32(1 / 255))


def test_all_forms_of_the_same_images_are_the_same_floats() -> None:
    X = LEVELS.reshape(16, 4, 4)
    expected = (X / np.float32(255)).reshape(16, 16)
    floats = X / np.float32(255)
    forms = [X, floats, X / 255, floats.astype(">f4"), X[..., None], as_images(X), X.tolist()]
    for form in forms[:-1]:
        rows = image_rows(form)
        np.testing.assert_array_equal(on_device(rows), expected, strict=True)
        assert rows.image_shape == (4, 4)
        assert rows.fingerprint() == image_rows(X).fingerprint()
    with pytest.raises(DataError, match="came int64"):
        image_rows(forms[-1])


def test_bools_are_black_and_white() -> None:
    X = images() > 100
    for form in (X, X.astype(np.float16), X * np.uint8(255)):
        np.testing.assert_array_equal(
            on_device(image_rows(form)), X.reshape(11, 12).astype(np.float32), strict=True
        )


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (3, 4, 4), (12,)])
def test_rows_know_the_shape_of_their_images(shape: tuple[int, ...]) -> None:
    X = images(11, shape)
    rows = image_rows(X)
    assert (len(rows), rows.n_pixels, rows.image_shape) == (11, math.prod(shape), shape)
    np.testing.assert_array_equal(rows.take(slice(None)).reshape(X.shape), X)


def test_what_is_taken_is_a_copy() -> None:
    X = images()
    image_rows(X).take(slice(0, 2))[:] = 0
    np.testing.assert_array_equal(X, images())


# -------------------------------------------------------------------------------- parts and blocks


@given(st.lists(st.integers(0, 10), min_size=1), st.data())
def test_a_part_of_a_part_is_what_numpy_takes(first: list[int], data: st.DataObject) -> None:
    second = data.draw(st.lists(st.integers(0, len(first) - 1), min_size=1))
    one, two = np.array(first), np.array(second)
    part = image_rows(images()).subset(one).subset(two)
    expected = images().reshape(11, 12)[one][two]
    assert len(part) == len(second)
    np.testing.assert_array_equal(part.take(slice(None)), expected)
    np.testing.assert_array_equal(part.take(np.array([-1, 0])), expected[[-1, 0]])
    np.testing.assert_array_equal(np.concatenate(list(part.blocks(30))), expected)


def test_a_part_is_not_copied() -> None:
    X = images()
    assert np.shares_memory(image_rows(X).subset(np.array([1, 2])).table, X)


@given(st.integers(1, 1000), st.sampled_from([np.uint8, np.float32]))
def test_blocks_are_all_images_in_their_order_and_no_larger_than_asked(
    n_bytes: int, dtype: type
) -> None:
    X = (images() > 100).astype(dtype)
    blocks = list(image_rows(X).blocks(n_bytes))
    np.testing.assert_array_equal(np.concatenate(blocks), X.reshape(11, 12))
    assert all(block.nbytes <= n_bytes or len(block) == 1 for block in blocks)


def test_a_fingerprint_tells_other_images() -> None:
    X = images()
    other = X.copy()
    other[5, 1, 1] ^= 1
    own = [image_rows(form).fingerprint() for form in (X, other, X[::-1], X[:-1])]
    turned = image_rows(X.reshape(11, 4, 3)).fingerprint()
    assert len({*own, turned}) == 5


# ------------------------------------------------------------------------------------- memory maps


def raw(file: Path, X: np.ndarray, mode: Any) -> np.ndarray:
    X.tofile(file)
    return np.memmap(file, X.dtype, mode, shape=X.shape)


def npy(file: Path, X: np.ndarray, mode: Any) -> np.ndarray:
    np.save(file, X)
    return np.load(file, mmap_mode=mode)  # type: ignore[no-any-return]


@pytest.mark.parametrize("mapped", [raw, npy])
@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.float32, np.float64])
def test_maps_are_taken_batch_by_batch_and_are_the_same_images(
    mapped: Callable[..., np.ndarray], dtype: type, tmp_path: Path
) -> None:
    X = images() if dtype == np.uint8 else (images() > 100).astype(dtype)
    there = mapped(tmp_path / "X.npy", X, "r")
    rows, here = image_rows(there), image_rows(X)
    assert isinstance(rows.table, np.memmap)
    assert np.shares_memory(rows.table, there)
    index = np.array([7, 0, 7])
    taken = rows.take(index)
    assert type(taken) is np.ndarray
    assert not np.shares_memory(taken, there)
    np.testing.assert_array_equal(taken, here.take(index), strict=True)
    blocks = list(rows.subset(index).blocks(30))
    np.testing.assert_array_equal(np.concatenate(blocks), here.take(index), strict=True)
    assert rows.fingerprint() == here.fingerprint()


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_was_written_into_a_map_is_seen_and_stays(mode: str, tmp_path: Path) -> None:
    """ "c" keeps what is written in memory alone; more than a page, so that pages matter."""
    there = npy(tmp_path / "X.npy", np.zeros((100, 30, 30), np.float32), mode)
    there[:] = 0.5
    rows = image_rows(there)
    assert (rows.take(np.arange(100)) == 0.5).all()
    assert (there == 0.5).all()


# --------------------------------------------------------------------------------- what is refused


def spoilt(value: float) -> np.ndarray:
    X = np.full((5, 3, 4), 0.5)
    X[2, 1, 1] = value
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (spoilt(np.nan), "the pixels hold NaN"),
        (spoilt(np.inf), r"must lie in \[0, 1\]; came 0.5..inf"),
        (spoilt(-0.01), r"must lie in \[0, 1\]; came -0.01..0.5"),
        (spoilt(1.001), r"must lie in \[0, 1\]; came 0.5..1.001"),
        (spoilt(1e300), r"must lie in \[0, 1\]"),
        (spoilt(255), "pass uint8, or divide by the largest value"),
        (np.zeros((5, 3, 4), np.int64), "must be uint8, bool or floats .* came int64"),
        (np.zeros((5, 3, 4), np.complex64), "Complex data not supported"),
        (np.full((5, 3, 4), "a"), "came <U1"),
        (np.zeros(5), r"must have shape .* not \(5,\)"),
        (np.zeros((5, 3, 4, 3, 1)), r"must have shape .* not \(5, 3, 4, 3, 1\)"),
        (0.5, r"must have shape .* not \(\)"),
        (np.zeros((5, 3, 4, 2)), "1, 3 or 4 channels; came 2"),
        (np.zeros((0, 3, 4)), r"no images: .*\(0, 3, 4\)"),
        (np.zeros((5, 0)), r"no images: .*\(5, 0\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_image_is_refused(X: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        image_rows(X)


def test_the_ends_of_the_range_are_pixels() -> None:
    assert len(image_rows(np.array([[0.0, 1.0], [-0.0, 1.0]]))) == 2


def test_the_last_block_is_checked_too() -> None:
    X = np.zeros((5, 1000, 1000), np.float32)  # 20 MB, more than a block
    assert len(list(image_rows(X).blocks())) > 1
    X[-1, -1, -1] = np.nan
    with pytest.raises(DataError, match="NaN"):
        image_rows(X)


def test_other_shapes_than_the_fitted_are_refused() -> None:
    assert image_rows(images()[..., None], (3, 4)).image_shape == (3, 4)
    for shape in ((4, 3), (12,), (3, 4, 3)):
        with pytest.raises(DataError, match=r"were fitted; came images of shape \(3, 4\)"):
            image_rows(images(), shape)

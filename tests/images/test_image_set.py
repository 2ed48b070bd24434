import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xenoglyph.errors import DataError
from xenoglyph.images import ImageSet, SourceFile, as_images

shapes = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
grey = hnp.arrays(np.uint8, shapes)


def small_set(n=6):
    pixels = np.linspace(0, 1, n * 6, dtype=np.float32).reshape(n, 2, 3)
    return ImageSet(pixels, np.arange(n), "small", n_train=4, sources=(SourceFile("f", "0" * 64),))


def check_selection(images, rows):
    """A selection holds what numpy selects from the arrays, and keeps name and sources."""
    part = images[rows]
    np.testing.assert_array_equal(part.pixels, images.pixels[rows])
    np.testing.assert_array_equal(part.labels, images.labels[rows])
    assert (part.name, part.sources, part.n_train) == (images.name, images.sources, None)
    assert part.pixels.flags.c_contiguous


@given(grey)
def test_bytes_are_divided_by_255(X):
    images = as_images(X)
    assert images.pixels.dtype == np.float32
    np.testing.assert_array_equal(images.pixels, (X / 255).astype(np.float32))


@given(grey, st.sampled_from([np.float16, np.float32, np.float64]))
def test_brightness_does_not_depend_on_the_type(X, dtype):
    floats = (X / 255).astype(dtype)
    np.testing.assert_array_equal(as_images(floats).pixels, floats.astype(np.float32))


@given(grey)
def test_memory_order_does_not_matter(X):
    np.testing.assert_array_equal(as_images(np.asfortranarray(X)).pixels, as_images(X).pixels)
    assert as_images(np.asfortranarray(X)).pixels.flags.c_contiguous


@given(grey)
def test_rows_of_pixels_are_the_same_images(X):
    images = as_images(X)
    rows = as_images(X.reshape(len(X), -1), image_shape=X.shape[1:])
    np.testing.assert_array_equal(rows.pixels, images.pixels)
    np.testing.assert_array_equal(images.flat, images.pixels.reshape(len(X), -1))
    assert np.shares_memory(images.flat, images.pixels)


@pytest.mark.parametrize(("channels", "expected"), [(1, (2, 3)), (3, (2, 3, 3)), (4, (2, 3, 4))])
def test_channels(channels, expected):
    X = np.zeros((5, 2, 3, channels), np.uint8)
    assert as_images(X).image_shape == expected
    assert as_images(X, image_shape=(2, 3, channels)).image_shape == expected
    assert as_images(X.reshape(5, -1), image_shape=(2, 3, channels)).image_shape == expected


def test_truth_values_are_black_and_white():
    X = np.array([[[True, False]]])
    np.testing.assert_array_equal(as_images(X).pixels, [[[1, 0]]])


def test_an_image_set_passes_through():
    images = small_set()
    assert as_images(images) is images
    assert as_images(images, image_shape=(2, 3)) is images
    relabelled = as_images(images, labels=list("abcdef"))
    assert list(relabelled.labels) == list("abcdef")
    assert relabelled.n_train == images.n_train
    with pytest.raises(DataError, match="image_shape"):
        as_images(images, image_shape=(3, 2))


def test_float32_is_not_copied_and_cannot_be_written():
    X = np.zeros((2, 3, 3), np.float32)
    images = as_images(X, labels=[1, 2])
    assert np.shares_memory(images.pixels, X)
    X[0] = 1  # the user's own array stays writable
    for array in (images.pixels, images.flat, images.labels, images[:1].pixels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    "rows",
    [
        slice(1, 4),
        slice(None, None, -2),
        [5, 0, 0],
        np.array([True, False, True, False, False, True]),
        np.arange(3, dtype=np.uint8),
    ],
    ids=str,
)
def test_selection(rows):
    check_selection(small_set(), rows)


def test_an_integer_selects_a_set_of_one():
    images = small_set()
    np.testing.assert_array_equal(images[-1].pixels, images.pixels[-1:])
    np.testing.assert_array_equal(images[np.int64(2)].labels, [2])
    assert [int(one.labels[0]) for one in images] == list(range(6))
    with pytest.raises(IndexError):
        images[6]


def test_the_checker_of_selections_rejects_a_wrong_one():
    class Shifted(ImageSet):
        def __getitem__(self, rows):
            return ImageSet(np.roll(self.pixels, 1, axis=0), self.labels)[rows]

    images = small_set()
    with pytest.raises(AssertionError):
        check_selection(Shifted(images.pixels, images.labels), slice(0, 3))


def test_nothing_selected_is_refused():
    with pytest.raises(DataError, match="no images"):
        small_set()[:0]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((0, 2, 2), np.uint8), "no images"),
        (np.zeros((2, 0, 2), np.uint8), "no images"),
        (np.zeros((3, 3)), "image_shape"),
        (np.zeros(3), "shape"),
        (np.float64(0.5), "shape"),
        (np.zeros((1, 2, 2, 2)), "channels"),
        (np.zeros((1, 2, 2, 3, 1)), "shape"),
        (np.zeros((1, 2, 2), np.int64), "int64"),
        (np.zeros((1, 2, 2), np.uint16), "uint16"),
        (np.zeros((1, 2, 2), complex), "complex"),
        ([[["a"]]], "<U1"),
        ([[[None]]], "object"),
        (np.full((1, 2, 2), np.nan), "NaN"),
        (np.full((1, 2, 2), np.inf), r"0, 1.*inf"),
        (np.full((1, 2, 2), 1e300), r"0, 1.*inf"),
        (np.full((1, 2, 2), -0.1), r"-0\.1"),
        (np.full((1, 2, 2), 16.0), r"16\.\.16: pass uint8, or divide"),
    ],
    ids=str,
)
def test_unusable_arrays_are_refused(X, message):
    with pytest.raises(DataError, match=message) as error:
        as_images(X)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("shape", [(2,), (2, 2, 2, 2), (4, 4), (-2, -2), (0, 4), ()], ids=str)
def test_unusable_image_shapes_are_refused(shape):
    with pytest.raises(DataError, match="image_shape"):
        as_images(np.zeros((3, 4)), image_shape=shape)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([3, 1], [3, 1]),
        (np.array([3, 1], np.uint8), [3, 1]),
        (np.array([[3], [1]]), [3, 1]),
        ([3.0, 1.0], [3, 1]),
        ([True, False], [1, 0]),
        (["b", "a"], ["b", "a"]),
        (np.array(["b", "a"], object), ["b", "a"]),
    ],
    ids=str,
)
def test_labels_become_integers_or_strings(labels, expected):
    known = as_images(np.zeros((2, 1, 1)), labels=labels).labels
    np.testing.assert_array_equal(known, expected)
    assert known.dtype == np.int64 or known.dtype.kind == "U"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1], "as many"),
        ([1, 2, 3], "as many"),
        ([0.5, 1.0], "integers or strings"),
        ([np.nan, 1.0], "integers or strings"),
        ([np.inf, 1.0], "integers or strings"),
        (np.array(["a", None]), "integers or strings"),
        (np.array([b"a", b"b"]), "integers or strings"),
        ([[1, 2], [3, 4]], "one dimension"),
        (1, "one dimension"),
    ],
    ids=str,
)
def test_unusable_labels_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        as_images(np.zeros((2, 1, 1)), labels=labels)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pixels": np.zeros((2, 2, 2))}, "float32"),
        ({"pixels": [[[0.0]]]}, "float32; came list"),
        ({"pixels": np.zeros((2, 3, 4), np.float32).transpose(0, 2, 1)}, "C order"),
        ({"pixels": np.zeros((2, 2), np.float32)}, "shape"),
        ({"pixels": np.zeros((1, 2, 2, 1), np.float32)}, "channels"),
        ({"labels": np.zeros(2)}, "integers or strings"),
        ({"labels": np.zeros(3, int)}, "as many"),
        ({"n_train": 0}, r"1\.\.2; came 0"),
        ({"n_train": 3}, r"1\.\.2; came 3"),
    ],
    ids=str,
)
def test_an_image_set_checks_itself(fields, message):
    good = {"pixels": np.zeros((2, 2, 2), np.float32), "labels": np.zeros(2, int), "n_train": 2}
    with pytest.raises(DataError, match=message):
        ImageSet(**good | fields)


def test_its_repr_holds_no_pixels():
    assert repr(small_set()) == "ImageSet('small', 6 images of 2x3, labelled)"
    assert repr(as_images(np.zeros((1, 2, 2, 3)))) == "ImageSet('array', 1 images of 2x2x3)"


def test_sets_are_compared_by_identity():
    images = small_set()
    assert images == images
    assert images != small_set()
    assert len({images, small_set()}) == 2

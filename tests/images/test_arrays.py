import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xenoglyph.errors import DataError
from xenoglyph.images import load_images

images_of_bytes = hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3))


def npy(array, **settings):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), **settings)
    return buffer.getvalue()


@given(images_of_bytes, st.booleans(), st.sampled_from([(1, 0), (2, 0)]))
def test_npy_round_trip(tmp_path_factory, X, fortran, version):
    path = tmp_path_factory.mktemp("npy") / "runes.npy"
    stored = np.asfortranarray(X) if fortran else X
    path.write_bytes(npy(stored, version=version))
    images = load_images(path)
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X)
    assert (images.name, images.labels, images.sources[0].name) == ("runes.npy", None, "runes.npy")


def test_rows_need_a_shape(tmp_path, digits):
    X, _ = digits
    np.save(tmp_path / "rows.npy", X.reshape(len(X), -1) / 255)
    with pytest.raises(DataError, match=r"rows\.npy: .*\(12, 20\) needs image_shape"):
        load_images(tmp_path / "rows.npy")
    images = load_images(tmp_path / "rows.npy", image_shape=(4, 5))
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X)
    with pytest.raises(DataError, match=r"rows\.npy: .*image_shape \(5, 5\)"):
        load_images(tmp_path / "rows.npy", image_shape=(5, 5))


def test_every_other_length_of_npy_is_refused(tmp_path):
    whole = npy(np.zeros((2, 2, 3), np.uint8))
    path = tmp_path / "a.npy"
    for damaged in [*(whole[:length] for length in range(len(whole))), whole + b"\0"]:
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.npy"):
            load_images(path)


@pytest.mark.parametrize("stored", [np.array([{}, 1]), np.zeros(2, [("x", object)])], ids=str)
def test_pickles_are_never_loaded(tmp_path, stored):
    np.save(tmp_path / "a.npy", stored, allow_pickle=True)
    np.savez(tmp_path / "a.npz", images=stored, allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(stored))
    for name in ["a.npy", "a.npz"]:
        with pytest.raises(DataError, match=f"{name}: holds pickled objects"):
            load_images(tmp_path / name)
    with pytest.raises(DataError, match=r"b\.npy: cannot be read"):
        load_images(tmp_path / "b.npy")


def test_a_small_file_that_asks_for_much_is_refused(tmp_path):
    header = npy(np.zeros((1, 1, 1), np.uint8))[:-1]
    path = tmp_path / "a.npy"
    path.write_bytes(header.replace(b"(1, 1, 1), }    ", b"(9999, 9999), } "))
    with pytest.raises(DataError, match="takes 99,980,129 bytes; came 128"):
        load_images(path)


@pytest.mark.parametrize("shape", [b"(1, 1, 1", b"'%s'", b"{}", b"(-1, -1)", b"-" * 999 + b"1"])
def test_damaged_headers_are_refused(tmp_path, shape):
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + b"}\n"
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + b"\0")
    with pytest.raises(DataError, match=r"a\.npy"):
        load_images(path)


@pytest.mark.parametrize(
    ("images", "labels"),
    [("images", "labels"), ("X", "y"), ("x", "target"), ("arr_0", "label"), ("Images", "CLASS")],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_of_images_and_labels(tmp_path, digits, images, labels, save):
    X, y = digits
    save(tmp_path / "a.npz", **{images: X, labels: y[:, None]})
    read = load_images(tmp_path / "a.npz")
    np.testing.assert_array_equal(np.rint(read.pixels * 255), X)
    np.testing.assert_array_equal(read.labels, y)
    assert read.n_train is None


def test_npz_of_one_array(tmp_path, digits):
    np.savez(tmp_path / "a.npz", digits[0], weights=np.ones(3))
    images = load_images(tmp_path / "a.npz")
    np.testing.assert_array_equal(np.rint(images.pixels * 255), digits[0])
    assert images.labels is None


@pytest.mark.parametrize("labelled", [True, False])
def test_npz_as_keras_has_it(tmp_path, digits, labelled):
    X, y = digits
    arrays = {"x_test": X[9:], "x_train": X[:9]}
    if labelled:
        arrays |= {"y_test": y[9:], "y_train": y[:9]}
    np.savez(tmp_path / "mnist.npz", **arrays)
    images = load_images(tmp_path / "mnist.npz")
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X)
    assert (images.labels is not None) == labelled
    assert not labelled or (images.labels == y).all()
    assert images.n_train == 9
    assert [source.name for source in images.sources] == ["mnist.npz"]


def test_npz_of_a_training_part_alone(tmp_path, digits):
    np.savez(tmp_path / "a.npz", x_train=digits[0], y_train=digits[1])
    images = load_images(tmp_path / "a.npz")
    assert (len(images), images.n_train) == (12, None)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "which array holds the images .*: none"),
        ({"y": np.zeros(2)}, r"y \(2,\)"),
        ({"a": np.zeros((2, 2, 2)), "b": np.zeros((2, 2, 2))}, r"a \(2, 2, 2\), b \(2, 2, 2\)"),
        ({"images": np.zeros((2, 2, 2)), "X": np.zeros((2, 2, 2))}, r"images .*, X "),
        ({"X": np.zeros((2, 2, 2)), "y": np.zeros(2), "label": np.zeros(2)}, "y .*, label"),
        ({"X": np.zeros((2, 2, 2)), "y": np.zeros(3)}, "y holds 3 labels for 2 X"),
        ({"x_train": np.zeros((2, 2, 2)), "x_test": np.zeros((2, 3, 2))}, r"size \(2, 2\)"),
        ({"X": np.zeros((0, 2, 2))}, "no images"),
        ({"X": np.zeros((2, 2, 2), complex)}, "complex"),
    ],
    ids=str,
)
def test_unclear_archives_are_refused(tmp_path, arrays, message):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=message) as error:
        load_images(path)
    assert str(error.value).startswith(str(path))


def test_an_archive_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("xenoglyph.images.raw.UNPACKED_BYTES", 1 << 16)
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=np.zeros((1, 255, 255), np.uint8))
    assert len(load_images(path)) == 1
    np.savez_compressed(path, images=np.zeros((1, 256, 256), np.uint8))
    with pytest.raises(DataError, match="unpack it first"):
        load_images(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_archives(tmp_path, digits, save):
    X, y = digits
    path = tmp_path / "a.npz"
    save(path, images=X[:2], labels=y[:2])
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"a\.npz"):
            load_images(path)
    for i in range(0, len(whole), 3):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0x21]) + whole[i + 1 :])
        try:
            images = load_images(path)
        except DataError:
            continue
        np.testing.assert_array_equal(np.rint(images.pixels * 255), X[:2])

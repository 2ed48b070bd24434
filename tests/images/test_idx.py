import gzip
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xenoglyph.errors import DataError
from xenoglyph.images import load_images

NAME = "train-images-idx3-ubyte"
images_of_bytes = hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 5)] * 3))
packings = pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])


@packings
@given(X=images_of_bytes)
def test_round_trip(tmp_path_factory, idx_bytes, pack, X):
    path = tmp_path_factory.mktemp("idx") / NAME
    path.write_bytes(pack(idx_bytes(X)))
    images = load_images(path)
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X)
    assert images.labels is None
    assert (images.name, images.n_train) == (NAME, None)
    [source] = images.sources
    assert (source.name, source.sha256) == (NAME, hashlib.sha256(path.read_bytes()).hexdigest())


@packings
def test_every_shorter_file_is_refused(tmp_path, idx_bytes, pack):
    whole = pack(idx_bytes(np.arange(24).reshape(2, 3, 4)))
    path = tmp_path / NAME
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=NAME) as error:
            load_images(path)
        assert "\n" not in str(error.value)
    path.write_bytes(whole)
    assert len(load_images(path)) == 2


@packings
def test_every_longer_file_is_refused(tmp_path, idx_bytes, pack):
    path = tmp_path / NAME
    path.write_bytes(pack(idx_bytes(np.zeros((2, 3, 4))) + b"\0"))
    with pytest.raises(DataError, match="goes on after the 24 bytes"):
        load_images(path)


def test_bytes_after_the_gzip_stream_are_refused(tmp_path, idx_bytes):
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.zeros((2, 3, 4)))) + b"more")
    with pytest.raises(DataError, match="gzip"):
        load_images(path)


@packings
def test_no_damaged_byte_changes_what_is_not_a_pixel(tmp_path, idx_bytes, pack):
    X = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    whole = pack(idx_bytes(X))
    path = tmp_path / NAME
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0x11]) + whole[i + 1 :])
        try:
            images = load_images(path)
        except DataError:
            continue
        assert images.pixels.shape == X.shape
        assert (np.rint(images.pixels * 255) != X).sum() <= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), r"begins with 00 00 08 03; this one with 89 50"),
        (b"\0\0\x0d\x03" + bytes(12), "begins with 00 00 08 03"),
        (b"\0\0\x08\x01\0\0\0\x01\x07", r"in 3 dimension\(s\).* this one with 00 00 08 01"),
        (b"\0\0\x08\x03\0\0\0\0\0\0\0\x1c\0\0\0\x1c", r"empty shape \(0, 28, 28\)"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "claims to hold"),
        (b"\0\0\x08\x03\0\0\0\x01\0\0\x10\0\0\0\x10\0", "cut short: 0 of the 16,777,216"),
    ],
    ids=str,
)
@packings
def test_foreign_headers_are_refused(tmp_path, pack, content, message):
    path = tmp_path / NAME
    path.write_bytes(pack(content))
    with pytest.raises(DataError, match=message) as error:
        load_images(path)
    assert str(error.value).startswith(str(path))


def test_a_gzip_bomb_is_refused_before_it_unfolds(tmp_path, idx_bytes, monkeypatch):
    monkeypatch.setattr("xenoglyph.images.raw.UNPACKED_BYTES", 1 << 16)
    bomb = idx_bytes(np.zeros((1, 256, 257)))
    packed, plain = tmp_path / f"{NAME}.gz", tmp_path / NAME
    packed.write_bytes(gzip.compress(bomb))
    with pytest.raises(DataError, match=r"claims to hold 65,792 bytes.* unpack it first"):
        load_images(packed)
    plain.write_bytes(bomb)
    assert load_images(plain).image_shape == (256, 257)


@pytest.mark.parametrize("images_name", [NAME, f"{NAME}.gz", "emnist-t10k-images.idx3-ubyte"])
@pytest.mark.parametrize("labels_packed", [False, True])
def test_labels_lie_beside(tmp_path, idx_bytes, digits, images_name, labels_packed):
    X, y = digits
    labels_name = images_name.replace("images", "labels").replace("idx3", "idx1")
    labels_name = labels_name.removesuffix(".gz") + (".gz" if labels_packed else "")
    pack = gzip.compress if images_name.endswith(".gz") else bytes
    (tmp_path / images_name).write_bytes(pack(idx_bytes(X)))
    (tmp_path / labels_name).write_bytes((gzip.compress if labels_packed else bytes)(idx_bytes(y)))
    images = load_images(tmp_path / images_name)
    np.testing.assert_array_equal(images.labels, y)
    assert [source.name for source in images.sources] == [images_name, labels_name]


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.zeros(11), "11 labels for 12 images"), (np.zeros((12, 1, 1)), "00 00 08 01")],
)
def test_labels_that_do_not_fit_are_named(tmp_path, idx_bytes, digits, labels, message):
    (tmp_path / NAME).write_bytes(idx_bytes(digits[0]))
    beside = tmp_path / "train-labels-idx1-ubyte"
    beside.write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match=message) as error:
        load_images(tmp_path / NAME)
    assert str(error.value).startswith(str(beside))


def test_a_folder_of_both_parts_is_one_set(tmp_path, write_parts, digits):
    X, y = digits
    write_parts(tmp_path / "runes", X[:9], X[9:], y[:9], y[9:])
    images = load_images(tmp_path / "runes")
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X)
    np.testing.assert_array_equal(images.labels, y)
    assert (images.name, images.n_train, len(images.sources)) == ("runes", 9, 4)


def test_a_folder_of_one_part_is_refused(tmp_path, write_parts, digits):
    X, y = digits
    write_parts(tmp_path, X, X, y, y)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\[\.gz\] is missing"):
        load_images(tmp_path)


def test_parts_that_do_not_fit_are_refused(tmp_path, write_parts, digits):
    X, y = digits
    write_parts(tmp_path, X, X[:, :, :3], y, y)
    with pytest.raises(DataError, match=r"size \(4, 5\), the test images \(4, 3\)"):
        load_images(tmp_path)
    write_parts(tmp_path, X, X, y, y)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="only one of the training and test parts has labels"):
        load_images(tmp_path)

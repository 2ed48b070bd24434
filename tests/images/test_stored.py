"""Images that stay where they are stored are the same images; what cannot fit is refused."""

import gzip
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xenoglyph import NotEnoughMemoryError, memory
from xenoglyph.errors import DataError
from xenoglyph.images import ImageSet, StoredPixels, as_images, load_images, pictures, stored
from xenoglyph.images.stored import file_region

SHAPE = (12, 4, 5)
KEYS = [
    3,
    -1,
    slice(2, 9, 3),
    slice(None, None, -1),
    [5, 0, 5],
    np.arange(12) % 2 == 0,
    (slice(1, 4), 2),
    (7, slice(None), 1),
    ...,
]


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(stored, "LARGE", 4 * 4 * 5 * 5)


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(memory, "_limits", lambda: iter([100]))


def mapped(path, array):
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def check_same(images: ImageSet, others: ImageSet) -> None:
    """The same images, of which the first are stored and the second are in memory."""
    assert isinstance(images.pixels, StoredPixels)
    assert type(others.pixels) is np.ndarray
    assert (images.image_shape, len(images)) == (others.image_shape, len(others))
    np.testing.assert_array_equal(np.asarray(images.pixels), others.pixels, strict=True)


def test_other_images_are_noticed(tmp_path):
    array = np.zeros(SHAPE, np.uint8)
    other = array.copy()
    other[-1, -1, -1] = 1
    with pytest.raises(AssertionError):
        check_same(as_images(mapped(tmp_path / "a.npy", array)), as_images(other))


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.float32, np.float64])
def test_a_map_is_indexed_like_an_array_of_floats(tmp_path, digits, dtype):
    array = digits[0] if dtype == np.uint8 else (digits[0] / 255).round(int(dtype == np.bool_))
    here = as_images(array.astype(dtype))
    there = as_images(mapped(tmp_path / "a.npy", array.astype(dtype)))
    check_same(there, here)
    assert there.pixels.dtype == np.float32
    assert (there.pixels.ndim, there.pixels.size) == (3, array.size)
    for key in KEYS:
        np.testing.assert_array_equal(there.pixels[key], here.pixels[key], strict=True)
        assert not isinstance(there.pixels[key], np.memmap)
    for some in ([7, 7, 1], slice(3, 8), np.arange(12) > 4, 2):
        check_same(there[some], here[some])
        check_same(there[some][::-1], here[some][::-1])
    np.testing.assert_array_equal(there.flat, here.flat)
    with pytest.raises(IndexError):
        there.pixels[12]


def test_rows_of_pixels_and_single_channels_are_images(tmp_path, digits):
    flat, one = digits[0].reshape(12, 20), digits[0][..., None]
    for n, (array, shape) in enumerate([(flat, (4, 5)), (one, None)]):
        there = as_images(mapped(tmp_path / f"{n}.npy", array), image_shape=shape)
        check_same(there, as_images(digits[0]))
    with pytest.raises(DataError, match="needs image_shape"):
        as_images(mapped(tmp_path / "flat.npy", flat))


def test_an_order_of_columns_is_brought_into_ours(tmp_path, digits):
    there = mapped(tmp_path / "a.npy", np.asfortranarray(digits[0]))
    check_same(as_images(there), as_images(digits[0]))


@pytest.mark.parametrize(("value", "message"), [(np.nan, "NaN"), (1.5, r"\[0, 1\]; came 0..1.5")])
def test_a_map_of_floats_is_looked_at(tmp_path, value, message):
    array = np.zeros(SHAPE)
    array[-1, -1, -1] = value
    with pytest.raises(DataError, match=message):
        as_images(mapped(tmp_path / "a.npy", array))


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_many_images_in_memory_are_not_copied(digits, dtype):
    array = (digits[0] / 255).astype(dtype) if dtype == np.float64 else digits[0]
    images = as_images(array)
    assert images.pixels.stored is array


def test_images_that_fit_are_floats_in_memory(tmp_path, digits):
    np.save(tmp_path / "a.npy", digits[0])
    assert type(load_images(tmp_path / "a.npy").pixels) is np.ndarray


def test_all_at_once_are_refused_where_they_do_not_fit(tmp_path, digits, little_memory):
    images = as_images(mapped(tmp_path / "a.npy", digits[0]))
    assert images.pixels[:2].shape == (2, 4, 5)
    with pytest.raises(NotEnoughMemoryError, match="all pixels of 12 images takes about 0 MiB"):
        np.asarray(images.pixels)


# ----------------------------------------------------------------------------- where a map lies


def test_a_part_of_a_map_is_found_in_its_file(tmp_path):
    array = np.arange(5000 * 20, dtype=np.uint8).reshape(5000, 20)
    whole = mapped(tmp_path / "a.npy", array)
    for part in (whole, whole[1:], whole[4321:4400], whole.reshape(-1, 5, 4)[700:]):
        file, offset = file_region(part)
        assert Path(file).read_bytes()[offset : offset + part.nbytes] == part.tobytes()


def test_what_is_not_as_in_a_file_lies_in_none(tmp_path):
    whole = mapped(tmp_path / "a.npy", np.zeros((10, 20), np.uint8))
    private = np.load(tmp_path / "a.npy", mmap_mode="c")
    for array in (np.array(whole), whole[::2], whole[:, 1:], whole[[1, 2]], private):
        assert file_region(array) is None


# ----------------------------------------------------------------------------------- readers


@pytest.mark.usefixtures("everything_is_large")
def test_large_files_are_mapped(tmp_path, digits, idx_bytes, write_parts):
    pixels, labels = digits
    np.save(tmp_path / "a.npy", pixels)
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx_bytes(pixels))
    write_parts(tmp_path / "parts", pixels[:8], pixels[8:], labels[:8], labels[8:])
    for source in ("a.npy", "a-images-idx3-ubyte", "parts"):
        check_same(load_images(tmp_path / source), ImageSet(pixels / np.float32(255)))
    assert load_images(tmp_path / "parts").n_train == 8
    for length in (-1, 1):
        data = idx_bytes(pixels)
        (tmp_path / "b-idx3-ubyte").write_bytes(data[:-1] if length < 0 else data + b"0")
        with pytest.raises(DataError, match=rf"holds {240 + length} bytes after its header"):
            load_images(tmp_path / "b-idx3-ubyte")


def test_what_must_be_read_as_a_whole_is_refused_with_figures(
    tmp_path, digits, idx_bytes, little_memory
):
    (tmp_path / "a-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(digits[0])))
    np.savez(tmp_path / "a.npz", images=digits[0])
    (tmp_path / "a.csv").write_text("a,b,c,d\n" + "1,2,3,4\n" * 500)
    for name, said in {"a-idx3-ubyte.gz": "12", "a.npz": "12", "a.csv": "501"}.items():
        message = rf"{re.escape(name)}: to read {said} images takes .* and 0 MiB can be had; "
        with pytest.raises(NotEnoughMemoryError, match=message):
            load_images(tmp_path / name)


# ----------------------------------------------------------------------------------- pictures


@pytest.fixture
def folder(tmp_path, digits):
    for i, picture in enumerate(digits[0]):
        path = tmp_path / "drawn" / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return tmp_path / "drawn"


def test_a_large_folder_is_packed_once(folder, alone, monkeypatch, tmp_path):
    here = load_images(folder)
    monkeypatch.setattr(stored, "LARGE", 1)
    read = []
    reader = pictures._read_picture
    monkeypatch.setattr(pictures, "_read_picture", lambda p: read.append(p.name) or reader(p))
    first = load_images(folder)
    again = load_images(folder)
    assert len(read) == 1 + 12 + 1
    for images in (first, again):
        check_same(images, here)
        assert images.sources == here.sources
        np.testing.assert_array_equal(images.labels, here.labels)
        assert images.pixels.stored.dtype == np.uint8
    packed = tmp_path / "caches" / "xenoglyph" / pictures.PACKED
    assert len(list(packed.glob("*.npy"))) == 1
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(folder / "b" / "11.png")
    assert (load_images(folder).pixels[-1] == 0).all()


def test_what_cannot_be_packed_leaves_nothing(folder, alone, everything_is_large, tmp_path):
    Image.fromarray(np.zeros((4, 5), np.uint16)).save(folder / "b" / "11.png")
    with pytest.raises(DataError, match="8 and of 16 bits"):
        load_images(folder)
    assert list((tmp_path / "caches").rglob("*.npy")) == []


# --------------------------------------------------------------------------------------- Dask


def test_an_array_of_dask_is_computed_piece_by_piece(digits, monkeypatch):
    array = pytest.importorskip("dask.array")
    lazy = array.from_array(digits[0], chunks=(5, 2, 5))
    assert type(as_images(lazy).pixels) is np.ndarray
    monkeypatch.setattr(stored, "LARGE", 1)
    for kind in (lazy, (lazy / 255), lazy > 100):
        images = as_images(kind)
        monkeypatch.setattr(stored, "LARGE", 1 << 30)
        check_same(images, as_images(kind.compute()))
        monkeypatch.setattr(stored, "LARGE", 1)
        file, _ = file_region(images.pixels.stored)
        del images
        assert not Path(file).exists()
    with pytest.raises(DataError, match=r"unknown shape .*compute_chunk_sizes"):
        as_images(lazy[lazy[:, 0, 0] > 3])


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_of_an_array_of_dask_that_fails_nothing_is_left(digits, monkeypatch, tmp_path):
    array = pytest.importorskip("dask.array")
    monkeypatch.setattr(stored, "LARGE", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fail(block, block_info):
        if block_info[None]["chunk-location"][0] == 1:
            assert list(tmp_path.iterdir())
            raise ArithmeticError("of the user")
        return block

    lazy = array.from_array(digits[0], chunks=(5, -1, -1)).map_blocks(fail, dtype=np.uint8)
    with pytest.raises(ArithmeticError, match="of the user") as caught:
        as_images(lazy)
    assert not list(tmp_path.iterdir()), "left while the error is still looked at"
    del caught

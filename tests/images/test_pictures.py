import hashlib
import warnings

import numpy as np
import pytest
from PIL import Image

from xenoglyph.errors import DataError
from xenoglyph.images import load_images


def save(path, array, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(array))
    (image if mode is None else image.convert(mode)).save(path)
    return path


def noise(*shape, dtype=np.uint8):
    high = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, high, shape, dtype, endpoint=True)


def test_grey_pictures_in_the_order_of_their_names(tmp_path):
    X = noise(3, 4, 5)
    for name, picture in zip(["b.PNG", "c.png", "a.png"], X, strict=True):
        save(tmp_path / name, picture)
    (tmp_path / "notes.txt").write_text("passed over")
    (tmp_path / ".hidden.png").write_text("passed over")
    images = load_images(tmp_path)
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X[[2, 0, 1]])
    assert images.labels is None
    assert [source.name for source in images.sources] == ["a.png", "b.PNG", "c.png"]
    first = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert images.sources[0].sha256 == first


def test_colours_are_kept(tmp_path):
    X = noise(2, 4, 5, 3)
    for i, picture in enumerate(X):
        save(tmp_path / f"{i}.png", picture)
    np.testing.assert_array_equal(np.rint(load_images(tmp_path).pixels * 255), X)


def test_jpeg(tmp_path):
    save(tmp_path / "a.jpg", np.full((8, 8), 100, np.uint8))
    save(tmp_path / "b.JPEG", np.full((8, 8), 200, np.uint8))
    images = load_images(tmp_path)
    np.testing.assert_allclose(images.pixels.mean(axis=(1, 2)), [100 / 255, 200 / 255], atol=0.01)


def test_sub_folders_are_labels(tmp_path):
    X = noise(4, 3, 3)
    for name, picture in zip(["b/1.png", "a/2.png", "a/1.png", "10/9.png"], X, strict=True):
        save(tmp_path / name, picture)
    (tmp_path / "empty").mkdir()
    save(tmp_path / ".cache" / "1.png", X[0])
    images = load_images(tmp_path)
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X[[3, 2, 1, 0]])
    assert list(images.labels) == ["10", "a", "a", "b"]
    assert [source.name for source in images.sources] == [
        "10/9.png",
        "a/1.png",
        "a/2.png",
        "b/1.png",
    ]


def test_other_kinds_of_png(tmp_path):
    X = noise(4, 5)
    deep = noise(4, 5, dtype=np.uint16)
    save(tmp_path / "deep" / "1.png", deep)
    save(tmp_path / "palette" / "1.png", noise(4, 5, 3), "P")
    save(tmp_path / "ink" / "1.png", X > 99)
    save(tmp_path / "opaque" / "1.png", X, "RGBA")
    save(tmp_path / "opaque-grey" / "1.png", X, "LA")
    read = {path.name: load_images(path).pixels[0] for path in tmp_path.iterdir()}
    np.testing.assert_array_equal(np.rint(read["deep"] * 65535), deep)
    with Image.open(tmp_path / "palette" / "1.png") as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(np.rint(read["palette"] * 255), expected)
    np.testing.assert_array_equal(read["ink"], X > 99)
    np.testing.assert_array_equal(np.rint(read["opaque"] * 255), np.stack([X] * 3, axis=-1))
    np.testing.assert_array_equal(np.rint(read["opaque-grey"] * 255), X)


def test_the_camera_was_turned(tmp_path):
    X = noise(2, 6)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by a quarter to see it upright
    Image.fromarray(X).save(tmp_path / "1.png", exif=exif)
    np.testing.assert_array_equal(np.rint(load_images(tmp_path).pixels[0] * 255), np.rot90(X, -1))


def test_transparency_is_refused(tmp_path):
    X = np.full((4, 5, 4), 255, np.uint8)
    X[2, 3, 3] = 254
    path = save(tmp_path / "glass.png", X)
    with pytest.raises(DataError, match="transparent") as error:
        load_images(tmp_path)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize("shape", [(4, 6), (5, 4), (4, 5, 3)])
def test_the_first_picture_of_another_size_is_named(tmp_path, shape):
    save(tmp_path / "1.png", noise(4, 5))
    save(tmp_path / "2.png", noise(4, 5))
    odd = save(tmp_path / "3.png", noise(*shape))
    save(tmp_path / "4.png", noise(9, 9))
    with pytest.raises(DataError) as error:
        load_images(tmp_path)
    message = str(error.value)
    assert message.startswith(str(odd))
    assert str(shape) in message
    assert "(4, 5)" in message
    assert "1.png" in message


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no PNG or JPEG pictures"):
        load_images(tmp_path)


def test_loose_pictures_beside_labelled_ones_are_refused(tmp_path):
    save(tmp_path / "1.png", noise(2, 2))
    save(tmp_path / "a" / "1.png", noise(2, 2))
    with pytest.raises(DataError, match=r"1\.png.* beside sub-folders .*\(a\)"):
        load_images(tmp_path)


def test_only_png_and_jpeg_are_opened(tmp_path):
    Image.fromarray(noise(4, 5)).save(tmp_path / "1.png", format="GIF")
    with pytest.raises(DataError, match="cannot be read"):
        load_images(tmp_path)


@pytest.mark.parametrize("name", ["1.png", "1.jpg"])
def test_damage_is_a_data_error_or_another_picture(tmp_path, name):
    path = save(tmp_path / name, noise(6, 6))
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for i in random.permutation(len(whole))[:100]:
        for damaged in (whole[:i], whole[:i] + random.bytes(2) + whole[i + 2 :]):
            path.write_bytes(damaged)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns of odd EXIF and huge sizes
                try:
                    load_images(tmp_path)
                except DataError as error:
                    assert str(path) in str(error)  # noqa: PT017


def test_an_empty_picture_is_refused(tmp_path):
    (tmp_path / "1.png").touch()
    with pytest.raises(DataError, match=r"1\.png: cannot be read"):
        load_images(tmp_path)

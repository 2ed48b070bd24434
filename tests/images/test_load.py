import subprocess
import sys
from pathlib import Path

import numpy as np
import pooch
import pytest
from sklearn.datasets import load_digits

from xenoglyph.errors import DataError
from xenoglyph.images import CATALOG, Entry, RemoteFile, load_images


@pytest.mark.usefixtures("alone")
def test_digits_are_bundled():
    images = load_images("digits")
    bundled = load_digits()
    np.testing.assert_array_equal(images.pixels * 16, bundled.images)
    np.testing.assert_array_equal(images.labels, bundled.target)
    assert (images.name, images.image_shape, images.n_train) == ("digits", (8, 8), None)


@pytest.mark.usefixtures("alone")
def test_a_given_image_shape_is_checked():
    assert load_images("digits", image_shape=(8, 8)).image_shape == (8, 8)
    with pytest.raises(DataError, match="image_shape"):
        load_images("digits", image_shape=(4, 16))


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "source", ["mnits", "no/such", "~nobody-at-all", Path("digits"), "x" * 999]
)
def test_an_unknown_name_lists_the_known_ones(source):
    with pytest.raises(DataError, match="neither a path that exists nor the name") as error:
        load_images(source)
    assert all(name in str(error.value) for name in CATALOG)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.png"])
def test_files_of_unknown_kinds_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"?")
    with pytest.raises(DataError, match="expected a folder of pictures, an IDX file") as error:
        load_images(tmp_path / name)
    assert str(error.value).startswith(str(tmp_path / name))


def test_own_copies_come_first_and_keep_the_name(tmp_path, monkeypatch, write_parts, digits):
    X, y = digits
    monkeypatch.setenv("XENOGLYPH_DATA", str(tmp_path))
    write_parts(tmp_path / "mnist", X[:9], X[9:], y[:9], y[9:])
    np.savez(tmp_path / "kmnist.npz", images=X, labels=y)
    np.save(tmp_path / "digits.npy", X)
    mnist, kmnist, own = map(load_images, ["mnist", "kmnist", "digits"])
    for images in (mnist, kmnist, own):
        np.testing.assert_array_equal(np.rint(images.pixels * 255), X)
    assert [images.name for images in (mnist, kmnist, own)] == ["mnist", "kmnist", "digits"]
    assert mnist.n_train == 9
    assert [source.name for source in kmnist.sources] == ["kmnist.npz"]


def test_a_damaged_own_copy_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("XENOGLYPH_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    with pytest.raises(DataError, match="mnist: holds no PNG"):
        load_images("mnist")


@pytest.mark.usefixtures("alone")
def test_offline_and_not_cached(monkeypatch, tmp_path):
    files = (RemoteFile("train-images-idx3-ubyte.gz", 1, "0" * 64),)
    entry = Entry("mnist", "", ("http://127.0.0.1:1/", "http://127.0.0.1:2/"), files)
    monkeypatch.setattr("xenoglyph.images.cache.CATALOG", {"mnist": entry})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(DataError) as error:
        load_images("mnist")
    cache = str(tmp_path / "caches" / "xenoglyph" / "mnist")
    for part in ("mnist", cache, "XENOGLYPH_DATA", "'digits'"):
        assert part in str(error.value)


@pytest.mark.usefixtures("alone")
def test_what_is_cached_needs_no_network(monkeypatch, tmp_path, write_parts, digits):
    X, y = digits
    folder = tmp_path / "caches" / "xenoglyph" / "mnist"
    write_parts(folder, X[:9], X[9:], y[:9], y[9:])
    files = tuple(
        RemoteFile(path.name, path.stat().st_size, pooch.file_hash(path))
        for path in sorted(folder.iterdir())
    )
    entry = Entry("mnist", "", ("http://127.0.0.1:1/",), files)
    monkeypatch.setattr("xenoglyph.images.cache.CATALOG", {"mnist": entry})
    images = load_images("mnist")
    np.testing.assert_array_equal(np.rint(images.pixels * 255), X)
    assert {(s.name, s.sha256) for s in images.sources} == {(f.name, f.sha256) for f in files}
    assert images.name == "mnist"


def test_real_mnist(real_data):
    if not any(real_data.glob("mnist*")):
        pytest.skip("XENOGLYPH_DATA holds no mnist")
    images = load_images("mnist")
    assert images.pixels.shape == (70_000, 28, 28)
    assert images.n_train == 60_000
    counts = np.bincount(images.labels[:60_000])
    # Table of the training digits, as its authors count them.
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert images.labels[60_000:60_005].tolist() == [7, 2, 1, 0, 4]
    assert images.pixels.mean() == pytest.approx(0.1309, abs=2e-4)
    assert {len(source.sha256) for source in images.sources} == {64}


PEAK = """
import sys
from xenoglyph.images import load_images
images = load_images(sys.argv[1])
assert images.pixels.shape == (70_000, 28, 28), images
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
def test_70_000_images_take_little_memory(tmp_path, write_parts):
    X = np.random.default_rng(0).integers(0, 256, (1_000, 28, 28), dtype=np.uint8)
    train, test = np.tile(X, (60, 1, 1)), np.tile(X, (10, 1, 1))
    write_parts(tmp_path, train, test, np.zeros(60_000), np.zeros(10_000))
    arguments = [sys.executable, "-c", PEAK, str(tmp_path)]
    peak = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    assert int(peak) * 1024 < 0.6e9

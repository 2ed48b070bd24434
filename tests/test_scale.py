"""Images that do not fit into memory: the same symbols, and no more memory than blocks take."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xenoglyph import NotEnoughMemoryError, SymbolDiscovery, load_images, memory, recognition
from xenoglyph.autoencoder import recogniser
from xenoglyph.images import stored


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recogniser, "EPOCHS", 60)
        yield


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    pixels = load_images("digits").pixels[:300]
    return np.rint(np.asarray(pixels) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def here(digits: np.ndarray) -> SymbolDiscovery:
    return discover(digits)


def discover(X: Any) -> SymbolDiscovery:
    return SymbolDiscovery(n_epochs=2, n_pieces=8, random_state=0).fit(X)


def check_same(model: SymbolDiscovery, other: SymbolDiscovery, folder: Path) -> None:
    """Two discoveries are the same to the last bit, as they are and as model files."""
    for name in ("labels_", "components_", "codes_", "confidence_", "scores_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(other, name), err_msg=name)
    files = [folder / "one.safetensors", folder / "other.safetensors"]
    for own, file in zip((model, other), files, strict=True):
        own.save(file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_one_other_pixel_is_noticed(
    digits: np.ndarray, here: SymbolDiscovery, tmp_path: Path
) -> None:
    other = digits.copy()
    other[0, 4, 4] ^= 1
    with pytest.raises(AssertionError):
        check_same(here, discover(other), tmp_path)


def test_arrays_maps_and_dask_give_the_same_bits(
    digits: np.ndarray, here: SymbolDiscovery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "digits.npy", digits)
    mapped = np.load(tmp_path / "digits.npy", mmap_mode="r")
    there = discover(mapped)
    check_same(here, there, tmp_path)
    there.report(tmp_path / "report.html")
    np.testing.assert_array_equal(there.predict_proba(mapped), here.predict_proba(digits))
    monkeypatch.setattr(stored, "LARGE", 1)
    check_same(here, discover(digits), tmp_path)
    array = pytest.importorskip("dask.array")
    check_same(here, discover(array.from_array(digits, chunks=(70, 8, 5))), tmp_path)


def test_a_sample_of_the_images_makes_the_graph_and_networks_label_the_rest(
    digits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "GRAPH_SIZE", 200)
    model = discover(digits)
    assert model.labels_.shape == (300,)
    np.testing.assert_array_equal(model.predict(digits), model.labels_)


def test_a_graph_that_does_not_fit_is_refused(
    digits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_limits", lambda: iter([200_000]))
    with pytest.raises(
        NotEnoughMemoryError, match=r"graph of 300 images of 8 x 8 takes about 2 M"
    ):
        discover(digits)


GROWTH = """
import resource, sys
import numpy as np
from xenoglyph import SymbolDiscovery, recognition
from xenoglyph.autoencoder import estimator, recogniser
from xenoglyph.symbols import neighbours

# What takes time and memory that do not grow with the number of images is made small.
recogniser.EPOCHS, recogniser.HIDDEN_SIZES, recognition.GRAPH_SIZE = 20, (16,), 300
estimator.HIDDEN_SIZES["dense"], neighbours.BLOCK_NUMBERS = (16,), 1 << 20
images = np.load(sys.argv[1], mmap_mode="r")


def discover(images):
    SymbolDiscovery(n_epochs=1, n_pieces=8, max_components=4, random_state=0).fit(images)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


few = discover(images[:10_000])
print(discover(images) - few)
assert not {"dask", "distributed"} & set(sys.modules)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts kibibytes on Linux")
def test_a_map_is_fitted_in_far_less_memory_than_it_takes(
    digits: np.ndarray, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    large = np.kron(digits, np.ones((1, 5, 5), np.uint8))
    with (tmp_path / "images.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (150_000, 40, 40)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(500):
            file.write(np.roll(large, random.integers(-4, 5, 2), axis=(1, 2)).tobytes())
    command = [sys.executable, "-c", GROWTH, str(tmp_path / "images.npy")]
    growth = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    size = (tmp_path / "images.npy").stat().st_size
    assert growth < size, f"{growth / 2**20:.0f} MiB for a map of {size / 2**20:.0f} MiB"

"""Files to read: made here, or the user's real ones where there are any."""

import os
import struct
from pathlib import Path

import numpy as np
import pooch
import pytest


@pytest.fixture(scope="session")
def idx_bytes():
    """Function from an array of bytes to the IDX file that holds it."""

    def encode(array):
        array = np.asarray(array, np.uint8)
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        return header + array.tobytes()

    return encode


@pytest.fixture
def write_parts(idx_bytes):
    """Function that writes the standard four IDX files into a folder."""

    def write(folder, train, test, train_labels, test_labels):
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            "train-images-idx3-ubyte": train,
            "train-labels-idx1-ubyte": train_labels,
            "t10k-images-idx3-ubyte": test,
            "t10k-labels-idx1-ubyte": test_labels,
        }
        for name, array in arrays.items():
            (folder / name).write_bytes(idx_bytes(array))

    return write


@pytest.fixture
def digits():
    """Twelve images of 4x5 random bytes, and labels."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (12, 4, 5), dtype=np.uint8), np.arange(12) % 3


@pytest.fixture
def real_data():
    """Folder of the user's own named sets."""
    folder = os.environ.get("XENOGLYPH_DATA")
    if not folder:
        pytest.skip("XENOGLYPH_DATA is not set: no real data here")
    return Path(folder)


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No data of the user's, and an empty cache in ``tmp_path / "caches"``."""
    monkeypatch.delenv("XENOGLYPH_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "caches" / project)

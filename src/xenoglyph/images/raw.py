"""What the readers of files share: their result, and errors that name the file."""

import csv
import hashlib
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xenoglyph.errors import DataError
from xenoglyph.images.image_set import SourceFile
from xenoglyph.images.packing import joined
from xenoglyph.images.stored import is_large
from xenoglyph.memory import check_memory

__all__ = [
    "LABEL_NAMES",
    "RawImages",
    "check_read",
    "check_unpacked",
    "named_errors",
    "source_file",
    "train_and_test",
]

LABEL_NAMES = ("labels", "label", "class", "target", "y")
"""What a column or an array that holds labels may be called, in any case of letters."""

# What the libraries below the readers raise on bytes that make no sense to them.
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    SyntaxError,
    csv.Error,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)

# Packed files may unfold to this many times their size; small ones to this many bytes.
PACKING_RATIO = 100
UNPACKED_BYTES = 1 << 26


@dataclass(frozen=True)
class RawImages:
    """Images as a file stores them.

    Parameters
    ----------
    pixels : ndarray, shape (n, h, w), (n, h, w, c) or (n, pixels)
        As stored: not yet brought to float32.
    labels : ndarray of int64 or str, shape (n,), optional
        What each image is said to show.
    sources : tuple of SourceFile
        The files that were read.
    n_train : int, optional
        How many leading images are the source's training part.
    image_shape : tuple of int, optional
        Size of one image, where `pixels` holds rows and the size could be told.
    """

    pixels: NDArray[Any]
    labels: NDArray[Any] | None
    sources: tuple[SourceFile, ...]
    n_train: int | None = None
    image_shape: tuple[int, ...] | None = None


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn what goes wrong inside into a DataError that begins with the file's name.

    Parameters
    ----------
    path : Path
        The file that is being read.

    Raises
    ------
    DataError
        In place of the DataError, or of the error of reading, that was raised inside.
    """
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise DataError(f"{path}: cannot be read: {reason}") from error


def source_file(path: Path) -> SourceFile:
    """Name and SHA-256 of a file.

    Parameters
    ----------
    path : Path
        The file.
    """
    with path.open("rb") as file:
        return SourceFile(path.name, hashlib.file_digest(file, "sha256").hexdigest())


def check_unpacked(n_bytes: int, path: Path) -> None:
    """Refuse a packed file that claims to hold far more than its size allows.

    Parameters
    ----------
    n_bytes : int
        What the file claims to hold.
    path : Path
        The file.

    Raises
    ------
    DataError
        If that is more than 64 MiB and more than 100 times the size of the file.
    """
    limit = max(UNPACKED_BYTES, PACKING_RATIO * path.stat().st_size)
    if n_bytes > limit:
        raise DataError(
            f"claims to hold {n_bytes:,} bytes, more than the {limit:,} that a file of its size "
            "is trusted with; unpack it first if that is right"
        )


def check_read(shape: tuple[int, ...], itemsize: int, path: Path, instead: str) -> None:
    """Refuse to read into memory what would not fit: as it is stored, and then as float32.

    Parameters
    ----------
    shape : tuple of int
    itemsize : int
        Bytes of a stored pixel.
    path : Path
        The file.
    instead : str
        What to do; ends the message.

    Raises
    ------
    NotEnoughMemoryError
        If it does not fit.
    """
    each = itemsize if is_large(shape) else itemsize + 4
    check_memory(each * math.prod(shape), f"{path}: to read {shape[0]:,} images", instead)


def train_and_test(train: RawImages, test: RawImages) -> RawImages:
    """Put the two parts of a source into one set, the training part first.

    Parameters
    ----------
    train, test : RawImages
        The parts; both have labels or neither has.

    Returns
    -------
    RawImages

    Raises
    ------
    DataError
        If the parts differ in image size or in having labels.
    """
    if train.pixels.shape[1:] != test.pixels.shape[1:]:
        raise DataError(
            f"the training images have size {train.pixels.shape[1:]}, "
            f"the test images {test.pixels.shape[1:]}"
        )
    labels = None
    if train.labels is not None and test.labels is not None:
        labels = np.concatenate([train.labels, test.labels])
    elif train.labels is not test.labels:
        raise DataError("only one of the training and test parts has labels")
    return RawImages(
        joined([train.pixels, test.pixels]),
        labels,
        train.sources + test.sources,
        n_train=len(train.pixels),
    )

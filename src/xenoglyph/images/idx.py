"""IDX files, gzipped or not: the format in which MNIST and its relatives are published.

Two zero bytes, the type of the numbers (8: unsigned bytes), the number of dimensions, each
dimension as a big-endian 32-bit integer, then the numbers in C order.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998.
"""

import gzip
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError
from xenoglyph.images.conversion import as_labels
from xenoglyph.images.raw import (
    RawImages,
    check_read,
    check_unpacked,
    named_errors,
    source_file,
    train_and_test,
)
from xenoglyph.images.stored import is_large

__all__ = ["find_idx", "is_idx_name", "read_idx", "read_idx_folder"]

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 8
BLOCK = 1 << 20


def is_idx_name(name: str) -> bool:
    """Whether a file of this name is taken for an IDX file.

    Parameters
    ----------
    name : str
        Such as ``train-images-idx3-ubyte.gz``.
    """
    return "ubyte" in name or "idx" in name or name.endswith(".gz")


def find_idx(folder: Path, part: str) -> Path | None:
    """Images of one part of a set in the standard four files, plain before gzipped.

    Parameters
    ----------
    folder : Path
        Where to look.
    part : {"train", "t10k"}
        Which part.
    """
    return _first_file(
        folder / f"{part}-images{separator}idx3-ubyte{suffix}"
        for separator in "-."
        for suffix in ("", ".gz")
    )


def read_idx_folder(folder: Path) -> RawImages:
    """Read the standard four files: training images before test images, labels beside both.

    Parameters
    ----------
    folder : Path
        Holds ``train-images-idx3-ubyte`` and ``t10k-images-idx3-ubyte``, gzipped or not.

    Returns
    -------
    RawImages

    Raises
    ------
    DataError
        If a part is missing, a file is damaged, or the parts do not fit together.
    """
    train, test = find_idx(folder, "train"), find_idx(folder, "t10k")
    if train is None or test is None:
        missing = "train" if train is None else "t10k"
        raise DataError(
            f"{folder}: {missing}-images-idx3-ubyte[.gz] is missing; "
            "name one file to read only that one"
        )
    parts = read_idx(train), read_idx(test)
    with named_errors(folder):
        return train_and_test(*parts)


def read_idx(path: Path) -> RawImages:
    """Read a file of images, and the labels beside it where they have the standard name.

    Parameters
    ----------
    path : Path
        Three dimensions of unsigned bytes. The labels of ``*-images-idx3-ubyte[.gz]`` are
        looked for in ``*-labels-idx1-ubyte[.gz]``.

    Returns
    -------
    RawImages
        Pixels uint8, shape (n, h, w); mapped where they are large and the file is not gzipped.

    Raises
    ------
    DataError
        If a file is damaged, holds something else, or the labels are not as many.
    """
    pixels = _read_array(path, n_dimensions=3)
    beside = _labels_beside(path)
    if beside is None:
        return RawImages(pixels, None, (source_file(path),))
    labels = _read_array(beside, n_dimensions=1)
    if len(labels) != len(pixels):
        raise DataError(f"{beside}: {len(labels)} labels for {len(pixels)} images in {path.name}")
    return RawImages(pixels, as_labels(labels), (source_file(path), source_file(beside)))


def _labels_beside(path: Path) -> Path | None:
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    plain = name.removesuffix(".gz")
    if plain == path.name.removesuffix(".gz"):
        return None
    return _first_file(path.with_name(candidate) for candidate in (name, plain, f"{plain}.gz"))


def _first_file(candidates: Iterator[Path]) -> Path | None:
    return next((path for path in candidates if path.is_file()), None)


def _read_array(path: Path, n_dimensions: int) -> NDArray[np.uint8]:
    with named_errors(path), _unpacked(path) as stream:
        shape = _read_shape(stream, n_dimensions)
        n_bytes = math.prod(shape)
        check_unpacked(n_bytes, path)
        if is_large(shape) and not _is_packed(path):
            return _mapped(path, shape, stream.tell())
        check_read(shape, 1, path, "unpack it: a plain file is read from the disk as it is needed")
        return np.frombuffer(_read_exactly(stream, n_bytes), np.uint8).reshape(shape)


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        if _is_packed(path):
            with gzip.open(file) as stream:
                yield stream  # type: ignore[misc]
        else:
            yield file


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def _read_shape(stream: IO[bytes], n_dimensions: int) -> tuple[int, ...]:
    expected = struct.pack(">HBB", 0, UNSIGNED_BYTE, n_dimensions)
    magic = stream.read(4)
    if magic != expected:
        raise DataError(
            f"an IDX file of unsigned bytes in {n_dimensions} dimension(s) begins with "
            f"{expected.hex(' ')}; this one with {magic.hex(' ') or 'nothing: it is empty'}"
        )
    sizes = stream.read(4 * n_dimensions)
    if len(sizes) < 4 * n_dimensions:
        raise DataError("is cut short inside its header")
    shape = struct.unpack(f">{n_dimensions}I", sizes)
    if 0 in shape:
        raise DataError(f"declares the empty shape {shape}")
    return shape


def _mapped(path: Path, shape: tuple[int, ...], begin: int) -> NDArray[np.uint8]:
    """Map the bytes that follow the header."""
    came, declared = path.stat().st_size - begin, math.prod(shape)
    if came != declared:
        raise DataError(f"holds {came:,} bytes after its header, which declares {declared:,}")
    return np.memmap(path, np.uint8, "r", begin, shape)


def _read_exactly(stream: IO[bytes], n_bytes: int) -> bytearray:
    """All that is left of a stream; memory grows with what comes, not with what was declared."""
    body = bytearray()
    while block := stream.read(BLOCK):
        body += block
        if len(body) > n_bytes:
            raise DataError(f"goes on after the {n_bytes:,} bytes that its header declares")
    if len(body) < n_bytes:
        raise DataError(f"is cut short: {len(body):,} of the {n_bytes:,} bytes declared")
    return body

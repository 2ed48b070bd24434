"""NumPy's files: one array (.npy) or several (.npz). Pickled objects are never loaded."""

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from xenoglyph.errors import DataError
from xenoglyph.images.conversion import as_labels
from xenoglyph.images.packing import map_npy
from xenoglyph.images.raw import (
    LABEL_NAMES,
    RawImages,
    check_read,
    check_unpacked,
    named_errors,
    source_file,
    train_and_test,
)
from xenoglyph.images.stored import is_large

__all__ = ["read_npy", "read_npz"]

IMAGE_NAMES = ("images", "x")
UNPACKED = "unpack it: an .npy file of its own is read from the disk as it is needed"
READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path: Path) -> RawImages:
    """Read the one array of an .npy file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    RawImages
        Without labels; mapped where they are large.

    Raises
    ------
    DataError
        If the file is damaged, cut short, longer than its header declares, or a pickle.
    """
    with named_errors(path), path.open("rb") as file:
        size = path.stat().st_size
        is_mapped = is_large(_check_header(file, size)[0])
        pixels = map_npy(path) if is_mapped else _read_array(file, size)
    return RawImages(pixels, None, (source_file(path),))


def read_npz(path: Path) -> RawImages:
    """Read the images, and the labels if there are any, of an .npz file.

    Parameters
    ----------
    path : Path
        Holds ``x_train`` and maybe ``y_train``, ``x_test``, ``y_test``; or one array that is
        called ``images`` or ``X``, or is the only one of two or more dimensions, and maybe one
        that is called ``labels``, ``label``, ``class``, ``target`` or ``y``.

    Returns
    -------
    RawImages
        With ``n_train`` where the file holds a training and a test part.

    Raises
    ------
    DataError
        If it cannot be told which array holds the images, or the file is damaged or a pickle.
    """
    with named_errors(path), zipfile.ZipFile(path) as file:
        archive = _Archive(file)
        check_unpacked(sum(info.file_size for info in file.infolist()), path)
        parts = [_read_part(archive, *keys) for keys in _choose(archive.shapes())]
        raw = parts[0] if len(parts) == 1 else train_and_test(*parts)
        return replace(raw, sources=(source_file(path),))


@dataclass(frozen=True)
class _Archive:
    """The arrays of an .npz file, each read when it is asked for."""

    file: zipfile.ZipFile

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every array, from its header alone."""
        shapes = {}
        for info in self.file.infolist():
            with self.file.open(info) as stream:
                shapes[info.filename.removesuffix(".npy")] = _read_header(stream)[0]
        return shapes

    def read(self, key: str) -> NDArray[Any]:
        """Read one array."""
        info = self.file.getinfo(f"{key}.npy")
        with self.file.open(info) as stream:
            shape, dtype = _check_header(stream, info.file_size)
            check_read(shape, dtype.itemsize, Path(str(self.file.filename)), UNPACKED)
            return _read_array(stream, info.file_size)


def _read_part(archive: _Archive, images: str, labels: str | None) -> RawImages:
    pixels = archive.read(images)
    if labels is None:
        return RawImages(pixels, None, ())
    known = as_labels(archive.read(labels))
    if len(known) != len(pixels):
        raise DataError(f"{labels} holds {len(known)} labels for {len(pixels)} {images}")
    return RawImages(pixels, known, ())


def _choose(shapes: Mapping[str, tuple[int, ...]]) -> list[tuple[str, str | None]]:
    """Key of the images and, where there is one, of the labels, for each part of the source."""
    keys = {key.lower(): key for key in shapes}
    parts = [part for part in ("train", "test") if f"x_{part}" in keys]
    if parts:
        return [(keys[f"x_{part}"], keys.get(f"y_{part}")) for part in parts]
    labels = [keys[name] for name in LABEL_NAMES if name in keys]
    images = [keys[name] for name in IMAGE_NAMES if name in keys]
    if not images:
        images = [key for key in shapes if key not in labels and len(shapes[key]) >= 2]
    if len(images) != 1 or len(labels) > 1:
        held = ", ".join(f"{key} {shape}" for key, shape in shapes.items())[:150]
        raise DataError(
            f"cannot tell which array holds the images and which the labels: {held or 'none'}; "
            "call them 'images' and 'labels'"
        )
    return [(images[0], labels[0] if labels else None)]


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version not in READ_HEADER:
        raise DataError(f"arrays of numbers have format version 1.0 or 2.0; came {version}")
    try:
        shape, _, dtype = READ_HEADER[version](stream)
    except Exception as error:  # numpy parses the header as Python: damage can raise anything
        raise DataError("an array's header is damaged") from error
    return shape, dtype


def _read_array(stream: IO[bytes], size: int) -> NDArray[Any]:
    """Read an array from a stream of `size` bytes, once its header has proved true."""
    _check_header(stream, size)
    return np.lib.format.read_array(stream, allow_pickle=False)


def _check_header(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the header of an array; the stream is then at its beginning."""
    shape, dtype = _read_header(stream)
    if dtype.hasobject:
        raise DataError("holds pickled objects, which are never loaded; save plain numbers")
    declared = stream.tell() + math.prod(shape) * dtype.itemsize
    if declared != size:
        raise DataError(f"an array {shape} of {dtype} takes {declared:,} bytes; came {size:,}")
    stream.seek(0)
    return shape, dtype

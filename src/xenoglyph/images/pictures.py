"""A folder of PNG and JPEG pictures, or a folder of such folders, each named like a label."""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from xenoglyph.errors import DataError
from xenoglyph.images.image_set import SourceFile
from xenoglyph.images.packing import cache_folder, map_npy, write_npy
from xenoglyph.images.raw import RawImages, check_read, named_errors
from xenoglyph.images.stored import as_float, is_large
from xenoglyph.progress import Progress, quiet
from xenoglyph.storage import atomic_write

__all__ = ["PACKED", "read_pictures"]

Pixels = NDArray[np.uint8] | NDArray[np.float32]

SUFFIXES = (".png", ".jpg", ".jpeg")
PACKED = "pictures"
"""Folder inside the cache in which large folders of pictures are kept as one file each."""


def read_pictures(folder: Path, progress: Progress = quiet) -> RawImages:
    """Read the pictures of a folder in the order of their names.

    Parameters
    ----------
    folder : Path
        Holds pictures, or sub-folders of pictures: then each sub-folder's name is the label of
        its pictures. Names that begin with a dot, and other files, are passed over.
    progress : Progress
        Told the pictures that were read under the stage ``"pictures"``.

    Returns
    -------
    RawImages
        Pixels float32 in [0, 1]: shape (n, h, w) where the pictures are grey, (n, h, w, 3)
        where they are coloured; one source for each picture. Where they are large, they are
        packed once into a file in the cache, as long as no picture changes, and that is mapped.

    Raises
    ------
    DataError
        If there is no picture, or one is damaged, partly transparent, or of another size than
        the first.
    StorageError
        If the packed file does not fit on the disk.
    """
    with named_errors(folder):
        paths, labels = _listed(folder)
    first = _read_picture(paths[0])[0]
    shape = (len(paths), *first.shape)
    sources: list[SourceFile] = []
    pictures = _pictures_of(folder, paths, first, sources, progress)
    if is_large(shape):
        pixels = _packed(_key(folder, paths), shape, first.dtype, pictures, sources)
        return RawImages(pixels, labels, tuple(sources))
    check_read(shape, 0, folder, "bring the pictures to a smaller size")
    pixels = np.empty(shape, np.float32)
    for i, picture in enumerate(pictures):
        pixels[i] = as_float(picture)
    return RawImages(pixels, labels, tuple(sources))


def _pictures_of(
    folder: Path, paths: list[Path], first: Pixels, sources: list[SourceFile], progress: Progress
) -> Iterator[Pixels]:
    """Read one picture after the other, and note where each came from."""
    for i, path in enumerate(paths):
        picture, sha256 = _read_picture(path)
        if picture.shape != first.shape:
            raise DataError(
                f"{path}: its size (height, width[, colours]) is {picture.shape}, "
                f"that of {paths[0].name} {first.shape}; bring all pictures to one size"
            )
        progress("pictures", i + 1, len(paths), "")
        sources.append(SourceFile(path.relative_to(folder).as_posix(), sha256))
        yield picture


def _packed(
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    pictures: Iterator[Pixels],
    sources: list[SourceFile],
) -> NDArray[Any]:
    """Map the file into which pictures were packed; pack them if they are not yet."""
    packed = cache_folder() / PACKED / f"{name}.npy"
    known = packed.with_suffix(".json")
    if not (packed.exists() and known.exists()):
        packed.parent.mkdir(parents=True, exist_ok=True)
        write_npy(packed, shape, dtype, (_in_type(picture, dtype) for picture in pictures))
        told = [[source.name, source.sha256] for source in sources]
        atomic_write(known, json.dumps(told).encode("utf-8"))
    else:
        told = json.loads(known.read_text(encoding="utf-8"))
        sources += [SourceFile(name, sha256) for name, sha256 in told]
    return map_npy(packed)


def _in_type(picture: Pixels, dtype: np.dtype[Any]) -> Pixels:
    if picture.dtype != dtype:
        raise DataError(
            "pictures of 8 and of 16 bits to a pixel lie side by side; bring all to one of them"
        )
    return picture


def _key(folder: Path, paths: list[Path]) -> str:
    """Name what pictures are packed into: another, when a file is another or has changed."""
    digest = hashlib.sha256(str(folder.resolve()).encode())
    for path in paths:
        told = path.stat()
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name} {told.st_size} {told.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _listed(folder: Path) -> tuple[list[Path], NDArray[np.str_] | None]:
    """Pictures of a folder and, where they lie in sub-folders, their labels."""
    loose = _pictures(folder)
    sorted_out = [path for sub in _visible(folder) if sub.is_dir() for path in _pictures(sub)]
    if loose and sorted_out:
        raise DataError(
            f"holds pictures ({loose[0].name}) beside sub-folders of pictures "
            f"({sorted_out[0].parent.name}); keep one of the two"
        )
    if not loose and not sorted_out:
        raise DataError("holds no PNG or JPEG pictures, and no IDX files of the standard names")
    if loose:
        return loose, None
    return sorted_out, np.array([path.parent.name for path in sorted_out])


def _pictures(folder: Path) -> list[Path]:
    return [p for p in _visible(folder) if p.suffix.lower() in SUFFIXES and p.is_file()]


def _visible(folder: Path) -> list[Path]:
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(visible, key=lambda path: path.name)


def _read_picture(path: Path) -> tuple[Pixels, str]:
    with named_errors(path):
        data = path.read_bytes()
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            return _brightness(ImageOps.exif_transpose(image)), hashlib.sha256(data).hexdigest()


def _brightness(image: Image.Image) -> Pixels:
    """Pixels as uint8, or of 16 bits as float32 in [0, 1]."""
    opacity = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if opacity is not None and opacity.getextrema() != (255, 255):
        raise DataError("is partly transparent; flatten it onto a background")
    if image.mode.startswith("I"):
        return np.asarray(image, np.float32) / np.float32(65535)
    grey = image.mode in ("1", "L", "LA")
    return np.asarray(image.convert("L" if grey else "RGB"), np.uint8)

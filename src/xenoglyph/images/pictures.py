"""A folder of PNG and JPEG pictures, or a folder of such folders, each named like a label."""

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from xenoglyph.errors import DataError
from xenoglyph.images.image_set import SourceFile
from xenoglyph.images.raw import RawImages, named_errors
from xenoglyph.progress import Progress, quiet

__all__ = ["read_pictures"]

SUFFIXES = (".png", ".jpg", ".jpeg")


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
        where they are coloured; one source for each picture.

    Raises
    ------
    DataError
        If there is no picture, or one is damaged, partly transparent, or of another size than
        the first.
    """
    with named_errors(folder):
        paths, labels = _listed(folder)
    first = _read_picture(paths[0])[0]
    pixels = np.empty((len(paths), *first.shape), np.float32)
    sources = []
    for i, path in enumerate(paths):
        picture, sha256 = _read_picture(path)
        if picture.shape != first.shape:
            raise DataError(
                f"{path}: its size (height, width[, colours]) is {picture.shape}, "
                f"that of {paths[0].name} {first.shape}; bring all pictures to one size"
            )
        pixels[i] = picture
        progress("pictures", i + 1, len(paths), "")
        sources.append(SourceFile(path.relative_to(folder).as_posix(), sha256))
    return RawImages(pixels, labels, tuple(sources))


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


def _read_picture(path: Path) -> tuple[NDArray[np.float32], str]:
    with named_errors(path):
        data = path.read_bytes()
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            return _brightness(ImageOps.exif_transpose(image)), hashlib.sha256(data).hexdigest()


def _brightness(image: Image.Image) -> NDArray[np.float32]:
    opacity = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if opacity is not None and opacity.getextrema() != (255, 255):
        raise DataError("is partly transparent; flatten it onto a background")
    if image.mode.startswith("I"):
        return np.asarray(image, np.float32) / np.float32(65535)
    grey = image.mode in ("1", "L", "LA")
    return np.asarray(image.convert("L" if grey else "RGB"), np.float32) / np.float32(255)

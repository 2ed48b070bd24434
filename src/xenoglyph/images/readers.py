"""The reader for what a path names: a folder, or a file of one of the known kinds."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from xenoglyph.errors import DataError
from xenoglyph.images.arrays import read_npy, read_npz
from xenoglyph.images.conversion import unit_pixels
from xenoglyph.images.idx import find_idx, is_idx_name, read_idx, read_idx_folder
from xenoglyph.images.image_set import ImageSet
from xenoglyph.images.pictures import read_pictures
from xenoglyph.images.raw import RawImages, named_errors
from xenoglyph.images.tables import read_csv, read_parquet
from xenoglyph.progress import Progress, quiet

__all__ = ["READERS", "read_images"]

READERS: Mapping[str, Callable[[Path], RawImages]] = MappingProxyType(
    {".npz": read_npz, ".npy": read_npy, ".parquet": read_parquet, ".csv": read_csv}
)
"""Suffix of a file, in small letters, to the function that reads it."""


def read_images(
    path: Path,
    *,
    image_shape: Sequence[int] | None = None,
    name: str | None = None,
    progress: Progress = quiet,
) -> ImageSet:
    """Read images from a folder or a file.

    Parameters
    ----------
    path : Path
        A folder of pictures, of sub-folders of pictures, or of the standard four IDX files; an
        IDX file of images, or a file with one of the suffixes in :data:`READERS`.
    image_shape : (h, w) or (h, w, c), optional
        Size of one image: needed where rows of pixels are not square, checked elsewhere.
    name : str, optional
        What reports call the set; the last part of the path by default.
    progress : Progress
        Told how many pictures of a folder were read.

    Returns
    -------
    ImageSet

    Raises
    ------
    DataError
        If the path is missing or unknown, or what it holds is empty or damaged; the message
        names the file and what is wrong.
    DependencyError
        If a library is needed that is not installed.
    """
    raw = _reader(path, progress)(path)
    with named_errors(path):
        pixels = unit_pixels(raw.pixels, image_shape or raw.image_shape)
        called = name or path.resolve().name
        return ImageSet(pixels, raw.labels, called, raw.n_train, raw.sources)


def _reader(path: Path, progress: Progress) -> Callable[[Path], RawImages]:
    if path.is_dir():
        is_idx = find_idx(path, "train") or find_idx(path, "t10k")
        return read_idx_folder if is_idx else partial(read_pictures, progress=progress)
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    reader = READERS.get(path.suffix.lower())
    if reader is None and is_idx_name(path.name):
        return read_idx
    if reader is None:
        raise DataError(
            f"{path}: expected a folder of pictures, an IDX file (such as "
            f"train-images-idx3-ubyte.gz), or a file that ends in {', '.join(READERS)}"
        )
    return reader

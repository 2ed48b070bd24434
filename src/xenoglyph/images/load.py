"""The front door: a name or a path becomes an ImageSet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from xenoglyph.catalog import CATALOG
from xenoglyph.errors import DataError
from xenoglyph.images.cache import download, own_copy
from xenoglyph.images.image_set import ImageSet, as_images
from xenoglyph.images.packing import cache_folder
from xenoglyph.images.readers import read_images
from xenoglyph.progress import Progress, quiet

__all__ = ["load_images"]


def load_images(
    source: str | Path,
    *,
    image_shape: Sequence[int] | None = None,
    progress: Progress = quiet,
) -> ImageSet:
    """Load images by name, or from a folder or file.

    Parameters
    ----------
    source : str or Path
        A name in :data:`CATALOG`: ``"digits"`` (bundled with scikit-learn), ``"mnist"``,
        ``"fashion-mnist"`` or ``"kmnist"``. Names are looked for in the folder that the
        environment variable XENOGLYPH_DATA names, then in the cache, then downloaded; files in
        XENOGLYPH_DATA are taken as they are, downloads must have the published SHA-256.

        Or a path: a folder of PNG or JPEG pictures of one size (or of sub-folders of them,
        named like their labels); the standard four IDX files or one IDX file of images, gzipped
        or not, with its labels beside it; .npy; .npz; CSV or Parquet with one image a row.
    image_shape : (h, w) or (h, w, c), optional
        Size of one image: needed where rows of pixels are not square, checked elsewhere.
    progress : Progress
        Told how far a download is, or the reading of a folder of pictures.

    Returns
    -------
    ImageSet

    Raises
    ------
    DataError
        If there is no such name or path, the source is empty or damaged, or a named set is not
        here and cannot be downloaded. The message says what came and what to do.
    DependencyError
        If Parquet is to be read and pyarrow is not installed.

    Examples
    --------
    >>> load_images("digits")
    ImageSet('digits', 1797 images of 8x8, labelled)
    """
    if isinstance(source, str) and source in CATALOG:
        return _load_named(source, image_shape, progress)
    path = _existing(source)
    if path is None:
        raise DataError(
            f"{str(source)[:150]!r} is neither a path that exists nor the name of a set "
            f"({', '.join(CATALOG)})"
        )
    return read_images(path, image_shape=image_shape, progress=progress)


def _existing(source: str | Path) -> Path | None:
    try:
        path = Path(source).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # too long a name, or the home of nobody
        return None


def _load_named(name: str, image_shape: Sequence[int] | None, progress: Progress) -> ImageSet:
    path = own_copy(name)
    if path is None and name == "digits":
        return as_images(_digits(), image_shape=image_shape)
    if path is None:
        download(name, progress)
        path = cache_folder() / name
    return read_images(path, image_shape=image_shape, name=name, progress=progress)


def _digits() -> ImageSet:
    digits = load_digits()
    pixels = (digits.images / 16).astype(np.float32)  # scikit-learn counts 0..16
    return ImageSet(pixels, digits.target.astype(np.int64), "digits")

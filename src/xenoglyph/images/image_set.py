"""The one type in which images travel, and the door through which arrays become it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xenoglyph.errors import DataError
from xenoglyph.images.conversion import as_labels, shaped, unit_pixels
from xenoglyph.images.stored import StoredPixels, check_unit, unit_range

__all__ = ["ImageSet", "SourceFile", "as_images"]

CHANNELS = (3, 4)


@dataclass(frozen=True)
class SourceFile:
    """A file that images were read from.

    Parameters
    ----------
    name : str
        Its name; for a picture, its path inside the folder that was read, with ``/``.
    sha256 : str
        SHA-256 of its bytes as stored, 64 hexadecimal digits.
    """

    name: str
    sha256: str


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images of one size, their labels where there are any, and where they came from.

    The arrays are read-only views: nothing is copied. Images that would take more than a gibibyte,
    and those of a memory map, stay where they are: ``pixels[:100]`` reads a hundred of them,
    ``np.asarray(pixels)`` all, if they fit into memory, and ``images[rows]`` reads none. Use
    :func:`as_images` for arrays of other types and :func:`~xenoglyph.images.load_images` for
    files.

    Parameters
    ----------
    pixels : ndarray of float32 or StoredPixels, shape (n, h, w) or (n, h, w, c)
        Brightness in [0, 1], in C order; ``c`` is 3 or 4.
    labels : ndarray of integers or strings, shape (n,), optional
        What each image is said to show.
    name : str
        What reports call the set.
    n_train : int, optional
        How many leading images the source calls its training part; None where it makes no split.
    sources : tuple of SourceFile
        The files that the images were read from; of a folder of pictures one for each image.

    Raises
    ------
    DataError
        If the arrays are of other types or shapes, empty, not finite or outside [0, 1].
    """

    pixels: NDArray[np.float32] | StoredPixels
    labels: NDArray[Any] | None = None
    name: str = "array"
    n_train: int | None = None
    sources: tuple[SourceFile, ...] = ()

    def __post_init__(self) -> None:
        _check_pixels(self.pixels)
        if isinstance(self.pixels, np.ndarray):
            object.__setattr__(self, "pixels", _read_only(self.pixels))
        if self.labels is not None:
            labels = np.asarray(self.labels)
            _check_labels(labels, len(self))
            object.__setattr__(self, "labels", _read_only(labels))
        if self.n_train is not None and not 1 <= self.n_train <= len(self):
            raise DataError(f"n_train must lie in 1..{len(self)}; came {self.n_train}")

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pixels)

    def __repr__(self) -> str:
        """Return name, number and size of the images; never their pixels."""
        size = "x".join(map(str, self.image_shape))
        labelled = "" if self.labels is None else ", labelled"
        return f"ImageSet({self.name!r}, {len(self)} images of {size}{labelled})"

    def __getitem__(self, rows: int | slice | ArrayLike) -> ImageSet:
        """Return some of the images as a set of their own, which makes no training split.

        Parameters
        ----------
        rows : int, slice, array of indices or boolean mask of shape (n,)
            An integer gives a set of one image.

        Raises
        ------
        DataError
            If no image is left.
        IndexError
            If an index lies outside the set.
        """
        if isinstance(rows, int | np.integer):
            first = range(len(self))[rows]
            rows = slice(first, first + 1)
        index = rows if isinstance(rows, slice) else np.asarray(rows)
        labels = None if self.labels is None else self.labels[index]
        pixels = self.pixels
        if isinstance(pixels, StoredPixels):
            pixels = pixels.subset(index)
        else:
            pixels = np.ascontiguousarray(pixels[index])
        return replace(self, pixels=pixels, labels=labels, n_train=None)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Size of one image: (h, w) or (h, w, c)."""
        return self.pixels.shape[1:]

    @property
    def flat(self) -> NDArray[np.float32]:
        """The images as rows: float32, shape (n, h * w * c), a read-only view if in memory."""
        return np.asarray(self.pixels).reshape(len(self), -1)


def as_images(
    X: ImageSet | ArrayLike,
    *,
    image_shape: Sequence[int] | None = None,
    labels: ArrayLike | None = None,
    name: str = "array",
) -> ImageSet:
    """Make an :class:`ImageSet` of an array.

    Parameters
    ----------
    X : ImageSet or array of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
        uint8 (divided by 255), bool, or floats in [0, 1]; ``c`` is 1 (dropped), 3 or 4. An
        ImageSet passes through; a memory map and an array of Dask may be larger than memory.
    image_shape : (h, w) or (h, w, c), optional
        Size of one image: needed where X holds rows of pixels, checked elsewhere.
    labels : array of integers or strings, shape (n,), optional
        What each image is said to show.
    name : str
        What reports call the set.

    Returns
    -------
    ImageSet
        C-ordered float32 arrays are taken as a view, others are copied: see `ImageSet` for
        those that are large. A large array of Dask is computed into a temporary file.

    Raises
    ------
    DataError
        If X is empty, of another type or shape, holds NaN, or leaves [0, 1].
    """
    if not isinstance(X, ImageSet):
        known = None if labels is None else as_labels(labels)
        return ImageSet(unit_pixels(X, image_shape), known, name)
    if image_shape is not None:
        shaped(X.pixels, image_shape)
    return X if labels is None else replace(X, labels=as_labels(labels))


def _check_pixels(pixels: Any) -> None:
    if not isinstance(pixels, np.ndarray | StoredPixels) or pixels.dtype != np.float32:
        kind = getattr(pixels, "dtype", type(pixels).__name__)
        raise DataError(f"pixels must be an array of float32; came {kind}: use as_images")
    if isinstance(pixels, np.ndarray) and not pixels.flags.c_contiguous:
        raise DataError("pixels must be in C order: use as_images")
    if pixels.ndim != 3 and not (pixels.ndim == 4 and pixels.shape[3] in CHANNELS):
        raise DataError(
            "images must have shape (n, h, w), or (n, h, w, c) with 1, 3 or 4 channels; "
            f"came {pixels.shape}"
        )
    if pixels.size == 0:
        raise DataError(f"no images: the array has shape {pixels.shape}")
    if isinstance(pixels, np.ndarray):  # others were looked at when they were made
        check_unit(*unit_range(iter([pixels])))


def _check_labels(labels: NDArray[Any], n_images: int) -> None:
    if labels.shape != (n_images,):
        raise DataError(f"{n_images} images need as many labels; came shape {labels.shape}")
    if labels.dtype.kind not in "iuU":
        raise DataError(f"labels must be integers or strings; came {labels.dtype}")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view

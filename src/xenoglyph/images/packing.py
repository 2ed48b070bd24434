"""Images that do not fit into memory and lie in no one file: packed into one, which is mapped."""

import math
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pooch
from numpy.typing import NDArray

from xenoglyph.errors import DataError
from xenoglyph.images.stored import is_large, read_some
from xenoglyph.storage import atomic_path

__all__ = ["cache_folder", "from_dask", "is_dask", "joined", "map_npy", "write_npy"]

Array = NDArray[Any]


def cache_folder() -> Path:
    """Folder that downloads are kept in: the platform's cache folder for xenoglyph."""
    return Path(pooch.os_cache("xenoglyph"))


def write_npy(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[Array]
) -> None:
    """Write an .npy file, some of its rows at a time.

    Not through a map: what the disk has no room for must be an error, and would be a crash.

    Raises
    ------
    StorageError
        Where the file does not fit on the disk.
    """
    header = {"shape": shape, "fortran_order": False, "descr": np.lib.format.dtype_to_descr(dtype)}
    size = math.prod(shape) * dtype.itemsize
    with atomic_path(path, size=size) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype).data)


def map_npy(path: Path) -> Array:
    """Map an .npy file, to be read only."""
    return np.lib.format.open_memmap(path, mode="r")


def joined(parts: Sequence[Array]) -> Array:
    """Put images one after the other: in memory, or mapped where they are large."""
    if len({part.dtype for part in parts}) > 1 or not is_large(
        (sum(map(len, parts)), *parts[0].shape[1:])
    ):
        return np.concatenate(parts)
    shape = (sum(map(len, parts)), *parts[0].shape[1:])
    return _scratch(shape, parts[0].dtype, (b for part in parts for b in _blocks(part)))


def is_dask(X: object) -> bool:
    """Tell whether X is an array of Dask, which need not be installed."""
    return hasattr(type(X), "__dask_graph__") and hasattr(X, "blocks")


def from_dask(X: Any) -> Array:
    """Compute an array of Dask: into memory, or where it is large, into a file that is mapped.

    Training takes images in another random order in every pass: only what can be read in any
    order, again and again, will do. The file lies where temporary files do (``TMPDIR``), and goes
    when the last that looks at it does.

    Raises
    ------
    DataError
        If it is not known how many images there are.
    StorageError
        Where the file does not fit on the disk.
    """
    if any(math.isnan(side) for side in X.shape):
        raise DataError(
            f"a Dask array of unknown shape {X.shape} came; call its compute_chunk_sizes() first"
        )
    if not is_large(X.shape):
        return np.asarray(X)
    kept = np.dtype(np.uint8 if X.dtype in (np.uint8, np.bool_) else np.float32)
    whole = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    parts = (np.asarray(whole.blocks[i]) for i in range(whole.numblocks[0]))
    return _scratch(X.shape, kept, (read_some(part, slice(None)) for part in parts))


def _scratch(shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[Array]) -> Array:
    """Write a file for as long as it is looked at, and map it."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="xenoglyph-"))
        path = Path(folder) / "images.npy"
        write_npy(path, shape, dtype, blocks)
        mapped = map_npy(path)
        weakref.finalize(mapped._mmap, stack.pop_all().close)  # type: ignore[attr-defined]
    return mapped


def _blocks(array: Array, size: int = 4096) -> Iterator[Array]:
    return (read_some(array, slice(i, i + size)) for i in range(0, len(array), size))

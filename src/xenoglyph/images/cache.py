"""Where this machine keeps named sets: the user's own copies, then the cache of downloads."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import pooch

from xenoglyph.catalog import CATALOG, Entry, RemoteFile
from xenoglyph.errors import DataError
from xenoglyph.images.packing import cache_folder
from xenoglyph.images.readers import READERS
from xenoglyph.progress import Progress, quiet

__all__ = ["DATA_VARIABLE", "cache_folder", "download", "fetch", "locate", "own_copy"]

DATA_VARIABLE = "XENOGLYPH_DATA"
"""Environment variable that names a folder of the user's own copies of named sets."""

CHUNK = 1 << 16
TIMEOUTS = (10.0, 60.0)  # seconds to connect, seconds between two blocks


def own_copy(name: str) -> Path | None:
    """Find the user's own copy of a named set.

    Parameters
    ----------
    name : str
        Such as ``"mnist"``.

    Returns
    -------
    Path or None
        ``$XENOGLYPH_DATA/mnist``, or the same with the suffix of a file that can be read.

    Raises
    ------
    DataError
        If XENOGLYPH_DATA is set, but names no folder.
    """
    variable = os.environ.get(DATA_VARIABLE)
    if not variable:
        return None
    folder = Path(variable).expanduser()
    if not folder.is_dir():
        raise DataError(f"{DATA_VARIABLE} must name a folder; came {variable!r}")
    candidates = (folder / f"{name}{suffix}" for suffix in ("", *READERS))
    return next((path for path in candidates if path.exists()), None)


def locate(name: str) -> str:
    """Say where a named set would come from if it were loaded now.

    Parameters
    ----------
    name : str
        A key of :data:`CATALOG`.

    Returns
    -------
    str
        For people to read: a folder, or the address and size of what would be downloaded.

    Raises
    ------
    DataError
        If there is no set of this name.
    """
    entry, own = _entry(name), own_copy(name)
    if own is not None:
        return f"{own} (your own, by {DATA_VARIABLE})"
    if not entry.files:
        return "bundled with scikit-learn"
    folder = cache_folder() / name
    if all((folder / file.name).exists() for file in entry.files):
        return f"{folder} (downloaded)"
    return f"{entry.mirrors[0]} ({entry.n_bytes / 1e6:.0f} MB to download)"


def download(name: str, progress: Progress = quiet) -> tuple[Path, ...]:
    """Bring a named set to the cache; what is there already is only checked.

    Parameters
    ----------
    name : str
        A key of :data:`CATALOG`.
    progress : Progress
        Told the bytes of all files together under the stage ``"download"``.

    Returns
    -------
    tuple of Path
        The files, their SHA-256 as published; none where the set comes with scikit-learn.

    Raises
    ------
    DataError
        If there is no set of this name, or no mirror delivers it.
    """
    return fetch(_entry(name), cache_folder() / name, progress)


def fetch(entry: Entry, folder: Path, progress: Progress = quiet) -> tuple[Path, ...]:
    """Bring the files of a set to a folder, from the first mirror that delivers all of them.

    Parameters
    ----------
    entry : Entry
        The set.
    folder : Path
        Where its files are kept. A file appears there whole and verified, or not at all.
    progress : Progress
        Told the bytes of all files together under the stage ``"download"``.

    Returns
    -------
    tuple of Path
        The files, their SHA-256 as the entry says.

    Raises
    ------
    DataError
        If no mirror delivers the files: it names the set, the folder and the ways out.
    """
    if not entry.files:
        return ()
    failures = []
    for mirror in entry.mirrors:
        try:
            with _silent_pooch():
                return tuple(
                    _fetch_file(mirror, file, folder, partial(_tell, progress, entry, file))
                    for file in entry.files
                )
        except (OSError, ValueError) as error:
            failures.append(f"{mirror}: {_in_short(error)}")
    raise DataError(
        f"{entry.name} is neither in the cache ({folder}) nor to be had from its mirrors "
        f"({'; '.join(failures)}). Connect to the network, or set {DATA_VARIABLE} to a folder "
        f"that holds a folder {entry.name}, or use 'digits', which is bundled"
    )


def _entry(name: str) -> Entry:
    if name not in CATALOG:
        raise DataError(f"there is no set called {name!r}; there are {', '.join(CATALOG)}")
    return CATALOG[name]


def _tell(progress: Progress, entry: Entry, file: RemoteFile, n_bytes: int) -> None:
    """Tell how much of a set is there, given how much of one of its files is."""
    before = sum(f.n_bytes for f in entry.files[: entry.files.index(file)])
    progress("download", before + n_bytes, entry.n_bytes, file.name)


def _fetch_file(mirror: str, file: RemoteFile, folder: Path, tell: Callable[[int], None]) -> Path:
    path = pooch.retrieve(
        mirror + file.name,
        known_hash=f"sha256:{file.sha256}",
        fname=file.name,
        path=folder,
        downloader=_Downloader(file, tell),
    )
    return Path(path)


@dataclass(frozen=True)
class _Downloader:
    """pooch's own download, counted: a file that grows past its published size is given up."""

    file: RemoteFile
    tell: Callable[[int], None]

    def __call__(self, url: str, path: str, manager: object) -> None:
        http = pooch.HTTPDownloader(chunk_size=CHUNK, timeout=TIMEOUTS)
        with Path(path).open("wb") as target:
            http(url, _Counted(target, self.file, self.tell), manager)


@dataclass
class _Counted:
    """A file open for writing, which tells how much it holds."""

    target: IO[bytes]
    file: RemoteFile
    tell: Callable[[int], None]
    done: int = 0

    def write(self, block: bytes) -> None:
        """Write a block, unless the file is complete without it."""
        self.done += len(block)
        if self.done > self.file.n_bytes:
            raise DataError(f"{self.file.name} goes on after {self.file.n_bytes:,} bytes")
        self.target.write(block)
        self.tell(self.done)

    def flush(self) -> None:
        """Leave it to the end; pooch asks after every block."""


@contextmanager
def _silent_pooch() -> Iterator[None]:
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"

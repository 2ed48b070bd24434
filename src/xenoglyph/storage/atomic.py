"""Files that exist whole or not at all, whatever happens to the process that writes them."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from uuid import uuid4

from xenoglyph.errors import StorageError

__all__ = ["atomic_path", "atomic_write", "is_leftover", "remove_leftovers"]

FULL = (EDQUOT, EFBIG, ENOSPC)
LEFTOVER = re.compile(r"\.[0-9a-f]{12}-.+")


@contextmanager
def atomic_path(
    path: str | os.PathLike[str], *, size: int | None = None, keep: Path | None = None
) -> Iterator[Path]:
    """Give a temporary path to write to, and put what was written in the place of `path`.

    The temporary file lies in the folder of `path` and ends in its name, so that it keeps the
    suffix that many writers look at. It is synchronised with the disk and renamed only after
    the block has ended well; where the block raises, it is removed and `path` is untouched. A
    process that is killed can leave the temporary file behind, never half of `path`;
    `remove_leftovers` removes it.

    Parameters
    ----------
    path : path-like
        The file to write or replace. Where it is a symbolic link, its target is replaced.
    size : int, optional
        Bytes that the block will write, where that is known: the error of a full disk tells.
    keep : pathlib.Path, optional
        Where the old file goes, in the same folder; what lay there before is lost. There is an
        instant in which `path` does not exist and `keep` does.

    Yields
    ------
    pathlib.Path
        A path that does not exist yet; the block writes it.

    Raises
    ------
    StorageError
        Where the file does not fit on the disk, whoever found out: `path` is as it was.
    OSError
        Where the file cannot be written for another reason; `path` is as it was.
    """
    target = Path(path).resolve()
    temporary = target.with_name(f".{uuid4().hex[:12]}-{target.name}")
    try:
        yield temporary
        _synchronise(temporary)
        if keep is not None and target.exists():
            target.replace(keep)
        temporary.replace(target)
    except BaseException as error:
        written = temporary.stat().st_size if temporary.exists() else 0
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise _does_not_fit(target, error, size, written) from error
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened, and need not be
        _synchronise(target.parent)


def atomic_write(path: str | os.PathLike[str], data: bytes, *, keep: Path | None = None) -> None:
    """Write `data` to `path` so that the file is the old one or the new one, never between.

    Parameters
    ----------
    path : path-like
        The file to write or replace.
    data : bytes
        All that it shall hold.
    keep : pathlib.Path, optional
        Where the old file goes, as in `atomic_path`.

    Raises
    ------
    StorageError
        Where the file does not fit on the disk; `path` is as it was.
    OSError
        Where the file cannot be written for another reason; `path` is as it was.
    """
    with atomic_path(path, size=len(data), keep=keep) as temporary:
        temporary.write_bytes(data)


def is_leftover(name: str) -> bool:
    """Tell whether a file of this name is the temporary one of a writer, stopped or at work."""
    return LEFTOVER.fullmatch(name) is not None


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed writers left in a folder.

    Parameters
    ----------
    folder : path-like
        An existing folder in which nobody else writes at the time.
    """
    for path in Path(folder).iterdir():
        if is_leftover(path.name):
            path.unlink(missing_ok=True)


def _does_not_fit(path: Path, error: OSError, size: int | None, written: int) -> StorageError:
    """Name the file, the reason and the bytes that the file needs."""
    needed = f"more than {written:,}" if size is None else f"{size:,}"
    full = StorageError(
        f"{path} cannot be written: {error.strerror}. It needs {needed} bytes; what was there "
        "before is untouched. Make room, or name another folder."
    )
    full.errno = error.errno
    return full


def _synchronise(path: Path) -> None:
    """Wait until the disk holds what was written."""
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

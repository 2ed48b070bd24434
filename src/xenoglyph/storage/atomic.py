"""Files that exist whole or not at all, whatever happens to the process that writes them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

__all__ = ["atomic_path", "atomic_write"]


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, and put what was written in the place of `path`.

    The temporary file lies in the folder of `path` and ends in its name, so that it keeps the
    suffix that many writers look at. It is synchronised with the disk and renamed only after
    the block has ended well; where the block raises, it is removed and `path` is untouched. A
    process that is killed can leave the temporary file behind, never half of `path`.

    Parameters
    ----------
    path : path-like
        The file to write or replace. Where it is a symbolic link, its target is replaced.

    Yields
    ------
    pathlib.Path
        A path that does not exist yet; the block writes it.

    Raises
    ------
    OSError
        Where the file cannot be written; `path` is as it was.
    """
    target = Path(path).resolve()
    temporary = target.with_name(f".{uuid4().hex[:12]}-{target.name}")
    try:
        yield temporary
        _synchronise(temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened, and need not be
        _synchronise(target.parent)


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` so that the file is the old one or the new one, never between.

    Parameters
    ----------
    path : path-like
        The file to write or replace.
    data : bytes
        All that it shall hold.

    Raises
    ------
    OSError
        Where the file cannot be written; `path` is as it was.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _synchronise(path: Path) -> None:
    """Wait until the disk holds what was written."""
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""One run in a folder at a time, by a lock of the operating system: it dies with its process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from xenoglyph.errors import RunInUseError
from xenoglyph.names import LOCK

__all__ = ["run_lock"]


@contextmanager
def run_lock(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Keep every other process out of a folder.

    The lock file, with the number of a process in it, says nothing by itself: the system knows
    whether a living process holds it. It is removed at the end; a killed process leaves it
    behind, free.

    Parameters
    ----------
    folder : path-like
        Made where it does not exist.

    Raises
    ------
    RunInUseError
        Where another process holds it. Nothing is waited for.
    OSError
        Where the lock file cannot be written.
    """
    path = Path(folder, LOCK)
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise RunInUseError(
            f"another run{_holder(path)} is at work in {folder}; wait for its end, stop it, or "
            "name another folder"
        ) from error
    # On the rare disk without locks filelock turns to one that is the file itself: its business.
    native = not isinstance(lock, SoftFileLock)
    try:
        with suppress(OSError):  # who holds it is a courtesy; a full disk may keep it to itself
            if native:
                path.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        # Still held: whoever has opened this file before it goes finds that it has no name any
        # more, and leaves it. Windows removes no open file.
        with suppress(OSError):
            if native:
                path.unlink()
        lock.release()


def _holder(path: Path) -> str:
    """Name the process that holds the lock, where its number can be read."""
    try:
        number = path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
    return f" (process {number})" if number.isdigit() else ""

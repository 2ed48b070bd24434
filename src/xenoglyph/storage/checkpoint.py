"""Checkpoints: the newest and the one before, so that one is whole whenever a process dies.

Both are model files. A new one is written under a temporary name; then the newest takes the place
of the one before, then the new one that of the newest. A process that is killed between these
two renames leaves the one before, which is then the last that was finished.
"""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xenoglyph.errors import CheckpointWarning, ModelFileError
from xenoglyph.names import CHECKPOINT, CHECKPOINT_BEFORE
from xenoglyph.storage.atomic import atomic_write
from xenoglyph.storage.model_file import encode, read_model

__all__ = ["has_checkpoint", "read_checkpoint", "remove_checkpoint", "write_checkpoint"]

Array = NDArray[Any]
Folder = str | os.PathLike[str]


def write_checkpoint(
    folder: Folder, kind: str, settings: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Write a checkpoint, whole or not at all, and keep the one before.

    Parameters
    ----------
    folder : path-like
        Made where it does not exist.
    kind : str
        What is being made; `read_checkpoint` asks for it by name.
    settings : mapping
        As in `write_model`.
    arrays : mapping of str to ndarray
        As in `write_model`.

    Raises
    ------
    ModelFileError
        Where a model file cannot hold that. Nothing is written.
    StorageError, OSError
        Where the file does not fit on the disk, or cannot be written for another reason; the
        old checkpoints are as they were.
    """
    data = encode(kind, settings, arrays)
    newest, previous = _paths(folder)
    newest.parent.mkdir(parents=True, exist_ok=True)
    # A damaged checkpoint must not take the place of a whole one.
    keep = previous if _is_whole(newest, kind) else None
    atomic_write(newest, data, keep=keep)


def read_checkpoint(folder: Folder, kind: str) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """Read the newest whole checkpoint.

    Parameters
    ----------
    folder : path-like
    kind : str
        The kind that the checkpoint must be of.

    Returns
    -------
    (settings, arrays) or None
        As they were written; None where there is no checkpoint.

    Warns
    -----
    CheckpointWarning
        Where the newest is damaged or of another kind, and the one before is given.

    Raises
    ------
    ModelFileError
        Where there are checkpoints, but none that can be used.
    """
    reasons: list[str] = []
    for path in _paths(folder):
        if not path.exists():
            continue
        try:
            content = read_model(path, kind)
        except ModelFileError as error:
            reasons.append(str(error))
            continue
        if reasons:
            message = f"{reasons[0]} {path.name}, the one before, takes its place."
            warnings.warn(message, CheckpointWarning, stacklevel=2)
        return content
    if reasons:
        raise ModelFileError(f"{' '.join(reasons)} No other checkpoint is left: begin anew.")
    return None


def has_checkpoint(folder: Folder) -> bool:
    """Tell whether a checkpoint lies in the folder, whole or not."""
    return any(path.exists() for path in _paths(folder))


def remove_checkpoint(folder: Folder) -> None:
    """Remove the checkpoints in a folder, if there are any; the newest is the last to go."""
    for path in reversed(_paths(folder)):
        path.unlink(missing_ok=True)


def _paths(folder: Folder) -> tuple[Path, Path]:
    """Where the newest lies, and the one before."""
    return Path(folder, CHECKPOINT), Path(folder, CHECKPOINT_BEFORE)


def _is_whole(path: Path, kind: str) -> bool:
    try:
        read_model(path, kind)
    except ModelFileError:
        return False
    return True

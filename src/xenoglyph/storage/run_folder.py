"""The folder of a run while the run goes on: whose it is, and what a stopped run left in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from xenoglyph.names import (
    CHECKPOINT,
    CHECKPOINT_BEFORE,
    LOCK,
    MODEL,
    TENSORBOARD,
    TRAINING,
)
from xenoglyph.storage.atomic import is_leftover, remove_leftovers
from xenoglyph.storage.checkpoint import has_checkpoint, remove_checkpoint
from xenoglyph.storage.lock import run_lock

__all__ = ["RunState", "hold_run", "run_state"]

BEFORE_THE_MODEL = {CHECKPOINT, CHECKPOINT_BEFORE, LOCK, TENSORBOARD, TRAINING}
"""What a run writes before its model."""

RunState = Literal["new", "stopped", "finished", "foreign"]


def run_state(folder: str | os.PathLike[str]) -> RunState:
    """Say what a folder holds, from the names of its files alone.

    Parameters
    ----------
    folder : path-like
        It need not exist.

    Returns
    -------
    str
        "stopped": a run that did not come to its end (or is still at work): there is a
        checkpoint, or the lock file that a killed process leaves. "finished": a model and neither
        of these. "foreign": files of which no run can be the owner. "new": nothing.
    """
    home = Path(folder)
    names = {path.name for path in home.iterdir()} if home.is_dir() else set()
    names = {name for name in names if not is_leftover(name)}
    if MODEL not in names and not names <= BEFORE_THE_MODEL:
        return "foreign"
    if LOCK in names or has_checkpoint(home):
        return "stopped"
    if MODEL in names:
        return "finished"
    # Logs without any of these may be somebody's data.
    return "foreign" if names else "new"


@contextmanager
def hold_run(folder: str | os.PathLike[str], *, resume: bool = False) -> Iterator[None]:
    """Hold a run folder for one run, from before its training to its last file.

    What killed processes left unfinished is removed at the beginning, and so are the checkpoint
    and the logs of a run that shall not be resumed; the run's own checkpoint is removed where the
    block ends well.

    Parameters
    ----------
    folder : path-like
        Made where it does not exist.
    resume : bool, default=False
        Leave the checkpoint and the logs of a stopped run in their place.

    Raises
    ------
    RunInUseError
        Where another process runs in the folder. Nothing in it is touched.
    OSError
        Where the folder cannot be written.
    """
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    with run_lock(home):
        remove_leftovers(home)
        if not resume:
            remove_checkpoint(home)
            _remove_logs(home)
        yield
        remove_checkpoint(home)


def _remove_logs(home: Path) -> None:
    """Remove what an earlier run logged: the next one would be drawn across it."""
    for path in (home / TRAINING, *(home / TENSORBOARD).glob("events.out.tfevents.*")):
        path.unlink(missing_ok=True)

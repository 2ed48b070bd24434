"""Callbacks that write down every epoch: as CSV, and for TensorBoard."""

import csv
import io
from os import PathLike
from pathlib import Path

from xenoglyph.autoencoder.training import Callback, Epoch
from xenoglyph.errors import DataError, DependencyError
from xenoglyph.storage import atomic_write

try:
    from tensorboardX import SummaryWriter
except ImportError:
    SummaryWriter = None

__all__ = ["csv_log", "tensorboard_log"]

COLUMNS = ("epoch", "loss", "validation_loss", "seconds")


def csv_log(path: str | PathLike[str]) -> Callback:
    """Return a callback that appends every epoch to a CSV file.

    Parameters
    ----------
    path : path-like
        A file that exists is continued: rows of epochs that are run again, after a resume from
        an earlier checkpoint, are replaced.

    Returns
    -------
    callable
        With the columns epoch, loss, validation_loss (empty without validation images) and
        seconds.

    Raises
    ------
    DataError
        When called, if the file holds another table.
    OSError
        When called, if it cannot be written.
    """
    file = Path(path)

    def write(epoch: Epoch) -> None:
        rows = [row for row in _rows(file) if int(row["epoch"]) < epoch.epoch]
        rows.append({name: _shown(getattr(epoch, name)) for name in COLUMNS})
        text = io.StringIO()
        table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        atomic_write(file, text.getvalue().encode("utf-8"))

    return write


def tensorboard_log(folder: str | PathLike[str]) -> Callback:
    """Return a callback that writes losses for TensorBoard.

    Parameters
    ----------
    folder : path-like
        ``tensorboard --logdir`` shows it. TensorFlow is not needed.

    Raises
    ------
    DependencyError
        If tensorboardX is not installed.
    """
    if SummaryWriter is None:
        raise DependencyError(
            'logs for TensorBoard need tensorboardX: pip install "xenoglyph[tensorboard]"'
        )
    # Its own flush does not wait for its queue, and by default two minutes pass until it writes.
    writer = SummaryWriter(str(folder), flush_secs=1)

    def write(epoch: Epoch) -> None:
        writer.add_scalar("loss/training", epoch.loss, epoch.epoch)
        if epoch.validation_loss is not None:
            writer.add_scalar("loss/validation", epoch.validation_loss, epoch.epoch)
        writer.add_scalar("seconds", epoch.seconds, epoch.epoch)

    return write


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        table = csv.DictReader(lines)
        if tuple(table.fieldnames or ()) != COLUMNS:
            raise DataError(f"{file} holds another table; name a new file for the log")
        return list(table)


def _shown(value: float | None) -> str:
    return "" if value is None else str(value)

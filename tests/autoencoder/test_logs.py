"""Every epoch is written down once, and what was written can be read again."""

import csv
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from xenoglyph.autoencoder import csv_log, logs, tensorboard_log
from xenoglyph.autoencoder.layers import lecun_normal
from xenoglyph.autoencoder.network import Layout, Network
from xenoglyph.autoencoder.training import Epoch
from xenoglyph.errors import DependencyError

NETWORK = Network.start(Layout((4,), (), 2), lecun_normal, np.random.default_rng(0))


def epoch(number: int, loss: float = 0.1, held_out: float | None = 0.2) -> Epoch:
    return Epoch(number, 9, loss, held_out, 1.5, NETWORK)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


# --------------------------------------------------------------------------------------------- CSV


def test_every_epoch_is_a_row_of_the_exact_numbers(tmp_path: Path) -> None:
    log = csv_log(tmp_path / "log.csv")
    for number in (1, 2, 3):
        assert log(epoch(number, loss=1 / 3 / number)) is not True  # which would end training
        assert len(rows(tmp_path / "log.csv")) == number
    assert (tmp_path / "log.csv").read_text("utf-8").splitlines()[0] == (
        "epoch,loss,validation_loss,seconds"
    )
    told = [(int(row["epoch"]), float(row["loss"])) for row in rows(tmp_path / "log.csv")]
    assert told == [(1, 1 / 3), (2, 1 / 6), (3, 1 / 9)]
    assert {(row["validation_loss"], row["seconds"]) for row in rows(tmp_path / "log.csv")} == {
        ("0.2", "1.5")
    }


def test_without_validation_images_a_field_is_empty(tmp_path: Path) -> None:
    csv_log(tmp_path / "log.csv")(epoch(1, held_out=None))
    assert rows(tmp_path / "log.csv")[0]["validation_loss"] == ""


@pytest.mark.parametrize("first", [1, 2, 3, 4])
def test_a_resumed_run_replaces_the_epochs_that_it_runs_again(tmp_path: Path, first: int) -> None:
    for number in (1, 2, 3):
        csv_log(tmp_path / "log.csv")(epoch(number, loss=1.0))
    resumed = csv_log(str(tmp_path / "log.csv"))
    for number in range(first, 6):
        resumed(epoch(number, loss=2.0))
    told = [(int(row["epoch"]), float(row["loss"])) for row in rows(tmp_path / "log.csv")]
    assert told == [(number, 1.0 if number < first else 2.0) for number in range(1, 6)]


def test_a_log_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        csv_log(tmp_path / "missing" / "log.csv")(epoch(1))


# ------------------------------------------------------------------------------------- TensorBoard


def records(file: Path) -> Iterator[bytes]:
    """Read TFRecords: length (8 bytes) and its checksum (4), data and its checksum (4)."""
    rest = file.read_bytes()
    while len(rest) > 12:
        (length,) = struct.unpack("<Q", rest[:8])
        if len(rest) < 16 + length:
            break  # it is being written
        yield rest[12 : 12 + length]
        rest = rest[16 + length :]


def scalars(folder: Path) -> dict[tuple[str, int], float]:
    """What the folder's event files hold: (tag, step) to value."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    told = {}
    for file in folder.glob("events.out.tfevents*"):
        for record in records(file):
            event = event_pb2.Event.FromString(record)
            told |= {(one.tag, event.step): one.simple_value for one in event.summary.value}
    return told


def soon(folder: Path, expected: dict[tuple[str, int], float]) -> dict[tuple[str, int], float]:
    """What the folder holds once it holds what is expected, or after some seconds."""
    until = time.monotonic() + 10
    while (told := scalars(folder)) != expected and time.monotonic() < until:
        time.sleep(0.05)
    return told


def test_tensorboard_is_told_of_every_epoch_while_training_goes_on(tmp_path: Path) -> None:
    """The last epoch too, though another never comes to push it out."""
    pytest.importorskip("tensorboardX")
    log = tensorboard_log(tmp_path / "board")
    log(epoch(1, loss=0.5, held_out=0.75))
    told = {("loss/training", 1): 0.5, ("loss/validation", 1): 0.75, ("seconds", 1): 1.5}
    assert soon(tmp_path / "board", told) == told
    log(epoch(2, loss=0.25, held_out=None))
    told |= {("loss/training", 2): 0.25, ("seconds", 2): 1.5}
    assert soon(tmp_path / "board", told) == told


def test_without_tensorboardx_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "SummaryWriter", None)
    with pytest.raises(DependencyError, match=r'pip install "xenoglyph\[tensorboard\]"'):
        tensorboard_log(tmp_path / "board")
    assert not (tmp_path / "board").exists()

"""A run folder tells what is in it, and holding it leaves just what belongs there."""

from pathlib import Path

import numpy as np
import pytest

from xenoglyph.errors import RunInUseError
from xenoglyph.storage import read_checkpoint, write_checkpoint
from xenoglyph.storage.run_folder import hold_run, run_state

CHECKPOINTS = ["checkpoint.safetensors", "checkpoint.previous.safetensors"]
LEFT = ".0123456789ab-checkpoint.safetensors"


def fill(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("names", "state"),
    [
        ([], "new"),
        ([LEFT], "new"),
        (CHECKPOINTS[:1], "stopped"),
        (CHECKPOINTS[1:], "stopped"),
        (["xenoglyph.lock"], "stopped"),
        (["xenoglyph.lock", "training.csv", "tensorboard/events", LEFT], "stopped"),
        (["model.safetensors", *CHECKPOINTS], "stopped"),
        (["model.safetensors", "xenoglyph.lock"], "stopped"),
        (["model.safetensors"], "finished"),
        (["model.safetensors", "report.html", "training.csv", "my notes"], "finished"),
        (["my notes"], "foreign"),
        (["labels.csv"], "foreign"),
        (["training.csv"], "foreign"),
        (["my notes", *CHECKPOINTS], "foreign"),
        (["my notes", "xenoglyph.lock"], "foreign"),
    ],
)
def test_the_names_tell_the_state(tmp_path: Path, names: list[str], state: str) -> None:
    fill(tmp_path, names)
    assert run_state(tmp_path) == state


def test_a_folder_that_is_not_there_is_new(tmp_path: Path) -> None:
    assert run_state(tmp_path / "a" / "b") == "new"


def test_a_run_that_ends_well_leaves_its_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with hold_run(folder):
        write_checkpoint(folder, "test", {}, {})
        fill(folder, ["model.safetensors", "training.csv", "my notes"])
        assert run_state(folder) == "stopped"
    assert listed(folder) == {"model.safetensors", "training.csv", "my notes"}
    assert run_state(folder) == "finished"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, OSError])
def test_a_run_that_is_stopped_leaves_its_checkpoint(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def run() -> None:
        with hold_run(tmp_path):
            write_checkpoint(tmp_path, "test", {}, {"a": np.arange(3)})
            raise error

    with pytest.raises(error):
        run()
    assert listed(tmp_path) == {"checkpoint.safetensors"}


@pytest.mark.parametrize("resume", [True, False])
def test_checkpoints_and_logs_stay_to_be_resumed_and_leftovers_never(
    tmp_path: Path, resume: bool
) -> None:
    for number in range(2):
        write_checkpoint(tmp_path, "test", {"number": number}, {})
    logs = {"training.csv", str(Path("tensorboard", "events.out.tfevents.1.host"))}
    others = {"model.safetensors", str(Path("tensorboard", "notes"))}
    fill(tmp_path, [*logs, *others, LEFT, "xenoglyph.lock"])
    with hold_run(tmp_path, resume=resume):
        expected = {*logs, *CHECKPOINTS, *others} if resume else others
        assert listed(tmp_path) == {*expected, "xenoglyph.lock"}
        found = read_checkpoint(tmp_path, "test")
        assert found == (({"number": 1}, {}) if resume else None)


@pytest.mark.parametrize("resume", [True, False])
def test_a_run_that_is_refused_touches_nothing(tmp_path: Path, resume: bool) -> None:
    with hold_run(tmp_path):
        write_checkpoint(tmp_path, "test", {}, {})
        fill(tmp_path, [LEFT, "training.csv"])
        before = listed(tmp_path)
        with pytest.raises(RunInUseError), hold_run(tmp_path, resume=resume):
            raise AssertionError("two runs are in one folder")
        assert listed(tmp_path) == before

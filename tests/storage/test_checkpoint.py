"""Wherever a process dies, a whole checkpoint is left, and it is the last that was finished."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xenoglyph.errors import CheckpointWarning, ModelFileError
from xenoglyph.storage import (
    has_checkpoint,
    read_checkpoint,
    read_model,
    remove_checkpoint,
    write_checkpoint,
    write_model,
)

NEWEST, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"

posix = pytest.mark.skipif(os.name != "posix", reason="fork and SIGKILL are of POSIX")


def write(folder: Path, number: int) -> None:
    write_checkpoint(folder, "test", {"number": number}, {"weights": np.full(5, number)})


def read(folder: Path) -> int | None:
    """Return the number of the checkpoint that is read, once it is sure that it is whole."""
    found = read_checkpoint(folder, "test")
    if found is None:
        return None
    settings, arrays = found
    np.testing.assert_array_equal(arrays["weights"], np.full(5, settings["number"]))
    return int(settings["number"])


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A folder with checkpoint 2, and 1 before it."""
    for number in (1, 2):
        write(tmp_path, number)
    return tmp_path


# ------------------------------------------------------------------------------- in good order


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    assert read(tmp_path / "missing") is None
    assert not has_checkpoint(tmp_path)


def test_the_newest_is_read_and_the_one_before_is_kept(tmp_path: Path) -> None:
    for number in range(1, 5):
        write(tmp_path / "run", number)
        assert read(tmp_path / "run") == number
    assert {path.name for path in (tmp_path / "run").iterdir()} == {NEWEST, PREVIOUS}
    before, _ = read_model(tmp_path / "run" / PREVIOUS, "test")
    assert before == {"number": 3}


def test_removed_is_removed(pair: Path) -> None:
    (pair / "other").touch()
    assert has_checkpoint(pair)
    for _ in range(2):
        remove_checkpoint(pair)
        assert [path.name for path in pair.iterdir()] == ["other"]


def test_what_no_file_can_hold_leaves_both(pair: Path) -> None:
    with pytest.raises(ModelFileError, match="NaN"):
        write_checkpoint(pair, "test", {}, {"weights": np.array([np.nan])})
    (pair / NEWEST).unlink()
    assert read(pair) == 1


# ------------------------------------------------------------------------------------- damage


def check_falls_back(reader: Callable[[Path], int | None], pair: Path) -> None:
    """Whatever byte of the newest changes and wherever it ends, the one before is read."""
    path = pair / NEWEST
    whole = path.read_bytes()
    flipped = [
        whole[:place] + bytes([byte ^ (1 << place % 8)]) + whole[place + 1 :]
        for place, byte in enumerate(whole)
    ]
    for damaged in [*flipped, *(whole[:length] for length in range(len(whole)))]:
        path.write_bytes(damaged)
        with pytest.warns(CheckpointWarning, match=NEWEST):
            assert reader(pair) == 1
    path.write_bytes(whole)
    assert reader(pair) == 2


def test_no_damage_of_the_newest_loses_the_one_before(pair: Path) -> None:
    assert (pair / NEWEST).stat().st_size < 600
    check_falls_back(read, pair)


def read_newest(folder: Path) -> int | None:
    """Take what is there, and the one before where it cannot be taken."""
    try:
        content = (folder / NEWEST).read_bytes()
        return int(content[content.index(b"number") + 9 :].split(b"}")[0])
    except ValueError:
        warnings.warn(NEWEST, CheckpointWarning, stacklevel=1)
        return 1


def test_the_check_finds_a_reader_without_checksum(pair: Path) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_falls_back(read_newest, pair)


def test_a_warning_names_the_file_the_reason_and_what_is_used(pair: Path) -> None:
    (pair / NEWEST).write_bytes(b"")
    with pytest.warns(CheckpointWarning) as caught:
        assert read(pair) == 1
    (warning,) = caught
    assert str(pair / NEWEST) in str(warning.message)
    assert "it is empty" in str(warning.message)
    assert f"{PREVIOUS}, the one before, takes its place" in str(warning.message)
    assert warning.filename.endswith("test_checkpoint.py")


def test_where_both_are_damaged_there_is_one_error(pair: Path) -> None:
    (pair / NEWEST).write_bytes(b"")
    (pair / PREVIOUS).write_bytes(b"{}")
    with pytest.raises(ModelFileError, match="begin anew") as caught:
        read(pair)
    assert str(pair / NEWEST) in str(caught.value)
    assert str(pair / PREVIOUS) in str(caught.value)
    (pair / PREVIOUS).unlink()
    with pytest.raises(ModelFileError, match="empty"):
        read(pair)


def test_another_kind_is_no_checkpoint(pair: Path) -> None:
    with pytest.raises(ModelFileError, match="holds a 'test', expected a 'training'"):
        read_checkpoint(pair, "training")


def test_a_damaged_newest_does_not_take_the_place_of_a_whole_one(pair: Path) -> None:
    (pair / NEWEST).write_bytes(b"")
    write(pair, 3)
    assert read(pair) == 3
    (pair / NEWEST).unlink()
    assert read(pair) == 1


# -------------------------------------------------------------------------------------- deaths
#
# One process that has loaded everything forks the writers, so that hundreds of them cost seconds.

NURSERY = """
import mmap, os, random, signal, sys, time, warnings
from pathlib import Path

sys.path[:0] = [sys.argv[3]]
from storage.test_checkpoint import NEWEST, PREVIOUS, read, write, write_in_place, write_rashly

folder = Path(sys.argv[2])
warnings.simplefilter("ignore")


def in_child(act):
    child = os.fork()
    if child:
        return child
    try:
        act()
    finally:
        os._exit(0)


def clear():
    for path in folder.iterdir():
        path.unlink()


"""

# Kills at random times: the last write that was finished, or the one that was under way.
KILLS = """
done = mmap.mmap(-1, 8)
longest = 0.08  # seconds, some writes long


def write_on():
    number = int.from_bytes(done[:], "little")
    while True:
        number += 1
        writer(folder, number)
        done[:] = number.to_bytes(8, "little")


writer = {"ours": write, "in place": write_in_place}[sys.argv[1]]
chance = random.Random(0)
for _ in range(60):
    child = in_child(write_on)
    time.sleep(chance.uniform(0, longest))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    finished = int.from_bytes(done[:], "little")
    number = read(folder) or 0
    assert number in (finished, finished + 1), (number, finished)
    done[:] = number.to_bytes(8, "little")
print(finished)
"""

# A death before every line that a write runs, in our files and in what opens and renames; from
# nothing, from a sound pair, and from one whose newest is damaged.
LINES = """
FILES = ("storage/atomic.py", "storage/checkpoint.py", "test_checkpoint.py")
CALLS = ("open", "replace", "unlink", "write_bytes")
os.fsync = lambda descriptor: None  # the system lives on, and each would cost milliseconds


class Death:
    '''Ends the process before it runs its line number `at`; counts the lines.'''

    def __init__(self, at):
        self.at, self.line = at, 0

    def __call__(self, frame, event, _):
        ours = frame.f_code.co_filename.endswith(FILES)
        if not ours and frame.f_code.co_name not in CALLS:
            return None
        if event == "line":
            self.line += 1
            if self.line == self.at:
                os._exit(1)
        return self


def fall(number, at):
    sys.settrace(Death(at))
    writer(folder, number)
    sys.settrace(None)


writer = {"ours": write, "in place": write_in_place, "rashly": write_rashly}[sys.argv[1]]
for number in (1, 2):
    write(folder, number)
pair = {name: (folder / name).read_bytes() for name in (NEWEST, PREVIOUS)}
for last, files in ((None, {}), (2, pair), (1, {**pair, NEWEST: b""})):
    for at in range(1, 1000):
        clear()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        code = os.waitstatus_to_exitcode(os.waitpid(in_child(lambda: fall(9, at)), 0)[1])
        assert read(folder) in (last, 9), (last, at)
        if code == 0:
            break
    assert read(folder) == 9
    assert at > 10, at
    print(at)
"""


def write_in_place(folder: Path, number: int) -> None:
    """Write as most programs do."""
    content = {"number": number}, {"weights": np.full(5, number)}
    write_model(folder / "other", "test", *content)
    (folder / NEWEST).write_bytes((folder / "other").read_bytes())


def write_rashly(folder: Path, number: int) -> None:
    """Keep the one before, without a look at what takes its place."""
    if (folder / NEWEST).exists():
        (folder / NEWEST).replace(folder / PREVIOUS)
    write_model(folder / NEWEST, "test", {"number": number}, {"weights": np.full(5, number)})


def nursery(script: str, writer: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-B", "-c", NURSERY + script, writer, str(folder), tests]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@posix
def test_sixty_kills_never_lose_what_was_finished(tmp_path: Path) -> None:
    done = nursery(KILLS, "ours", tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20  # the writers came to write
    left = {path.name for path in tmp_path.iterdir()} - {NEWEST, PREVIOUS}
    assert left  # and were killed while they did


@posix
def test_a_death_before_any_line_never_loses_what_was_finished(tmp_path: Path) -> None:
    done = nursery(LINES, "ours", tmp_path)
    assert done.returncode == 0, done.stderr


@posix
@pytest.mark.parametrize("writer", ["in place", "rashly"])
def test_the_deaths_find_a_writer_that_loses_something(tmp_path: Path, writer: str) -> None:
    done = nursery(LINES, writer, tmp_path)
    assert done.returncode == 1
    assert "AssertionError" in done.stderr or "ModelFileError" in done.stderr

"""A folder is one process's at a time, and free as soon as that process is gone."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from xenoglyph.errors import RunInUseError
from xenoglyph.storage.lock import run_lock

LOCK = "xenoglyph.lock"

HOLDER = """
import os, sys
from xenoglyph.storage.lock import run_lock

with run_lock(sys.argv[1]):
    # Where it forks, two live on, and the one that tells is not the one that holds.
    if "fork" not in sys.argv or os.fork() == 0:
        print("held", flush=True)
    sys.stdin.read()
"""

# Takes the lock as soon as it gets it, again and again; each time nobody else may be inside.
CONTENDER = """
import os, sys, time
from pathlib import Path
from xenoglyph.errors import RunInUseError
from xenoglyph.storage.lock import run_lock

folder, inside, held = Path(sys.argv[1]), Path(sys.argv[1], "inside"), 0
until = time.monotonic() + 1.5
while time.monotonic() < until:
    try:
        with run_lock(folder):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            held += 1
            inside.unlink()
    except RunInUseError:
        pass
print(held)
"""


@contextmanager
def holder(folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that holds the lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def hold(folder: Path) -> None:
    with run_lock(folder):
        pass


def test_the_second_is_refused_at_once_and_told_who_is_there(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        began = time.monotonic()
        with pytest.raises(RunInUseError) as caught:
            hold(tmp_path)
        assert time.monotonic() - began < 0.5
        assert f"another run (process {first.pid}) is at work in {tmp_path}" in str(caught.value)
        with pytest.raises(RunInUseError, match=str(first.pid)):  # a refusal takes nothing away
            hold(tmp_path)
        first.communicate("")
    assert list(tmp_path.iterdir()) == []
    hold(tmp_path)


def test_a_second_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with run_lock(tmp_path), pytest.raises(RunInUseError, match=str(os.getpid())):
        hold(tmp_path)
    with run_lock(tmp_path), ThreadPoolExecutor() as pool, pytest.raises(RunInUseError):
        pool.submit(hold, tmp_path).result()
    hold(tmp_path)


def test_other_folders_are_free(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with holder(tmp_path):
        hold(tmp_path / "other")
        assert (tmp_path / LOCK).exists()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        first.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK).exists()
    hold(tmp_path)
    assert not (tmp_path / LOCK).exists()


@pytest.mark.skipif(os.name != "posix", reason="fork and SIGKILL are of POSIX")
def test_a_worker_that_outlives_its_process_does_not_hold_on(tmp_path: Path) -> None:
    with holder(tmp_path, "fork") as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        hold(tmp_path)
        assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("content", ["", "nobody", "ñ", "12 13"])
def test_a_lock_file_that_names_no_process_is_enough(tmp_path: Path, content: str) -> None:
    with run_lock(tmp_path):
        (tmp_path / LOCK).write_text(content, encoding="utf-8")
        with pytest.raises(RunInUseError, match="another run is at work"):
            hold(tmp_path)


def test_an_error_inside_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyError), run_lock(tmp_path):
        raise KeyError
    hold(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="flock is of POSIX")
def test_on_a_disk_without_locks_the_second_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    def hold_twice() -> None:
        with run_lock(tmp_path):
            with pytest.raises(RunInUseError, match="another run"):
                hold(tmp_path)
            assert (tmp_path / LOCK).exists()

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.warns(UserWarning, match="flock not supported"):
        hold_twice()
    assert list(tmp_path.iterdir()) == []


def test_of_many_that_want_it_one_has_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CONTENDER, str(tmp_path)]
    crowd = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate() for process in crowd]
    assert [process.returncode for process in crowd] == [0, 0, 0], said
    assert all(int(held) > 0 for held, _ in said)
    assert list(tmp_path.iterdir()) == []

"""Stopped at any moment and gone on with, a run ends with the bits of one that never stopped."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from xenoglyph.images import load_images
from xenoglyph.storage.run_folder import run_state

CHECKPOINT = "checkpoint.safetensors"

# The program, but its checkpoints are far more often, for these runs are short, and its report is
# just a moment after the model, for that would take longer than all the rest. And its networks
# learn little.
PROGRAM = """
import sys, time
import xenoglyph
from xenoglyph.autoencoder import recogniser, training
from xenoglyph.cli import main

def write_run(discovery, images, folder, **_):
    discovery.save(folder / "model.safetensors")
    time.sleep(0.2)

training.SAVE_SECONDS, recogniser.EPOCHS = 0.1, 100
vars(xenoglyph)["write_run"] = write_run
sys.exit(main(sys.argv[1:]))
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the signals of POSIX")


def command(folder: Path, *words: str) -> list[str]:
    given = ["discover", "few.npz", "--epochs", "1000", "--quiet", "--out", str(folder), *words]
    return [sys.executable, "-c", PROGRAM, *given]


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(folder, *words), capture_output=True, text=True, check=False)


@contextmanager
def running(folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command(folder, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(happened: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait until something has happened; fail where the process ends before it does."""
    until = time.monotonic() + 120
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.002)


def wait_for_new(path: Path, process: "subprocess.Popen[str]", count: int = 1) -> None:
    """Wait until a file has been written anew so often."""
    for _ in range(count):
        last = written(path)
        wait_for(lambda last=last: written(path) not in (None, last), process)


def written(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@pytest.fixture(scope="module", autouse=True)
def _few_images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Work where a few images lie."""
    folder = tmp_path_factory.mktemp("images")
    np.savez(folder / "few.npz", images=load_images("digits").pixels[:400])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model of a run that nobody stops."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return (folder / "model.safetensors").read_bytes()


def check_the_same(folder: Path, whole: bytes) -> None:
    """Going on with the run in the folder gives the model, and leaves a finished run."""
    done = run(folder, "--resume")
    assert (done.returncode, done.stderr) == (0, "")
    same = (folder / "model.safetensors").read_bytes() == whole
    assert same
    assert run_state(folder) == "finished"
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_killed_again_and_again(tmp_path: Path, whole: bytes) -> None:
    chance, folder = random.Random(0), tmp_path / "run"
    for kill in range(3):
        with running(folder, *["--resume"] * (kill > 0)) as process:
            wait_for_new(folder / CHECKPOINT, process, chance.randrange(1, 4))
            time.sleep(chance.uniform(0, 0.15))  # into a write, or between two
            process.send_signal(signal.SIGKILL)
        assert run_state(folder) == "stopped"
    check_the_same(folder, whole)


def test_killed_before_the_first_checkpoint(tmp_path: Path, whole: bytes) -> None:
    folder = tmp_path / "run"
    with running(folder) as process:
        wait_for((folder / "xenoglyph.lock").exists, process)
        process.send_signal(signal.SIGKILL)
    check_the_same(folder, whole)


def test_killed_while_it_writes_its_report(tmp_path: Path, whole: bytes) -> None:
    folder = tmp_path / "run"
    with running(folder) as process:
        wait_for((folder / "model.safetensors").exists, process)
        process.send_signal(signal.SIGKILL)
    assert run_state(folder) == "stopped"
    check_the_same(folder, whole)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_stopped_by_a_signal(tmp_path: Path, whole: bytes, name: str, code: int) -> None:
    folder = tmp_path / "run"
    with running(folder) as process:
        wait_for_new(folder / CHECKPOINT, process)
        began = time.time()
        process.send_signal(signal.Signals[name])
        out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    told = " ".join(command(folder, "--resume")[3:])
    assert err == f"xenoglyph: stopped; go on with: xenoglyph {told}\n"
    assert 0 < (folder / CHECKPOINT).stat().st_mtime - began < 0.5
    assert run_state(folder) == "stopped"
    check_the_same(folder, whole)


def test_a_damaged_checkpoint(tmp_path: Path, whole: bytes) -> None:
    folder = tmp_path / "run"
    with running(folder) as process:
        wait_for_new(folder / CHECKPOINT, process, 2)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    data = (folder / CHECKPOINT).read_bytes()
    (folder / CHECKPOINT).write_bytes(data[: len(data) // 2])
    done = run(folder, "--resume")
    assert done.returncode == 0
    assert done.stderr.startswith(f"xenoglyph: warning: {folder / CHECKPOINT} cannot be read")
    assert done.stderr.count("\n") == 1
    same = (folder / "model.safetensors").read_bytes() == whole
    assert same


def test_a_second_run_is_refused_and_the_first_goes_on(tmp_path: Path, whole: bytes) -> None:
    folder = tmp_path / "run"
    with running(folder) as process:
        wait_for((folder / CHECKPOINT).exists, process)
        process.send_signal(signal.SIGSTOP)  # it is alive, and will not be done before they came
        for words in ((), ("--resume",)):
            second = run(folder, *words)
            assert (second.returncode, second.stdout) == (1, "")
            assert f"another run (process {process.pid}) is at work in {folder}" in second.stderr
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    same = (folder / "model.safetensors").read_bytes() == whole
    assert same


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk that holds one checkpoint and not two, where this process may do so."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path, whole: bytes) -> None:
    folder = small_disk / "run"
    done = run(folder)
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert str(folder / CHECKPOINT) in error
    assert " bytes" in error
    assert hint.startswith("xenoglyph: stopped; go on with")
    names = {path.name for path in folder.iterdir()}
    assert names == {CHECKPOINT}
    subprocess.run(
        ["mount", "-o", "remount,size=100m", str(small_disk)], check=True, capture_output=True
    )
    check_the_same(folder, whole)

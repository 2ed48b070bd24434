"""An atomic file is the old one or the new one, whatever stops the writer."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xenoglyph.storage import atomic_path, atomic_write

WRITER = """
import itertools, sys
from xenoglyph.storage import atomic_write

for round in itertools.count():
    atomic_write(sys.argv[1], bytes([round % 256]) * 200_000)
    if round == 0:
        print("ready", flush=True)
"""


def test_a_new_file_holds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new.bin"
    atomic_write(path, b"content")
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_is_replaced_and_its_readers_keep_what_they_opened(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old content")
    with path.open("rb") as reader:
        atomic_write(str(path), b"new")
        assert reader.read() == b"old content"
    assert path.read_bytes() == b"new"


def test_the_temporary_path_keeps_folder_and_suffix_and_is_new(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "picture.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert not temporary.exists()
        temporary.touch()


def test_a_failure_in_the_middle_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def write_and_stop() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["os.open", "os.fsync", "pathlib.Path.replace"])
def test_a_disk_that_fails_at_any_step_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(call, fail)
        with pytest.raises(OSError, match="No space left"):
            atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "file.bin"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="the modes and links of POSIX")
def test_the_mode_is_that_of_any_new_file_and_links_stay_links(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    atomic_write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"
    assert (tmp_path / "target").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
def test_ten_kills_of_a_busy_writer_never_leave_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    for kill in range(10):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
        with writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(0.0037 * kill)  # so that the kills fall on different steps of a write
            writer.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == 200_000
        assert len(set(content)) == 1

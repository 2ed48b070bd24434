"""An atomic file is the old one or the new one, whatever stops the writer."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xenoglyph.errors import StorageError
from xenoglyph.storage import atomic_path, atomic_write
from xenoglyph.storage.atomic import is_leftover, remove_leftovers

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


def test_the_old_file_is_kept_where_it_shall_be(tmp_path: Path) -> None:
    path, before = tmp_path / "file.bin", tmp_path / "before.bin"
    for content in (b"one", b"two", b"three"):
        atomic_write(path, content, keep=before)
    assert (path.read_bytes(), before.read_bytes()) == (b"three", b"two")
    assert set(tmp_path.iterdir()) == {path, before}


def test_what_a_killed_writer_leaves_is_removed_and_nothing_else(tmp_path: Path) -> None:
    names = ["model.safetensors", ".hidden", ".0123456789ab", ".0123456789AB-x", "a"]
    for name in names:
        (tmp_path / name).touch()
    with atomic_path(tmp_path / "model.safetensors") as temporary:
        temporary.touch()
        assert is_leftover(temporary.name)
        (tmp_path / f"{temporary.name}.png").touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(names)


# ------------------------------------------------------------------------------------ full disks


def check_a_full_disk(write: Callable[[Path, bytes], None], path: Path, room: int) -> None:
    """Writing more than fits is one error that names path and bytes; nothing else changes."""
    old = b"o" * (room // 4)
    path.write_bytes(old)
    before = set(path.parent.iterdir())
    with pytest.raises(StorageError) as caught:
        write(path, b"n" * (2 * room))
    assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert str(path) in str(caught.value)
    assert f"{2 * room:,} bytes" in str(caught.value)
    assert path.read_bytes() == old
    assert set(path.parent.iterdir()) == before
    write(path, b"s" * (room // 4))
    assert path.read_bytes() == b"s" * (room // 4)


def write_in_place(path: Path, data: bytes) -> None:
    """Write as most programs do, with an error that names all it should."""
    try:
        path.write_bytes(data)
    except OSError as error:
        full = StorageError(f"{path} needs {len(data):,} bytes")
        full.errno = error.errno
        raise full from error


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of one megabyte, where the system lets this process do so."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full(small_disk: Path) -> None:
    check_a_full_disk(atomic_write, small_disk / "file.bin", 1 << 20)


def test_the_check_finds_a_writer_in_place(small_disk: Path) -> None:
    with pytest.raises(AssertionError):
        check_a_full_disk(write_in_place, small_disk / "file.bin", 1 << 20)


LIMITED = """
import resource, sys
from pathlib import Path

sys.path[:0] = sys.argv[3:]
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
from storage.test_atomic import check_a_full_disk, write_in_place
from xenoglyph.storage import atomic_write

writer = {"atomic": atomic_write, "in place": write_in_place}[sys.argv[1]]
check_a_full_disk(writer, Path(sys.argv[2]), 1 << 16)
"""


def limited(writer: str, path: Path) -> str:
    """Run the check in a process whose files may have 65,536 bytes; return what it said."""
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-B", "-c", LIMITED, writer, path, tests]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.mark.skipif(os.name != "posix", reason="the limits of POSIX")
def test_files_that_may_not_become_so_large(tmp_path: Path) -> None:
    assert limited("atomic", tmp_path / "file.bin") == ""
    assert "AssertionError" in limited("in place", tmp_path / "file.bin")


def test_a_block_that_does_not_fit_tells_what_it_wrote(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_path(tmp_path / "picture.png") as temporary:
            temporary.write_bytes(bytes(1234))
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with pytest.raises(StorageError, match=r"picture.png .*Disk quota exceeded.*more than 1,234"):
        write()
    assert not list(tmp_path.iterdir())


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        atomic_write(tmp_path / "missing" / "file.bin", b"")
    assert not isinstance(caught.value, StorageError)


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

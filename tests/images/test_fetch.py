import hashlib
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from xenoglyph.errors import DataError
from xenoglyph.images import Entry, RemoteFile
from xenoglyph.images.cache import fetch

CONTENT = {"one.bin": bytes(range(256)) * 1000, "two.bin": b"two"}


def known(name, content):
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())


def entry_at(*mirrors):
    return Entry("runes", "", mirrors, tuple(known(*item) for item in CONTENT.items()))


class Handler(BaseHTTPRequestHandler):
    """Serve what the server's `answer` says, and keep count of what was asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.answer(self)

    def log_message(self, *_):
        pass

    def reply(self, body, *, status=200, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


def good(handler):
    handler.reply(CONTENT[handler.path.rpartition("/")[2]])


def chunked(handler):
    """Send pieces of odd sizes, their total never announced."""
    body = CONTENT[handler.path.rpartition("/")[2]]
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.send_header("Connection", "close")
    handler.end_headers()
    for start in range(0, len(body), 1013):
        piece = body[start : start + 1013]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")
    handler.close_connection = True


def wrong(handler):
    body = CONTENT[handler.path.rpartition("/")[2]]
    handler.reply(body[:-1] + b"?")


def truncated(handler):
    body = CONTENT[handler.path.rpartition("/")[2]]
    handler.reply(body[: len(body) // 2], length=len(body))


def short(handler):
    handler.reply(CONTENT[handler.path.rpartition("/")[2]][:-1])


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        handler.server.gave_up.set()


def missing(handler):
    handler.reply(b"", status=404)


def broken(handler):
    handler.reply(b"sorry", status=500)


def login_page(handler):
    handler.reply(b"<html>log in first</html>")


def circular(handler):
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


HOSTILE = [wrong, truncated, short, endless, missing, broken, login_page, circular]


@contextmanager
def served(answer):
    """Address of a server that answers in this way, and the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answer, server.asked, server.gave_up = answer, [], threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def check_kept(folder):
    """The folder holds the files, right to the last byte, and nothing else."""
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert held == CONTENT


@pytest.mark.parametrize("answer", [good, chunked])
def test_files_are_kept(tmp_path, answer, capfd):
    with served(answer) as (url, server):
        paths = fetch(entry_at(url), tmp_path / "kept")
        check_kept(tmp_path / "kept")
        assert [path.name for path in paths] == list(CONTENT)
        assert server.asked == ["/one.bin", "/two.bin"]
        fetch(entry_at(url), tmp_path / "kept")
        assert len(server.asked) == 2
    assert fetch(entry_at(url), tmp_path / "kept") == paths
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("answer", HOSTILE, ids=lambda answer: answer.__name__)
def test_the_second_mirror_steps_in(tmp_path, answer):
    with served(answer) as (bad, server), served(good) as (url, _):
        fetch(entry_at(bad, url), tmp_path / "kept")
        assert server.asked[0] == "/one.bin"
    check_kept(tmp_path / "kept")


@pytest.mark.parametrize("answer", HOSTILE, ids=lambda answer: answer.__name__)
def test_no_mirror_leaves_nothing(tmp_path, answer):
    folder = tmp_path / "kept"
    with (
        served(answer) as (one, _),
        served(answer) as (two, _),
        pytest.raises(DataError) as error,
    ):
        fetch(entry_at(one, two), folder)
    message = str(error.value)
    for part in ("runes", str(folder), "XENOGLYPH_DATA", "'digits'", one, two):
        assert part in message
    assert "\n" not in message
    assert list(folder.iterdir()) == []


def test_an_endless_file_is_given_up(tmp_path):
    with served(endless) as (url, server):
        with pytest.raises(DataError, match="goes on after 256,000 bytes"):
            fetch(entry_at(url), tmp_path)
        assert server.gave_up.wait(10)


def test_nothing_is_served(tmp_path):
    with served(good) as (gone, _):
        pass
    with pytest.raises(DataError, match="ConnectionError"):
        fetch(entry_at(gone), tmp_path)
    with served(good) as (url, _):
        fetch(entry_at(gone, url), tmp_path / "kept")
    check_kept(tmp_path / "kept")


def test_a_damaged_file_is_brought_again(tmp_path):
    folder = tmp_path / "kept"
    with served(good) as (url, server):
        fetch(entry_at(url), folder)
        (folder / "two.bin").write_bytes(b"tow")
        fetch(entry_at(url), folder)
        assert server.asked[2:] == ["/two.bin"]
    check_kept(folder)
    (folder / "two.bin").write_bytes(b"tow")
    with pytest.raises(DataError):
        fetch(entry_at(url), folder)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with served(good) as (url, _), pytest.raises(DataError, match="runes is neither"):
        fetch(entry_at(url), tmp_path / "file" / "kept")


def test_the_checker_of_folders_rejects_a_wrong_one(tmp_path):
    for name, content in CONTENT.items():
        (tmp_path / name).write_bytes(content)
    check_kept(tmp_path)
    (tmp_path / "left-over").touch()
    with pytest.raises(AssertionError):
        check_kept(tmp_path)


@pytest.mark.parametrize("answer", [good, chunked])
def test_progress_counts_every_byte(tmp_path, answer):
    told = []
    with served(answer) as (url, _):
        fetch(entry_at(url), tmp_path, lambda *news: told.append(news))
    done = [news[1] for news in told]
    assert done == sorted(done)
    # Each file ends where the next one begins.
    ends = {name: max(news[1] for news in told if news[3] == name) for name in CONTENT}
    assert list(ends.values()) == np.cumsum([len(c) for c in CONTENT.values()]).tolist()
    assert {(stage, total) for stage, _, total, _ in told} == {("download", 256_003)}


def test_killed_in_the_middle(tmp_path):
    folder, half_way, over = tmp_path / "kept", threading.Event(), threading.Event()

    def stalling(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "256000")
        handler.end_headers()
        handler.wfile.write(CONTENT["one.bin"][:128_000])
        half_way.set()
        over.wait(60)

    script = """
        import sys
        from pathlib import Path
        from xenoglyph.images import Entry, RemoteFile
        from xenoglyph.images.cache import fetch
        fetch(Entry("runes", "", (sys.argv[1],), (RemoteFile("one.bin", 256_000, sys.argv[2]),)),
              Path(sys.argv[3]))
    """
    with served(stalling) as (url, _):
        sha256 = known("one.bin", CONTENT["one.bin"]).sha256
        arguments = [sys.executable, "-c", textwrap.dedent(script), url, sha256, str(folder)]
        with subprocess.Popen(arguments) as process:
            assert half_way.wait(60)
            process.kill()
        over.set()
    assert not (folder / "one.bin").exists()
    with served(good) as (url, _):
        fetch(entry_at(url), folder)
    assert (folder / "one.bin").read_bytes() == CONTENT["one.bin"]

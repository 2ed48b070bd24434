"""The program as the system sees it: pipes, disks, encodings, terminals, signals."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and terminals of POSIX")

PROGRAM = [sys.executable, "-m", "xenoglyph"]
LISTS = ["data list", "data list --json", "--help", "--version", "discover --help"]


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without what asks for colours."""
    unset = {"XENOGLYPH_DATA", "FORCE_COLOR", "NO_COLOR", "COLUMNS"}
    return {**{k: v for k, v in os.environ.items() if k not in unset}, **changes}


def run(words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "env": environment(), **options}
    return subprocess.run(
        [*PROGRAM, *words.split()], stderr=subprocess.PIPE, text=True, check=False, **options
    )


@pytest.mark.parametrize("words", LISTS)
def test_a_reader_that_leaves_is_no_error(words: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = run(words, stdout=theirs)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")
@pytest.mark.parametrize("words", LISTS)
def test_a_full_disk_is_one_line(words: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(words, stdout=full)
    assert done.returncode == 1
    assert re.fullmatch(r"xenoglyph: error: .*No space left on device\n", done.stderr)


def test_without_standard_output_the_work_is_done() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m xenoglyph data list >&-"],
        env=environment(),
        stderr=subprocess.PIPE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def animate(**changes: str) -> subprocess.CompletedProcess[str]:
    return run("animate moons --rows 60 --out ß.gif", env=environment(**changes))


def test_a_name_that_cannot_be_written_is_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = animate(PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("rows: \\xdf.gif\n")
    assert Path("ß.gif").exists()


def test_colours_may_be_asked_for_in_a_pipe_bars_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = animate(FORCE_COLOR="1")
    assert (done.returncode, done.stderr) == (0, "")


def on_a_terminal(folder: Path, **changes: str) -> bytes:
    """Run the program with a real terminal at its standard error; return what that got."""
    ours, theirs = os.openpty()
    words = [*PROGRAM, "animate", "moons", "--rows", "60"]
    done = subprocess.run(
        words,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=environment(**changes),
        check=True,
    )
    os.set_blocking(ours, False)
    got = b""
    while True:
        try:
            got += os.read(ours, 65_536)
        except BlockingIOError:
            break
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    return got


def test_a_terminal_sees_bars_and_a_dumb_one_nothing(tmp_path: Path) -> None:
    colour = re.compile(rb"\x1b\[[0-9;]*3[0-9]")
    seen = on_a_terminal(tmp_path, TERM="xterm-256color")
    assert all(stage in seen for stage in (b"loading", b"mixture", b"animation"))
    assert colour.search(seen)
    plain = on_a_terminal(tmp_path, TERM="xterm-256color", NO_COLOR="1")
    assert b"animation" in plain
    assert not colour.search(plain)
    assert on_a_terminal(tmp_path, TERM="dumb") == b""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_head_ends_the_program_quietly() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m xenoglyph data list | head -1"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"digits +1,797.*\n", done.stdout)
    assert done.stderr == ""


INTERRUPTED = """
import importlib, os, signal, sys, time
from xenoglyph.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has none
module = importlib.import_module(sys.argv[1])
dispatched, calls = getattr(module, sys.argv[2]), 0

def dispatch(*arguments):
    global calls
    calls += 1
    number = calls  # others call meanwhile
    result = dispatched(*arguments)
    if number == 3:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)  # the device is at work
        print("the device is done", file=sys.stderr)
    return result

setattr(module, sys.argv[2], dispatch)
sys.exit(main(["discover", "digits", "--epochs", "9", "--quiet", "--out", "run"]))
"""


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("xenoglyph.autoencoder.training", "take_steps"),
        ("xenoglyph.autoencoder.recogniser", "_take_steps"),
    ],
)
def test_ctrl_c_waits_for_the_device_which_would_crash_the_end_of_the_program(
    tmp_path: Path, module: str, function: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, module, function],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        said = child.communicate()[1]
    assert child.returncode == 130
    resume = "xenoglyph discover digits --epochs 9 --quiet --out run --resume"
    assert said == f"the device is done\nxenoglyph: stopped; go on with: {resume}\n"


UNHEARD = """
import gc, os, signal, sys
from xenoglyph import cli
from xenoglyph.autoencoder import SELUAutoencoder

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has none
fit, sent = SELUAutoencoder.fit, []

def hit(*_):
    if not sent:
        sent.append(True)
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))

def collecting(*arguments, **settings):
    gc.callbacks.append(hit)  # what is raised there, nobody hears
    gc.collect()
    gc.callbacks.remove(hit)
    return fit(*arguments, **settings)

def catching(*arguments, **settings):
    try:
        hit()
    except BaseException:
        pass
    return fit(*arguments, **settings)

SELUAutoencoder.fit = locals()[sys.argv[2]]
sys.exit(cli.main(["discover", "digits", "--epochs", "9", "--quiet", "--out", "run"]))
"""


@pytest.mark.parametrize("lost_in", ["collecting", "catching"])
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_nobody_hears_at_first_is_not_lost(
    tmp_path: Path, name: str, code: int, lost_in: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNHEARD, name, lost_in],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "ignored" not in done.stderr
    assert "--resume" in done.stderr

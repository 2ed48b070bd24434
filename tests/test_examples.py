"""Every command that the help and the README show, pasted into a shell as it stands.

Where the network would be asked, "mnist" is a few noisy patterns of five kinds, which the examples
find through XENOGLYPH_DATA.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xenoglyph.cli import main

pytestmark = pytest.mark.skipif(
    os.name != "posix" or shutil.which("bash") is None, reason="commands are pasted into bash"
)

ROOT = Path(__file__).parents[1]
COMMANDS = ["", "discover", "generate", "label", "report", "animate"]
COMMANDS += ["data", "data list", "data get"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples_of(text: str) -> list[str]:
    """Return the lines of a help, or of the shell blocks of a page, that call the program."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) or [text]
    lines = re.findall(r"^ *(?:.*/)?(xenoglyph .+)$", "\n".join(blocks), re.MULTILINE)
    return [shlex.join(shlex.split(line, comments=True)) for line in lines]


def helps(capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[str, str]]:
    """Every command with what its help says after its options."""
    for command in COMMANDS:
        assert main([*command.split(), "--help"]) == 0
        yield command, capsys.readouterr().out.partition("Example")[2]


def test_every_help_shows_one_to_three_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command, text in helps(capsys):
        listed = examples_of(text)
        assert 1 <= len(listed) <= 3, command
        assert all(line.startswith(f"xenoglyph {command}") for line in listed)


def test_examples_are_found() -> None:
    page = "xenoglyph in prose\n\n```bash\nxenoglyph a  # b\nx/bin/xenoglyph 'c d'\n```\n\n"
    assert examples_of(f"{page}```python\nxenoglyph e\n```\n") == [
        "xenoglyph a",
        "xenoglyph 'c d'",
    ]
    assert examples_of("  Examples:\n    xenoglyph f\n") == ["xenoglyph f"]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make a folder to work in, with what the examples take for granted."""
    random = np.random.default_rng(0)
    data, pictures = tmp_path / "data", tmp_path / "work" / "new-images"
    for folder in (data, pictures, tmp_path / "home"):
        folder.mkdir(parents=True)
    table = random.normal((170, 70), 10, size=(200, 2))
    measurements = tmp_path / "work" / "measurements.csv"
    np.savetxt(measurements, table, delimiter=",", header="height,weight", comments="")
    kinds = np.repeat(np.arange(5), 30)
    patterns = np.kron(random.random((5, 4, 4)) > 0.5, np.ones((2, 2)))
    images = 0.8 * patterns[kinds] + 0.2 * random.random((150, 8, 8))
    np.savez(data / "mnist.npz", images=images, labels=kinds)
    for i, pixels in enumerate(images[:5]):
        Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(pictures / f"{i}.png")
    monkeypatch.chdir(tmp_path / "work")
    program = Path(sys.executable).parent
    return {
        **os.environ,
        "BROWSER": "true",  # the program of that name, which does nothing, takes the page
        "HOME": str(tmp_path / "home"),
        "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
        "XENOGLYPH_DATA": str(data),
    }


def paste(line: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Give bash a line, as somebody does who pastes it."""
    return subprocess.run(
        ["bash"], input=f"{line}\n", env=environment, capture_output=True, text=True, check=False
    )


def stop(line: str, environment: dict[str, str]) -> str:
    """Press Ctrl-C once a run has something to go on with; return what it said."""
    words = shlex.split(line)
    folder = Path(words[words.index("--out") + 1])
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as child:
        while not (folder / "checkpoint.safetensors").exists():
            assert child.poll() is None
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        said = child.communicate()[1]
    assert child.returncode == 130
    return said


DOWNLOAD = (
    "import sys, xenoglyph.cli as c; vars(c.xenoglyph)['download'] = lambda *_, **__: None; "
)


def test_every_example_works_when_pasted(
    capsys: pytest.CaptureFixture[str], environment: dict[str, str]
) -> None:
    listed = [line for _, text in helps(capsys) for line in examples_of(text)]
    pages = [page.read_text(encoding="utf-8") for page in PAGES]
    listed += [line for page in pages if "```bash" in page for line in examples_of(page)]
    # A run must be there before it is drawn from, and a set before nothing is left to download.
    listed = sorted(set(listed), key=lambda line: (" discover " not in line, "--resume" in line))
    assert len(listed) > 15
    assert {shlex.split(line)[1] for line in listed} > set(COMMANDS[1:6])
    for line in listed:
        if "--resume" in line:
            said = stop(line.replace(" --resume", ""), environment)
            assert said == f"xenoglyph: stopped; go on with: {line}\n"
        pasted = line
        if line.startswith("xenoglyph data get "):
            code = f"{DOWNLOAD}sys.exit(c.main())"
            pasted = line.replace("xenoglyph", shlex.join(["python", "-c", code]))
        done = paste(pasted, environment)
        assert (done.returncode, done.stderr) == (0, ""), line
    assert {"threes.png", "labels.csv", "fit.gif"} <= {path.name for path in Path.cwd().iterdir()}


def test_a_wrong_example_is_noticed(environment: dict[str, str]) -> None:
    assert paste("xenoglyph discover --fast", environment).returncode == 2

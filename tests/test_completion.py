"""What a press of Tab gives, in a real bash."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xenoglyph import CATALOG, TOY_SETS

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")

TAB = """
eval "$(xenoglyph --show-completion bash)"
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_xenoglyph_completion xenoglyph
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def bash(script: str, *options: str) -> str:
    """Give bash a script on its standard input; return what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", *options],
        input=script,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def completed(*words: str) -> list[str]:
    """Return what the last of the words would become."""
    return bash(TAB.format(words=shlex.join(["xenoglyph", *words]))).split()


def test_commands_and_options() -> None:
    assert completed("dis") == ["discover"]
    assert completed("data", "") == ["list", "get"]
    assert completed("discover", "--re") == ["--recipe", "--resume"]
    assert completed("discover", "--recipe", "") == ["default", "article"]


@pytest.mark.parametrize("command", ["discover", "data get"])
def test_named_sets(command: str) -> None:
    assert completed(*command.split(), "") == list(CATALOG)
    assert completed(*command.split(), "mn") == ["mnist"]


def test_toy_sets() -> None:
    assert completed("animate", "") == sorted(TOY_SETS)


def test_symbols_and_components_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    result = {"n_symbols": 3, "n_components": 12}
    Path("run", "result.json").write_text(json.dumps(result), encoding="utf-8")
    Path("run", "model.safetensors").touch()
    for run in ("run", "run/model.safetensors"):
        assert completed("generate", run, "--symbol", "") == ["0", "1", "2"]
        assert completed("generate", run, "--component", "1") == ["1", "10", "11"]
    for text in ("{}", "[3]", "no JSON", '{"n_symbols": "many"}'):
        Path("run", "result.json").write_text(text, encoding="utf-8")
        assert completed("generate", "run", "--symbol", "") == []
    assert completed("generate", "--symbol", "") == []
    assert completed("generate", "nowhere", "--symbol", "") == []


def test_what_is_installed_is_there_in_the_next_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "completion installed" in bash("xenoglyph --install-completion\n")
    profile = shlex.quote(str(tmp_path / ".bashrc"))
    assert "_xenoglyph_completion" in bash(f"source {profile}; complete -p xenoglyph\n")

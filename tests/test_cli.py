"""The command line: what it prints, what it leaves, and with which exit code it ends.

A stand-in takes the place of the discovery, which has its own tests and needs its time; images,
model files, bars and drawings are the real ones.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import xenoglyph
from xenoglyph.cli import main
from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.errors import DataError, DegenerateDataWarning, ModelFileError, StorageError
from xenoglyph.images import ImageSet, load_images
from xenoglyph.progress import Progress
from xenoglyph.storage import read_checkpoint, read_model, write_checkpoint, write_model
from xenoglyph.storage.run_folder import hold_run

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch

RESULT: dict[str, Any] = {
    "n_symbols": 4,
    "n_components": 5,
    "n_images": 1797,
    "n_strange": 7,
    "cuts": [4, 4, 5],
    "resamplings": {"4": 97, "5": 3},
    "message_length": 9876.54,
    "reconstruction_loss": 0.125,
    "scores": {"ari": 0.5, "accuracy": 0.75},
    "seconds": {"total": 12.34},
    "peak_memory_bytes": 123_456_789,
    "settings": {"discovery": {"recipe": "default", "tolerance": 0.053}},
    "name": "ß",
}


class StandIn:
    """Has the methods of a SymbolDiscovery that the command line calls; finds four symbols."""

    n_symbols_ = 4
    n_components_ = 5
    symbols_ = SimpleNamespace(tolerance_interval=(0.04, 0.08))
    evidence_ = SimpleNamespace(
        shares=np.array([0.4, 0.3, 0.2, 0.1]), n_images=1797, name="digits"
    )
    made: ClassVar[list[Any]] = []
    fitted: ClassVar[list[Any]] = []
    stop: ClassVar[BaseException | None] = None
    """What comes between two checkpoints of a fit."""

    def __init__(self, recipe: str = "default", **parameters: Any) -> None:
        self.made.append((recipe, parameters))

    def fit(
        self,
        images: ImageSet,
        *,
        progress: Progress,
        checkpoint: Path,
        resume: bool,
        callbacks: list[Any],
        client: None,
    ) -> Self:
        found = read_checkpoint(checkpoint, "stand-in") if resume else None
        self.fitted.append({"found": found and found[0], "callbacks": callbacks})
        progress("mixture", 1, 1, "3 left")
        write_checkpoint(checkpoint, "stand-in", {"epoch": 1}, {})
        if self.stop is not None:
            raise self.stop
        write_checkpoint(checkpoint, "stand-in", {"epoch": 2}, {})
        return self

    def sample(self, n: int, **choice: Any) -> ImageSet:
        self.made.append((n, choice))
        return ImageSet(np.ones((n, 8, 8), dtype=np.float32))

    def predict_proba(self, images: ImageSet, *, progress: Progress) -> NDArray[np.float64]:
        return np.eye(4)[np.arange(len(images)) % 4] * 0.75 + 0.25 / 4

    def belongs(self, images: ImageSet) -> NDArray[np.bool_]:
        return np.arange(len(images)) != 1

    @classmethod
    def load(cls, path: Path) -> Self:
        read_model(path, "discovery")
        return cls()


def write_run(
    discovery: StandIn, images: ImageSet, folder: Path, *, progress: Progress, command: str
) -> dict[str, Any]:
    write_model(folder / "model.safetensors", "discovery", {"command": command}, {})
    (folder / "report.html").write_text("report")
    (folder / "result.json").write_text(json.dumps(RESULT, indent=1) + "\n", encoding="utf-8")
    return RESULT


def write_report(discovery: StandIn, path: Path, *, result: dict[str, Any] | None) -> None:
    path.write_text(f"a report of {result and result['seconds']}")


def save_sheet(images: ImageSet, path: Path) -> None:
    path.write_bytes(b"%d images" % len(images))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: Patch) -> None:
    """Work in an empty folder, with stand-ins behind the lazy names of the package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XENOGLYPH_DATA", raising=False)
    monkeypatch.setattr(StandIn, "made", [])
    monkeypatch.setattr(StandIn, "fitted", [])
    for name, value in {
        "SymbolDiscovery": StandIn,
        "write_report": write_report,
        "write_run": write_run,
        "save_sheet": save_sheet,
    }.items():
        behind_the_door(monkeypatch, name, value)


def behind_the_door(monkeypatch: Patch, name: str, value: object) -> None:
    monkeypatch.setitem(vars(xenoglyph), name, value)


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.fixture
def run() -> Path:
    assert main(["discover", "--quiet"]) == 0
    return Path("xenoglyph-runs", "digits")


# ------------------------------------------------------------------------------------- discover


def test_discover_tells_what_was_found(capsys: Capture) -> None:
    assert main(["discover", "digits"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("4 symbols in 1,797 images of digits;\n")
    for caption in ("0: 40.0%", "1: 30.0%", "2: 20.0%", "3: 10.0%"):
        assert caption in out
    assert "█" * 16 in out
    rows = dict(re.findall(r"^([a-z ]+?)  +(.+)$", out, re.MULTILINE))
    assert rows == {
        "symbols": "4",
        "tolerance": "5.3%; the same symbols with any from 4.00% to 8.00%",
        "cuts": "4, 4, 5",
        "resamplings": "4 in 97 of 100, 5 in 3",
        "components": "5",
        "images": "1,797, of which 7 belong to no symbol",
        "message length": "9,876.5 nats",
        "loss": "0.1250",
        "labels": "ari 0.500, accuracy 0.750",
        "seconds": "total 12.3",
        "memory": "123 MB at the peak",
        "files": "model.safetensors, report.html, result.json",
    }
    assert out.endswith(f"report: {Path('xenoglyph-runs', 'digits', 'report.html')}\n")
    assert err == ""


def test_without_labels_no_scores_are_told(capsys: Capture, monkeypatch: Patch) -> None:
    without = {key: value for key, value in RESULT.items() if key != "scores"}
    behind_the_door(monkeypatch, "write_run", lambda *_, **__: without)
    Path("xenoglyph-runs").mkdir()
    assert main(["discover"]) == 0
    assert "labels" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        "discover digits",
        "generate RUN",
        "label RUN digits",
        "report RUN",
        "animate moons --rows 50",
        "data get digits",
    ],
)
def test_quiet_prints_nothing(run: Path, capsys: Capture, words: str) -> None:
    capsys.readouterr()
    assert main([*words.replace("RUN", str(run)).split(), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_sets_are_listed_as_json_too(capsys: Capture) -> None:
    assert main(["data", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told] == list(xenoglyph.CATALOG)
    assert told[0]["place"] == "bundled with scikit-learn"


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_json_prints_exactly_the_file(capsys: Capture, quiet: list[str]) -> None:
    assert main(["discover", "--json", "--out", "run", *quiet]) == 0
    out, err = capsys.readouterr()
    assert out == Path("run", "result.json").read_text(encoding="utf-8")
    assert err == ""


def test_every_option_reaches_the_library() -> None:
    np.save("rows.npy", np.zeros((4, 6), dtype=np.uint8))
    words = (
        "discover rows.npy --recipe article --seed 7 --max-components 9 --epochs 2 --processes 2 "
        "--route codes --tolerance 0.1 --image-shape"
    )
    assert main([*words.split(), "2x3", "--debug"]) == 0
    made = {"max_components": 9, "n_epochs": 2, "n_processes": 2, "random_state": 7}
    made |= {"route": "codes", "tolerance": 0.1}
    assert StandIn.made[0] == ("article", made)
    settings, _ = read_model(Path("xenoglyph-runs", "rows", "model.safetensors"), "discovery")
    assert settings == {"command": f"xenoglyph {words} 2x3"}


def test_without_options_the_library_decides_all_but_the_seed() -> None:
    assert main(["discover"]) == 0
    made = {"max_components": None, "n_epochs": None, "n_processes": 1, "random_state": 0}
    made |= {"route": None, "tolerance": SymbolDiscovery().tolerance}
    assert StandIn.made[0] == ("default", made)
    assert StandIn.fitted == [{"found": None, "callbacks": []}]


def test_the_next_run_of_the_same_name_overwrites(run: Path) -> None:
    (run / "report.html").write_text("old")
    assert main(["discover"]) == 0
    assert (run / "report.html").read_text() == "report"


def test_a_folder_with_other_things_is_left_alone(capsys: Capture) -> None:
    Path("mine").mkdir()
    Path("mine", "labels.csv").write_text("mine")
    assert main(["discover", "--out", "mine"]) == 2
    assert "no earlier run" in capsys.readouterr().err
    assert [path.name for path in Path("mine").iterdir()] == ["labels.csv"]


def test_a_warning_is_one_line(capsys: Capture, monkeypatch: Patch) -> None:
    def warn(*_: object, **__: object) -> ImageSet:
        warnings.warn("two images\nare the same", DegenerateDataWarning, stacklevel=1)
        return load_images("digits")

    behind_the_door(monkeypatch, "load_images", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["discover", "--quiet"]) == 0
    assert capsys.readouterr().err == "xenoglyph: warning: two images are the same\n"


@pytest.mark.parametrize("kinds", [["csv"], ["tensorboard"], ["csv", "tensorboard"]])
def test_logs_go_into_the_run_folder(monkeypatch: Patch, kinds: list[str]) -> None:
    behind_the_door(monkeypatch, "csv_log", lambda path: ("csv", path))
    behind_the_door(monkeypatch, "tensorboard_log", lambda path: ("tensorboard", path))
    names = {"csv": "training.csv", "tensorboard": "tensorboard"}
    words = [word for kind in kinds for word in ("--log", kind)]
    assert main(["discover", "--out", "run", *words]) == 0
    asked = [(kind, Path("run", names[kind])) for kind in kinds]
    assert StandIn.fitted[0]["callbacks"] == asked


# --------------------------------------------------------------------------- stop, and go on

CHECKPOINT = Path("run", "checkpoint.safetensors")
FINISHED = {"model.safetensors", "report.html", "result.json"}


def listed(folder: str | Path = "run") -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def stop(monkeypatch: Patch, error: BaseException, *words: str) -> int:
    """Run a discovery that is stopped by an error; return its exit code."""
    with monkeypatch.context() as patch:
        patch.setattr(StandIn, "stop", error)
        return main(["discover", "--quiet", "--out", "run", *words])


def test_a_finished_run_leaves_neither_checkpoint_nor_lock() -> None:
    assert main(["discover", "--out", "run"]) == 0
    assert listed() == FINISHED


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(143), 143, ""),
        (StorageError("no room"), 1, "xenoglyph: error: no room\n"),
        (OSError(5, "broken"), 1, "xenoglyph: error: [Errno 5] broken\n"),
        (KeyError("k"), 1, "xenoglyph: error: unexpected KeyError: 'k'; please report what "),
    ],
)
def test_a_stopped_run_tells_how_to_go_on(
    capsys: Capture, monkeypatch: Patch, error: BaseException, code: int, said: str
) -> None:
    assert stop(monkeypatch, error, "--debug", "--seed", "3") == code
    out, err = capsys.readouterr()
    resume = "xenoglyph discover --quiet --out run --seed 3 --resume"
    assert out == ""
    assert said in err
    assert err.endswith(f"\nxenoglyph: stopped; go on with: {resume}\n"[not said :])
    assert listed() == {CHECKPOINT.name}
    # What was told is typed, and the run comes to its end.
    assert main(resume.split()[1:]) == 0
    assert StandIn.fitted[-1]["found"] == {"epoch": 1}
    assert listed() == FINISHED
    settings, _ = read_model("run/model.safetensors", "discovery")
    assert settings == {"command": resume.removesuffix(" --resume")}


def test_a_run_stopped_again_tells_the_same(capsys: Capture, monkeypatch: Patch) -> None:
    assert stop(monkeypatch, KeyboardInterrupt()) == 130
    first = capsys.readouterr().err
    assert stop(monkeypatch, KeyboardInterrupt(), "--resume") == 130
    assert capsys.readouterr().err == first


def test_what_is_told_can_be_pasted(capsys: Capture, monkeypatch: Patch) -> None:
    Path("two  words").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8)).save(Path("two  words", name))
    monkeypatch.setattr(StandIn, "stop", KeyboardInterrupt())
    assert main(["discover", "--out", "run", "--", "two  words"]) == 130
    told = capsys.readouterr().err
    assert told.endswith("xenoglyph discover --out run --resume -- 'two  words'\n")


@pytest.mark.parametrize("error", [DataError("it diverged"), ModelFileError("all damaged")])
def test_what_would_fail_again_is_not_advised(
    capsys: Capture, monkeypatch: Patch, error: Exception
) -> None:
    assert stop(monkeypatch, error) == 1
    assert "go on with" not in capsys.readouterr().err
    assert CHECKPOINT.exists()


def test_a_run_that_is_stopped_after_its_training_goes_on(
    capsys: Capture, monkeypatch: Patch
) -> None:
    with monkeypatch.context() as patch:
        behind_the_door(patch, "write_run", failing(SystemExit(143)))
        assert main(["discover", "--out", "run"]) == 143
    assert "go on with" in capsys.readouterr().err
    assert main(["discover", "--out", "run", "--resume"]) == 0
    assert StandIn.fitted[-1]["found"] == {"epoch": 2}


def test_without_resume_a_stopped_run_begins_anew(monkeypatch: Patch) -> None:
    assert stop(monkeypatch, KeyboardInterrupt()) == 130
    behind_the_door(monkeypatch, "load_images", failing(DataError("no images")))
    assert main(["discover", "--out", "run"]) == 1
    assert not CHECKPOINT.exists()


def test_resume_in_an_empty_folder_begins_and_says_so(capsys: Capture) -> None:
    assert main(["discover", "--quiet", "--out", "run", "--resume"]) == 0
    assert capsys.readouterr().err == "xenoglyph: nothing to resume in run: the run begins\n"
    assert StandIn.fitted == [{"found": None, "callbacks": []}]


def test_a_run_killed_before_its_first_checkpoint_resumes_in_the_folder_of_an_old_one(
    run: Path,
) -> None:
    (run / "xenoglyph.lock").touch()
    assert main(["discover", "--resume"]) == 0
    assert listed(run) == FINISHED


def test_a_damaged_checkpoint_is_a_warning_and_the_one_before_is_used(
    capsys: Capture, monkeypatch: Patch
) -> None:
    assert stop(monkeypatch, KeyboardInterrupt()) == 130
    write_checkpoint("run", "stand-in", {"epoch": 7}, {})
    CHECKPOINT.write_bytes(CHECKPOINT.read_bytes()[:-1])
    capsys.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["discover", "--quiet", "--out", "run", "--resume"]) == 0
    assert StandIn.fitted[-1]["found"] == {"epoch": 1}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"xenoglyph: warning: {CHECKPOINT} cannot be read")


def test_a_second_run_in_the_folder_is_refused(capsys: Capture) -> None:
    with hold_run("run"):
        write_checkpoint("run", "stand-in", {}, {})
        before = listed()
        assert main(["discover", "--out", "run"]) == 1
        assert main(["discover", "--out", "run", "--resume"]) == 1
        assert listed() == before
    assert not StandIn.made
    first, second = capsys.readouterr().err.splitlines()
    assert first == second
    assert re.match(r"xenoglyph: error: another run \(process \d+\) is at work in run;", first)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_the_handler_of_sigterm_is_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert main(["data", "list"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_main_runs_in_any_thread() -> None:
    with ThreadPoolExecutor() as pool:
        assert pool.submit(main, ["data", "list"]).result() == 0


# ------------------------------------------------------------------- generate, label, report, data


def test_generate_draws_what_was_asked_for(run: Path, capsys: Capture) -> None:
    capsys.readouterr()
    words = ["generate", str(run), "--symbol", "2", "--count", "4", "--out", "twos.png"]
    assert main([*words, "--seed", "5"]) == 0
    assert capsys.readouterr().out == "4 new images: twos.png\n"
    assert Path("twos.png").read_bytes() == b"4 images"
    choice = {"symbol": 2, "component": None, "random_state": 5}
    assert StandIn.made[-1] == (4, choice)


def test_generate_takes_a_component_and_a_model_file(run: Path) -> None:
    assert main(["generate", str(run / "model.safetensors"), "--component", "4"]) == 0
    choice = {"symbol": None, "component": 4, "random_state": 0}
    assert StandIn.made[-1] == (10, choice)
    assert Path("generated.png").exists()


def test_label_names_the_pictures_of_a_folder(run: Path) -> None:
    Path("new").mkdir()
    for name in ("b,1.png", "a.png"):
        Image.new("L", (8, 8)).save(Path("new", name))
    assert main(["label", str(run), "new"]) == 0
    with Path("labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["file", "symbol", "probability", "belongs"],
        ["a.png", "0", "0.812500", "1"],
        ["b,1.png", "1", "0.812500", "0"],
    ]


def test_label_counts_the_images_of_other_sources(run: Path) -> None:
    np.save("rows.npy", np.zeros((4, 64), dtype=np.uint8))
    words = ["label", str(run), "rows.npy", "--image-shape", "8x8", "--out", "table.csv"]
    assert main(words) == 0
    lines = Path("table.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "index,symbol,probability,belongs"
    assert [line[:4] for line in lines[1:]] == ["0,0,", "1,1,", "2,2,", "3,3,"]


def test_report_is_written_into_the_run_and_opened(
    run: Path, capsys: Capture, monkeypatch: Patch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == "a report of {'total': 12.34}"
    assert not opened
    assert main(["report", str(run), "--out", "page.html", "--open"]) == 0
    assert opened == [Path("page.html").resolve().as_uri()]
    (run / "result.json").unlink()
    assert main(["report", str(run / "model.safetensors"), "--out", "page.html"]) == 0
    assert Path("page.html").read_text() == "a report of None"
    assert capsys.readouterr().out.endswith("report: page.html\n")


def test_data_list_tells_each_set_and_where_it_is(capsys: Capture) -> None:
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^digits .*1,797.*; bundled with scikit-learn$", out, re.MULTILINE)
    assert {"mnist", "fashion-mnist", "kmnist"} <= {line.split()[0] for line in out.splitlines()}


def test_data_get_downloads(capsys: Capture, monkeypatch: Patch) -> None:
    got: list[str] = []
    behind_the_door(monkeypatch, "download", lambda name, progress: got.append(name))
    behind_the_door(monkeypatch, "locate", lambda name: f"cache/{name} (downloaded)")
    assert main(["data", "get", "mnist"]) == 0
    assert got == ["mnist"]
    assert capsys.readouterr().out == "cache/mnist (downloaded)\n"


# ----------------------------------------------------------------------------------------- errors


def error_line(capsys: Capture) -> str:
    """Return the message, once it is sure that nothing else was printed."""
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"xenoglyph: error: [^\n]+\n", err)
    assert len(err) < 400
    return err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("recover", "recover"),
        ("discover --fast", "--fast"),
        ("discover nowhere/images", "'nowhere/images' is no file or folder"),
        ("discover digits more", "more"),
        ("discover --seed x", "--seed"),
        ("discover --seed -1", "--seed"),
        ("discover --seed", "--seed"),
        ("discover --max-components 0", "--max-components"),
        ("discover --epochs 0", "--epochs"),
        ("discover --recipe borrowed", "--recipe"),
        ("discover --image-shape 28", "28x28"),
        ("discover --out file", "file is a file"),
        ("discover --processes 0", "--processes"),
        ("discover --log excel", "csv"),
        ("discover --resume", "digits holds a finished run, there is nothing to resume"),
        ("generate", "RUN"),
        ("generate nowhere", "nowhere does not exist"),
        ("generate empty", "model.safetensors does not exist"),
        ("generate RUN --symbol 4", "--symbol: 4 does not exist; choose 0 to 3"),
        ("generate RUN --symbol -1", "--symbol"),
        ("generate RUN --component 5", "--component: 5 does not exist; choose 0 to 4"),
        ("generate RUN --symbol 0 --component 0", "not both"),
        ("generate RUN --count 0", "--count"),
        ("generate RUN --out threes.txt", ".png"),
        ("label RUN", "SOURCE"),
        ("label RUN nowhere", "nowhere"),
        ("report nowhere", "nowhere does not exist"),
        ("data", "command"),
        ("data get cifar", "'cifar' is not one of digits, mnist"),
    ],
)
def test_bad_use_is_one_line_and_code_2(
    run: Path, capsys: Capture, words: str, reason: str
) -> None:
    Path("file").touch()
    Path("empty").mkdir()
    capsys.readouterr()
    assert main(words.replace("RUN", str(run)).split()) == 2
    assert reason in error_line(capsys)


def test_a_source_that_cannot_be_read_is_a_failure(capsys: Capture) -> None:
    Path("images.npz").write_bytes(b"PK\x03\x04 and no more")
    assert main(["discover", "images.npz"]) == 1
    assert "images.npz" in error_line(capsys)


@pytest.mark.parametrize("command", ["generate RUN", "label RUN digits", "report RUN"])
def test_a_damaged_model_is_a_failure(run: Path, capsys: Capture, command: str) -> None:
    path = run / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    capsys.readouterr()
    assert main(command.replace("RUN", str(run)).split()) == 1
    assert "model.safetensors" in error_line(capsys)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DataError("no mirror\ndelivers it"), "no mirror delivers it"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (KeyError("k"), "unexpected KeyError: 'k'; please report"),
    ],
)
def test_a_failure_is_one_line_and_code_1(
    capsys: Capture, monkeypatch: Patch, error: Exception, reason: str
) -> None:
    behind_the_door(monkeypatch, "download", failing(error))
    assert main(["data", "get", "mnist"]) == 1
    assert reason in error_line(capsys)


def test_a_run_that_cannot_be_written_fails_before_the_work(capsys: Capture) -> None:
    Path("file").touch()
    assert main(["discover", "--out", "file/run"]) == 1
    assert "file" in error_line(capsys)
    assert not StandIn.made


def test_a_missing_library_is_told_before_the_work(capsys: Capture, monkeypatch: Patch) -> None:
    monkeypatch.delitem(vars(xenoglyph), "write_run")
    monkeypatch.setitem(sys.modules, "xenoglyph.report", None)
    assert main(["discover"]) == 1
    error_line(capsys)
    assert not StandIn.made


@pytest.mark.parametrize("position", [0, 1, 2])
def test_debug_shows_the_traceback_wherever_it_stands(
    capsys: Capture, monkeypatch: Patch, position: int
) -> None:
    behind_the_door(monkeypatch, "load_images", failing(DataError("a bad file")))
    words = ["discover", "digits"]
    words.insert(position, "--debug")
    assert main(words) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert "raise error\nxenoglyph.errors.DataError: a bad file\n" in err
    assert err.endswith("\nxenoglyph: error: a bad file\n")


def test_ctrl_c_is_one_line_and_code_130(capsys: Capture, monkeypatch: Patch) -> None:
    behind_the_door(monkeypatch, "load_images", failing(KeyboardInterrupt()))
    assert main(["discover"]) == 130
    assert capsys.readouterr() == ("", "xenoglyph: stopped\n")


# -------------------------------------------------------------------------------- help, processes


def python(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, **options
    )


def test_the_module_is_the_program() -> None:
    assert python("-m", "xenoglyph").stdout == python("-m", "xenoglyph", "--help").stdout
    bad = python("-m", "xenoglyph", "discover", "--fast")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "--fast" in bad.stderr


def test_the_version_is_one_line(capsys: Capture, monkeypatch: Patch) -> None:
    behind_the_door(monkeypatch, "__version__", "1.2.3")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "xenoglyph 1.2.3\n"


def test_without_its_libraries_the_program_names_the_extra() -> None:
    bare = python("-c", "import sys; sys.modules['typer'] = None; import xenoglyph.cli")
    assert bare.returncode == 1
    assert re.fullmatch(r'xenoglyph: .* pip install "xenoglyph\[images\]"\n', bare.stderr)


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
from xenoglyph.cli import main

assert main(["--help"]) == 0
assert main(["discover", "--help"]) == 0
heavy = {"numpy", "scipy", "sklearn", "jax", "matplotlib", "plotly", "PIL", "rich", "pandas"}
sys.exit(", ".join(heavy & set(sys.modules)))
"""
    assert python("-c", code).stderr.strip() == ""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("stage", ["load", "fit"])
def test_a_real_signal_stops_a_real_process(name: str, code: int, stage: str) -> None:
    script = """
import sys, time
import xenoglyph
from xenoglyph.cli import main
from xenoglyph.storage import write_checkpoint

stage = sys.argv[1]

def wait():
    print("ready", flush=True)
    time.sleep(60)

def load_images(*_, **__):
    if stage == "load":
        wait()

class Discovery:
    def __init__(self, *_, **__):
        pass

    def fit(self, images, *, checkpoint, **_):
        try:
            wait()
        finally:
            write_checkpoint(checkpoint, "stand-in", {"stage": stage}, {})

vars(xenoglyph).update(load_images=load_images, SymbolDiscovery=Discovery, write_run=None)
sys.exit(main(["discover", "--quiet", "--out", "run"]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, stage],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        began = time.monotonic()
        child.send_signal(signal.Signals[name])
        _, err = child.communicate(timeout=30)
    assert time.monotonic() - began < 5  # the interpreter's own end included
    hint = "; go on with: xenoglyph discover --quiet --out run --resume"
    assert (child.returncode, err) == (code, f"xenoglyph: stopped{hint * (stage == 'fit')}\n")
    assert listed() == ({CHECKPOINT.name} if stage == "fit" else set())

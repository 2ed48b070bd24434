"""The whole way in, as a user goes it: real processes on the real package and real digits."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from xenoglyph.images import load_images
from xenoglyph.storage import read_model

STAGES = {"autoencoder", "mixture", "symbols", "drawing", "report", "total"}
KEYS = {
    "n_images",
    "n_components",
    "n_symbols",
    "n_strange",
    "criteria",
    "tolerance_interval",
    "cuts",
    "resamplings",
    "message_length",
    "reconstruction_loss",
    "scores",
    "seconds",
    "peak_memory_bytes",
    "command",
    "settings",
    "versions",
}


def xenoglyph(*words: object, folder: Path) -> str:
    """Run the program in `folder`, as a user without data of his own; return what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "XENOGLYPH_DATA"}
    done = subprocess.run(
        [sys.executable, "-m", "xenoglyph", *map(str, words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Discover the symbols of the digits with few epochs: this is about the way, not the end."""
    home = tmp_path_factory.mktemp("home")
    printed = xenoglyph("discover", "digits", "--epochs", 20, folder=home)
    (home / "printed.txt").write_text(printed, encoding="utf-8")
    return home


@pytest.fixture
def run(home: Path) -> Path:
    return home / "xenoglyph-runs" / "digits"


@pytest.fixture
def result(run: Path) -> Any:
    return json.loads((run / "result.json").read_text(encoding="utf-8"))


def test_result_has_exactly_the_keys(result: Any) -> None:
    assert set(result) == KEYS
    assert result["n_images"] == 1797
    assert 1 <= result["n_symbols"] <= 40
    assert len(result["cuts"]) == 5
    assert result["n_symbols"] in result["cuts"]
    assert sum(result["resamplings"].values()) == 100
    assert set(result["scores"]) == {"ari", "nmi", "purity", "accuracy"}
    assert set(result["seconds"]) == STAGES
    parts = sum(value for key, value in result["seconds"].items() if key != "total")
    assert result["seconds"]["total"] == pytest.approx(parts, rel=0.1)
    assert result["peak_memory_bytes"] > 50e6


def test_every_file_is_there_and_opens(run: Path) -> None:
    for name in ("symbols.png", "codes.png", "fit.gif"):
        with Image.open(run / name) as picture:
            picture.load()
            assert min(picture.size) >= 100
    read_model(run / "model.safetensors", "discovery")
    assert "</html>" in (run / "report.html").read_text(encoding="utf-8")[-100:]
    left = {path.name for path in run.iterdir() if path.name.startswith(".")}
    assert not left


def test_the_table_of_labels_agrees_with_the_result(run: Path, result: Any) -> None:
    with (run / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == list(range(result["n_images"]))
    assert {int(row["symbol"]) for row in rows} <= set(range(result["n_symbols"]))
    assert all(0 < float(row["probability"]) <= 1 for row in rows)


def test_the_terminal_tells_the_same(home: Path, result: Any) -> None:
    printed = (home / "printed.txt").read_text(encoding="utf-8")
    assert printed.startswith(f"{result['n_symbols']} symbols in 1,797 images of digits;\n")
    assert f"\ncomponents      {result['n_components']}\n" in printed
    assert f"\nmessage length  {result['message_length']:,.1f} nats\n" in printed
    assert f"accuracy {result['scores']['accuracy']:.3f}" in printed
    assert Path(printed.split()[-1]) == Path("xenoglyph-runs", "digits", "report.html")
    assert "\x1b" not in printed
    assert set("░▒▓█▀▄") & set(printed)


def test_new_images_are_drawn(home: Path, run: Path) -> None:
    xenoglyph("generate", run, "--symbol", 0, "--count", 7, "--out", "new.png", folder=home)
    with Image.open(home / "new.png") as picture:
        assert picture.width > 7 * 8


def test_pictures_from_a_folder_get_the_labels_that_they_had(home: Path, run: Path) -> None:
    folder = home / "pictures"
    folder.mkdir()
    digits = load_images("digits")
    for i in range(20):
        levels = (digits.pixels[i] * 255).round().astype("uint8")
        Image.fromarray(levels).save(folder / f"{i:02}.png")
    xenoglyph("label", run, folder, folder=home)
    with (home / "labels.csv").open(newline="", encoding="utf-8") as file:
        new = list(csv.DictReader(file))
    with (run / "labels.csv").open(newline="", encoding="utf-8") as file:
        old = list(csv.DictReader(file))[:20]
    assert [row["file"] for row in new] == [f"{i:02}.png" for i in range(20)]
    sure = [i for i in range(20) if float(old[i]["probability"]) > 0.9]
    assert len(sure) >= 5
    assert [new[i]["symbol"] for i in sure] == [old[i]["symbol"] for i in sure]


def test_the_report_can_be_made_again_from_the_model_alone(home: Path, run: Path) -> None:
    xenoglyph("report", run / "model.safetensors", "--out", "page.html", folder=home)
    assert "</html>" in (home / "page.html").read_text(encoding="utf-8")[-100:]

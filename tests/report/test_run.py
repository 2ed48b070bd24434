"""Every file of the run folder exists, opens, and agrees with the discovery."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from xenoglyph import (
    DataError,
    ImageSet,
    SymbolDiscovery,
    read_result,
    write_report,
    write_run,
)

pytestmark = pytest.mark.usefixtures("hasty_networks")

FILES = {
    "codes.png",
    "fit.gif",
    "labels.csv",
    "model.safetensors",
    "report.html",
    "result.json",
    "symbols.png",
}
STAGES = {"autoencoder", "mixture", "symbols", "drawing", "report", "total"}
KEYS = [
    "n_images",
    "n_components",
    "n_symbols",
    "tolerance_interval",
    "cuts",
    "resamplings",
    "n_strange",
    "message_length",
    "criteria",
    "reconstruction_loss",
    "scores",
    "seconds",
    "peak_memory_bytes",
    "command",
    "settings",
    "versions",
]


def test_the_folder_holds_these_files_and_no_others(run):
    folder, _ = run
    assert {path.name for path in folder.iterdir()} == FILES


def test_result_has_just_its_keys(run, alien, images):
    folder, returned = run
    result = json.loads((folder / "result.json").read_text("utf-8"))
    assert result == returned
    assert list(result) == KEYS
    assert set(result["scores"]) == {"ari", "nmi", "purity", "accuracy"}
    assert set(result["seconds"]) == STAGES
    parts = [value for stage, value in result["seconds"].items() if stage != "total"]
    assert result["seconds"]["total"] == pytest.approx(sum(parts))
    assert result["n_images"] == len(images)
    assert result["n_symbols"] == alien.n_symbols_
    assert result["tolerance_interval"] == list(alien.symbols_.tolerance_interval)
    assert result["cuts"] == list(alien.stability_.cuts)
    assert {int(k): n for k, n in result["resamplings"].items()} == alien.stability_.numbers
    assert result["n_components"] == alien.n_components_
    assert result["message_length"] == alien.mixture_.message_length_
    assert result["reconstruction_loss"] == alien.autoencoder_.loss_
    assert result["peak_memory_bytes"] > 50e6
    assert result["command"] == "xenoglyph discover digits"


def test_without_labels_there_are_no_scores(alien, images, tmp_path):
    bare = SymbolDiscovery(n_epochs=1, random_state=0)
    bare_images = ImageSet(images.pixels[:300], name="bare")
    result = write_run(bare.fit(bare_images), bare_images, tmp_path)
    assert list(result) == [key for key in KEYS if key != "scores"]
    assert "Against labels" not in (tmp_path / "report.html").read_text("utf-8")


def test_the_model_in_the_folder_is_the_model(run, alien, images):
    again = SymbolDiscovery.load(run[0] / "model.safetensors")
    np.testing.assert_array_equal(again.predict(images), alien.labels_)


def test_labels_are_the_symbols_of_the_images(run, alien):
    with (run[0] / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == list(range(len(alien.labels_)))
    assert [int(row["symbol"]) for row in rows] == alien.labels_.tolist()
    assert [int(row["component"]) for row in rows] == alien.components_.tolist()
    assert all(0 < float(row["probability"]) <= 1 for row in rows)
    strange = sum(row["belongs"] == "0" for row in rows)
    assert strange == alien.evidence_.n_strange


@pytest.mark.parametrize("name", ["symbols.png", "codes.png"])
def test_pictures_open_and_are_not_empty(run, name):
    with Image.open(run[0] / name) as picture:
        greys = np.asarray(picture.convert("L"))
    assert min(greys.shape) > 300
    assert greys.std() > 10


def test_the_article_leaves_its_own_pictures_too(images, tmp_path):
    alien = SymbolDiscovery("article", n_epochs=2, random_state=0).fit(images)
    write_run(alien, images, tmp_path)
    extra = {
        "code_histograms.png",
        "components.png",
        "message_length.png",
        "pairs_by_component.png",
        "pairs_by_label.png",
        "reconstructions.png",
        "sweeps.png",
    }
    assert {path.name for path in tmp_path.iterdir()} == FILES | extra
    for name in extra:
        with Image.open(tmp_path / name) as picture:
            picture.verify()


def test_a_report_written_anew_is_the_report_of_the_run(run, tmp_path, monkeypatch):
    folder, returned = run
    model, result = SymbolDiscovery.load(folder / "model.safetensors"), read_result(folder)
    assert result == returned
    # Newer libraries write it: it tells which ones made the discovery all the same.
    monkeypatch.setattr("xenoglyph.report.summary.library_versions", lambda: {"numpy": "99"})
    write_report(model, tmp_path / "again.html", result=result)
    # Compared first: pytest would take minutes to tell how two pages differ.
    same = (tmp_path / "again.html").read_bytes() == (folder / "report.html").read_bytes()
    assert same


def test_a_model_alone_knows_no_seconds(run, tmp_path):
    model = SymbolDiscovery.load(run[0] / "model.safetensors")
    assert model.seconds_ == {}
    assert read_result(tmp_path) is None
    write_report(model, tmp_path / "alone.html")
    text = (tmp_path / "alone.html").read_text("utf-8")
    for absent in ("<caption>Seconds", "Peak memory", "xenoglyph discover digits"):
        assert absent not in text
    assert "<caption>Versions" in text


def test_the_result_of_another_discovery_is_left_alone(run, tmp_path):
    model = SymbolDiscovery.load(run[0] / "model.safetensors")
    other = {**run[1], "message_length": run[1]["message_length"] + 1.0}
    write_report(model, tmp_path / "alone.html")
    for number, result in enumerate((other, {}, {"command": "rm -r /"})):
        write_report(model, tmp_path / f"{number}.html", result=result)
        same = (tmp_path / f"{number}.html").read_bytes() == (tmp_path / "alone.html").read_bytes()
        assert same


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seconds", [1.0]),
        ("seconds", {"total": "<b>"}),
        ("seconds", {"total": -1}),
        ("peak_memory_bytes", "much"),
        ("peak_memory_bytes", True),
        ("command", ["xenoglyph"]),
        ("versions", {"numpy": 2.4}),
        ("versions", None),
    ],
)
def test_a_result_that_no_run_writes_is_refused(run, tmp_path, name, value):
    model = SymbolDiscovery.load(run[0] / "model.safetensors")
    with pytest.raises(DataError, match=f"result.json holds .* as {name}"):
        write_report(model, tmp_path / "page.html", result={**run[1], name: value})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"[]", b"{'a': 1}", b"\xff", b"[" * 99999])
def test_a_damaged_result_is_one_error(tmp_path, content):
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(DataError, match=r"result\.json .*remove it"):
        read_result(tmp_path)


def test_two_runs_of_one_seed_leave_the_same_model(images, tmp_path):
    few = ImageSet(images.pixels[:300], name="few")
    for name in ("a", "b"):
        write_run(SymbolDiscovery(n_epochs=2, random_state=0).fit(few), few, tmp_path / name)
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b"))
    assert a == b


def test_images_that_were_not_fitted_are_refused(run, alien, images, tmp_path):
    loaded = SymbolDiscovery.load(run[0] / "model.safetensors")
    with pytest.raises(DataError, match="1797 images came with a discovery that was not fitted"):
        write_run(loaded, images, tmp_path / "loaded")
    with pytest.raises(DataError, match="10 images"):
        write_run(alien, images[:10], tmp_path / "few")
    assert list(tmp_path.iterdir()) == []

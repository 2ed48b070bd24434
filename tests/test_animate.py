"""The command `xenoglyph animate`: real fits, real files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xenoglyph import TOY_SETS
from xenoglyph.cli import main


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def said(capsys):
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("name", TOY_SETS)
@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
def test_a_toy_set_becomes_a_small_animation(search, name, capsys):
    assert main(["animate", name, "--search", search, "--rows", "300", "--quiet"]) == 0
    assert said(capsys) == ""
    with Image.open("fit.gif") as picture:
        assert picture.n_frames > 2
    assert Path("fit.gif").stat().st_size < 3e6


def test_the_number_that_won_is_told(capsys):
    words = ["animate", "gaussians", "--rows", "1000", "--seed", "1", "--out", "fit.webp"]
    assert main(words) == 0
    assert said(capsys) == "4 components in 1,000 rows: fit.webp\n"


def test_the_search_of_the_paper_counts_down_from_where_it_is_told_to(monkeypatch, capsys):
    seen = []

    def note(points, trace, *_, **__):
        seen.append(trace)

    monkeypatch.setattr("xenoglyph.animate_fit", note, raising=False)
    words = ["animate", "moons", "--search", "annihilation", "--max-components", "9"]
    assert main([*words, "--rows", "200", "--quiet"]) == 0
    ks = [sweep.n_components for sweep in seen[0].sweeps]
    assert ks[0] == 9
    assert ks == sorted(ks, reverse=True)
    assert ks[-1] == 1


@pytest.fixture
def table():
    rows = np.random.default_rng(0).standard_normal((400, 3))
    lines = ["name,a,b,c", *(f"row,{a},{b},{c}" for a, b, c in rows)]
    Path("table.csv").write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.usefixtures("table")
def test_of_more_than_two_columns_it_is_told_which_are_shown(capsys):
    assert main(["animate", "table.csv"]) == 0
    assert said(capsys) == (
        "1 component in 400 rows: fit.gif\nfitted in 3 columns, shown in the first two, a and b\n"
    )


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("columns", ["c,a", "b", " c , a "])
def test_columns_can_be_chosen(columns, capsys):
    assert main(["animate", "table.csv", "--columns", columns, "--out", "fit.html"]) == 0
    assert said(capsys) == "1 component in 400 rows: fit.html\n"
    assert Path("fit.html").exists()


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("words", "complaint", "code"),
    [
        ("blob", "'blob' is no CSV file, nor one of blobs, circles, moons, gaussians", 2),
        ("blobs --out fit.avi", "'fit.avi' is no name of an animation; let it end in .gif", 2),
        ("blobs --rows 1", "--rows", 2),
        ("blobs --columns x", "blobs has no columns to choose from", 1),
        ("table.csv --columns d", "has no column 'd'; it has name, a, b, c", 1),
        ("table.csv --columns name", "line 2, column name: 'row' is no number", 1),
        ("blobs --out none/fit.gif", "none", 1),
        ("blobs --out fit.mp4", ".mp4 needs the program ffmpeg", 1),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(words, complaint, code, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert main(["animate", *words.split()]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1
    assert [file.name for file in Path.cwd().iterdir()] == ["table.csv"]

"""Bars and drawings: what a person sees, and what a pipe must not get."""

import io
import os
import re
import subprocess
import sys
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from sklearn.datasets import load_digits

from xenoglyph.terminal import BLOCKS, LETTERS, ProgressBar, draw_images, draw_table

Pixels = NDArray[np.float64]

CELL = re.compile(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m(▀+)")


class Latin(io.StringIO):
    """A file that knows no block characters."""

    encoding = "latin-1"


def plain(width: int = 80, file: io.StringIO | None = None) -> Console:
    return Console(file=file or io.StringIO(), width=width)


def coloured(
    width: int = 80,
    *,
    system: Literal["standard", "truecolor"] = "truecolor",
    no_color: bool = False,
) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=True,
        color_system=system,
        no_color=no_color,
    )


# ------------------------------------------------------------------------------------- drawings


def seen(drawing: str, glyphs: dict[str, tuple[float, float]]) -> Pixels:
    """Turn the drawing of one image back into pixels."""
    lines = drawing.splitlines()
    width = max(map(len, lines))
    cells = np.array([[glyphs[glyph] for glyph in line.ljust(width)] for line in lines])
    return cells.transpose(0, 2, 1).reshape(2 * len(lines), width)


@pytest.mark.parametrize(("file", "glyphs"), [(io.StringIO(), BLOCKS), (Latin(), LETTERS)])
def test_what_the_characters_can_show_they_show_exactly(
    file: io.StringIO, glyphs: dict[str, tuple[float, float]]
) -> None:
    columns = np.random.default_rng(0).choice(len(glyphs), size=(8, 16))
    columns[0, -1] = list(glyphs.values()).index((1.0, 1.0))  # a blank would not be printed
    cells = np.array(list(glyphs.values()))[columns]
    image = cells.transpose(0, 2, 1).reshape(16, 16)
    assert np.array_equal(seen(draw_images([image], console=plain(file=file)), glyphs), image)


def similarity(a: Pixels, b: Pixels) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.parametrize(("file", "glyphs"), [(io.StringIO(), BLOCKS), (Latin(), LETTERS)])
@pytest.mark.parametrize("size", [8, 16, 28, 64])
def test_digits_of_any_size_stay_readable_without_colour(
    size: int, file: io.StringIO, glyphs: dict[str, tuple[float, float]]
) -> None:
    digits = load_digits().images[:10] / 16
    nearest = np.arange(size) * 8 // size
    for image in digits:
        larger = image[np.ix_(nearest, nearest)]
        drawing = draw_images([larger], console=plain(file=file))
        picture = np.zeros((16, 16))
        shown = seen(drawing, glyphs)
        picture[: shown.shape[0], : shown.shape[1]] = shown
        likeness = [similarity(picture, np.kron(digit, np.ones((2, 2)))) for digit in digits]
        assert max(likeness) == similarity(picture, np.kron(image, np.ones((2, 2)))) > 0.9


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_colours_are_drawn_exactly(channels: tuple[int, ...]) -> None:
    levels = np.random.default_rng(1).integers(0, 256, size=(16, 16, *channels))
    drawing = draw_images([levels / 255], console=coloured())
    cells = [
        (np.array(codes, dtype=int), len(blocks))
        for line in drawing.splitlines()
        for *codes, blocks in CELL.findall(line)
    ]
    drawn = np.concatenate([np.tile(codes, (count, 1)) for codes, count in cells])
    drawn = drawn.reshape(8, 16, 2, 3).transpose(0, 2, 1, 3).reshape(16, 16, 3)
    expected = np.broadcast_to(levels.reshape(16, 16, -1), (16, 16, 3))
    assert np.array_equal(drawn, expected)


def test_what_is_transparent_is_black() -> None:
    image = np.ones((1, 4, 4, 4))
    image[..., 3] = 0
    assert draw_images(image, console=plain()).strip() == ""
    image[..., 3] = 1
    assert set(draw_images(image, console=plain()).split()) == {"█" * 16}


@pytest.mark.parametrize("shape", [(28, 28), (5, 28), (28, 5), (7, 7), (1, 1), (3, 300)])
@pytest.mark.parametrize("width", [80, 33, 10, 1])
def test_no_line_is_wider_than_the_terminal(shape: tuple[int, int], width: int) -> None:
    images = np.ones((7, *shape))
    captions = ["a long caption"] * 7
    drawing = draw_images(images, captions=captions, console=plain(width))
    assert max(map(len, drawing.splitlines())) <= width
    assert drawing.count("█") + drawing.count("▀") >= 7


def test_four_fit_into_eighty_columns_each_below_its_caption() -> None:
    drawing = draw_images(
        np.ones((5, 28, 28)), captions=[f"{k}: 20.0%" for k in range(5)], console=plain()
    )
    lines = drawing.splitlines()
    assert len(lines) == 2 * (1 + 8)
    assert lines[0].split() == ["0:", "20.0%", "1:", "20.0%", "2:", "20.0%", "3:", "20.0%"]
    assert lines[1] == "  ".join(["█" * 16] * 4)
    assert lines[9].split() == ["4:", "20.0%"]


def test_captions_are_text_and_no_markup() -> None:
    drawing = draw_images(np.zeros((1, 8, 8)), captions=["[bold]1[/bold]"], console=plain())
    assert drawing.startswith("[bold]1[/bold]")


@pytest.mark.parametrize(
    "console", [plain(), coloured(no_color=True), coloured(system="standard")]
)
def test_where_there_are_no_greys_there_are_no_escape_codes(console: Console) -> None:
    assert "\x1b" not in draw_images(load_digits().images[:3] / 16, console=console)


def test_where_there_are_no_blocks_colour_draws_none_either() -> None:
    console = Console(file=Latin(), force_terminal=True, color_system="truecolor", width=80)
    assert draw_images(load_digits().images[:3] / 16, console=console).isascii()


def test_an_image_set_is_drawn_by_its_pixels() -> None:
    class Images:
        pixels = np.ones((2, 8, 8), dtype=np.float32)

    assert draw_images(Images(), console=plain()) == draw_images(Images.pixels, console=plain())


# ----------------------------------------------------------------------------------------- bars


def work(console: Console, *, quiet: bool = False) -> str:
    """Two stages of work, the first without a known total; what the console got to see."""
    with ProgressBar(quiet=quiet, console=console) as progress:
        for done in range(1, 13):
            progress("mixture", done, 0, f"[k] = {25 - done}")
        for done in range(1, 4):
            progress("report", done, 3, "pictures")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_each_stage_has_a_line_with_counts_note_and_time() -> None:
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", work(coloured(100)))
    mixture, report = text.replace("\r", "\n").split("\n")[-3:-1]
    assert re.search(r"^mixture +━+ +12/12 +0:0\d \[k\] = 13\s*$", mixture)
    assert re.search(r"^report +━+ +3/3 +0:0\d pictures\s*$", report)


class Clock:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def last_lines(console: Console) -> list[str]:
    """Return what stands on the terminal in the end, line by line."""
    assert isinstance(console.file, io.StringIO)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    return [line.rstrip() for line in text.replace("\r", "\n").split("\n")]


@pytest.mark.parametrize(
    ("step", "left"), [(0.5, "0:04"), (1, "0:08"), (90, "12:00"), (1000, "2:13:20")]
)
def test_the_time_left_is_told(step: float, left: str) -> None:
    clock, console = Clock(), coloured(100)
    console.get_time = clock  # type: ignore[method-assign]
    with ProgressBar(console=console) as progress:
        for done in range(3):
            clock.now = done * step
            progress("networks", done, 10, "")
    assert f" 2/10 {left:>7} left" in " ".join(last_lines(console)[-2].split("━")[-1:])


def test_a_download_is_told_in_megabytes() -> None:
    console = coloured(100)
    with ProgressBar(console=console) as progress:
        progress("download", 1_500_000, 11_594_722, "train-images-idx3-ubyte.gz")
    assert " 1.5/11.6 MB " in last_lines(console)[-2]


@pytest.mark.parametrize("width", [*range(1, 90), 120, 200])
def test_the_lines_of_bars_fit_the_terminal(width: int) -> None:
    console = coloured(width)
    with ProgressBar(console=console) as progress:
        progress("autoencoder", 70_000, 70_000, "loss 0.1229, validation 0.1229, and so on")
        progress("mixture", 0, 0, "23 components")
    lines = last_lines(console)
    assert max(map(len, lines)) <= width
    first, second = lines[-3:-1]
    assert "autoencoder".startswith(first.split()[0].rstrip("…"))
    # What a terminal has room for is whole, what it has not is not there.
    assert ("0:00" in second) == (width >= 24)
    assert ("70000/70000" in first) == ("0000" in first) == (width >= 47)
    assert ("loss 0.1229," in first) == ("loss" in first) == (width >= 69)
    assert "━━━━" in first or width < 29


def test_a_terminal_that_grows_is_filled() -> None:
    console = coloured(40)
    with ProgressBar(console=console) as progress:
        progress("networks", 1, 2, "a note")
        console.width = 100
    assert "a note" in last_lines(console)[-2]


# --------------------------------------------------------------------------------------- tables


ROWS = {"symbols": "14", "message length": "a b-c " * 30 + "end", "files": "x" * 50}


def test_a_table_in_a_pipe_has_one_line_to_a_row() -> None:
    lines = draw_table(ROWS, console=plain(20)).splitlines()
    assert [re.split("  +", line) for line in lines] == [list(row) for row in ROWS.items()]
    assert len({re.match(r"[a-z ]+?  +", line).end() for line in lines}) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("width", [20, 33, 40, 80, 300])
def test_a_table_on_a_terminal_is_broken_at_its_width(width: int) -> None:
    drawn = draw_table(ROWS, console=coloured(width))
    assert "\x1b" not in drawn
    assert max(map(len, drawn.splitlines())) <= width
    assert "".join(drawn.split()) == "".join("".join(row) for row in ROWS.items()).replace(" ", "")


def test_nothing_is_drawn_in_a_pipe_or_when_quiet() -> None:
    assert work(plain()) == ""
    assert work(coloured(), quiet=True) == ""


def test_without_colour_the_bars_have_none() -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    assert colour.search(work(coloured()))
    assert not colour.search(work(coloured(no_color=True)))


def test_an_error_passes_and_leaves_the_bars_as_they_stood() -> None:
    console = coloured(100)

    def work_and_fail() -> None:
        with ProgressBar(console=console) as progress:
            progress("mixture", 12, 25, "")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work_and_fail()
    assert isinstance(console.file, io.StringIO)
    assert "12/25" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


WORKER = """
from xenoglyph.terminal import ProgressBar
with ProgressBar() as progress:
    progress("mixture", 1, 1, "")
    print("result")
"""


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_in_a_real_terminal_bars_go_to_standard_error_alone() -> None:
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    child = subprocess.run(
        [sys.executable, "-c", WORKER],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment,
        check=True,
    )
    os.close(theirs)
    assert child.stdout == b"result\n"
    assert b"mixture" in os.read(ours, 10_000)
    os.close(ours)

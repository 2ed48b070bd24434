"""What a terminal can show: bars for long work, tables, and small pictures made of characters."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console
from rich.progress import Progress, Task, TaskID
from rich.progress_bar import ProgressBar as Bar
from rich.style import Style
from rich.table import Table
from rich.text import Text

from xenoglyph.stopping import raise_again

__all__ = ["ProgressBar", "draw_images", "draw_table"]

Array = NDArray[Any]

NAME, COUNT, TIME, NOTE, BAR = 11, 13, 12, 21, 40
"""Columns of a line for stage, count and time, the fewest for a note, the most for a bar."""
MEMORY = 3600.0
"""Seconds of which the speed is the mean: long enough for two slow epochs."""
BYTES = "download"
"""The stage that is counted in bytes."""

TILE = 16  # the longer side of a picture, in pixels: four fit side by side into 80 columns
GAP = "  "
SHADED = ("256", "truecolor")  # the colour systems of rich that have more than four greys

# A character stands for two pixels, one above the other. Without colours it is the one whose
# own ink in its two halves comes nearest to them.
BLOCKS = {
    " ": (0.0, 0.0),
    "░": (0.25, 0.25),
    "▒": (0.5, 0.5),
    "▓": (0.75, 0.75),
    "█": (1.0, 1.0),
    "▀": (1.0, 0.0),
    "▄": (0.0, 1.0),
}
LETTERS = {
    " ": (0.0, 0.0),
    "'": (0.6, 0.0),
    ".": (0.0, 0.6),
    ":": (0.4, 0.4),
    "+": (0.6, 0.6),
    "#": (0.8, 0.8),
    "@": (1.0, 1.0),
}


class ProgressBar:
    """Bars on the terminal, one line for each stage of a long work, with the time left.

    It is a `Progress`: called as ``bar(stage, done, total, note)``, where a `total` of 0 says
    that nobody knows it; then the time that has passed is told. Nothing is drawn where the
    console is no terminal, or one that cannot move its cursor (``TERM=dumb``), and no colour
    where ``NO_COLOR`` is set. A narrow terminal sees fewer parts of each line.

    Parameters
    ----------
    quiet : bool, default=False
        Draw nothing.
    console : rich.console.Console, optional
        Where to draw; standard error by default.

    Examples
    --------
    >>> with ProgressBar(quiet=True) as progress:
    ...     progress("autoencoder", 3, 25, "loss 0.14")
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        console = console or _standard_error()
        self._tasks: dict[str, TaskID] = {}
        blind = not console.is_terminal or console.is_dumb_terminal
        self._bars = _Lines(console, disable=quiet or blind)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and leave on the terminal what was drawn."""
        if error is None:
            self._close_open_ends()
        if not self._bars.disable:  # else rich 14 would print an empty line
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int, note: str) -> None:
        """Draw that `done` of `total` units of `stage` are finished."""
        raise_again()  # a place that every long work passes
        if stage not in self._tasks:
            self._close_open_ends()
            self._tasks[stage] = self._bars.add_task(stage, total=total or None, note=note)
        # rich takes None as "leave the total as it is", so an unknown total stays unknown
        self._bars.update(self._tasks[stage], completed=done, total=total or None, note=note)

    def _close_open_ends(self) -> None:
        """Fill the bars whose total never became known: their work is over."""
        for task in self._bars.tasks:
            if task.total is None:
                self._bars.update(task.id, total=task.completed)


class _Lines(Progress):
    """Lines of a bar and its words that fit the terminal, however wide it is just now."""

    def __init__(self, console: Console, *, disable: bool) -> None:
        self._terminal = console  # rich lays out its first table before it knows its own
        super().__init__(
            console=console,
            disable=disable,
            redirect_stdout=False,
            speed_estimate_period=MEMORY,
        )

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """Lay out all lines."""
        bar, count, time, note = _layout(self._terminal.width)
        table = Table.grid(padding=(0, 1))
        table.add_column(width=NAME, no_wrap=True)
        for width, side in ((bar, "left"), (count, "right"), (time, "right"), (note, "left")):
            if width:
                table.add_column(width=width, no_wrap=True, justify=side)  # type: ignore[arg-type]
        for task in tasks:
            cells: list[tuple[int, Bar | Text]] = [
                (bar, Bar(task.total, task.completed, bar, animation_time=task.get_time())),
                (count, Text(_counted(task))),
                (time, Text(_time(task))),
                (note, Text(str(task.fields["note"]))),
            ]
            table.add_row(Text(task.description), *(cell for width, cell in cells if width))
        return table


def _layout(width: int) -> tuple[int, int, int, int]:
    """Columns for bar, count, time and note in a line of `width`; 0 where there is no room."""
    time = TIME * (width >= NAME + 1 + TIME)
    count = COUNT * (width >= NAME + 1 + TIME + 1 + COUNT + 9)
    room = width - NAME - sum(1 + part for part in (time, count) if part) - 1
    note = max(NOTE, room - BAR - 1) * (room >= NOTE + 1 + 8)
    bar = min(BAR, room - (note + 1) * (note > 0))
    return bar * (bar >= 4), count, time, note


def _counted(task: Task) -> str:
    """Say how much is done, where it is known how much there is to do."""
    if not task.total:
        return ""
    if task.description == BYTES:
        return f"{task.completed / 1e6:.1f}/{task.total / 1e6:.1f} MB"
    return f"{task.completed:.0f}/{task.total:.0f}"


def _time(task: Task) -> str:
    """Say how long it still takes; where nobody knows or it is over, how long it took."""
    if task.total is None or task.finished:
        return _clock(task.finished_time or task.elapsed or 0.0)
    return "" if task.time_remaining is None else f"{_clock(task.time_remaining)} left"


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds; no hours where there are none."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _standard_error() -> Console:
    """Return standard error. FORCE_COLOR asks for colours in a pipe, not for bars."""
    console = Console(stderr=True)
    return console if console.file.isatty() else Console(stderr=True, force_terminal=False)


def draw_table(rows: Mapping[str, str], *, console: Console | None = None) -> str:
    """Lay out names and what is told of each in two columns.

    Parameters
    ----------
    rows : mapping of str to str
    console : rich.console.Console, optional
        Lines are as long as it is wide, if it is a terminal, else each row is one line; standard
        output by default.

    Returns
    -------
    str
        The table, without escape codes.
    """
    console = console or Console()
    column = max(map(len, rows), default=0) + 2
    if not console.is_terminal:
        return "".join(f"{name:{column}}{told}\n" for name, told in rows.items())
    column = min(column, console.width // 2)
    return "".join(
        textwrap.fill(
            told,
            console.width,
            initial_indent=f"{name:{column}}",
            subsequent_indent=" " * column,
            break_on_hyphens=False,
        )
        + "\n"
        for name, told in rows.items()
    )


def draw_images(
    images: Any, *, captions: Sequence[str] = (), console: Console | None = None
) -> str:
    """Draw images as text, side by side, as many to a line as the terminal holds.

    A character shows two pixels: a half block in both their colours where the terminal has
    colours, else the block, shade or (where there is no Unicode) letter that comes nearest.
    Every image is brought to 16 pixels on its longer side, fewer where the terminal is narrow.

    Parameters
    ----------
    images : ImageSet or array-like
        Floats in [0, 1] of shape (n, h, w) or (n, h, w, channels), with 1, 3 or 4 channels.
    captions : sequence of str, optional
        A line above each image, cut where it is longer than the image is wide.
    console : rich.console.Console, optional
        Whose width, colours and encoding count; standard output by default.

    Returns
    -------
    str
        The drawing; it holds escape codes only where `console` shows colours.
    """
    console = console or Console()
    pixels = np.asarray(getattr(images, "pixels", images))
    tiles = _scale(_visible(pixels), min(TILE, console.width))
    width = tiles.shape[2]
    per_line = (console.width + len(GAP)) // (width + len(GAP))
    with console.capture() as capture:
        for start in range(0, len(tiles), per_line):
            line = slice(start, start + per_line)
            if captions:
                header = GAP.join(f"{text:{width}.{width}}" for text in captions[line])
                _print(console, Text(header))
            for row in zip(*(_paint(tile, console) for tile in tiles[line]), strict=True):
                _print(console, Text(GAP).join(row))
    return capture.get()


def _print(console: Console, line: Text) -> None:
    line.rstrip()
    console.print(line, no_wrap=True, crop=False, overflow="ignore")


def _visible(pixels: Array) -> Array:
    """Give every image three colours, float [n, h, w, 3]; what is transparent is black."""
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    opacity = pixels[..., 3:] if pixels.shape[-1] == 4 else 1.0
    return np.broadcast_to(pixels[..., :3] * opacity, (*pixels.shape[:3], 3))


def _scale(pixels: Array, size: int) -> Array:
    """Bring the longer side to `size` pixels, each the average of the area that it covers."""
    h, w = pixels.shape[1:3]
    rows, columns = (max(1, round(side * size / max(h, w))) for side in (h, w))
    weights = _averages(rows, h), _averages(columns, w)
    return np.asarray(np.einsum("ry,sx,nyxc->nrsc", *weights, pixels))


def _averages(new: int, old: int) -> Array:
    """Weights [new, old] that average `old` pixels of a line to `new` ones of equal length."""
    edges = np.linspace(0, old, new + 1)
    left = np.maximum(edges[:-1, None], np.arange(old))
    right = np.minimum(edges[1:, None], np.arange(1, old + 1))
    return np.asarray(np.maximum(right - left, 0.0) * new / old)


def _paint(tile: Array, console: Console) -> list[Text]:
    """Turn one image [h, w, 3] into lines of characters, two rows of pixels to a line."""
    rows = np.concatenate([tile, np.zeros_like(tile[: len(tile) % 2])])
    pairs = np.stack([rows[::2], rows[1::2]], axis=2)
    ascii_only = console.options.ascii_only
    if console.color_system in SHADED and not console.no_color and not ascii_only:
        return [_colour_line(line) for line in pairs]
    glyphs = LETTERS if ascii_only else BLOCKS
    return [Text(_nearest_glyphs(line.mean(axis=-1), glyphs)) for line in pairs]


def _colour_line(pairs: Array) -> Text:
    """One line of upper half blocks; `pairs` [w, 2, 3] holds the upper and the lower colours."""
    line = Text()
    for upper, lower in np.rint(255 * pairs).astype(int):
        line.append("▀", Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower)))
    return line


def _nearest_glyphs(pairs: Array, glyphs: dict[str, tuple[float, float]]) -> str:
    """One line of the glyphs nearest to `pairs`, the upper and lower grey levels [w, 2]."""
    distances = np.square(pairs[:, None] - np.array(list(glyphs.values()))).sum(axis=-1)
    return "".join(np.array(list(glyphs))[distances.argmin(axis=1)])

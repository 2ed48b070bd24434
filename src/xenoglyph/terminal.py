"""What a terminal can show: bars for long work, and small pictures made of characters."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.style import Style
from rich.text import Text

__all__ = ["ProgressBar", "draw_images"]

Array = NDArray[Any]

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
    """Bars on the terminal, one line for each stage of a long work.

    It is a `Progress`: called as ``bar(stage, done, total, note)``, where a `total` of 0 says
    that nobody knows it yet. Nothing is drawn where the console is no terminal, and no colour
    where ``NO_COLOR`` is set.

    Parameters
    ----------
    quiet : bool, default=False
        Draw nothing.
    console : rich.console.Console, optional
        Where to draw; standard error by default.

    Examples
    --------
    >>> with ProgressBar(quiet=True) as progress:
    ...     progress("auto-encoder", 3, 25, "loss 0.14")
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._tasks: dict[str, TaskID] = {}
        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=quiet or not console.is_terminal,
            redirect_stdout=False,
        )

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
    if console.color_system in SHADED and not console.no_color:
        return [_colour_line(line) for line in pairs]
    glyphs = LETTERS if console.options.ascii_only else BLOCKS
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

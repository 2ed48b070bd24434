"""Frames as a file: GIF, WebP, MP4, or a page with a slider."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from xenoglyph.animation.frames import frames_of
from xenoglyph.animation.page import page_of
from xenoglyph.animation.stage import FADING, Stage, title_of
from xenoglyph.errors import DataError, DependencyError
from xenoglyph.mixture import Trace
from xenoglyph.plotting.mixtures import AREA
from xenoglyph.plotting.style import COLOURS, EVENTS
from xenoglyph.progress import Progress, quiet
from xenoglyph.storage import atomic_path

__all__ = ["animate_fit", "check_animation"]

Array = NDArray[np.float64]
Frame = NDArray[np.uint8]

MOST_POINTS = 2000
FRAME_MILLISECONDS, HOLD_MILLISECONDS = 120, 4000
PALETTE_SIZE, NEIGHBOURS = 128, 8
GREYS = tuple(str(1.0 - opacity) for opacity in (0.0, 1.0, *FADING))
PURE = (*GREYS, *COLOURS, *(colour for _, _, colour in EVENTS.values()))


def animate_fit(
    points: Array,
    trace: Trace,
    path: str | PathLike[str],
    *,
    names: Sequence[str] = ("dimension 0", "dimension 1"),
    progress: Progress = quiet,
) -> None:
    """Write the fit as an animation that ends on, and holds, the mixture that won.

    Rows and components are drawn in the first two dimensions (of more, the components' marginals
    are), and in one as densities over a histogram. Components that die fade, new ones are drawn
    in bold, and a mark on the curve of the message length tells which sweep it is.

    Parameters
    ----------
    points : array of shape (n, d)
        The fitted rows; at most 2,000 of them, evenly spaced, are drawn.
    trace : Trace
        Of a fit with ``record_parameters=True``.
    path : path-like
        The file to write or replace; its suffix says the format: .gif, .webp, .mp4 (where ffmpeg
        is installed) or .html, a page with a slider that needs no network.
    names : sequence of str, optional
        Names of the first two dimensions.
    progress : callable, optional
        See `xenoglyph.progress`.

    Raises
    ------
    DataError
        If the trace did not record the mixtures, or no such format is known.
    DependencyError
        If the format is .mp4, and there is no ffmpeg, or it cannot write such a film.
    OSError
        If the file cannot be written.
    """
    check_animation(path)
    if any(sweep.means is None for sweep in trace.sweeps):
        raise DataError(
            "the trace holds no mixtures to draw; fit with record_parameters=True and try again"
        )
    shown = points[np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).astype(int)]
    stage = Stage(shown, trace, names)
    sweeps = frames_of(trace)
    frames = []
    for number, sweep in enumerate(sweeps):
        progress("animation", number, len(sweeps), f"{sweep.n_components} components")
        frames.append(stage.draw(sweep))
    titles = [": ".join(title_of(sweep)) for sweep in sweeps]
    with atomic_path(path) as temporary:
        WRITERS[Path(path).suffix.lower()](frames, titles, temporary)
    progress("animation", len(sweeps), len(sweeps), "")


def check_animation(path: str | PathLike[str]) -> None:
    """Raise, before any work, if an animation cannot be written by that name.

    Raises
    ------
    DataError
        If the suffix says no format that is known.
    DependencyError
        If it is .mp4, and there is no ffmpeg.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITERS:
        raise DataError(
            f"{Path(path).name!r} is no name of an animation; let it end in {', '.join(WRITERS)}."
        )
    if suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise DependencyError(
            ".mp4 needs the program ffmpeg, which is not on the PATH; install it, or write .gif, "
            ".webp or .html."
        )


def _write_gif(frames: Sequence[Frame], titles: Sequence[str], path: Path) -> None:
    _save(_in_one_palette(frames), path)


def _write_webp(frames: Sequence[Frame], titles: Sequence[str], path: Path) -> None:
    _save([picture.convert("RGB") for picture in _in_one_palette(frames)], path, lossless=True)


def _save(pictures: Sequence[Image.Image], path: Path, **options: Any) -> None:
    milliseconds = [FRAME_MILLISECONDS] * (len(pictures) - 1) + [HOLD_MILLISECONDS]
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, **options
    )


def _write_page(frames: Sequence[Frame], titles: Sequence[str], path: Path) -> None:
    page = page_of(_in_one_palette(frames), titles, FRAME_MILLISECONDS)
    path.write_text(page, encoding="utf-8")


def _write_mp4(frames: Sequence[Frame], titles: Sequence[str], path: Path) -> None:
    height, width, _ = frames[0].shape
    command = (
        f"ffmpeg -v error -nostdin -y -f rawvideo -pix_fmt rgb24 -s {width}x{height} "
        f"-framerate 1000/{FRAME_MILLISECONDS} -i - -pix_fmt yuv420p -movflags +faststart -f mp4"
    )
    held = [frames[-1]] * (HOLD_MILLISECONDS // FRAME_MILLISECONDS)
    film = b"".join(frame.tobytes() for frame in (*frames, *held))
    done = subprocess.run([*command.split(), str(path)], input=film, capture_output=True)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise DependencyError(f"ffmpeg failed and said: {said[-1]}; write .gif, .webp or .html.")


def _in_one_palette(frames: Sequence[Frame]) -> list[Image.Image]:
    """Reduce the colours: one palette for all frames keeps them still, and the file small.

    Those of lines and of areas are in it as they are, what the frames hold besides at best.
    """
    lines, areas = (np.array([to_rgb(colour) for colour in of]) for of in (PURE, COLOURS))
    own = np.unique(np.rint(255 * np.vstack([lines, 1.0 - AREA * (1.0 - areas)])), axis=0)
    every = np.concatenate([frames[0], frames[len(frames) // 2], frames[-1]])
    found = Image.fromarray(every).quantize(PALETTE_SIZE - len(own)).getpalette() or []
    mixed = np.array(found).reshape(-1, 3)
    # Pillow takes neighbours in a palette for each other, white for almost white.
    mixed = mixed[np.abs(mixed[:, None] - own).max(axis=2).min(axis=1) > NEIGHBOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.concatenate([own, mixed]).astype(int).ravel().tolist())
    plain = Image.Dither.NONE
    return [Image.fromarray(frame).quantize(palette=palette, dither=plain) for frame in frames]


WRITERS: dict[str, Callable[[Sequence[Frame], Sequence[str], Path], None]] = {
    ".gif": _write_gif,
    ".webp": _write_webp,
    ".mp4": _write_mp4,
    ".html": _write_page,
}

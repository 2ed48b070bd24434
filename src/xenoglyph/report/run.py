"""The run folder: everything that a discovery leaves behind, each file whole or not at all."""

import csv
import io
import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from xenoglyph.discovery import SymbolDiscovery
from xenoglyph.errors import DataError
from xenoglyph.images import ImageSet
from xenoglyph.names import MODEL, REPORT, RESULT
from xenoglyph.progress import Progress, quiet
from xenoglyph.report.charts import gather_charts
from xenoglyph.report.draws import gather_draws
from xenoglyph.report.figures import picture_writers
from xenoglyph.report.page import render
from xenoglyph.report.pictures import gather_pictures
from xenoglyph.report.summary import Summary, summarise
from xenoglyph.storage import atomic_write

if sys.platform != "win32":
    import resource

__all__ = ["peak_memory", "read_result", "write_report", "write_run"]


def write_report(
    discovery: SymbolDiscovery,
    path: str | PathLike[str],
    *,
    result: Mapping[str, Any] | None = None,
) -> None:
    """Write the report of a fitted or loaded discovery, one static HTML page.

    Parameters
    ----------
    discovery : SymbolDiscovery
    path : path-like
        The file to write or replace.
    result : mapping, optional
        What ``result.json`` holds beside the discovery's model, see `read_result`: a model knows
        neither the seconds nor the memory that it took, nor the command and the versions that
        made it. The result of another discovery is left alone.

    Raises
    ------
    DataError
        If `result` holds something else in these places.
    OSError
        If the file cannot be written.
    """
    _write_page(discovery, summarise(discovery, **_making(discovery, result or {})), path)


def read_result(folder: str | PathLike[str]) -> dict[str, Any] | None:
    """Read ``result.json`` of a run folder.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    dict or None
        What `write_run` returned; None where there is no such file.

    Raises
    ------
    DataError
        If the file is no JSON object.
    """
    path = Path(folder, RESULT)
    if not path.exists():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged: {error}; remove it to go without it") from error
    if not isinstance(result, dict):
        raise DataError(f"{path} holds no JSON object; remove it to go without it")
    return result


def write_run(
    discovery: SymbolDiscovery,
    images: ImageSet,
    folder: str | PathLike[str],
    *,
    progress: Progress = quiet,
    command: str = "",
) -> dict[str, Any]:
    """Write the run folder of a discovery that has just been fitted.

    Parameters
    ----------
    discovery : SymbolDiscovery
        Fitted to `images`.
    images : ImageSet
    folder : path-like
        Made where it does not exist; files of the same names are replaced.
    progress : callable, optional
        See `xenoglyph.progress`.
    command : str, default=""
        The command line that makes the run again, for the report.

    Returns
    -------
    dict
        What ``result.json`` holds.

    Raises
    ------
    DataError
        If `discovery` was not fitted to these images, or was read from a file.
    StorageError, OSError
        If a file does not fit on the disk, or cannot be written for another reason.
    """
    if len(getattr(discovery, "labels_", ())) != len(images):
        raise DataError(
            f"{len(images)} images came with a discovery that was not fitted to them; "
            "fit it, or write its report alone"
        )
    home, begin = Path(folder), time.perf_counter()
    home.mkdir(parents=True, exist_ok=True)
    writers = _writers(discovery)
    files = [*writers, REPORT, RESULT]
    for done, (name, write) in enumerate(writers.items()):
        progress("report", done, len(files), name)
        write(home / name)
    # The page and result.json cannot time themselves: they are the last, small, part.
    seconds = {**discovery.seconds_, "report": time.perf_counter() - begin}
    seconds["total"] = sum(seconds.values())
    summary = summarise(
        discovery, seconds=seconds, peak_memory_bytes=peak_memory(), command=command
    )
    progress("report", len(writers), len(files), REPORT)
    _write_page(discovery, summary, home / REPORT)
    result = summary.result()
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    atomic_write(home / RESULT, text.encode("utf-8"))
    progress("report", len(files), len(files), RESULT)
    return result


def peak_memory() -> int | None:
    """Return the largest resident memory of this process so far, in bytes.

    Returns
    -------
    int or None
        None on Windows, whose Python has no such figure.
    """
    if sys.platform == "win32":
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _writers(discovery: SymbolDiscovery) -> dict[str, Callable[[Path], None]]:
    """Name every file but the last two, with what writes it; the dearest first."""
    return {
        MODEL: discovery.save,
        "labels.csv": partial(_write_labels, discovery),
        **picture_writers(discovery),
    }


def _write_labels(discovery: SymbolDiscovery, path: Path) -> None:
    """One row for each image: symbol, component, probability of the symbol, if it is of any."""
    belongs = discovery.scores_ >= discovery.evidence_.least_score
    rows = zip(
        discovery.labels_, discovery.components_, discovery.confidence_, belongs, strict=True
    )
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["index", "symbol", "component", "probability", "belongs"])
    table.writerows([i, s, c, f"{p:.6f}", int(b)] for i, (s, c, p, b) in enumerate(rows))
    atomic_write(path, text.getvalue().encode("utf-8"))


def _making(discovery: SymbolDiscovery, result: Mapping[str, Any]) -> dict[str, Any]:
    """Take from a result what only it knows, if it is the result of this discovery."""
    if result.get("message_length") != discovery.mixture_.message_length_:
        return {}
    making = {name: result[name] for name in MAKING if name in result}
    for name, value in making.items():
        if not MAKING[name](value):
            raise DataError(
                f"{RESULT} holds {value!r:.60} as {name}, which no run writes; remove the file to "
                "go without it"
            )
    return making


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


MAKING: dict[str, Callable[[Any], bool]] = {
    "seconds": lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
    "peak_memory_bytes": lambda value: value is None or _is_number(value),
    "command": lambda value: isinstance(value, str),
    "versions": lambda value: (
        isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    ),
}
"""What a result knows of how a discovery was made, and how to tell that it is that."""


def _write_page(discovery: SymbolDiscovery, summary: Summary, path: str | PathLike[str]) -> None:
    charts = {**gather_charts(discovery), "draws": gather_draws(discovery)}
    page = render(summary, gather_pictures(discovery), charts)
    atomic_write(path, page.encode("utf-8"))

"""The command line: it translates arguments, calls the library and prints; nothing else.

Help must come at once, so nothing heavy is imported here: what a command needs is fetched
through the lazy names of `xenoglyph` when the command runs.
"""

import csv
import json
import os
import shlex
import sys
import traceback
import warnings
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

try:
    import typer
except ImportError:
    sys.exit('xenoglyph: the command line needs typer: pip install "xenoglyph[images]"')

import xenoglyph
from xenoglyph import arguments
from xenoglyph.catalog import CATALOG
from xenoglyph.closing import print_closing
from xenoglyph.errors import StorageError, XenoglyphError
from xenoglyph.names import REPORT, RESULT, TENSORBOARD, TRAINING
from xenoglyph.progress import Progress
from xenoglyph.recipes import TOLERANCE
from xenoglyph.stopping import STOPPED, stoppable

__all__ = ["app", "main"]


LOGS: dict[str, Callable[[Path], Any]] = {
    "csv": lambda folder: xenoglyph.csv_log(folder / TRAINING),
    "tensorboard": lambda folder: xenoglyph.tensorboard_log(folder / TENSORBOARD),
}

app = typer.Typer(
    help="Find out how many different symbols unlabelled images hold, and draw new ones.",
    rich_markup_mode=None,  # plain help comes three times as fast, and can be pasted
    pretty_exceptions_enable=False,
)
data = typer.Typer(
    help="List and download named sets of images.",
    epilog="\b\nExamples:\n  xenoglyph data list\n  xenoglyph data get mnist",
    rich_markup_mode=None,
)
app.add_typer(data, name="data")


@dataclass
class Call:
    """The words of a command line, and whether they can go on with what they began."""

    words: list[str]
    can_resume: bool = False

    def command(self, *, resume: bool = False) -> str:
        """Return what can be pasted into a shell: it begins anew, or goes on."""
        words = [word for word in self.words if word != "--resume"]
        end = words.index("--") if "--" in words else len(words)
        return shlex.join(["xenoglyph", *words[:end], *["--resume"] * resume, *words[end:]])


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    words : sequence of str, optional
        What follows the program's name; ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        The exit code: 0, 1 after a failure, 2 after bad use, 130 after Ctrl-C, 143 after SIGTERM.
        Where it is not 0, one line on standard error has said why, and where a run can be gone on
        with, one more has said how. 1, and no word, where nobody reads the output to its end.
    """
    given = sys.argv[1:] if words is None else words
    call = Call([word for word in given if word != "--debug"])
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that it cannot write
    try:
        with warnings.catch_warnings(), stoppable():
            warnings.showwarning = _show_warning
            code = app(call.words, prog_name="xenoglyph", standalone_mode=False, obj=call) or 0
            print(end="", flush=True)  # what a pipe or a full disk refuses must come out here
    except SystemExit as stop:
        code = stop.code
    except BrokenPipeError:
        code = 1  # as typer has it, which sees the larger outputs
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        message, code = _explain(error)
        _complain(f"error: {message}")
    if call.can_resume:
        # Not through _complain: a space in the name of a file stands as it is.
        print("xenoglyph: stopped; go on with:", call.command(resume=True), file=sys.stderr)
    elif code in STOPPED:
        _complain("stopped")
    _give_up_what_is_left()
    return int(code)


def _give_up_what_is_left() -> None:
    """Let the interpreter not fail at its end where standard output takes no more."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> tuple[str, int]:
    """Return the message and the exit code of an error."""
    if isinstance(error, typer.TyperException):
        message = error.format_message().rstrip(".")
        return f"{message}; see xenoglyph --help", error.exit_code
    if isinstance(error, XenoglyphError | OSError):
        return str(error), 1
    name = type(error).__name__
    return f"unexpected {name}: {error}; please report what --debug shows", 1


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    _complain(f"warning: {message}")


def _complain(message: str) -> None:
    """Put one line on standard error."""
    print("xenoglyph:", " ".join(message.split()), file=sys.stderr)


@app.callback(
    invoke_without_command=True,
    epilog="\b\nExamples:\n"
    "  xenoglyph discover digits\n"
    "  xenoglyph generate xenoglyph-runs/digits --symbol 3 --out threes.png\n"
    "  xenoglyph discover --help",
)
def _root(
    context: typer.Context,
    version: arguments.Version = False,
    debug: arguments.Debug = False,
) -> None:
    if version:
        print("xenoglyph", xenoglyph.__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command(
    epilog="\b\nExamples:\n"
    "  xenoglyph discover digits\n"
    "  xenoglyph discover mnist --out runs/mnist\n"
    "  xenoglyph discover mnist --workers 2"
)
def discover(
    context: typer.Context,
    source: arguments.Source = "digits",
    out: arguments.RunFolder = None,
    recipe: arguments.Recipe = "default",
    route: arguments.Route = None,
    tolerance: arguments.Tolerance = TOLERANCE,
    seed: arguments.Seed = 0,
    max_components: arguments.MaxComponents = None,
    epochs: arguments.Epochs = None,
    shape: arguments.Shape = None,
    processes: arguments.Processes = 1,
    workers: arguments.Workers = None,
    scheduler: arguments.Scheduler = None,
    resume: arguments.Resume = False,
    log: arguments.Log = None,
    quiet: arguments.Quiet = False,
    as_json: arguments.Json = False,
) -> None:
    """Find the symbols in unlabelled images.

    A run that is stopped leaves a checkpoint in its folder: see --resume.
    """
    arguments.check_either(workers, scheduler)
    call: Call = context.obj
    folder = arguments.run_folder(source, out, resume=resume)
    size = arguments.image_shape(shape)
    if resume and xenoglyph.run_state(folder) == "new":
        _complain(f"nothing to resume in {folder}: the run begins")
    with _working(quiet) as progress:
        # A folder that cannot be written and a library that is missing are told before the work.
        write_run = xenoglyph.write_run
        place = sys.stderr if as_json else sys.stdout
        with _held(call, folder, resume), _cluster(workers, scheduler, quiet, place) as client:
            callbacks = [LOGS[kind](folder) for kind in log or ()]
            images = xenoglyph.load_images(source, image_shape=size, progress=progress)
            discovery = xenoglyph.SymbolDiscovery(
                recipe,
                route=route,
                tolerance=tolerance,
                max_components=max_components,
                n_epochs=epochs,
                n_processes=processes,
                random_state=seed,
            )
            keep: dict[str, Any] = {"checkpoint": folder, "resume": resume, "callbacks": callbacks}
            discovery.fit(images, progress=progress, client=client, **keep)
            told = call.command()
            result = write_run(discovery, images, folder, progress=progress, command=told)
    if as_json:
        print((folder / RESULT).read_text(encoding="utf-8"), end="")
    elif not quiet:
        print_closing(discovery, result, folder)


@contextmanager
def _working(quiet: bool) -> Iterator[Progress]:
    """Draw bars; the first one while libraries are loaded, which takes its time."""
    with xenoglyph.ProgressBar(quiet=quiet) as progress:
        progress("loading", 0, 0, "")
        yield progress


@contextmanager
def _cluster(
    workers: int | None, scheduler: str | None, quiet: bool, place: TextIO
) -> Iterator[Any]:
    """Give a client of the workers that were asked for, None if none were."""
    if workers is None and scheduler is None:
        yield None
        return
    if scheduler is None:
        cluster = xenoglyph.local_workers(workers or 1)
    else:
        cluster = xenoglyph.scheduler_at(scheduler)
    with cluster as (client, dashboard):
        if not quiet:
            print("dashboard:", dashboard, file=place, flush=True)
        yield client


@contextmanager
def _held(call: Call, folder: Path, resume: bool) -> Iterator[None]:
    """Hold the run folder; note, when the block is stopped, whether the command can go on."""
    try:
        with xenoglyph.hold_run(folder, resume=resume):
            yield
    except BaseException as error:
        # What xenoglyph itself refuses it would refuse again; but room can be made on a disk.
        if not isinstance(error, XenoglyphError) or isinstance(error, StorageError):
            call.can_resume = xenoglyph.run_state(folder) == "stopped"
        raise


@app.command(
    epilog="\b\nExample:\n"
    "  xenoglyph generate xenoglyph-runs/digits --symbol 3 --count 10 --out threes.png"
)
def generate(
    run: arguments.Run,
    symbol: arguments.Symbol = None,
    component: arguments.Component = None,
    count: arguments.Count = 10,
    seed: arguments.Seed = 0,
    out: arguments.Picture = Path("generated.png"),
    quiet: arguments.Quiet = False,
) -> None:
    """Draw new images with the model of a run."""
    if symbol is not None and component is not None:
        raise typer.BadParameter("give --symbol or --component, not both.")
    with _working(quiet) as progress:
        discovery = xenoglyph.SymbolDiscovery.load(run)
        arguments.check_range("--symbol", symbol, discovery.n_symbols_)
        arguments.check_range("--component", component, discovery.n_components_)
        progress("drawing", 0, 0, "")
        images = discovery.sample(count, symbol=symbol, component=component, random_state=seed)
        xenoglyph.save_sheet(images, out)
    if not quiet:
        print(f"{count} new images: {out}")


@app.command(
    epilog="\b\nExample:\n  xenoglyph label xenoglyph-runs/digits digits --out labels.csv"
)
def label(
    run: arguments.Run,
    source: arguments.Source,
    out: arguments.Table = Path("labels.csv"),
    shape: arguments.Shape = None,
    quiet: arguments.Quiet = False,
) -> None:
    """Say which symbol each image is, how sure, and whether it belongs to any (1) or none (0)."""
    size = arguments.image_shape(shape)
    with _working(quiet) as progress:
        model = xenoglyph.SymbolDiscovery.load(run)
        images = xenoglyph.load_images(source, image_shape=size, progress=progress)
        probabilities = model.predict_proba(images, progress=progress)
        progress("belonging", 0, 0, "")
        belongs = model.belongs(images)
    is_folder = Path(source).is_dir() and len(images.sources) == len(images)
    names = [file.name for file in images.sources] if is_folder else range(len(images))
    with out.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file" if is_folder else "index", "symbol", "probability", "belongs"])
        for name, row, own in zip(names, probabilities, belongs, strict=True):
            table.writerow([name, row.argmax(), f"{row.max():.6f}", int(own)])
    if not quiet:
        print(f"{len(images):,} images labelled: {out}")


@app.command(
    epilog="\b\nExamples:\n"
    "  xenoglyph animate blobs\n"
    "  xenoglyph animate gaussians --search annihilation --out countdown.html"
)
def animate(
    source: arguments.Points,
    out: arguments.Animation = Path("fit.gif"),
    search: arguments.Search = "split-merge",
    max_components: arguments.MaxComponents = None,
    columns: arguments.Columns = None,
    rows: arguments.Rows = 2000,
    seed: arguments.Seed = 0,
    quiet: arguments.Quiet = False,
) -> None:
    """Show how a mixture finds its number of components, sweep by sweep."""
    chosen = None if columns is None else [name.strip() for name in columns.split(",")]
    with _working(quiet) as progress:
        points = xenoglyph.load_points(source, columns=chosen, n_rows=rows, random_state=seed)
        mixture = xenoglyph.MMLGaussianMixture(
            max_components or "auto", search=search, record_parameters=True, random_state=seed
        ).fit(points.rows, progress=progress)
        xenoglyph.animate_fit(
            points.rows, mixture.trace_, out, names=points.names, progress=progress
        )
    if quiet:
        return
    n, d = points.rows.shape
    found = f"{mixture.n_components_} component{'s' * (mixture.n_components_ > 1)}"
    print(f"{found} in {n:,} rows: {out}")
    if d > 2:
        print(f"fitted in {d} columns, shown in the first two, {' and '.join(points.names[:2])}")


@app.command(epilog="\b\nExample:\n  xenoglyph report xenoglyph-runs/digits --open")
def report(
    run: arguments.Run,
    out: arguments.Page = None,
    show: arguments.Open = False,
    quiet: arguments.Quiet = False,
) -> None:
    """Write the report of a run anew."""
    page = out or run.with_name(REPORT)
    with _working(quiet) as progress:
        discovery = xenoglyph.SymbolDiscovery.load(run)
        write_report, result = xenoglyph.write_report, xenoglyph.read_result(run.parent)
        progress("report", 0, 0, page.name)
        write_report(discovery, page, result=result)
    if not quiet:
        print("report:", page)
    if show:
        webbrowser.open(page.resolve().as_uri())


@data.command("list", epilog="\b\nExamples:\n  xenoglyph data list\n  xenoglyph data list --json")
def list_sets(as_json: arguments.Json = False) -> None:
    """List the named sets, and where each comes from."""
    places = {name: xenoglyph.locate(name) for name in CATALOG}
    if as_json:
        told = [
            {"name": name, "description": entry.description, "place": places[name]}
            for name, entry in CATALOG.items()
        ]
        print(json.dumps(told, indent=2))
    else:
        rows = {name: f"{CATALOG[name].description}; {place}" for name, place in places.items()}
        print(xenoglyph.draw_table(rows), end="")


@data.command("get", epilog="\b\nExample:\n  xenoglyph data get mnist")
def get_set(name: arguments.Name, quiet: arguments.Quiet = False) -> None:
    """Download a named set, to have it without a network."""
    with _working(quiet) as progress:
        xenoglyph.download(name, progress=progress)
    if not quiet:
        print(xenoglyph.locate(name))

"""What the command line accepts: the checks of its arguments, and those that commands share."""

import re
from enum import StrEnum, auto
from pathlib import Path
from typing import Annotated, Literal

import typer

import xenoglyph
from xenoglyph import completion
from xenoglyph.catalog import CATALOG
from xenoglyph.errors import DataError
from xenoglyph.names import MODEL

__all__ = [
    "Animation",
    "Columns",
    "Component",
    "Count",
    "Debug",
    "Epochs",
    "Json",
    "Log",
    "LogKind",
    "MaxComponents",
    "Name",
    "Open",
    "Page",
    "Picture",
    "Points",
    "Processes",
    "Quiet",
    "Recipe",
    "Resume",
    "Route",
    "Rows",
    "Run",
    "RunFolder",
    "Scheduler",
    "Search",
    "Seed",
    "Shape",
    "Source",
    "Symbol",
    "Table",
    "Tolerance",
    "Version",
    "Workers",
    "check_either",
    "check_range",
    "image_shape",
    "run_folder",
]


def _known_name(name: str) -> str:
    """Let the name of a named set pass."""
    if name not in CATALOG:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(CATALOG)}.")
    return name


def _png_path(path: Path) -> Path:
    """Let a path pass that ends in .png."""
    if path.suffix.lower() != ".png":
        raise typer.BadParameter(f"expected a name that ends in .png, not {path.name!r}.")
    return path


def _animation_path(path: Path) -> Path:
    """Let the name of an animation pass that can be written here."""
    try:
        xenoglyph.check_animation(path)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error
    return path


def _known_points(source: str) -> str:
    """Let the name of a toy set pass, and that of a file."""
    if source not in xenoglyph.TOY_SETS and not Path(source).expanduser().is_file():
        names = ", ".join(xenoglyph.TOY_SETS)
        raise typer.BadParameter(f"{source!r} is no CSV file, nor one of {names}.")
    return source


def image_shape(text: str | None) -> tuple[int, ...] | None:
    """Read HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS; None stays None."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*){1,2}", text):
        message = f"expected HEIGHTxWIDTH, such as 28x28, not {text!r}."
        raise typer.BadParameter(message, param_hint="--image-shape")
    return tuple(int(side) for side in text.split("x"))


def check_either(workers: int | None, scheduler: str | None) -> None:
    """Refuse workers of this machine and a scheduler together."""
    if workers is not None and scheduler is not None:
        raise typer.BadParameter("give --workers or --scheduler, not both.")


def check_range(option: str, number: int | None, count: int) -> None:
    """Refuse a number of which the model has only `count`, from 0."""
    if number is not None and number >= count:
        message = f"{number} does not exist; choose 0 to {count - 1}."
        raise typer.BadParameter(message, param_hint=option)


def run_folder(source: str, out: Path | None, *, resume: bool) -> Path:
    """Choose where a run goes.

    A folder that holds something else is refused, and so is going on with a finished run.
    """
    folder = out or Path("xenoglyph-runs", Path(source).resolve().stem or "images")
    if folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{folder} is a file; name a folder.", param_hint="--out")
    state = xenoglyph.run_state(folder)
    if state == "foreign":
        message = f"{folder} holds other files and no earlier run; name a new folder."
        raise typer.BadParameter(message, param_hint="--out")
    if resume and state == "finished":
        message = (
            f"{folder} holds a finished run, there is nothing to resume; leave out --resume to "
            "run anew."
        )
        raise typer.BadParameter(message, param_hint="--resume")
    return folder


def _known_source(source: str) -> str:
    if source not in CATALOG and not Path(source).expanduser().exists():
        names = ", ".join(CATALOG)
        raise typer.BadParameter(f"{source!r} is no file or folder, nor one of {names}.")
    return source


def _model_path(run: Path) -> Path:
    """Find the model file of a run folder, or take the model file that was named itself."""
    path = run / MODEL if run.is_dir() else run
    if not path.exists():
        raise typer.BadParameter(f"{path} does not exist; xenoglyph discover makes runs.")
    return path


Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        callback=_known_source,
        autocompletion=completion.names,
        help="A named set (see: xenoglyph data list), a folder of pictures, an IDX, .npz, .npy, "
        ".csv or .parquet file.",
    ),
]
Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", callback=_model_path, help="A run folder, or the model file in it."
    ),
]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        callback=_known_name,
        autocompletion=completion.names,
        help="See: xenoglyph data list.",
    ),
]

Points = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        callback=_known_points,
        autocompletion=completion.toys,
        help="A toy set (blobs, circles, moons, gaussians) or a CSV file of numbers, whose first "
        "line may name the columns.",
    ),
]

Version = Annotated[bool, typer.Option("--version", help="Print the version.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but warnings and errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Open = Annotated[bool, typer.Option("--open", help="Show it in the browser.")]

Recipe = Annotated[
    Literal["default", "article"],
    typer.Option(help="Our own settings, or those of the article, step by step."),
]
Route = Annotated[
    Literal["graph", "codes"] | None,
    typer.Option(
        help="Make symbols of pieces of the images' graph, or of the mixture's components; the "
        "recipe's own by default.",
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=1.0,
        metavar="SHARE",
        help="How much of a symbol may be taken for another; lower it to have fewer symbols.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="The same seed, the same result.")]
MaxComponents = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Most components of the mixture."),
]
Epochs = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Passes of the auto-encoder over the images."),
]
Search = Annotated[
    Literal["split-merge", "annihilation"],
    typer.Option(
        help="Grow by splits and shrink by merges, or count down from many components as the "
        "paper does.",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,NAME",
        help="Columns of a CSV file to fit; all that hold numbers by default. The first two are "
        "shown.",
    ),
]
Rows = Annotated[int, typer.Option(min=2, metavar="N", help="How many rows of a toy set.")]
Processes = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Processes that train the auto-encoder together; with workers, one on each of N.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Let N processes of this machine look at the images, by Dask.",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Let the workers of this scheduler of Dask do so."),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on where a stopped run in DIR stood, and end as if it had not been stopped. An "
        "empty DIR begins a run, a finished run is refused.",
    ),
]


class LogKind(StrEnum):
    """What writes every epoch down; typer takes no list of literals."""

    csv = auto()
    tensorboard = auto()


Log = Annotated[
    list[LogKind] | None,
    typer.Option(
        "--log",
        metavar="<csv|tensorboard>",
        help="Write down every epoch, in DIR/training.csv or DIR/tensorboard; may be repeated.",
    ),
]
Shape = Annotated[
    str | None,
    typer.Option(
        "--image-shape",
        metavar="HxW",
        help="Height and width, where a source holds rows of pixels and they are not square.",
    ),
]
Symbol = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="K", autocompletion=completion.symbols, help="Draw this symbol only."
    ),
]
Component = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="M",
        autocompletion=completion.components,
        help="Draw from this component only.",
    ),
]
Count = Annotated[int, typer.Option(min=1, metavar="N", help="How many images.")]

RunFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="The run folder; an earlier run in it is overwritten, a stopped one too, unless "
        "--resume is given.",
        show_default="xenoglyph-runs/NAME",
    ),
]
Picture = Annotated[
    Path,
    typer.Option("--out", metavar="FILE.png", callback=_png_path, help="The picture to write."),
]
Animation = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE",
        callback=_animation_path,
        help="The animation to write: .gif, .webp, .mp4 (needs ffmpeg), or .html with a slider.",
    ),
]
Table = Annotated[Path, typer.Option("--out", metavar="FILE.csv", help="The table to write.")]
Page = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE.html",
        help="The page to write.",
        show_default="RUN/report.html",
    ),
]

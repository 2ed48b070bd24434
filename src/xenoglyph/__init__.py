"""Finds out how many different symbols unlabelled images hold, which is which, and draws new ones.

Importing this package loads next to nothing: each name below is fetched from its module when it
is first used.

    from xenoglyph import SymbolDiscovery, load_images

    alien = SymbolDiscovery(random_state=0).fit(load_images("digits"))
    alien.n_symbols_  # how many different symbols there are
    alien.sample(10, symbol=3)  # ten new drawings of symbol 3
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from xenoglyph.errors import (
    CheckpointWarning,
    ClusterError,
    DataError,
    DegenerateDataWarning,
    DependencyError,
    ModelFileError,
    NotEnoughMemoryError,
    RunInUseError,
    StorageError,
    XenoglyphError,
)

if TYPE_CHECKING:
    from xenoglyph.animation import animate_fit, check_animation
    from xenoglyph.autoencoder import SELUAutoencoder
    from xenoglyph.autoencoder.logs import csv_log, tensorboard_log
    from xenoglyph.catalog import CATALOG
    from xenoglyph.cluster import local_workers, scheduler_at
    from xenoglyph.discovery import SymbolDiscovery
    from xenoglyph.images import ImageSet, as_images, download, load_images, locate
    from xenoglyph.mixture import MMLGaussianMixture
    from xenoglyph.plotting import (
        CodeHistogramsDisplay,
        LabelTableDisplay,
        MessageLengthDisplay,
        MixtureDisplay,
        PairPlotDisplay,
        ReconstructionsDisplay,
        SymbolSheetDisplay,
    )
    from xenoglyph.points import TOY_SETS, load_points
    from xenoglyph.report import read_result, write_report, write_run
    from xenoglyph.sheets import save_sheet
    from xenoglyph.storage.run_folder import hold_run, run_state
    from xenoglyph.terminal import ProgressBar, draw_images, draw_table
    from xenoglyph.versions import show_versions

    __version__: str

__all__ = [
    "CATALOG",
    "TOY_SETS",
    "CheckpointWarning",
    "ClusterError",
    "CodeHistogramsDisplay",
    "DataError",
    "DegenerateDataWarning",
    "DependencyError",
    "ImageSet",
    "LabelTableDisplay",
    "MMLGaussianMixture",
    "MessageLengthDisplay",
    "MixtureDisplay",
    "ModelFileError",
    "NotEnoughMemoryError",
    "PairPlotDisplay",
    "ProgressBar",
    "ReconstructionsDisplay",
    "RunInUseError",
    "SELUAutoencoder",
    "StorageError",
    "SymbolDiscovery",
    "SymbolSheetDisplay",
    "XenoglyphError",
    "__version__",
    "animate_fit",
    "as_images",
    "check_animation",
    "csv_log",
    "download",
    "draw_images",
    "draw_table",
    "hold_run",
    "load_images",
    "load_points",
    "local_workers",
    "locate",
    "read_result",
    "run_state",
    "save_sheet",
    "scheduler_at",
    "show_versions",
    "tensorboard_log",
    "write_report",
    "write_run",
]

_HOME = {
    "CATALOG": "catalog",
    "CodeHistogramsDisplay": "plotting",
    "ImageSet": "images",
    "LabelTableDisplay": "plotting",
    "MMLGaussianMixture": "mixture",
    "MessageLengthDisplay": "plotting",
    "MixtureDisplay": "plotting",
    "PairPlotDisplay": "plotting",
    "ProgressBar": "terminal",
    "ReconstructionsDisplay": "plotting",
    "SELUAutoencoder": "autoencoder",
    "SymbolDiscovery": "discovery",
    "SymbolSheetDisplay": "plotting",
    "TOY_SETS": "points",
    "animate_fit": "animation",
    "as_images": "images",
    "check_animation": "animation",
    "csv_log": "autoencoder.logs",
    "download": "images",
    "draw_images": "terminal",
    "draw_table": "terminal",
    "hold_run": "storage.run_folder",
    "load_images": "images",
    "load_points": "points",
    "local_workers": "cluster",
    "locate": "images",
    "read_result": "report",
    "run_state": "storage.run_folder",
    "save_sheet": "sheets",
    "scheduler_at": "cluster",
    "show_versions": "versions",
    "tensorboard_log": "autoencoder.logs",
    "write_report": "report",
    "write_run": "report",
}

# Libraries that only some users need, and the extra that installs each.
_EXTRA = {
    "dask": "dask",
    "distributed": "dask",
    "equinox": "images",
    "filelock": "images",
    "jax": "images",
    "jinja2": "images",
    "matplotlib": "plot",
    "optax": "images",
    "PIL": "images",
    "plotly": "images",
    "pooch": "images",
    "rich": "images",
    "typer": "images",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("xenoglyph")
    if name not in _HOME:
        raise AttributeError(f"module 'xenoglyph' has no attribute {name!r}")
    try:
        module = import_module(f"xenoglyph.{_HOME[name]}")
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _EXTRA:
            raise
        raise DependencyError(
            f"xenoglyph.{name} needs {library}, which is not installed; "
            f'do: pip install "xenoglyph[{_EXTRA[library]}]"'
        ) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__

"""What a shell completes: named sets, and the symbols and components of a finished run.

A shell asks at every press of a key, so nothing heavy is imported here.
"""

import json
from pathlib import Path

import typer

from xenoglyph.catalog import CATALOG
from xenoglyph.names import RESULT

__all__ = ["components", "names", "symbols", "toys"]


def names() -> list[str]:
    """Return the named sets; the shell itself adds files and folders."""
    return list(CATALOG)


def toys() -> list[str]:
    """Return the toy sets; their module is too heavy to ask."""
    return ["blobs", "circles", "gaussians", "moons"]


def symbols(context: typer.Context) -> list[str]:
    """Return the symbols of the run that the line names."""
    return _numbers(context, "n_symbols")


def components(context: typer.Context) -> list[str]:
    """Return the components of the run that the line names."""
    return _numbers(context, "n_components")


def _numbers(context: typer.Context, key: str) -> list[str]:
    """Count up to what the result of the run tells; where it cannot be read, to nothing."""
    try:
        # A line that ends in an option is not parsed to its end: its arguments are left over.
        run = Path(context.args[0])
        folder = run if run.is_dir() else run.parent
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        return [str(number) for number in range(int(result[key]))]
    except (IndexError, KeyError, OSError, TypeError, ValueError):
        return []

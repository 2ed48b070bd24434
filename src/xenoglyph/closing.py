"""What a discovery tells when it is over: a drawing of each symbol, and a table."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xenoglyph
from xenoglyph.names import REPORT
from xenoglyph.recipes import recipe_named

if TYPE_CHECKING:
    from xenoglyph import SymbolDiscovery
    from xenoglyph.symbols import Symbols

__all__ = ["closing_rows", "print_closing"]


def print_closing(discovery: "SymbolDiscovery", result: Mapping[str, Any], folder: Path) -> None:
    """Print what was found, with one new image of each symbol, and where the report is.

    Parameters
    ----------
    discovery : SymbolDiscovery
    result : mapping
        What ``result.json`` holds.
    folder : Path
        The run folder.
    """
    evidence = discovery.evidence_
    drawings = [discovery.sample(1, symbol=k).pixels[0] for k in range(discovery.n_symbols_)]
    captions = [f"{k}: {share:.1%}" for k, share in enumerate(evidence.shares)]
    symbols = f"{discovery.n_symbols_} symbol{'s' * (discovery.n_symbols_ != 1)}"
    print(f"{symbols} in {evidence.n_images:,} images of {evidence.name};")
    print("a new drawing of each, and its share:\n")
    print(xenoglyph.draw_images(drawings, captions=captions))
    rows = closing_rows(result, discovery.symbols_)
    names = sorted(path.name for path in folder.iterdir())
    print(xenoglyph.draw_table({**rows, "files": ", ".join(names)}))
    print("report:", folder / REPORT)


def closing_rows(result: Mapping[str, Any], symbols: "Symbols") -> dict[str, str]:
    """Bring the numbers of a run into words.

    Parameters
    ----------
    result : mapping
        What ``result.json`` holds.
    symbols : Symbols

    Returns
    -------
    dict of str to str
        Name of a row to what is told, in the order of the table.
    """
    rows = {
        "symbols": str(result["n_symbols"]),
        "tolerance": _tolerance(result, symbols),
        "cuts": ", ".join(map(str, result["cuts"] or ())),
        "resamplings": _resamplings(result["resamplings"]),
        "components": str(result["n_components"]),
        "images": f"{result['n_images']:,}, of which {result['n_strange']:,} belong to no symbol",
        "message length": f"{result['message_length']:,.1f} nats",
        "loss": f"{result['reconstruction_loss']:.4f}",
        "labels": _listed(result.get("scores"), "{} {:.3f}"),
        "seconds": _listed(result["seconds"], "{} {:.1f}"),
        "memory": _megabytes(result["peak_memory_bytes"]),
    }
    return {name: told for name, told in rows.items() if told}


def _tolerance(result: Mapping[str, Any], symbols: "Symbols") -> str:
    """Say which tolerances give the same symbols; of a recipe that joins none, which would not."""
    settings = result["settings"]["discovery"]
    low, high = symbols.tolerance_interval
    if recipe_named(settings["recipe"]).merge:
        tolerance = settings["tolerance"]
        return f"{tolerance:.1%}; the same symbols with any from {low:.2%} to {high:.2%}"
    return f"none: the recipe joins nothing, nor would any from {low:.2%}"


def _resamplings(numbers: Mapping[str, int] | None) -> str:
    """Say how many resamplings of the images gave each number of symbols, the usual first."""
    if not numbers:
        return ""
    (number, count), *others = sorted(numbers.items(), key=lambda item: -item[1])
    usual = f"{number} in {count} of {sum(numbers.values())}"
    return ", ".join([usual, *(f"{number} in {count}" for number, count in others)])


def _listed(values: Mapping[str, float] | None, form: str) -> str:
    return ", ".join(form.format(name, value) for name, value in (values or {}).items())


def _megabytes(n_bytes: int | None) -> str:
    return "" if n_bytes is None else f"{n_bytes / 1e6:,.0f} MB at the peak"

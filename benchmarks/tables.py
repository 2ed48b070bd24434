"""Tables of plain text."""

from collections.abc import Sequence

__all__ = ["number", "print_table", "seconds"]


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a title, and columns as wide as need be; all but the first are set to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    print(f"\n{title}\n")
    for line in (header, ["-" * width for width in widths], *rows):
        first, *others = line
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join(cells).rstrip(), flush=True)


def seconds(value: float) -> str:
    """Write seconds to three digits."""
    return number(value, 3)


def number(value: float, digits: int = 3) -> str:
    """Write a number with so many digits, without powers of ten."""
    if value == 0.0:
        return "0"
    decimals = 0
    while decimals < 6 and abs(value) * 10**decimals < 10 ** (digits - 1):
        decimals += 1
    return f"{value:,.{decimals}f}"

"""How much memory there is, asked before it is taken."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xenoglyph.errors import NotEnoughMemoryError

__all__ = ["available_memory", "check_memory", "forget_pages"]

MEMINFO = Path("/proc/meminfo")
CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
"""Limit of a container and what it has in use, in the second and the first version of them."""


def available_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not say.

    What is free or could be freed, or what the container that the process runs in has left of
    its limit, if that is less.
    """
    return min(_limits(), default=None)


def check_memory(needed: int, what: str, instead: str) -> None:
    """Refuse what cannot fit.

    Parameters
    ----------
    needed : int
        Bytes that would be taken, estimated.
    what : str
        What needs them; begins the message.
    instead : str
        What to do; ends it.

    Raises
    ------
    NotEnoughMemoryError
        If more is needed than `available_memory` says.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise NotEnoughMemoryError(
            f"{what} takes about {_in_words(needed)} of memory, and {_in_words(available)} can "
            f"be had; {instead}."
        )


def forget_pages(table: NDArray[Any]) -> None:
    """Let the system take back the memory in which pages of a memory map were looked at.

    Not of a private map, whose changes are nowhere else, nor of an array, which is no map.
    """
    pages = getattr(table, "_mmap", None)
    if pages is not None and hasattr(pages, "madvise") and getattr(table, "mode", "c") != "c":
        pages.madvise(mmap.MADV_DONTNEED)


def _limits() -> Iterator[int]:
    if MEMINFO.exists():
        fields = dict(line.split(":") for line in MEMINFO.read_text().splitlines())
        yield int(fields["MemAvailable"].split()[0]) * 1024
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit, used in CGROUPS:
        try:
            yield max(0, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # no container, or one without a limit: "max"
            continue


def _in_words(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"

"""How long work tells where it stands: one callable, drawn by whoever wants to."""

from collections.abc import Callable

__all__ = ["Progress", "quiet"]

Progress = Callable[[str, int, int, str], None]
"""``progress(stage, done, total, note)``: `done` of `total` units of `stage` are finished."""


def quiet(stage: str, done: int, total: int, note: str) -> None:
    """Tell nobody."""

"""Ctrl-C and SIGTERM: both end a block by an exception, and neither gets lost.

Python raises the exception of a signal wherever the program happens to be, and not every place
lets it through: what is raised in a callback of the garbage collector, of which JAX has one, is
printed and forgotten. So a signal is remembered, and `raise_again` asks for it now and then.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

__all__ = ["STOPPED", "raise_again", "stoppable", "undisturbed"]

STOPPED = (130, 143)  # what a shell expects after Ctrl-C, and after SIGTERM

_asked: list[int] = []
"""Signals that came while a block could be stopped."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, where the system has it: not on Windows."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        numbers.append(signal.SIGINT)  # a job in the background ignores it
    before = {number: signal.signal(number, _hear) for number in numbers}
    hook = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if _asked else hook(lost)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block is over; processes begun in it hear no Ctrl-C.

    A terminal sends Ctrl-C to all processes at once, and those would complain of it.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda came_now, _: came.append(came_now))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # inherited by threads, processes
    try:
        yield
    finally:
        for own, handler in before.items():
            signal.signal(own, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    for number in came[-1:]:
        signal.raise_signal(number)


def raise_again() -> None:
    """Stop here if a signal has come, and its exception has not ended the block."""
    if _asked and threading.current_thread() is threading.main_thread():
        _stop(_asked[-1])


def _hear(number: int, _: object) -> NoReturn:
    _asked.append(number)
    _stop(number)


def _stop(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(STOPPED[1])

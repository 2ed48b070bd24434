"""How hard hypothesis tries: the same few examples on every change, many new ones at night.

And the browser, of which there may be one in a process.
"""

import os
import signal
from collections.abc import Iterator

# Before NumPy is imported: each of several processes that test at once takes one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from browsing import CHROMIUM, FLAGS

# A job in the background of a shell ignores Ctrl-C, and so would all that tests start and stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("ci", derandomize=True, max_examples=50, deadline=None)
settings.register_profile("nightly", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="module")
def hasty_networks() -> Iterator[None]:
    """Let networks learn an eighth of the time, in tests of the way to symbols, not of its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xenoglyph.autoencoder.recogniser.EPOCHS", 600)
        yield


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs Chromium on the PATH")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()

"""Animations for tests: a fit whose every frame can be told by its colours, and what tells it."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageSequence

from xenoglyph.animation import frames_of, identities
from xenoglyph.mixture import Event, Sweep, Trace
from xenoglyph.plotting import COLOURS

CORNERS = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 30.0], [30.0, 30.0]])
X = np.random.default_rng(0).standard_normal((400, 2)) + CORNERS[np.arange(400) % 4]
# Corners with a component, sweep by sweep.
SHRINKING = ([0, 1, 2, 3], [0, 1, 3], [0, 3], [0, 3], [0], [0, 3])
GROWING = SHRINKING[::-1]
# Without the grey: where black ends, there is grey too.
RGB = np.array([list(bytes.fromhex(colour[1:])) for colour in COLOURS[:6]])
# Where the components are drawn; the curve beside them has colours of its own.
LEFT = (slice(50, None), slice(0, 430))
EDGES = 80  # as many pixels may have a colour where another ends


def trace_at_corners(steps):
    """Components that die or are born at the corners, in colours that nothing hides."""
    sweeps = [
        Sweep(
            *(number, len(own), 99.0 - number, 0.0, False, number == 3, np.full(len(own), 0.25)),
            CORNERS[own],
            np.repeat([9.0 * np.eye(2)], len(own), axis=0),
        )
        for number, own in enumerate(steps)
    ]
    changes = [(a, b) for a, b in pairwise(sweeps) if a.n_components != b.n_components]
    events = [
        Event(b.number, "merge", a.n_components, b.n_components, 0.5, 1.0, 0.5) for a, b in changes
    ]
    return Trace(tuple(sweeps), tuple(events))


def opened(path):
    """Frames, shape (frames, height, width, 3), and the milliseconds that each is shown."""
    with Image.open(path) as picture:
        every = [(np.asarray(f.convert("RGB")), f.info["duration"]) for f in frames_in(picture)]
    frames, milliseconds = zip(*every, strict=True)
    return np.stack(frames), list(milliseconds)


def frames_in(picture):
    for frame in ImageSequence.Iterator(picture):
        frame.load()  # of which WebP tells the duration only then
        yield frame


def colours_in(frame):
    """Which colours of components are there, pixel for pixel."""
    pixels = frame[LEFT].reshape(-1, 1, 3)
    counts = [(pixels == colour).all(axis=2).sum() for colour in RGB]
    return {c for c, count in enumerate(counts) if count > EDGES}


def check_components(frames, trace):
    """In every frame are the components of its sweep, and no others."""
    sweeps, numbers = frames_of(trace), identities(trace)
    assert len(frames) == len(sweeps)
    for frame, sweep in zip(frames, sweeps, strict=True):
        assert colours_in(frame) == set(numbers[sweep.number].tolist())


def check_held(milliseconds):
    """All frames but the last pass by; that one stays for four seconds."""
    assert set(milliseconds[:-1]) == {120}
    assert milliseconds[-1] == 4000

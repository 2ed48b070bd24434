"""Alphabets by chance: every symbol a few random strokes, every image another hand's.

That pieces are doubled was chosen by others like those of the benchmark. Of those themselves, one
showed that tiny pieces had been joined to each other (seed 5), and four were looked at while it
was chosen how freely few images are moved (seeds 0 to 3).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline

from xenoglyph import ImageSet

SIDE, FINER = 28, 4
"""Pixels of a side; how many times finer it is drawn."""
KINDS, EACH = (2, 41), (40, 200)
"""Symbols of an alphabet, evenly on a scale of logarithms, and images of each: from, to below."""
STROKES, POINTS = (1, 4), (3, 6)
"""Strokes of a symbol and points of each, between which it is smooth: likewise."""
HAND = 0.035
"""Deviation of a point from the symbol's own, as a share of the side."""
TURN, SIZE, SLANT, SHIFT = 12.0, 0.12, 0.25, 0.06
"""Most that a drawing is turned, in degrees; scaled, its logarithm; slanted; shifted."""
WIDTH = (0.05, 0.09)
"""Of the pen, as a share of the side."""
NOISE = 0.02

Points = NDArray[np.float64]


def alphabet(seed: int) -> ImageSet:
    """Draw an alphabet by chance: how many symbols, what they are, and many images of each."""
    random = np.random.default_rng(seed)
    kinds, each = int(np.exp(random.uniform(*np.log(KINDS)))), random.integers(*EACH)
    symbols = [
        [random.uniform(0.15, 0.85, (random.integers(*POINTS), 2)) for _ in range(strokes)]
        for strokes in random.integers(*STROKES, size=kinds)
    ]
    labels = random.permutation(np.repeat(np.arange(kinds), each))
    pixels = np.array([drawn(symbols[label], random) for label in labels], np.float32)
    return ImageSet(pixels, labels=labels.astype(str), name=f"alphabet {seed}")


def drawn(strokes: Sequence[Points], random: np.random.Generator) -> NDArray[np.float64]:
    """Draw a symbol once, by an unsteady hand."""
    angle, size = np.deg2rad(random.uniform(-TURN, TURN)), np.exp(random.uniform(-SIZE, SIZE))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = size * turn @ np.array([[1.0, random.uniform(-SLANT, SLANT)], [0.0, 1.0]])
    shift = random.uniform(-SHIFT, SHIFT, 2)
    width = random.uniform(*WIDTH) * SIDE * FINER
    paper = Image.new("L", (SIDE * FINER, SIDE * FINER))
    pen = ImageDraw.Draw(paper)
    for stroke in strokes:
        points = (stroke + random.normal(0.0, HAND, stroke.shape) - 0.5) @ matrix.T + 0.5 + shift
        along = CubicSpline(np.linspace(0.0, 1.0, len(points)), points)(np.linspace(0.0, 1.0, 40))
        line = [(float(x), float(y)) for x, y in along * SIDE * FINER]
        pen.line(line, fill=255, width=round(width), joint="curve")
        for x, y in (line[0], line[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    small = np.asarray(paper.resize((SIDE, SIDE), Image.Resampling.BOX)) / 255.0
    return np.clip(small + random.normal(0.0, NOISE, small.shape), 0.0, 1.0)

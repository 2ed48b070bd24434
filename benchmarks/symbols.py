"""How many symbols are found, and which image shows which, with several seeds.

`python -m benchmarks.symbols` discovers the symbols of MNIST, of the bundled digits, of random
subsets of MNIST's digits and of random alphabets (`benchmarks.alphabets`), always with the default
settings and without labels, and compares them with the labels afterwards. Each discovery runs in a
process of its own. Beside the default route stand `route="codes"`, plain codes and their mixture,
and `recipe="article"`. Subsets are of 2 to 9 digits, 500 to 6,500 images of each, by chance;
alphabets of 2 to 40 symbols, 40 to 199 images of each. There are also each of
MNIST's digits alone, uniform noise, one image a hundred times, and two images.

For the first seed of MNIST it also learns from 60,000 images and labels the 10,000 others, and
draws a hundred images of each symbol: how many come back as that symbol, and how many get its most
frequent label from networks that were trained with labels.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from sklearn.neighbors import NearestNeighbors

from benchmarks.alphabets import alphabet
from benchmarks.codes import TRAINING
from benchmarks.tables import number, print_table, seconds
from benchmarks.timing import ROOT
from xenoglyph import ImageSet, SymbolDiscovery, load_images
from xenoglyph.autoencoder.recogniser import train_recognisers
from xenoglyph.recognition import MOVES
from xenoglyph.symbols import label_table, scores

SEEDS, SUBSETS, ALPHABETS = 5, 10, 10
WAYS: dict[str, dict[str, str]] = {
    "default": {},
    "codes": {"route": "codes"},
    "article": {"recipe": "article"},
}
"""Arguments of `SymbolDiscovery` by name."""
SUBSET, ALPHABET = "subset ", "alphabet "
LEAST, MOST = 500, 6500
"""Images of each digit of a subset."""
ALONE, NOISE, REPEATED, TWO = "digit ", "noise", "one image", "two images"
LONE = (*(f"{ALONE}{digit}" for digit in range(10)), NOISE, REPEATED, TWO)
"""Sets that show one symbol, or none; or, of two images, too little to tell."""
DRAWN = 100
APART = 30
"""One in so many images learnt from is asked how near the others are."""
HALF_GREY = (0.25, 0.75)
"""Pixels between are neither paper nor ink."""


def images_named(name: str) -> ImageSet:
    """Return a named set, one of `LONE`, or the subset of MNIST or alphabet of that number."""
    if name in LONE:
        return lone(name)
    if name.startswith(ALPHABET):
        return alphabet(int(name.removeprefix(ALPHABET)))
    if not name.startswith(SUBSET):
        return load_images(name)
    images = load_images("mnist")
    assert images.labels is not None
    random = np.random.default_rng(int(name.removeprefix(SUBSET)))
    labels = images.labels.astype(int)
    digits = random.choice(10, random.integers(2, 10), replace=False)
    chosen = [
        random.permutation(np.flatnonzero(labels == digit))[: int(random.integers(LEAST, MOST))]
        for digit in digits
    ]
    return images[random.permutation(np.concatenate(chosen))]


def lone(name: str) -> ImageSet:
    """Return one of `LONE`, with labels."""
    if name == NOISE:
        pixels = np.random.default_rng(0).random((2000, 28, 28), dtype=np.float32)
        return ImageSet(pixels, labels=np.zeros(2000, int), name=name)
    images = load_images("mnist")
    assert images.labels is not None
    if name == REPEATED:
        return images[np.zeros(100, int)]
    if name == TWO:
        return images[np.arange(2)]
    return images[np.flatnonzero(images.labels.astype(int) == int(name.removeprefix(ALONE)))]


def discover(name: str, seed: int, way: str) -> dict[str, Any]:
    """Discover symbols; return what a row of the table tells."""
    images = images_named(name)
    start = time.perf_counter()
    alien = SymbolDiscovery(**WAYS[way], random_state=seed).fit(images)
    wall = time.perf_counter() - start
    assert alien.evidence_.label_table is not None
    if not np.array_equal(alien.predict(images), alien.labels_):
        raise SystemExit("predict does not repeat labels_")
    return {
        "n": len(images),
        "labels": len(alien.evidence_.label_table.label_names),
        "symbols": alien.n_symbols_,
        "interval": alien.symbols_.tolerance_interval,
        "seconds": wall,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        **scores(alien.evidence_.label_table),
    }


def generate(seed: int) -> dict[str, float]:
    """Learn from MNIST's training images alone; label the others, draw, and look at drawings."""
    images = load_images("mnist")
    assert images.labels is not None
    learn, others = images[np.arange(TRAINING)], images[np.arange(TRAINING, len(images))]
    alien = SymbolDiscovery(random_state=seed).fit(ImageSet(learn.pixels, name="60,000"))
    classes = np.unique(images.labels, return_inverse=True)[1]
    learnt, told = classes[:TRAINING], alien.predict(images)
    known = label_table(told[:TRAINING], learnt, alien.n_symbols_)
    unknown = label_table(told[TRAINING:], classes[TRAINING:], alien.n_symbols_)
    flat = learn.pixels.reshape(TRAINING, -1)
    [(judge, judged)] = train_recognisers(flat, [learnt], learn.image_shape, MOVES, seed)
    back, right, varied, all_drawn = [], [], [], []
    for symbol in range(alien.n_symbols_):
        drawn = alien.sample(DRAWN, symbol=symbol, random_state=seed)
        back.append(np.mean(alien.predict(drawn) == symbol))
        majority = known.counts[symbol].argmax()
        all_drawn.append(drawn.pixels.reshape(DRAWN, -1))
        taken = judge.predict_proba(all_drawn[-1]).argmax(axis=1)
        right.append(np.mean(taken == majority))
        varied.append(apart(all_drawn[-1]) / apart(flat[alien.labels_ == symbol][:DRAWN]))
    drawings = np.concatenate(all_drawn)
    plain = alien.autoencoder_.inverse_transform(alien.autoencoder_.transform(others[:2000]))
    again = alien.autoencoder_.inverse_transform(alien.codes_).reshape(TRAINING, -1)
    return {
        "accuracy, images learnt from": scores(known)["accuracy"],
        "accuracy, other images": scores(unknown)["accuracy"],
        "judge's accuracy, held out": float(np.mean(judged.argmax(axis=1) == learnt)),
        "drawings that come back, worst symbol": float(min(back)),
        "drawings with the symbol's label, worst symbol": float(min(right)),
        "the same, mean": float(np.mean(right)),
        "distance of two drawings, over images', worst symbol": float(min(varied)),
        "half-grey pixels, over reconstructions'": half_grey(drawings) / half_grey(plain),
        "the same, images": half_grey(flat[:2000]) / half_grey(plain),
        "nearest image learnt from, over theirs": nearer(flat, drawings),
        "the same, reconstructions of others": nearer(flat, plain),
        "the same, drawings among reconstructions": nearer(again, drawings),
    }


def nearer(learnt: NDArray[np.float32], pixels: NDArray[np.float32]) -> float:
    """Median distance to the nearest of those learnt from, over that among these."""
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(learnt)
    own = search.kneighbors(pixels.reshape(len(pixels), -1))[0]
    theirs = search.kneighbors(learnt[::APART], n_neighbors=2)[0][:, 1]
    return float(np.median(own) / np.median(theirs))


def apart(flat: NDArray[np.float32]) -> float:
    """Median distance of two different images."""
    return float(np.median(pdist(flat)))


def half_grey(pixels: NDArray[np.float32]) -> float:
    """Share of pixels that are neither paper nor ink, of those that are not paper."""
    low, high = HALF_GREY
    return float(((pixels > low) & (pixels < high)).sum() / (pixels > low).sum())


def _run(*arguments: str) -> Any:
    """Run this module in a fresh process; return what it printed last, read as JSON."""
    command = [sys.executable, "-m", "benchmarks.symbols", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


HEADER = (
    "", "seed", "images", "labels", "symbols", "accuracy", "ARI", "NMI", "purity", "tolerances",
    "seconds", "GB",
)  # fmt: skip


def _row(name: str, seed: int, told: dict[str, Any]) -> list[str]:
    low, high = told["interval"]
    return [
        name, str(seed), f"{told['n']:,}", str(told["labels"]), str(told["symbols"]),
        *(f"{told[score]:.3f}" for score in ("accuracy", "ari", "nmi", "purity")),
        f"{low:.3f}-{high:.3f}", seconds(told["seconds"]), number(told["gigabytes"]),
    ]  # fmt: skip


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.symbols", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--subsets", type=int, default=SUBSETS)
    parser.add_argument("--alphabets", type=int, default=ALPHABETS)
    parser.add_argument("--sets", nargs="*", default=["digits", "mnist"])
    parser.add_argument("--lone", nargs="*", default=list(LONE), choices=LONE)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--discover", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--generate", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.discover:
        name, seed, way = arguments.discover
        print(json.dumps(discover(name, int(seed), way)))
        return 0
    if arguments.generate:
        print(json.dumps(generate(int(arguments.generate))))
        return 0
    jobs = [(name, seed) for name in arguments.sets for seed in range(arguments.seeds)]
    jobs += [(f"{SUBSET}{number}", 0) for number in range(arguments.subsets)]
    jobs += [(f"{ALPHABET}{number}", 0) for number in range(arguments.alphabets)]
    jobs += [(name, 0) for name in arguments.lone]
    for way in arguments.ways:
        rows = []
        for name, seed in jobs:
            rows.append(_row(name, seed, _run("--discover", name, str(seed), way)))
            print("  ".join(rows[-1]), flush=True)
        title = ", ".join(f"{key}={value!r}" for key, value in WAYS[way].items())
        title = title or "Default settings"
        print_table(f"{title}: symbols, and how they agree with labels", HEADER, rows)
    if "mnist" in arguments.sets and "default" in arguments.ways:
        told = _run("--generate", "0")
        lines = [[name, f"{value:.3f}"] for name, value in told.items()]
        print_table("Learnt from MNIST's 60,000 training images, seed 0", ("", ""), lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

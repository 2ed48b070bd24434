"""The codes of MNIST's test images, on which mixtures are compared.

`python -m benchmarks.codes FILE` trains the auto-encoder and writes them.
"""

import subprocess
import sys
from pathlib import Path
from textwrap import shorten

import numpy as np
import pooch
from numpy.typing import NDArray

import xenoglyph
from benchmarks.data import bent_clusters
from benchmarks.timing import ROOT

__all__ = ["cache_folder", "mnist_codes"]

Array = NDArray[np.float64]

TRAINING, CODE_SIZE = 60_000, 6


def cache_folder() -> Path:
    """Folder of what benchmarks fetch or compute once."""
    folder = Path(pooch.os_cache("xenoglyph")) / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def mnist_codes() -> tuple[Array, str]:
    """Return 10,000 rows of six numbers, and what they are.

    An auto-encoder is trained on MNIST's training images the first time, in a process of its own,
    and the codes of the test images are kept in the cache under xenoglyph's version. Where MNIST
    cannot be had the rows are synthetic.
    """
    path = cache_folder() / f"mnist-codes-{xenoglyph.__version__}.npy"
    if not path.exists():
        print("training the auto-encoder on MNIST's 60,000 training images, this once ...")
        command = [sys.executable, "-m", "benchmarks.codes", str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            why = shorten((done.stderr.strip().splitlines() or ["no reason given"])[-1], 120)
            rows = bent_clusters(10_000, np.random.RandomState(0))
            return rows, f"10,000 synthetic rows in 6-d, for MNIST's codes are not here ({why})"
    return np.load(path), "codes of MNIST's 10,000 test images, 6-d"


def write_codes(path: Path) -> None:
    """Train on MNIST's training images; write the codes of its test images."""
    images = xenoglyph.load_images("mnist")
    autoencoder = xenoglyph.SELUAutoencoder(code_size=CODE_SIZE, random_state=0)
    codes = autoencoder.fit(images[:TRAINING]).transform(images[TRAINING:])
    unfinished = path.with_suffix(".part.npy")
    np.save(unfinished, np.asarray(codes, dtype=np.float64))
    unfinished.replace(path)


if __name__ == "__main__":
    write_codes(Path(sys.argv[1]))

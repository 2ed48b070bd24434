"""Trains in children that are killed at random times; `test_checkpoints` runs this program.

Prints one line of JSON: how many children were killed in training, and for every seed the
digests of the network trained through the kills and of the one trained without.
"""

import hashlib
import json
import math
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import NoReturn

import jax
import numpy as np
from sklearn.datasets import load_digits

from xenoglyph.autoencoder import SELUAutoencoder, training

warnings.simplefilter("ignore")  # JAX has no threads yet: nothing here computes before a fork
LONGEST, PATIENCE = 0.5, 1.05
"""Seconds of training after which the first child of a run is killed at the latest, and so many
times longer each that follows: on a slow machine too one comes to the end."""


def train(folder: Path, seed: int) -> None:
    """Train with a checkpoint after every look at the clock, and write the network's digest."""
    jax.config.update("jax_compilation_cache_dir", str(folder.parent / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    training.SAVE_SECONDS, training.PACE_SECONDS = 0.0, 0.02
    begun = folder / f"begun-{os.getpid()}"
    images = (load_digits().images / 16).astype(np.float32)
    autoencoder = SELUAutoencoder(
        4, (64, 32), n_epochs=60, batch_size=64, dropout=0.1, random_state=seed
    ).fit(images, checkpoint=folder, resume=True, callbacks=[lambda _: begun.touch()])
    arrays = autoencoder.network_.to_arrays()
    digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays)))
    (folder / "digest").write_text(digest.hexdigest() + json.dumps(autoencoder.history_))


def child(folder: Path, seed: int) -> int:
    """Start a child that trains; return its number."""
    number = os.fork()
    if number:
        return number
    _end(folder, seed)


def _end(folder: Path, seed: int) -> NoReturn:
    code = 1
    try:
        train(folder, seed)
        code = 0
    finally:
        os._exit(code)


def killed(folder: Path, seed: int, after: float) -> bool:
    """Let a child train for some seconds; tell whether it was killed before it had done.

    A negative number of seconds kills it before it has trained.
    """
    number = child(folder, seed)
    begun = folder / f"begun-{number}"
    until = time.monotonic() - after if after < 0 else math.inf
    while time.monotonic() < until:
        if until == math.inf and begun.exists():
            until = time.monotonic() + after
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            assert status == 0, f"a child failed with status {status}"
            return False
        time.sleep(0.001)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return not (folder / "digest").exists()


def main(home: Path, wanted: int) -> None:
    """Kill until so many were killed, over as many runs as it takes."""
    chance, kills, seed = random.Random(0), 0, 0
    digests: list[tuple[str, str]] = []
    while kills < wanted:
        broken, whole = home / f"broken-{seed}", home / f"whole-{seed}"
        for folder in (broken, whole):
            folder.mkdir()
        longest = LONGEST
        while killed(broken, seed, chance.uniform(-LONGEST / 4, longest)):
            kills += 1
            longest *= PATIENCE
        assert not killed(whole, seed, 600.0)
        digests.append(((broken / "digest").read_text(), (whole / "digest").read_text()))
        seed += 1
    print(json.dumps({"kills": kills, "digests": digests}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

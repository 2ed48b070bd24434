"""How soon the auto-encoder is trained, beside the article's program in Keras.

`python -m benchmarks.autoencoder` runs, one after another and each in a process of its own: the
article's program for a few epochs (`benchmarks.keras_article`; its 600 are extrapolated), then our
default recipe, then the same recipe with as many epochs as fit into a tenth and into a fifth of
the article's time. Seconds are of the wall, from the start of the process: imports and compilation
are included. Ours end when `fit` returns. The loss is that on MNIST's 10,000 test images, in nats
per pixel with the L2 term; ours is computed again in NumPy, from the pictures that the codes
are drawn as, before a time is printed. Then the time of a training step is compared with that of
its matrix products alone. The exit status is 1 where a check of ours fails; a target that is
missed is only printed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy

from benchmarks.codes import TRAINING, cache_folder
from benchmarks.keras_article import ARTICLE_EPOCHS, ARTICLE_LOSS
from benchmarks.tables import number, print_table, seconds
from benchmarks.timing import ROOT, busy_core
from xenoglyph import SELUAutoencoder, load_images
from xenoglyph.versions import library_versions

Images = Mapping[str, NDArray[np.uint8]]
Shapes = Sequence[tuple[int, int]]
Epochs = int | Literal["auto"]

KERAS = {"keras": "3.15.1", "h5py": "3.16.0", "namex": "0.1.0", "optree": "0.20.0"}
"""Keras, and what it asks for that xenoglyph's own environment lacks."""

SHARES, TARGETS = (0.1, 0.2), (ARTICLE_LOSS, 0.118)
"""Of the time of Keras, and the loss that is to be reached in it."""
# A fit is planned to end so much before its time is over, for epochs are not all alike.
MARGIN = 0.92
SLOWER = 1.3
"""A step may take so many times its matrix products."""
# Losses in float32 and in NumPy's float64 differ by less.
TOLERANCE = 1e-5
ROUNDS, STEP_EPOCHS, BUSY_EPOCHS = 3, 4, 8
TIMES = 12
"""Rows of the table of losses."""


class Fit(NamedTuple):
    """What a process trained."""

    ends: list[float]
    """Seconds from the start of the process to the end of every epoch."""
    losses: list[float]
    """On the test images, after every epoch."""
    whole: float
    """Seconds until all was done."""
    refused: str | None = None

    @property
    def epoch(self) -> float:
        """Seconds of an epoch, the median."""
        return float(np.median(np.diff(self.ends)))


class Ends(list[float]):
    """The time of day at the end of every epoch, told as `fit` tells its progress."""

    def __call__(self, stage: str, done: int, total: int, note: str) -> None:
        """Take down the time."""
        self.append(time.time())


# ------------------------------------------------------------------------ what the processes do


def fit(images: Images, n_epochs: Epochs, seed: int) -> dict[str, Any]:
    """Train with the default recipe; return times of day and losses."""
    ends = Ends()
    autoencoder = SELUAutoencoder(n_epochs=n_epochs, random_state=seed)
    autoencoder.fit(
        images["train"],
        validation=images["test"],
        progress=ends,
    )
    done = time.time()
    return {
        "ends": ends,
        "done": done,
        "losses": autoencoder.history_["validation_loss"],
        "recomputed": loss_of(autoencoder, images["test"]),
    }


def loss_of(autoencoder: SELUAutoencoder, images: NDArray[np.uint8]) -> float:
    """Compute the loss in NumPy, from the pictures that the images' codes are drawn as."""
    x = images / 255.0
    drawn = autoencoder.inverse_transform(autoencoder.transform(images)).astype(np.float64)
    drawn = np.clip(drawn, 1e-38, 1 - 2.0**-24)  # float32 rounds the sigmoid of 17 to one
    kernel = np.asarray(autoencoder.network_.code_kernel, dtype=np.float64)
    entropy = -(xlogy(x, drawn) + xlog1py(1 - x, -drawn)).mean()
    return float(entropy + autoencoder.l2 * np.square(kernel).sum())


def step_and_products(images: Images) -> dict[str, float]:
    """Return least seconds of a training step and of its products, taken by turns."""
    steps, products = [], []
    for _ in range(ROUNDS):
        ends = Ends()
        autoencoder = SELUAutoencoder(n_epochs=STEP_EPOCHS, random_state=0)
        autoencoder.fit(images["train"], progress=ends)
        size = autoencoder.batch_size
        calls = len(images["train"]) // size
        steps.append(min(np.diff(ends)) / calls)
        arrays = autoencoder.network_.to_arrays()
        shapes = [array.shape for name, array in arrays.items() if name.endswith("weight")]
        products.append(products_alone(shapes, size, calls))
    return {"size": size, "step": min(steps), "products": min(products)}


def _ready(arrays: Sequence[jax.Array]) -> None:
    """Wait until they are computed."""
    for array in arrays:
        array.block_until_ready()


def products_alone(shapes: Shapes, size: int, calls: int) -> float:
    """Return least seconds of a step's matrix products, in a loop that does little else.

    Of every layer three products: of its inputs, of its kernel's gradient and, but for the
    first layer, of its inputs' gradient. Each waits for those that it needs in a network, and the
    next step for the kernels' gradients.
    """
    random = np.random.default_rng(0)
    start = [
        jnp.asarray(random.standard_normal(shape) / np.sqrt(shape[0]), jnp.float32)
        for shape in shapes
    ]
    images = jnp.asarray(random.standard_normal((size, shapes[0][0])), jnp.float32)

    def multiply(_: int, kernels: list[jax.Array]) -> list[jax.Array]:
        inputs = [images]
        for kernel in kernels:
            inputs.append(inputs[-1] @ kernel)
        gradient, after = inputs.pop(), []
        for layer, kernel in reversed(list(enumerate(kernels))):
            after.append(kernel - 1e-9 * (inputs[layer].T @ gradient))
            gradient = gradient @ kernel.T if layer else gradient
        return after[::-1]

    steps = jax.jit(lambda kernels: jax.lax.fori_loop(0, calls, multiply, kernels))
    _ready(steps(start))
    taken = []
    for _ in range(1, STEP_EPOCHS):
        began = time.perf_counter()
        _ready(steps(start))
        taken.append(time.perf_counter() - began)
    return min(taken) / calls


# --------------------------------------------------------------------------- what starts them


def run_keras(images: Path, n_epochs: int) -> Fit:
    """Run the article's program for some epochs."""
    began = time.time()
    told = _run("benchmarks.keras_article", str(fetched_keras()), str(images), str(n_epochs))
    ends = [end - began for end in told["ends"]]
    return Fit(ends, told["validation_loss"], ends[-1])


def run_ours(images: Path, n_epochs: Epochs = "auto", seed: int = 0) -> Fit:
    """Run our default recipe, and check what it answers."""
    began = time.time()
    told = _run("benchmarks.autoencoder", "--fit", str(images), str(n_epochs), str(seed))
    ends, losses = [end - began for end in told["ends"]], told["losses"]
    refused = None
    if not abs(losses[-1] - told["recomputed"]) < TOLERANCE:
        refused = f"its loss is {losses[-1]}, in NumPy {told['recomputed']}"
    else:
        print(f"  ours: {len(ends)} epochs, seed {seed}: {losses[-1]:.4f}", flush=True)
    return Fit(ends, losses, told["done"] - began, refused)


def _run(module: str, *arguments: str) -> Any:
    """Run a module in a fresh process; return what it printed last, read as JSON."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr}")
    return json.loads(_last_line(done.stdout))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def fetched_keras() -> Path:
    """Folder with Keras, installed from PyPI the first time, without what is here already."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_folder() / f"keras-{KERAS['keras']}-python-{python}"
    if folder.exists():
        return folder
    with TemporaryDirectory(dir=cache_folder()) as unfinished:
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--retries", "1", "--no-deps", "--target", unfinished,
            *(f"{name}=={version}" for name, version in KERAS.items()),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"pip could not install Keras: {_last_line(done.stderr)}")
        shutil.copytree(unfinished, folder)
    return folder


# ------------------------------------------------------------------------------- what is printed


def compare(images: Path, keras_epochs: int, seeds: int) -> list[str]:
    """Print loss and seconds of Keras and of ours; return the checks of ours that failed."""
    keras = run_keras(images, keras_epochs)
    article = keras.ends[0] + (ARTICLE_EPOCHS - 1) * keras.epoch
    print(
        f"Keras: {seconds(keras.ends[0] - keras.epoch)} s of start-up and compilation, "
        f"{seconds(keras.epoch)} s an epoch, median of {keras_epochs - 1};\n"
        f"its {ARTICLE_EPOCHS} epochs are extrapolated: {article:,.0f} s.",
        flush=True,
    )
    default = run_ours(images)
    fits = {"default": [default, *(run_ours(images, seed=seed) for seed in range(1, seeds))]}
    for share in SHARES:
        n_epochs = _epochs_within(MARGIN * share * article, default)
        name = f"in {share:.0%} of Keras's time"
        fits[name] = [run_ours(images, n_epochs, seed) for seed in range(seeds)]
    failures = [
        f"{name}, seed {seed}: {one.refused}"
        for name, found in fits.items()
        for seed, one in enumerate(found)
        if one.refused
    ]
    if not failures:
        _print_fits(fits, keras, article)
        _print_curve(default, keras)
        _print_claims(list(fits.values()), article)
    return failures


def _epochs_within(limit: float, known: Fit) -> int:
    """Return how many epochs end within so many seconds."""
    start = known.whole - len(known.ends) * known.epoch
    return max(1, int((limit - start) / known.epoch))


def _print_fits(fits: Mapping[str, Sequence[Fit]], keras: Fit, article: float) -> None:
    first = f"the article in Keras, {ARTICLE_EPOCHS} epochs"
    rows = [[first, "", str(ARTICLE_EPOCHS), f"{article:,.0f}", "1", f"{ARTICLE_LOSS}", ""]]
    for name, found in fits.items():
        for seed, one in enumerate(found):
            reached = [
                end for end, loss in zip(one.ends, one.losses, strict=True) if loss <= ARTICLE_LOSS
            ]
            rows.append(
                [
                    f"ours, {name}", str(seed), str(len(one.ends)), seconds(one.whole),
                    number(one.whole / article), f"{one.losses[-1]:.4f}",
                    seconds(reached[0]) if reached else "never",
                ]
            )  # fmt: skip
    header = ("", "seed", "epochs", "seconds", "of Keras", "loss", f"s to {ARTICLE_LOSS}")
    print_table(
        "Loss on the 10,000 test images; Keras's seconds extrapolated, its loss as published",
        header,
        rows,
    )


def _print_curve(ours: Fit, keras: Fit) -> None:
    """Print what either had reached after the same seconds."""
    rows = []
    for at in np.linspace(ours.ends[0], ours.ends[-1], TIMES):
        then = [f"{at:.1f}", *(_reached(one, float(at)) for one in (ours, keras))]
        rows.append(then)
    print_table("Loss against seconds, default recipe, seed 0", ("seconds", "ours", "Keras"), rows)


def _reached(one: Fit, at: float) -> str:
    """Return the loss of the last epoch that had ended then."""
    if at > one.ends[-1] + one.epoch:
        return "not run"
    done = sum(end <= at for end in one.ends)
    return f"{one.losses[done - 1]:.4f}" if done else "none yet"


def _print_claims(fits: Sequence[Sequence[Fit]], article: float) -> None:
    """Print targets beside the worst seed."""
    print()
    for found, share, target in zip(fits[1:], SHARES, TARGETS, strict=True):
        loss, whole = max(one.losses[-1] for one in found), max(one.whole for one in found)
        print(
            f"target {target} in {share} of Keras's time / measured {loss:.4f} in "
            f"{number(whole / article)}, the worst of {len(found)} seeds"
        )


def steps(images: Path) -> None:
    """Print the time of a step over that of its products."""
    told = _run("benchmarks.autoencoder", "--steps", str(images))
    print_table(
        f"A training step of {told['size']} images, loading them included",
        ("", "milliseconds"),
        [
            ["step", number(1e3 * told["step"])],
            ["matrix products alone", number(1e3 * told["products"])],
        ],
    )
    print(f"\ntarget <= {SLOWER} / measured {told['step'] / told['products']:.2f}", flush=True)


def busy(images: Path) -> None:
    """Print how much slower an epoch is while another process keeps one core busy."""
    cores = os.cpu_count() or 1
    rows = []
    for name, run in (("ours", run_ours), ("Keras", run_keras)):
        epochs = []
        for spinning in (False, True):
            with busy_core(spinning):
                epochs.append(run(images, BUSY_EPOCHS).epoch)
        rows.append([name, *map(seconds, epochs), number(epochs[1] / epochs[0])])
    header = ("", "alone", "one core busy", "slower")
    print_table(f"Seconds of an epoch, {cores} cores", header, rows)
    if cores > 1:
        print(f"\na lost core explains {cores / (cores - 1):.2f}", flush=True)


def _print_machine() -> None:
    versions = library_versions()
    names = ("xenoglyph", "python", "numpy", "jax")
    print(", ".join(f"{name} {versions[name]}" for name in names) + f", keras {KERAS['keras']}")
    print(f"{os.cpu_count()} cores, {jax.default_backend()}")


def _child(arguments: argparse.Namespace) -> dict[str, Any]:
    """Do what a process is started for."""
    if arguments.steps:
        with np.load(arguments.steps) as images:
            return step_and_products(images)
    path, n_epochs, seed = arguments.fit
    with np.load(path) as images:
        return fit(images, n_epochs if n_epochs == "auto" else int(n_epochs), int(seed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autoencoder", description=__doc__)
    parser.add_argument("--keras-epochs", type=int, default=10, help="of the article's 600")
    parser.add_argument("--seeds", type=int, default=1, help="fits of each kind")
    parser.add_argument("--busy", action="store_true", help="only an epoch while a core is busy")
    parser.add_argument("--fit", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--steps", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    arguments = _parser().parse_args()
    if arguments.fit or arguments.steps:
        print(json.dumps(_child(arguments)))
        return 0
    _print_machine()
    pixels = np.rint(255 * load_images("mnist").pixels).astype(np.uint8)
    failures: list[str] = []
    with TemporaryDirectory() as folder:
        images = Path(folder, "images.npz")
        np.savez(images, train=pixels[:TRAINING], test=pixels[TRAINING:])
        if arguments.busy:
            busy(images)
        else:
            failures = compare(images, arguments.keras_epochs, arguments.seeds)
            steps(images)
    for failure in failures:
        print(f"\nFAILED {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())

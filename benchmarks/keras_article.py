"""The article's auto-encoder as one would write it with Keras 3, on JAX.

`python -m benchmarks.keras_article FOLDER IMAGES.npz EPOCHS` is the program, a process of its own.
Keras lies in FOLDER; IMAGES.npz holds "train" and "test", uint8 of shape (n, 28, 28). It prints
JSON: the version of Keras, the seconds until the first epoch had ended (less one epoch: start-up
and compilation), the seconds of an epoch, and after every epoch the time of day and the loss on
the test images.
"""

import importlib
import json
import os
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ARTICLE_EPOCHS", "ARTICLE_LOSS"]

BEGAN = time.time()

ARTICLE_EPOCHS, ARTICLE_LOSS = 600, 0.1229
BATCH_SIZE, L2 = 4096, 0.01


def model(keras: Any, n_pixels: int) -> Any:
    """Build the network; Keras starts layers with Glorot's uniform weights, and Adam at 1e-3."""
    dense = keras.layers.Dense
    autoencoder = keras.Sequential(
        [
            keras.Input((n_pixels,)),
            dense(256, activation="selu"),
            dense(128, activation="selu"),
            dense(6, kernel_regularizer=keras.regularizers.L2(L2)),
            dense(128, activation="selu"),
            dense(256, activation="selu"),
            dense(n_pixels, activation="sigmoid"),
        ]
    )
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    return autoencoder


def train(
    keras: Any, x_train: NDArray[np.float32], x_test: NDArray[np.float32], n_epochs: int
) -> dict[str, Any]:
    """Train for some epochs; return what is printed."""
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.time()))
    history = model(keras, x_train.shape[1]).fit(
        x_train, x_train, epochs=n_epochs, batch_size=BATCH_SIZE, shuffle=True,
        validation_data=(x_test, x_test), callbacks=[clock], verbose=0,
    )  # fmt: skip
    epoch = float(np.median(np.diff(ends)))
    return {
        "keras": keras.__version__,
        "start_seconds": ends[0] - BEGAN - epoch,
        "epoch_seconds": epoch,
        "ends": ends,
        "validation_loss": history.history["val_loss"],
    }


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Lay images out as rows of floats in [0, 1], as the article did."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def main(folder: str, images: str, n_epochs: str) -> None:
    """Train, and print what there is to tell."""
    os.environ["KERAS_BACKEND"] = "jax"
    sys.path.append(folder)  # at the end: what else is installed comes first
    keras = importlib.import_module("keras")
    with np.load(images) as read:
        x_train, x_test = pixels(read["train"]), pixels(read["test"])
    print(json.dumps(train(keras, x_train, x_test, int(n_epochs))))


if __name__ == "__main__":
    main(*sys.argv[1:])

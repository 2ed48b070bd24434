"""Images to symbols without codes: pieces are as many as the symbols ask for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from test_progress import Told, check_stages
from xenoglyph.autoencoder import recogniser
from xenoglyph.images import as_images
from xenoglyph.recognition import MOVES, Found, find_symbols

KINDS, EACH = 12, 40


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recogniser, "EPOCHS", 600)


@pytest.fixture(scope="module")
def marks() -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Chequers of random black and white fields, a little shifted and noisy; their kinds.

    And mixtures of two kinds, without which the graph would come in pieces by itself.
    """
    random = np.random.default_rng(0)
    fields = random.integers(2, size=(KINDS, 4, 4)).astype(float)
    kinds = random.permutation(np.repeat(np.arange(KINDS), EACH))
    whole = np.pad(fields.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    mixed = np.repeat(np.arange(KINDS), 2)
    kinds = np.concatenate([kinds, mixed])
    other = np.concatenate([kinds[: -len(mixed)], (mixed + 1) % KINDS])
    whole = (whole[kinds] + whole[other]) / 2
    moved = [np.roll(mark, random.integers(-1, 2, 2), axis=(0, 1)) for mark in whole]
    noisy = np.array(moved) * 0.9 + random.uniform(0, 0.1, whole.shape)
    return noisy.astype(np.float32), kinds


def found(pixels: NDArray[np.float32], n_pieces: int, tolerance: float, told: Told) -> Found:
    def tell(*news: object) -> None:
        told.append(news)  # type: ignore[arg-type]

    return find_symbols(as_images(pixels), n_pieces, MOVES, tolerance, 0, tell)


def test_pieces_are_doubled_until_there_are_enough_for_all_symbols(
    marks: tuple[NDArray[np.float32], NDArray[np.intp]],
) -> None:
    pixels, kinds = marks
    told: Told = []
    seen = found(pixels, 4, 0.015, told)
    assert seen.symbols.n_symbols == KINDS
    labels = seen.recogniser.predict_proba(pixels.reshape(len(pixels), -1)).argmax(axis=1)
    table = np.zeros((KINDS, KINDS))
    np.add.at(table, (labels, kinds), 1)
    assert table.max(axis=1).sum() >= 0.95 * len(kinds)
    stages = ["candidates", "neighbours"]
    for number, n_pieces in enumerate([4, 8, 16, 25], start=1):
        again = f" {number}" * (number > 1)
        stages += [f"pieces{again}", f"networks{again}"]
        notes = {note for stage, *_, note in told if stage in stages[-2:]}
        assert notes == {f"{n_pieces} pieces"}
    check_stages(told, [*stages, "resampling", "symbols"])


def test_pieces_that_are_never_joined_are_not_doubled(
    marks: tuple[NDArray[np.float32], NDArray[np.intp]],
) -> None:
    told: Told = []
    assert found(marks[0], 4, 1.0, told).symbols.n_symbols == 4
    assert "pieces 2" not in {stage for stage, *_ in told}


def test_pieces_of_which_few_are_symbols_are_not_doubled(
    marks: tuple[NDArray[np.float32], NDArray[np.intp]],
) -> None:
    pixels, kinds = marks
    told: Told = []
    assert found(pixels[kinds < 4], 8, 0.015, told).symbols.n_symbols == 4
    assert "pieces 2" not in {stage for stage, *_ in told}

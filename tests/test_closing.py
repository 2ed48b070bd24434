"""The table at the end of a discovery: what is told is true."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from xenoglyph import ImageSet
from xenoglyph.closing import closing_rows, print_closing
from xenoglyph.recipes import RECIPES, TOLERANCE
from xenoglyph.symbols import Symbols, merge_components

RESULT: dict[str, Any] = {
    "n_symbols": 3,
    "n_components": 8,
    "n_images": 70_000,
    "n_strange": 1012,
    "cuts": [10, 10, 9],
    "resamplings": {"9": 30, "10": 65, "11": 5},
    "message_length": 85_481.24,
    "reconstruction_loss": 0.12289,
    "scores": {"ari": 0.5, "nmi": 0.25},
    "seconds": {"autoencoder": 60.0, "total": 71.26},
    "peak_memory_bytes": 1_234_567_890,
    "settings": {"discovery": {"recipe": "default", "tolerance": TOLERANCE}},
}

APART = merge_components(np.eye(3), TOLERANCE)


def told(symbols: Symbols | None = None, **changes: Any) -> dict[str, str]:
    """Return the rows of the result with some values changed."""
    return closing_rows({**RESULT, **changes}, symbols or APART)


def test_numbers_are_told_in_words() -> None:
    rows = told()
    del rows["tolerance"]
    assert rows == {
        "symbols": "3",
        "cuts": "10, 10, 9",
        "resamplings": "10 in 65 of 100, 9 in 30, 11 in 5",
        "components": "8",
        "images": "70,000, of which 1,012 belong to no symbol",
        "message length": "85,481.2 nats",
        "loss": "0.1229",
        "labels": "ari 0.500, nmi 0.250",
        "seconds": "autoencoder 60.0, total 71.3",
        "memory": "1,235 MB at the peak",
    }


def test_what_is_not_known_has_no_row() -> None:
    unknown = dict.fromkeys(("cuts", "resamplings", "peak_memory_bytes", "scores"))
    rows = told(**unknown)
    assert list(rows) == [
        "symbols", "tolerance", "components", "images", "message length", "loss", "seconds",
    ]  # fmt: skip


def posteriors(seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Draw the probabilities of components that overlap more or less."""
    random = np.random.default_rng(seed)
    return random.dirichlet(np.full(6, 0.02 + 0.3 * random.random()), size=400)


def percents(text: str) -> list[float]:
    return [float(number) / 100 for number in re.findall(r"([\d.]+)%", text)]


def joins(symbols: Symbols) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """List what was joined to what, in that order."""
    return [(merge.first, merge.second) for merge in symbols.merges if merge.joined]


@pytest.mark.parametrize("seed", range(10))
def test_the_tolerances_that_are_told_give_the_same_symbols(seed: int) -> None:
    posterior = posteriors(seed)
    symbols = merge_components(posterior, TOLERANCE)
    tolerance, low, high = percents(told(symbols)["tolerance"])
    assert tolerance == TOLERANCE
    for inside in (min(low + 0.001, TOLERANCE), max(high - 0.001, TOLERANCE)):
        same = merge_components(posterior, inside).component_symbol
        assert np.array_equal(same, symbols.component_symbol)
    for outside in (low - 0.001, high + 0.001):
        if 0.0 <= outside <= 1.0:
            assert joins(merge_components(posterior, outside)) != joins(symbols)


@pytest.mark.parametrize("seed", range(10))
def test_of_a_recipe_that_joins_nothing_is_told_which_tolerance_would_not(seed: int) -> None:
    assert not RECIPES["article"].merge
    posterior = posteriors(seed)
    settings = {"discovery": {"recipe": "article", "tolerance": TOLERANCE}}
    row = told(merge_components(posterior, 1.0), settings=settings)["tolerance"]
    (low,) = percents(row)
    assert merge_components(posterior, min(low + 0.001, 1.0)).n_symbols == 6
    if low > 0.001:
        assert merge_components(posterior, low - 0.001).n_symbols < 6


@pytest.mark.parametrize(("n", "words"), [(1, "1 symbol in"), (3, "3 symbols in")])
def test_one_symbol_is_not_many(
    n: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = ImageSet(np.zeros((1, 4, 4), np.float32))
    found: Any = SimpleNamespace(
        n_symbols_=n,
        symbols_=APART,
        evidence_=SimpleNamespace(shares=np.full(n, 1 / n), n_images=1234, name="dots"),
        sample=lambda _, symbol: blank,
    )
    print_closing(found, RESULT, tmp_path)
    assert capsys.readouterr().out.startswith(f"{words} 1,234 images of dots;\n")

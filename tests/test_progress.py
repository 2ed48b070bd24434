"""What bars are told: every stage up to its end, and nothing that changes a result."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from xenoglyph import SymbolDiscovery, load_images
from xenoglyph.autoencoder.recogniser import train_recognisers
from xenoglyph.images import ImageSet
from xenoglyph.recognition import MOVES
from xenoglyph.symbols import Cut, merge_pieces, neighbours, stability
from xenoglyph.symbols.neighbours import nearest_images

pytestmark = pytest.mark.usefixtures("hasty_networks")

Told = list[tuple[str, int, int, str]]


def check_stages(told: Told, stages: list[str]) -> None:
    """The stages come one after the other, each forwards and, where its end is known, to it."""
    order = list(dict.fromkeys(stage for stage, *_ in told))
    assert order == stages
    assert [stage for stage, *_ in told] == sorted((s for s, *_ in told), key=order.index)
    done = defaultdict(list)
    for stage, count, total, _ in told:
        done[stage].append((count, total))
    for stage, counts in done.items():
        assert counts == sorted(counts), stage
        assert counts[-1][0] == counts[-1][1], stage


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def progress(told: Told) -> Callable[..., None]:
    return lambda *news: told.append(news)


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_images("digits")[:300]


def test_a_discovery_tells_of_every_stage_and_is_the_same(
    digits: ImageSet, told: Told, progress: Callable[..., None]
) -> None:
    def discovery() -> SymbolDiscovery:
        return SymbolDiscovery(n_epochs=2, n_pieces=15, random_state=0)

    heard = discovery().fit(digits, progress=progress)
    stages = ["autoencoder", "codes", "mixture", "candidates", "neighbours", "pieces"]
    stages += ["networks", "resampling", "symbols", "recognition", "belonging", "drawing"]
    check_stages(told, stages)
    notes = [note for stage, *_, note in told if stage == "symbols" and note]
    assert set(notes) <= {"round 1", "round 2", "round 3"}
    assert notes[0] == "round 1"
    silent = discovery().fit(digits)
    assert np.array_equal(heard.labels_, silent.labels_)
    assert np.array_equal(heard.confidence_, silent.confidence_)


def test_a_stage_that_stops_short_is_noticed() -> None:
    check_stages([("a", 0, 2, ""), ("a", 2, 2, ""), ("b", 0, 0, "")], ["a", "b"])
    for stages, wrong in (
        (["a"], [("a", 0, 2, ""), ("a", 1, 2, "")]),
        (["a"], [("a", 2, 2, ""), ("a", 1, 2, ""), ("a", 2, 2, "")]),
        (["a", "b"], [("a", 2, 2, ""), ("b", 0, 0, ""), ("a", 2, 2, "")]),
        (["a", "b"], [("a", 2, 2, "")]),
    ):
        with pytest.raises(AssertionError):
            check_stages(wrong, stages)


@pytest.mark.parametrize("sought", [256, 1024])
def test_candidates_are_sought_in_blocks_and_are_the_same(
    monkeypatch: pytest.MonkeyPatch, told: Told, progress: Callable[..., None], sought: int
) -> None:
    pixels = load_images("digits").pixels
    whole = nearest_images(pixels, 10, MOVES)
    monkeypatch.setattr(neighbours, "SOUGHT", sought)
    assert np.array_equal(nearest_images(pixels, 10, MOVES, progress), whole)
    check_stages(told, ["candidates", "neighbours"])
    assert len([news for news in told if news[0] == "candidates"]) == 1 + -(-1797 // sought)


def test_networks_and_resamplings_tell_their_steps(
    digits: ImageSet, told: Told, progress: Callable[..., None]
) -> None:
    rows = digits.pixels.reshape(len(digits), -1)
    pieces = np.arange(len(digits)) % 4
    trained = train_recognisers(rows, [pieces], digits.image_shape, MOVES, 0, progress, effort=8.0)
    [(recogniser, held_out)] = trained
    assert len(told) > 5
    cut = Cut(pieces, held_out, merge_pieces(pieces, held_out, 0.06))
    stability([cut], 0.06, 0, progress)
    assert len([news for news in told if news[0] == "resampling"]) == 101
    recogniser.predict_proba(rows, progress=progress)
    check_stages(told, ["networks", "resampling", "recognition"])


def test_a_folder_of_pictures_is_told_picture_by_picture(
    tmp_path: Any, told: Told, progress: Callable[..., None]
) -> None:
    for name in "abc":
        Image.new("L", (8, 8)).save(tmp_path / f"{name}.png")
    load_images(tmp_path, progress=progress)
    assert told == [("pictures", done, 3, "") for done in (1, 2, 3)]

"""How much memory there is, and what is refused."""

import re
from pathlib import Path

import pytest

from xenoglyph import NotEnoughMemoryError, memory
from xenoglyph.memory import available_memory, check_memory


def test_what_can_be_had_is_less_than_all_and_more_than_nothing():
    available = available_memory()
    assert available is None or 0 < available < 2**50


def test_what_fits_is_let_through_and_what_cannot_is_refused_with_both_figures():
    check_memory(1, "One byte", "do nothing")
    with pytest.raises(
        NotEnoughMemoryError,
        match=r"^A table takes about \d+\.\d GiB .*[MG]iB can be had; wait\.$",
    ):
        check_memory(2**60, "A table", "wait")


@pytest.mark.parametrize("text", ["max\n", "1000000"])
def test_a_container_s_limit_counts_where_it_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
):
    (tmp_path / "limit").write_text(text)
    (tmp_path / "used").write_text("400000\n")
    monkeypatch.setattr(memory, "CGROUPS", ((tmp_path / "limit", tmp_path / "used"),))
    assert (available_memory() == 600_000) == (text == "1000000")


def test_where_nothing_is_said_nothing_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "_limits", lambda: iter(()))
    assert available_memory() is None
    check_memory(2**60, "A table", "wait")


def test_the_error_is_python_s_own_too():
    assert issubclass(NotEnoughMemoryError, MemoryError)
    assert re.fullmatch(r"\d+ MiB", memory._in_words(3 * 2**20))

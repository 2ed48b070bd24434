"""The record of a fit stays small, and comes back as it was."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from xenoglyph import ImageSet, ModelFileError
from xenoglyph.images import SourceFile
from xenoglyph.record import Evidence, brief, from_arrays, gallery_size, to_arrays
from xenoglyph.symbols import label_table

EVIDENCE = Evidence(
    name="set",
    n_images=3,
    gallery=ImageSet(np.zeros((3, 2, 2), np.float32), labels=np.array(["a", "b", "a"])),
    gallery_codes=np.arange(6.0).reshape(3, 2),
    gallery_components=np.array([0, 1, 1]),
    gallery_symbols=np.array([0, 0, 0]),
    shares=np.ones(1),
    label_table=label_table([0, 0, 0], ["a", "b", "a"], 1),
    sources=(SourceFile("x.png", "0" * 64),),
    ledger=[{"sweep": 0, "k": 2, "message_length": 1.5, "log_likelihood": -1.0}],
    best_by_k={2: 1.5},
    annihilations=[],
    history={"loss": [0.5]},
)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_record_comes_back(labelled):
    evidence = EVIDENCE
    if not labelled:
        bare = ImageSet(evidence.gallery.pixels, name="set")
        evidence = replace(evidence, gallery=bare, label_table=None)
    again = from_arrays(*to_arrays(evidence))
    assert again.sources == evidence.sources
    assert again.best_by_k == evidence.best_by_k
    np.testing.assert_array_equal(again.gallery_codes, evidence.gallery_codes)
    if labelled:
        np.testing.assert_array_equal(again.gallery.labels, evidence.gallery.labels)
        assert again.label_table.label_names == ("a", "b")
    else:
        assert again.gallery.labels is None
        assert again.label_table is None


@pytest.mark.parametrize("lost", ["codes", "gallery", "shares", "label_counts"])
def test_a_record_that_lacks_an_array_is_refused(lost):
    settings, arrays = to_arrays(EVIDENCE)
    del arrays[lost]
    with pytest.raises(ModelFileError, match="record of the fit cannot be used"):
        from_arrays(settings, arrays)


def test_many_files_become_one_line_that_any_change_changes():
    few = tuple(SourceFile(f"{i}.png", f"{i:064x}") for i in range(100))
    assert brief(few) == few
    many = (*few, SourceFile("last.png", "f" * 64))
    (line,) = brief(many)
    assert line.name == "101 files"
    text = "".join(f"{source.sha256}  {source.name}\n" for source in many)
    assert line.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert brief((*few, SourceFile("last.png", "e" * 64))) != (line,)


def test_a_gallery_of_large_images_is_small():
    assert gallery_size(70_000, (28, 28)) == 2000
    assert gallery_size(300, (28, 28)) == 300
    assert gallery_size(70_000, (512, 512, 3)) * 512 * 512 * 3 <= 2**25
    assert gallery_size(5, (10_000, 10_000)) == 1

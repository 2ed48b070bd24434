"""The record of a fit stays small, and comes back as it was."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from xenoglyph import ImageSet, MMLGaussianMixture, ModelFileError
from xenoglyph.images import SourceFile
from xenoglyph.mixture import Event
from xenoglyph.record import (
    Evidence,
    brief,
    count_codes,
    from_arrays,
    gallery_size,
    ledger_of,
    to_arrays,
)
from xenoglyph.symbols import label_table

EVIDENCE = Evidence(
    name="set",
    n_images=3,
    gallery=ImageSet(np.zeros((3, 2, 2), np.float32), labels=np.array(["a", "b", "a"])),
    gallery_codes=np.arange(6.0).reshape(3, 2),
    gallery_components=np.array([0, 1, 1]),
    gallery_symbols=np.array([0, 0, 0]),
    code_counts=count_codes(np.arange(6.0).reshape(3, 2)),
    strange=ImageSet(np.ones((1, 2, 2), np.float32)),
    pieces=ImageSet(np.zeros((2, 2, 2), np.float32)),
    doubtful=ImageSet(np.zeros((2, 2, 2), np.float32)),
    doubtful_symbols=np.array([0, 0]),
    shares=np.ones(1),
    entropy=np.array([0.25]),
    least_score=-12.5,
    n_strange=1,
    label_table=label_table([0, 0, 0], ["a", "b", "a"], 1),
    sources=(SourceFile("x.png", "0" * 64),),
    ledger=[
        {"sweep": 0, "k": 1, "message_length": 4.0, "log_likelihood": -3.0, "chosen": False},
        {"sweep": 1, "k": 2, "message_length": 1.5, "log_likelihood": -1.0, "chosen": True},
    ],
    best_by_k={1: 4.0, 2: 1.5},
    criteria=[{"n_components": 2, "message_length": 1.5, "bic": 5.0, "aic": 4.0, "icl": 6.0}],
    runner_up=(1, 2.5),
    events=[
        {
            "sweep": 1,
            "kind": "split",
            "n_components_before": 1,
            "n_components_after": 2,
            "weight": 1.0,
            "saved": 2.0,
            "saved_model": -0.5,
        }
    ],
    history={"loss": [0.5]},
)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_record_comes_back(labelled):
    evidence = EVIDENCE
    if not labelled:
        bare = ImageSet(evidence.gallery.pixels, name="set")
        evidence = replace(evidence, gallery=bare, label_table=None)
    settings, arrays = to_arrays(evidence)
    again = from_arrays(json.loads(json.dumps(settings)), arrays)
    for name in (
        "sources",
        "ledger",
        "best_by_k",
        "criteria",
        "least_score",
        "n_strange",
        "runner_up",
        "events",
        "history",
        "entropy",
    ):
        assert getattr(again, name) == getattr(evidence, name)
    np.testing.assert_array_equal(again.gallery_codes, evidence.gallery_codes)
    for name, counts in vars(evidence.code_counts).items():
        np.testing.assert_array_equal(getattr(again.code_counts, name), counts)
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


def test_without_another_number_there_is_no_runner_up():
    settings, arrays = to_arrays(replace(EVIDENCE, runner_up=None))
    assert from_arrays(settings, arrays).runner_up is None


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
def test_the_record_tells_what_the_trace_does(search):
    X = np.random.default_rng(0).normal(0, 1, (200, 2)) + 6.0 * (np.arange(200) % 4)[:, None]
    trace = MMLGaussianMixture(search=search, random_state=0).fit(X).trace_
    told = ledger_of(trace)
    assert json.loads(json.dumps(told["ledger"])) == told["ledger"]
    assert json.loads(json.dumps(told["events"])) == told["events"]
    assert [s["message_length"] for s in told["ledger"]] == [
        s.message_length for s in trace.sweeps
    ]
    assert [s["k"] for s in told["ledger"]] == [s.n_components for s in trace.sweeps]
    (chosen,) = [s["sweep"] for s in told["ledger"] if s["chosen"]]
    assert chosen == trace.chosen.number
    assert told["runner_up"] == trace.runner_up
    assert told["best_by_k"] == trace.best_by_k
    events = {Event(**event) for event in told["events"]}
    assert events == set(trace.events)
    assert len(told["events"]) == len(trace.events) > 0
    sweeps = [event["sweep"] for event in told["events"]]
    assert sweeps == sorted(sweeps)


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

"""The animated fit: its frames, its end, its outlines."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageSequence

from xenoglyph import DataError, MMLGaussianMixture
from xenoglyph.animation import GROWING, _Stage, animate_fit, frames_of, identities, outlines
from xenoglyph.mixture import Event, Sweep, Trace
from xenoglyph.plotting import COLOURS

X = np.random.default_rng(0).standard_normal((300, 3)) + 6.0 * (np.arange(300) % 3)[:, None]


CORNERS = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
GROWING_AND_SHRINKING = [
    {},
    {"covariance_type": "tied"},
    {"search": "annihilation"},
    {"search": "annihilation", "criterion": "eq15", "covariance_type": "spherical"},
]


def fitted(X, **parameters):
    parameters = {"record_parameters": True, "random_state": 0} | parameters
    return MMLGaussianMixture(12, **parameters).fit(X)


def trace_of(steps, variances=None):
    """A trace with these means, and (unless told) variances of one; the last sweep won."""
    variances = variances or [np.ones(len(means)) for means in steps]
    sweeps, events = [], []
    for number, (means, own) in enumerate(zip(steps, variances, strict=True)):
        k = len(means)
        C = np.asarray(own)[:, None, None] * np.eye(2)
        last = number == len(steps) - 1
        sweeps.append(Sweep(number, k, 9.0, 0.0, False, last, np.full(k, 1 / k), means, C))
        before = len(steps[number - 1]) if number else k
        if before != k:
            kind = "split" if before < k else "merge"
            events.append(Event(number, kind, before, k, 0.1, 1.0, 0.5))
    return Trace(tuple(sweeps), tuple(events))


def listed(numbers):
    return [own.tolist() for own in numbers]


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_file_has_the_chosen_frames_and_holds_the_last(d, search, tmp_path):
    fit = fitted(X[:, :d], search=search)
    animate_fit(X[:, :d], fit.trace_, tmp_path / "fit.gif")
    with Image.open(tmp_path / "fit.gif") as picture:
        frames = [
            (f.info["duration"], np.asarray(f.convert("L")))
            for f in ImageSequence.Iterator(picture)
        ]
    assert 2 <= len(frames) <= 60
    assert sum(duration for duration, _ in frames) >= 4000
    assert frames[-1][0] >= 4000
    assert not np.array_equal(frames[0][1], frames[-1][1])
    assert (tmp_path / "fit.gif").stat().st_size < 3e6


@pytest.mark.parametrize("parameters", GROWING_AND_SHRINKING, ids=str)
def test_frames_keep_every_change_of_k_and_end_with_the_winner(parameters):
    trace = fitted(X, **parameters).trace_
    frames = frames_of(trace)
    assert len(frames) <= 60
    changes = [b.number for a, b in pairwise(trace.sweeps) if a.n_components != b.n_components]
    assert changes
    assert set(changes) <= {f.number for f in frames}
    assert frames[0].number == 0
    assert frames[-1].chosen
    numbers = [f.number for f in frames[:-1]]
    assert numbers == sorted(set(numbers))
    assert len(frames_of(trace, most=3)) == 3


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
def test_the_colours_of_components_are_kept(search, tmp_path):
    trace = fitted(X, search=search).trace_
    animate_fit(X, trace, tmp_path / "fit.gif")
    with Image.open(tmp_path / "fit.gif") as picture:
        last = [np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(picture)][-1]
    shown = {tuple(pixel) for pixel in last.reshape(-1, 3).tolist()}
    for number in identities(trace)[trace.chosen.number]:
        assert tuple(bytes.fromhex(COLOURS[number % len(COLOURS)][1:])) in shown


def test_outlines_are_at_their_distance():
    C = np.array([[[4.0, 1.5], [1.5, 2.0]], [[1.0, -0.2], [-0.2, 0.3]]])
    means = np.array([[1.0, -2.0], [0.0, 5.0]])
    off = outlines(means, C, sd=2.0) - means[:, None]
    distance = np.einsum("kij,kjl,kil->ki", off, np.linalg.inv(C), off)
    np.testing.assert_allclose(distance, 4.0)


@pytest.mark.parametrize("parameters", GROWING_AND_SHRINKING, ids=str)
def test_components_keep_their_numbers_until_their_end(parameters):
    trace = fitted(X, **parameters).trace_
    numbers = identities(trace)
    assert [len(own) for own in numbers] == [s.n_components for s in trace.sweeps]
    assert all(len(set(own)) == len(own) for own in numbers)
    seen = set(numbers[0])
    for before, now in pairwise(numbers):
        born = set(now) - set(before)
        assert not born & seen
        assert len(born) == max(len(now) - len(before), 0)
        seen |= born
    assert seen == set(range(len(seen)))


def test_a_component_that_leaves_takes_its_number_with_it():
    steps = [CORNERS, CORNERS + 0.1, CORNERS[[2, 0]] + 0.2]
    assert listed(identities(trace_of(steps))) == [[0, 1, 2], [0, 1, 2], [2, 0]]


def test_a_component_that_comes_has_a_number_that_none_had():
    aside = np.array([[9.0, 0.5], [9.0, -5.0]])
    steps = [CORNERS, CORNERS[[2, 0]], np.vstack([CORNERS[[2]], aside, CORNERS[[0]]])]
    assert listed(identities(trace_of(steps))) == [[0, 1, 2], [2, 0], [2, 3, 4, 0]]


def test_one_leaves_and_another_comes_in_the_same_sweep():
    merged = np.array([[4.5, 0.0], [0.0, 9.0], [0.0, -9.0], [0.0, -9.5]])
    (_, numbers) = listed(identities(trace_of([CORNERS, merged])))
    assert numbers[1] == 2
    assert numbers[0] in (0, 1)
    assert 3 in numbers
    assert len(set(numbers)) == 4


def test_components_of_one_centre_are_told_apart_by_their_width():
    means = np.zeros((3, 2))
    trace = trace_of([means, means[:2] + 0.01], [[1.0, 9.0, 0.1], [9.1, 0.9]])
    assert listed(identities(trace))[1] == [1, 0]


def test_numbers_do_not_depend_on_units():
    trace = fitted(X).trace_
    units = np.array([1e6, 1e-3, 1.0])
    other = fitted(X * units).trace_
    assert listed(identities(trace)) == listed(identities(other))


@pytest.mark.parametrize("parameters", GROWING_AND_SHRINKING, ids=str)
def test_every_component_of_a_frame_is_drawn_and_the_newborn_in_bold(parameters):
    trace = fitted(X, **parameters).trace_
    stage, numbers = _Stage(X[:, :2], trace), identities(trace)
    before = None
    for sweep in frames_of(trace):
        stage.draw(sweep)
        now = numbers[sweep.number].tolist()
        drawn = [path.vertices for path in stage.shapes.get_paths()]
        assert len(drawn) == sweep.n_components
        for shape, mean in zip(drawn, sweep.means, strict=True):
            np.testing.assert_allclose((shape.min(0) + shape.max(0)) / 2, mean[:2], atol=0.05)
        widths = dict(zip(now, stage.shapes.get_linewidth(), strict=True))
        born = set() if before is None or sweep.chosen else set(now) - set(before)
        assert {number for number, width in widths.items() if width == max(GROWING)} == born
        before = now


def test_the_dead_fade_and_are_gone():
    steps = [CORNERS, *[CORNERS[:2]] * 5]
    trace = trace_of(steps)
    stage = _Stage(X[:, :2], trace)
    ghosts = []
    for sweep in trace.sweeps[:-1]:
        stage.draw(sweep)
        ghosts.append(len(stage.ghosts.get_paths()))
    assert ghosts == [0, 1, 1, 1, 0]


def test_the_curve_marks_every_kind_of_change_that_happened():
    trace = trace_of([CORNERS[:1], CORNERS, CORNERS[:2]])
    right = _Stage(X[:, :2], trace).mark.axes
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["split", "merged"]


def test_a_fit_that_recorded_nothing_is_refused(tmp_path):
    trace = fitted(X, record_parameters=False).trace_
    with pytest.raises(DataError, match="record_parameters=True"):
        animate_fit(X, trace, tmp_path / "fit.gif")
    assert list(tmp_path.iterdir()) == []

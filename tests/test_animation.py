"""The animated fit: which sweeps it shows, which component is which, what is drawn of them."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex

from xenoglyph import MMLGaussianMixture
from xenoglyph.animation import frames_of, identities
from xenoglyph.animation.stage import GROWING, Stage, title_of
from xenoglyph.mixture import Event, Sweep, Trace
from xenoglyph.plotting.style import colour_of

NAMES = ("a", "b")
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
    stage, numbers = Stage(X[:, :2], trace, NAMES), identities(trace)
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
    stage = Stage(X[:, :2], trace, NAMES)
    ghosts = []
    for sweep in trace.sweeps[:-1]:
        stage.draw(sweep)
        ghosts.append(len(stage.ghosts.get_paths()))
    assert ghosts == [0, 1, 1, 1, 0]


def test_the_curve_marks_every_kind_of_change_that_happened():
    trace = trace_of([CORNERS[:1], CORNERS, CORNERS[:2]])
    right = Stage(X[:, :2], trace, NAMES).mark.axes
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["split", "merged"]


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
def test_in_one_dimension_components_are_curves_over_a_histogram(search):
    trace = fitted(X[:, :1], search=search).trace_
    stage = Stage(X[:, :1], trace, NAMES)
    left = stage.shapes.axes
    assert sum(bar.get_height() * bar.get_width() for bar in left.patches) == pytest.approx(1.0)
    for sweep in frames_of(trace):
        stage.draw(sweep)
        curves = [path.vertices[:60] for path in stage.shapes.get_paths()]
        for curve, weight, mean in zip(curves, sweep.weights, sweep.means, strict=True):
            assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(weight, rel=1e-3)
            assert curve[:, 0].mean() == pytest.approx(mean[0])
    assert left.get_ylim()[1] > max(curve[:, 1].max() for curve in curves)


def test_components_have_the_colour_of_their_number():
    trace = fitted(X).trace_
    stage = Stage(X, trace, NAMES)
    for sweep in frames_of(trace):
        stage.draw(sweep)
        own = [colour_of(number) for number in identities(trace)[sweep.number]]
        assert [to_hex(colour).upper() for colour in stage.shapes.get_edgecolor()] == own


def test_the_number_is_counted_and_what_won_is_said():
    trace = trace_of([CORNERS, CORNERS[:2], CORNERS[:1]])
    assert [title_of(sweep) for sweep in trace.sweeps] == [
        ("k = 3", "sweep 0"),
        ("k = 2", "sweep 1"),
        ("1 component", "the shortest message, found in sweep 2"),
    ]


def check_apart(ax):
    """The numbers along an axis do not touch each other."""
    ax.get_figure().canvas.draw()
    for axis in (ax.xaxis, ax.yaxis):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
@pytest.mark.parametrize("d", [1, 2])
def test_numbers_along_the_axes_can_be_read(d, search):
    stage = Stage(1000.0 * X[:, :d], fitted(1000.0 * X[:, :d], search=search).trace_, NAMES)
    for artist in (stage.shapes, stage.mark):
        check_apart(artist.axes)
        artist.axes.set_xticks(np.linspace(*artist.axes.get_xlim(), 40))
        with pytest.raises(AssertionError):
            check_apart(artist.axes)


def test_the_axes_are_named():
    left = Stage(X, fitted(X).trace_, ("$x^", "b")).shapes.axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("$x^", "b")

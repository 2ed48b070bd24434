"""The animated fit: its frames, its end, its outlines."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageSequence

from xenoglyph import DataError, MMLGaussianMixture
from xenoglyph.animation import animate_fit, frames_of, identities, outlines
from xenoglyph.mixture import Sweep, Trace

X = np.random.default_rng(0).standard_normal((300, 3)) + 6.0 * (np.arange(300) % 3)[:, None]


def fitted(X, **parameters):
    parameters = {"record_parameters": True, "random_state": 0} | parameters
    return MMLGaussianMixture(12, **parameters).fit(X)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_file_has_the_chosen_frames_and_holds_the_last(d, tmp_path):
    fit = fitted(X[:, :d])
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


def test_frames_keep_every_change_of_k_and_end_with_the_winner():
    trace = fitted(X).trace_
    frames = frames_of(trace)
    assert len(frames) <= 60
    assert {f.n_components for f in frames} == {s.n_components for s in trace.sweeps}
    assert frames[0].number == 0
    assert frames[-1].chosen
    numbers = [f.number for f in frames[:-1]]
    assert numbers == sorted(set(numbers))
    assert len(frames_of(trace, most=5)) == 5


def test_outlines_are_at_their_distance():
    C = np.array([[[4.0, 1.5], [1.5, 2.0]], [[1.0, -0.2], [-0.2, 0.3]]])
    means = np.array([[1.0, -2.0], [0.0, 5.0]])
    off = outlines(means, C, sd=2.0) - means[:, None]
    distance = np.einsum("kij,kjl,kil->ki", off, np.linalg.inv(C), off)
    np.testing.assert_allclose(distance, 4.0)


def test_components_keep_their_numbers_until_their_end():
    trace = fitted(X).trace_
    numbers = identities(trace)
    assert [len(own) for own in numbers] == [s.n_components for s in trace.sweeps]
    assert all(len(set(own)) == len(own) for own in numbers)
    for before, now in pairwise(numbers):
        assert set(now) <= set(before)


def test_a_component_that_leaves_takes_its_number_with_it():
    means = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    steps = [means, means + 0.1, means[[2, 0]] + 0.2]
    sweeps = [Sweep(i, len(own), 0.0, 0.0, means=own) for i, own in enumerate(steps)]
    assert [own.tolist() for own in identities(Trace(tuple(sweeps), ()))][2] == [2, 0]


def test_a_fit_that_recorded_nothing_is_refused(tmp_path):
    trace = fitted(X, record_parameters=False).trace_
    with pytest.raises(DataError, match="record_parameters=True"):
        animate_fit(X, trace, tmp_path / "fit.gif")
    assert list(tmp_path.iterdir()) == []

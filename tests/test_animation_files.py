"""The animated fit as files, opened by other programs: its frames counted, and looked at."""

import shutil
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from films import (
    GROWING,
    LEFT,
    RGB,
    SHRINKING,
    X,
    check_components,
    check_held,
    colours_in,
    opened,
    trace_at_corners,
)
from xenoglyph import DataError, DependencyError, MMLGaussianMixture, animate_fit
from xenoglyph.animation import frames_of


@pytest.fixture(scope="module", params=[SHRINKING, GROWING], ids=["shrinking", "growing"])
def trace(request):
    return trace_at_corners(request.param)


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """A real ffmpeg on the PATH."""
    (tmp_path / "bin").mkdir()
    program = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    (tmp_path / "bin" / "ffmpeg").symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return program


@pytest.mark.parametrize("suffix", ["gif", "webp", "GIF"])
def test_pictures_follow_the_fit_and_hold_its_end(suffix, trace, tmp_path):
    path = tmp_path / f"fit.{suffix}"
    animate_fit(X, trace, path)
    frames, milliseconds = opened(path)
    check_components(frames, trace)
    check_held(milliseconds)
    assert path.stat().st_size < 3e6
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_does_not_follow_the_fit_is_found(trace, tmp_path):
    animate_fit(X, trace, tmp_path / "fit.gif")
    frames, milliseconds = opened(tmp_path / "fit.gif")
    gone, late = frames.copy(), np.roll(frames, 1, axis=0)
    gone[-1][LEFT][(frames[-1][LEFT] == RGB[min(colours_in(frames[-1]))]).all(axis=2)] = 255
    for broken in (frames[:-1], gone, late):
        with pytest.raises(AssertionError):
            check_components(broken, trace)
    for broken in ([*milliseconds[:-1], 120], [4000, *milliseconds[1:]]):
        with pytest.raises(AssertionError):
            check_held(broken)


def decoded(program, path, shape):
    """Frames of a film, by ffmpeg."""
    command = [program, "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, *shape)


def apart(one, other):
    """Mean difference of frames, in levels of 256."""
    return np.abs(one.astype(float) - other).mean(axis=(-3, -2, -1))


def check_film(film, frames):
    """A film shows these frames, somewhat blurred, in their order, and holds the last."""
    likest = [int(apart(shown, frames).argmin()) for shown in film]
    assert likest == [*range(len(frames)), *[len(frames) - 1] * 33]  # 4 seconds more


def test_a_film_has_the_same_frames(trace, ffmpeg, tmp_path):
    animate_fit(X, trace, tmp_path / "fit.gif")
    animate_fit(X, trace, tmp_path / "fit.mp4")
    frames, _ = opened(tmp_path / "fit.gif")
    film = decoded(ffmpeg, tmp_path / "fit.mp4", frames.shape[1:])
    check_film(film, frames)
    for broken in (film[:-1], film[::-1], np.concatenate([film[:-33], film[:33]])):
        with pytest.raises(AssertionError):
            check_film(broken, frames)


def test_without_ffmpeg_a_film_is_refused_before_it_is_begun(trace, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DependencyError, match=r"\.mp4 needs the program ffmpeg.*\.gif"):
        animate_fit(X, trace, tmp_path / "fit.mp4")
    assert list(tmp_path.iterdir()) == []


def test_what_ffmpeg_complains_of_is_told(trace, tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec >&2; echo first; echo no such encoder; exit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DependencyError, match="ffmpeg failed and said: no such encoder"):
        animate_fit(X, trace, tmp_path / "fit.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["ffmpeg"]


@pytest.mark.parametrize("name", ["fit.avi", "fit", "fit.png"])
def test_other_formats_are_refused(name, trace, tmp_path):
    with pytest.raises(DataError, match=rf"'{name}'.*\.gif, \.webp, \.mp4, \.html"):
        animate_fit(X, trace, tmp_path / name)


def test_a_fit_that_recorded_nothing_is_refused(tmp_path):
    trace = MMLGaussianMixture().fit(X).trace_
    with pytest.raises(DataError, match="record_parameters=True"):
        animate_fit(X, trace, tmp_path / "fit.gif")
    assert list(tmp_path.iterdir()) == []


def test_progress_ends_with_the_last_frame(trace, tmp_path):
    told = []
    animate_fit(X, trace, tmp_path / "fit.gif", progress=lambda *words: told.append(words))
    n = len(frames_of(trace))
    assert [(stage, done, total) for stage, done, total, _ in told] == [
        ("animation", done, n) for done in range(n + 1)
    ]


@pytest.mark.parametrize("search", ["split-merge", "annihilation"])
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("suffix", ["gif", "webp", "html"])
def test_files_of_real_fits_are_small_and_have_all_frames(suffix, d, search, tmp_path):
    random = np.random.default_rng(0)
    points = random.normal(0, 9, (30, d))[np.arange(2000) % 30] + random.normal(0, 1, (2000, d))
    mixture = MMLGaussianMixture(search=search, record_parameters=True, random_state=0)
    trace, path = mixture.fit(points).trace_, tmp_path / f"fit.{suffix}"
    animate_fit(points, trace, path)
    assert path.stat().st_size < 3e6
    if suffix == "html":
        assert path.read_text("utf-8").count("<img ") == len(frames_of(trace))
    else:
        frames, milliseconds = opened(path)
        check_held(milliseconds)
        assert len(frames) == len(frames_of(trace))
        assert len({frame.tobytes() for frame in frames}) == len(frames)
        assert (frames[:, 0, 0] == 255).all()  # white stays white

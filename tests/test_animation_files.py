"""The animated fit as files, opened by other programs: its frames counted, and looked at."""

import base64
import io
import shutil
import subprocess
from contextlib import contextmanager
from itertools import pairwise

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, ImageSequence

from browsers import CHROMIUM, FLAGS, playwright
from xenoglyph import DataError, DependencyError, MMLGaussianMixture, animate_fit
from xenoglyph.animation import frames_of, identities
from xenoglyph.mixture import Event, Sweep, Trace
from xenoglyph.plotting import COLOURS

CORNERS = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 30.0], [30.0, 30.0]])
X = np.random.default_rng(0).standard_normal((400, 2)) + CORNERS[np.arange(400) % 4]
STEPS = ([0, 1, 2, 3], [0, 1, 3], [0, 3], [0, 3], [0], [0, 3])  # corners with a component
# Without the grey: where black ends, there is grey too.
RGB = np.array([list(bytes.fromhex(colour[1:])) for colour in COLOURS[:6]])
# Where the components are drawn; the curve beside them has colours of its own.
LEFT = (slice(50, None), slice(0, 430))
EDGES = 80  # as many pixels may have a colour where another ends


@pytest.fixture(scope="module", params=["shrinking", "growing"])
def trace(request):
    """Components that die or are born at the corners, in colours that nothing hides."""
    steps = STEPS if request.param == "shrinking" else STEPS[::-1]
    sweeps = [
        Sweep(
            *(number, len(own), 99.0 - number, 0.0, False, number == 3, np.full(len(own), 0.25)),
            CORNERS[own],
            np.repeat([9.0 * np.eye(2)], len(own), axis=0),
        )
        for number, own in enumerate(steps)
    ]
    changes = [(a, b) for a, b in pairwise(sweeps) if a.n_components != b.n_components]
    events = [
        Event(b.number, "merge", a.n_components, b.n_components, 0.5, 1.0, 0.5) for a, b in changes
    ]
    return Trace(tuple(sweeps), tuple(events))


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """A real ffmpeg on the PATH."""
    (tmp_path / "bin").mkdir()
    program = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    (tmp_path / "bin" / "ffmpeg").symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return program


def opened(path):
    """Frames, shape (frames, height, width, 3), and the milliseconds that each is shown."""
    with Image.open(path) as picture:
        every = [(np.asarray(f.convert("RGB")), f.info["duration"]) for f in frames_in(picture)]
    frames, milliseconds = zip(*every, strict=True)
    return np.stack(frames), list(milliseconds)


def frames_in(picture):
    for frame in ImageSequence.Iterator(picture):
        frame.load()  # of which WebP tells the duration only then
        yield frame


def colours_in(frame):
    """Which colours of components are there, pixel for pixel."""
    pixels = frame[LEFT].reshape(-1, 1, 3)
    counts = [(pixels == colour).all(axis=2).sum() for colour in RGB]
    return {c for c, count in enumerate(counts) if count > EDGES}


def check_components(frames, trace):
    """In every frame are the components of its sweep, and no others."""
    sweeps, numbers = frames_of(trace), identities(trace)
    assert len(frames) == len(sweeps)
    for frame, sweep in zip(frames, sweeps, strict=True):
        assert colours_in(frame) == set(numbers[sweep.number].tolist())


def check_held(milliseconds):
    """All frames but the last pass by; that one stays for four seconds."""
    assert set(milliseconds[:-1]) == {120}
    assert milliseconds[-1] == 4000


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


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@contextmanager
def page_at(browser, path, **options):
    """The page, with the network off; what goes wrong, and what is asked for, is collected."""
    options = {"viewport": {"width": 1000, "height": 800}, "reduced_motion": "reduce"} | options
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    page.trouble, page.requests = [], []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda m: page.trouble.append(m.text) if m.type == "error" else None)
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(path.as_uri())
    try:
        yield page
    finally:
        context.close()


@pytest.fixture
def page(trace, tmp_path):
    animate_fit(X, trace, tmp_path / "fit.html")
    return tmp_path / "fit.html"


def pixels(page):
    """Pixels of the frame that is shown, as the browser decoded them."""
    script = """image => {
      const canvas = document.createElement("canvas");
      canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
      canvas.getContext("2d").drawImage(image, 0, 0);
      return canvas.toDataURL("image/png");
    }"""
    data = page.locator("figure img:visible").evaluate(script)
    with Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGB"))


def slide(page, frame):
    page.locator("input").evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')); }", frame
    )


@needs_browser
def test_the_slider_of_the_page_shows_every_frame(browser, page, trace):
    sweeps = frames_of(trace)
    with page_at(browser, page) as shown:
        assert shown.locator("figure img").count() == len(sweeps)
        frames = []
        for number, sweep in enumerate(sweeps):
            slide(shown, number)
            assert shown.locator("figure img:visible").count() == 1
            assert f"{sweep.n_components}" in shown.locator("output").inner_text()
            frames.append(pixels(shown))
        check_components(frames, trace)
        assert shown.trouble == []
        assert [url for url in shown.requests if not url.startswith(("file:", "data:"))] == []


@needs_browser
def test_the_page_plays_to_the_end_and_holds_it(browser, page, trace):
    last = str(len(frames_of(trace)) - 1)
    with page_at(browser, page, reduced_motion="no-preference") as shown:
        assert shown.locator("input").input_value() != last
        playwright.expect(shown.locator("input")).to_have_value(last, timeout=30_000)
        button = shown.locator("button")
        assert button.inner_text() == "Play"
        assert "the shortest message" in shown.locator("output").inner_text()
        button.press("Enter")
        assert button.inner_text() == "Pause"
        assert shown.locator("input").input_value() != last
        shown.locator("input").press("ArrowRight")
        assert button.inner_text() == "Play"
        assert shown.trouble == []


@needs_browser
@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}])
def test_where_nothing_should_or_can_move_the_end_is_shown(options, browser, page):
    with page_at(browser, page, **options) as shown:
        visible = shown.locator("figure img:visible")
        assert visible.count() == 1
        assert "the shortest message" in visible.get_attribute("alt")


@needs_browser
def test_the_page_lets_no_other_script_or_style_in(browser, page):
    text = page.read_text("utf-8")
    page.write_text(text.replace("</main>", "<script>document.title = 'in'</script></main>"))
    with page_at(browser, page) as shown:
        assert shown.title() != "in"
        assert any("Content Security Policy" in trouble for trouble in shown.trouble)


@needs_browser
def test_a_narrow_screen_needs_no_sideways_scrolling(browser, page):
    with page_at(browser, page, viewport={"width": 360, "height": 640}) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") <= 360

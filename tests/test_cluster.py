"""Images looked at, and networks trained, by the workers of a cluster: the same as without."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("distributed")

import dask
from distributed import Client

from xenoglyph import SELUAutoencoder, SymbolDiscovery, cluster, local_workers
from xenoglyph.autoencoder import evaluation, recogniser
from xenoglyph.autoencoder.rows import Place, image_rows
from xenoglyph.autoencoder.training import Epoch
from xenoglyph.cli import main
from xenoglyph.errors import ClusterError, DataError
from xenoglyph.images import ImageSet, as_images, load_images
from xenoglyph.workers import map_blocks

PROGRAM = [sys.executable, "-m", "xenoglyph"]
EPOCHS = recogniser.EPOCHS


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with local_workers(2) as (client, dashboard):
        assert dashboard.startswith(("http://127.0.0.1:", "none, for it needs bokeh: pip install"))
        yield client


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_images("digits")[:300]


@pytest.fixture(scope="module")
def mapped(digits: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The digits as a part of a map, which begins where the file does not."""
    path = tmp_path_factory.mktemp("images") / "digits.npy"
    pixels = np.rint(np.asarray(digits.pixels) * 255).astype(np.uint8)
    np.save(path, np.concatenate([pixels[-7:], pixels]))
    return np.load(path, mmap_mode="r")[7:]  # type: ignore[no-any-return]


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recogniser, "EPOCHS", 60)
        yield


@pytest.fixture
def many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "BLOCK_NUMBERS", 64 * 16)


def bits(model: SymbolDiscovery) -> dict[str, Any]:
    names = ("labels_", "components_", "codes_", "confidence_", "scores_", "component_symbols_")
    return {name: getattr(model, name) for name in names}


@pytest.mark.usefixtures("many_blocks")
def test_the_workers_symbols_are_ours_to_the_last_bit(
    client: Any, digits: ImageSet, mapped: np.ndarray
) -> None:
    def discover(images: Any, client: Any) -> SymbolDiscovery:
        model = SymbolDiscovery(n_epochs=3, n_pieces=12, random_state=0)
        return model.fit(images, client=client)

    images = as_images(mapped)
    here, there = discover(as_images(np.array(mapped)), None), discover(images, client)
    for name, value in bits(here).items():
        np.testing.assert_array_equal(bits(there)[name], value, err_msg=name)
    floats = digits[:100]
    for ask in ("transform", "predict_proba", "predict", "score_samples", "belongs"):
        told = getattr(here, ask)(floats, client=client)
        np.testing.assert_array_equal(told, getattr(here, ask)(floats), strict=True)


@pytest.mark.usefixtures("many_blocks")
def test_a_worker_killed_while_it_encodes_changes_nothing(
    client: Any, digits: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SELUAutoencoder(n_epochs=1, random_state=0).fit(digits)
    here = model.transform(digits)
    victim = next(iter(client.run(os.getpid).values()))

    def killing(work: Any, blocks: Iterable[Any], client: Any) -> Iterator[Any]:
        def murdered() -> Iterator[Any]:
            for number, block in enumerate(blocks):
                if number == 10:
                    os.kill(victim, signal.SIGKILL)
                yield block

        return map_blocks(work, murdered(), client)

    monkeypatch.setattr(evaluation, "map_blocks", killing)
    np.testing.assert_array_equal(model.transform(digits, client=client), here, strict=True)
    client.wait_for_workers(2, timeout=30)
    assert victim not in client.run(os.getpid).values()


def test_training_outlives_a_killed_worker_and_is_that_of_two_processes(
    client: Any, mapped: np.ndarray
) -> None:
    def train(client: Any, *callbacks: Callable[[Epoch], object]) -> SELUAutoencoder:
        model = SELUAutoencoder(3, (32,), n_epochs=3, n_processes=2, random_state=0)
        return model.fit(mapped, client=client, callbacks=callbacks)

    victims = sorted(client.run(os.getpid).items())
    epochs: list[int] = []

    def kill(epoch: Epoch) -> None:
        if epoch.epoch == 2 and 2 not in epochs:
            os.kill(victims[1][1], signal.SIGKILL)
        epochs.append(epoch.epoch)

    there, here = train(client, kill), train(None)
    assert set(epochs) == {1, 2, 3}
    assert there.history_ == here.history_
    for name, weights in here.network_.to_arrays().items():
        np.testing.assert_array_equal(there.network_.to_arrays()[name], weights, strict=True)


def test_more_processes_than_workers_are_refused(
    client: Any, digits: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xenoglyph.autoencoder.processes.WORKERS_SECONDS", 0.1)
    with pytest.raises(ClusterError, match=r"n_processes=3 needs as many workers; .* has 2"):
        SELUAutoencoder(n_epochs=1, n_processes=3).fit(digits, client=client)


def test_what_is_wrong_is_told_as_it_is_here(client: Any, digits: ImageSet) -> None:
    wild = SELUAutoencoder(n_epochs=2, n_processes=2, learning_rate=1e30)
    with pytest.raises(DataError, match="training diverged in epoch"):
        wild.fit(digits, client=client)


# ------------------------------------------------------------------------------ what is sent


def test_of_a_map_only_its_place_is_sent(mapped: np.ndarray, tmp_path: Path) -> None:
    rows = image_rows(mapped)
    for part in (rows, rows.subset(np.array([5, 3])), *rows.parts(150)):
        place = part.portable()
        assert isinstance(place, Place)
        np.testing.assert_array_equal(place.open().take(slice(None)), part.take(slice(None)))
    gone = image_rows(mapped).portable()
    missing = Place(str(tmp_path / "gone"), *list(vars(gone).values())[1:])
    with pytest.raises(DataError, match=r"gone, which cannot be read on .* by the same path"):
        missing.open()


def test_of_an_array_only_the_images_of_a_part_are_sent(digits: ImageSet) -> None:
    rows = image_rows(digits)
    for part in (rows.subset(np.array([5, 3])), *rows.parts(150)):
        sent = part.portable()
        assert len(sent.table) == len(part)
        np.testing.assert_array_equal(sent.take(slice(None)), part.take(slice(None)), strict=True)


# ----------------------------------------------------------------------------- command line


def start(folder: Path, *words: str) -> "subprocess.Popen[str]":
    command = [*PROGRAM, "discover", "digits.npy", "--image-shape", "8x8", *words]
    return subprocess.Popen(
        command, cwd=folder, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, mapped: np.ndarray) -> Path:
    np.save(tmp_path / "digits.npy", np.array(mapped))
    return tmp_path


def session(number: int) -> list[str]:
    """Processes of a session, and those that train."""
    listed = subprocess.run(["ps", "-eo", "sid,stat,args"], capture_output=True, text=True)
    words = [line.split(maxsplit=2) for line in listed.stdout.splitlines()[1:]]
    return [args for sid, state, args in words if sid == str(number) and state[0] != "Z"]


def left(number: int) -> list[str]:
    """Processes of a session that has ended; those that are just ending have ten seconds."""
    until = time.monotonic() + 10.0
    while session(number) and time.monotonic() < until:
        time.sleep(0.05)
    return session(number)


def test_the_program_finds_the_same_symbols_with_workers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(folder, "--out", "run", "--workers", "2", "--epochs", "2", "--json")
    monkeypatch.setattr(recogniser, "EPOCHS", EPOCHS)
    images = load_images(folder / "digits.npy", image_shape=(8, 8))
    here = SymbolDiscovery(n_epochs=2, random_state=0).fit(images)
    out, told = run.communicate()
    assert run.returncode == 0
    assert out == (folder / "run" / "result.json").read_text()
    assert told.startswith("dashboard: ")
    assert told.count("\n") == 1
    labels = np.loadtxt(folder / "run" / "labels.csv", int, delimiter=",", skiprows=1, usecols=1)
    np.testing.assert_array_equal(labels, here.labels_)
    assert left(run.pid) == []


def test_ctrl_c_leaves_no_process_and_a_run_to_go_on_with(folder: Path) -> None:
    run = start(folder, "--out", "run", "--workers", "2", "--processes", "2", "--epochs", "9999")
    while not (folder / "run" / "checkpoint.safetensors").exists():
        assert run.poll() is None
        time.sleep(0.05)
    assert len(session(run.pid)) > 2
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    out, told = run.communicate(timeout=60)
    assert run.returncode == 130
    assert out.startswith("dashboard: ")
    assert told.startswith("xenoglyph: stopped; go on with: xenoglyph discover digits.npy ")
    assert (out.count("\n"), told.count("\n")) == (1, 1)
    assert left(run.pid) == []


@pytest.mark.parametrize(
    ("address", "why"), [("127.0.0.1:1", "Timed out"), ("nonsense", "missing port number")]
)
def test_a_scheduler_that_does_not_answer_is_one_line(
    address: str,
    why: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.5)
    before = dask.config.get("scheduler", None)
    assert main(["discover", "--scheduler", address]) == 1
    assert dask.config.get("scheduler", None) == before
    told = capsys.readouterr().err
    assert told.startswith(f"xenoglyph: error: no scheduler of Dask answers at {address}: {why}")
    assert told.count("\n") == 1


def test_a_scheduler_that_runs_is_used(client: Any) -> None:
    with cluster.scheduler_at(client.scheduler.address) as (other, _):
        assert sorted(other.nthreads()) == sorted(client.nthreads())
        assert Client.current() is other


def test_workers_and_a_scheduler_are_not_both_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["discover", "--workers", "2", "--scheduler", "x:1"]) == 2
    assert "not both" in capsys.readouterr().err

"""No run is lost: what was saved goes on bit for bit, whatever ended the process."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from safetensors import safe_open

from xenoglyph.autoencoder import SELUAutoencoder
from xenoglyph.autoencoder.checkpoints import Keeper, Task
from xenoglyph.autoencoder.layers import lecun_normal
from xenoglyph.autoencoder.network import Layout, Network
from xenoglyph.autoencoder.rows import Rows
from xenoglyph.autoencoder.steps import Recipe
from xenoglyph.autoencoder.training import Run, begin, train
from xenoglyph.errors import CheckpointWarning, DataError, ModelFileError

LAYOUT = Layout((4, 4), (8,), 3)
RECIPE = Recipe(4, 5, 1e-3, "one-cycle", "nadam", 0.01, dropout=0.1, patience=9)


def rows(seed: int = 0) -> Rows:
    return Rows(np.random.default_rng(seed).random((12, 16)).astype(np.float32), (4, 4))


def keeper(folder: Path, **changes: Any) -> Keeper:
    plain = {"layout": LAYOUT, "recipe": RECIPE, "rows": rows()}
    return Keeper(folder, Task.of(**{**plain, **changes}))


def half_way() -> Run:
    """A run whose second epoch has begun."""
    saved: list[Run] = []
    network = Network.start(LAYOUT, lecun_normal, np.random.default_rng(0))
    plan = replace(RECIPE, n_epochs=1)
    run = train(begin(network, plan, 3), rows(), plan, validation=rows(), save=saved.append)
    return replace(run, batch=1, over=False).shuffled(12)


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    run = half_way()
    keeper(tmp_path).save(run)
    again = keeper(tmp_path).load()
    assert again is not None
    for one, other in ((run.state, again.state), (run.best, again.best)):
        for here, there in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            assert np.asarray(here).dtype == np.asarray(there).dtype
            np.testing.assert_array_equal(here, there)
    np.testing.assert_array_equal(run.order, again.order)
    names = ("seed", "epoch", "batch", "history", "over")
    assert [getattr(again, name) for name in names] == [getattr(run, name) for name in names]


def test_there_is_nothing_to_go_on_with_where_nothing_was_saved(tmp_path: Path) -> None:
    assert keeper(tmp_path).load() is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": replace(RECIPE, l2=0.5)}, "with l2=0.01 instead of 0.5"),
        ({"layout": Layout((4, 4), (9,), 3)}, r"with hidden_sizes=\[8\] instead of \[9\]"),
        ({"rows": rows(1)}, "with other images"),
        ({"weights": np.arange(12, dtype=np.float32)}, "with other weights"),
        ({"validation": rows(2)}, "with other validation"),
        ({"random_state": 7}, "with other random_state"),
    ],
)
def test_a_run_of_other_settings_or_images_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    keeper(tmp_path).save(half_way())
    with pytest.raises(DataError, match=message):
        keeper(tmp_path, **changes).load()


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    first = half_way()
    keeper(tmp_path).save(first)
    keeper(tmp_path).save(replace(first, batch=2))
    file = tmp_path / "checkpoint.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.warns(CheckpointWarning, match=r"checkpoint\.safetensors"):
        again = keeper(tmp_path).load()
    assert again is not None
    assert again.batch == 1
    (tmp_path / "checkpoint.previous.safetensors").write_bytes(b"")
    with pytest.raises(ModelFileError, match="damaged"):
        keeper(tmp_path).load()


def test_a_run_that_diverged_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    run = half_way()
    keeper(tmp_path).save(run)
    lost = run.state._replace(loss=run.state.loss * np.inf)
    keeper(tmp_path).save(replace(run, state=lost, batch=2))
    again = keeper(tmp_path).load()
    assert again is not None
    assert again.batch == 1


def test_a_finished_fit_is_resumed_without_another_step(tmp_path: Path) -> None:
    plan: dict[str, Any] = {"code_size": 2, "hidden_sizes": (8,), "n_epochs": 3}
    images, heard = rows().table.reshape(-1, 4, 4), []
    one = SELUAutoencoder(**plan, random_state=0).fit(images, checkpoint=tmp_path)
    two = SELUAutoencoder(**plan, random_state=0).fit(
        images, checkpoint=tmp_path, resume=True, callbacks=[heard.append]
    )
    assert heard == []
    assert two.history_ == one.history_
    np.testing.assert_array_equal(two.transform(images), one.transform(images))
    three = SELUAutoencoder(**plan, random_state=1).fit(images, checkpoint=tmp_path)
    assert three.history_ != one.history_


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fifty_kills_at_random_times_change_no_bit(tmp_path: Path) -> None:
    program = Path(__file__).with_name("kills.py")
    command = [sys.executable, str(program), str(tmp_path), "50"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] >= 50
    assert len({whole for _, whole in told["digests"]}) == len(told["digests"])  # seeds matter
    for broken, whole in told["digests"]:
        assert broken == whole


LONG = """
import signal, sys
from sklearn.datasets import load_digits
from xenoglyph.autoencoder import SELUAutoencoder
def stop(*_): raise SystemExit(143)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job would ignore it
def hello(epoch):
    if epoch.epoch == 3: print("training", flush=True)
SELUAutoencoder(n_epochs=10**6, random_state=0).fit(
    load_digits().images / 16, checkpoint=sys.argv[1], callbacks=[hello])
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint(tmp_path: Path, number: signal.Signals) -> None:
    """Far sooner than the next one is due."""
    command = [sys.executable, "-c", LONG, str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        time.sleep(0.5)
        process.send_signal(number)
        code = process.wait(60)
    assert code == (143 if number == signal.SIGTERM else -signal.SIGINT)
    with safe_open(tmp_path / "checkpoint.safetensors", "np") as file:
        assert file.get_tensor("step") > 3 * 7

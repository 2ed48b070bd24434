"""A model file gives back what was written, or one ModelFileError that says why not."""

import hashlib
import io
import json
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from PIL import Image

from xenoglyph.errors import ModelFileError
from xenoglyph.storage import SCHEMA_VERSION, read_model, write_model

Content = tuple[dict[str, Any], dict[str, NDArray[Any]]]
Reader = Callable[[Path], Content]

SETTINGS = {"image_shape": [8, 8], "name": "dígits", "tolerance": 0.05, "sha256": "0" * 64}
ARRAYS = {
    "weights": np.array([0.25, 0.75]),
    "layers/0/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "component_symbol": np.array([1, 0]),
    "scale": np.array(2.0),
    "gallery": np.arange(40, dtype=np.uint8).reshape(5, 8),
    "nothing": np.zeros((0, 3), dtype=np.int32),
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
arrays = npst.arrays(
    dtype=st.sampled_from(["<f4", "<f8", "<i4", "<i8", "u1"]),
    shape=npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    elements={"allow_nan": False, "allow_infinity": False},
)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,11}", fullmatch=True)


def read(path: Path) -> Content:
    return read_model(path, "test")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    write_model(path, "test", SETTINGS, ARRAYS)
    return path


# ---------------------------------------------------------------------------- there and back


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@given(own=st.dictionaries(st.text(), json_values), held=st.dictionaries(names, arrays))
def test_what_is_written_is_read(
    folder: Path, own: dict[str, Any], held: dict[str, NDArray[Any]]
) -> None:
    path, again = folder / "model", folder / "again"
    write_model(path, "test", own, held)
    read_settings, read_arrays = read(path)
    assert read_settings == own
    assert read_arrays.keys() == held.keys()
    for name, array in held.items():
        assert read_arrays[name].dtype == array.dtype
        assert read_arrays[name].shape == array.shape
        assert read_arrays[name].tobytes() == array.tobytes()
    write_model(again, "test", *read(path))
    assert again.read_bytes() == path.read_bytes()


def test_layout_in_memory_and_order_do_not_change_the_bytes(tmp_path: Path, model: Path) -> None:
    other = {
        name: np.asfortranarray(array.astype(array.dtype.newbyteorder(">"))).reshape(array.shape)
        for name, array in reversed(ARRAYS.items())
    }
    write_model(tmp_path / "other", "test", dict(reversed(SETTINGS.items())), other)
    assert (tmp_path / "other").read_bytes() == model.read_bytes()


def test_keys_that_are_numbers_come_back_as_text(tmp_path: Path) -> None:
    write_model(tmp_path / "model", "test", {"best_by_k": {2: 1.5, 10: 2.5}, "shape": (3, 4)}, {})
    expected = {"best_by_k": {"2": 1.5, "10": 2.5}, "shape": [3, 4]}
    assert read(tmp_path / "model") == (expected, {})


def test_other_tools_read_the_arrays(model: Path) -> None:
    loaded = safetensors.numpy.load_file(model)
    assert loaded.keys() == ARRAYS.keys()
    np.testing.assert_array_equal(loaded["gallery"], ARRAYS["gallery"])


def test_the_checksum_is_what_the_definition_says(model: Path) -> None:
    content = model.read_bytes()
    length = int.from_bytes(content[:8], "little")
    text = json.loads(content[8 : 8 + length])["__metadata__"]["xenoglyph"]
    named = json.loads(text)["sha256"]
    zeroed = content.replace(named.encode(), b"0" * 64)
    assert hashlib.sha256(zeroed).hexdigest() == named


# ------------------------------------------------------------------------------------ damage


def overwrite(file: RawIOBase, position: int, byte: int) -> None:
    file.seek(position)
    file.write(bytes([byte]))


def check_refuses_damage(reader: Reader, path: Path) -> None:
    """No flipped bit, no lost end and no added byte of the file at `path` gets past `reader`."""
    whole = path.read_bytes()
    reader(path)
    with path.open("r+b", buffering=0) as file:
        for position, byte in enumerate(whole):
            for bit in range(8):
                overwrite(file, position, byte ^ (1 << bit))
                with pytest.raises(ModelFileError):
                    reader(path)
            overwrite(file, position, byte)
        reader(path)
        for length in reversed(range(len(whole))):
            file.truncate(length)
            with pytest.raises(ModelFileError):
                reader(path)
    for more in (b"\0", b"{}", whole):
        path.write_bytes(whole + more)
        with pytest.raises(ModelFileError):
            reader(path)


def test_no_damage_gets_past_the_reader(model: Path) -> None:
    assert 800 < model.stat().st_size < 1500
    check_refuses_damage(read, model)


def read_without_checksum(path: Path) -> Content:
    """Trust the container, as many programs do."""
    try:
        return {}, safetensors.numpy.load(path.read_bytes())
    except Exception as error:
        raise ModelFileError("damaged") from error


def test_the_check_finds_a_reader_without_checksum(model: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check_refuses_damage(read_without_checksum, model)


# ----------------------------------------------------------------------------- foreign and forged


def bytes_of(save: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def zip_archive(buffer: io.BytesIO) -> None:
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", "{}")


def png(buffer: io.BytesIO) -> None:
    Image.new("L", (2, 2)).save(buffer, format="png")


FOREIGN = {
    "empty": b"",
    "pickle": pickle.dumps({"weights": [1.0]}),
    "zip": bytes_of(zip_archive),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "PNG": bytes_of(png),
    "NumPy": bytes_of(lambda buffer: np.save(buffer, np.arange(3))),
    "gzip": b"\x1f\x8b\x08" + bytes(20),
    "JSON": b'{"kind": "test", "settings": {}}',
    "HTML": b"<!DOCTYPE html><html></html>",
    "another program": safetensors.numpy.save({"a": np.zeros(3)}, {"format": "pt"}),
    "cut short": bytes(7),
    "never was": b"GGUF" + bytes(100),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(FOREIGN[name])
    with pytest.raises(ModelFileError, match=name) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 200 + len(str(path))


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelFileError, match="never loads those"):
        read(path)
    assert not (tmp_path / "ran").exists()


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="No such file"):
        read(tmp_path / "missing")
    with pytest.raises(ModelFileError, match="folder"):
        read(tmp_path)


def test_another_kind_is_refused(model: Path) -> None:
    with pytest.raises(ModelFileError, match=r"holds a 'test', expected a 'discovery'"):
        read_model(model, "discovery")


def forge(path: Path, text: str, held: dict[str, NDArray[Any]] | None = None) -> None:
    """Write a file whose record is `text` and whose checksum, the one in `text`, is right."""
    content = safetensors.numpy.save(held or {}, {"xenoglyph": text})
    digest = hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(re.sub(rb"0{64}", digest, content))


def record(**changes: Any) -> str:
    """Write the record of an empty model as canonical JSON, with some entries changed."""
    entries = {"arrays": [], "kind": "test", "settings": {}, "sha256": "0" * 64}
    entries["schema"] = SCHEMA_VERSION
    return json.dumps({**entries, **changes}, sort_keys=True, separators=(",", ":"))


def test_a_forgery_without_fault_is_read(tmp_path: Path) -> None:
    forge(tmp_path / "model", record())
    assert read(tmp_path / "model") == ({}, {})


@pytest.mark.parametrize(
    ("text", "held", "reason"),
    [
        (
            record(schema=SCHEMA_VERSION + 1),
            {},
            f"knows {SCHEMA_VERSION}: install the xenoglyph that wrote it",
        ),
        (record(schema=SCHEMA_VERSION + 1, novelty=[]), {}, "install the xenoglyph that wrote it"),
        (record(schema=0), {}, "its schema version is 0"),
        (record(author="me"), {}, "known keys"),
        (record(settings=[]), {}, "known keys"),
        (record(arrays=["a"]), {}, "not those"),
        (record(), {"a": np.zeros(2)}, "not those"),
        (record(arrays=["a"]), {"a": np.array([1.0, np.nan])}, "array a holds NaN"),
        (record(arrays=["a"]), {"a": np.zeros(2, dtype=np.float16)}, "float16"),
        (record(arrays=["a b"]), {"a b": np.zeros(2)}, "cannot name"),
        (record(settings={"x": float("nan")}), {}, "strict JSON"),
        (record().replace('"kind"', '"kind":"other","kind"'), {}, "strict JSON"),
        (record().replace(",", ", "), {}, "canonical"),
        (record(settings={"x": 0}).replace('"x":0', '"x":' + "[" * 99999), {}, "strict JSON"),
    ],
)
def test_a_forgery_with_the_right_checksum_is_refused(
    tmp_path: Path, text: str, held: dict[str, NDArray[Any]], reason: str
) -> None:
    forge(tmp_path / "model", text, held)
    with pytest.raises(ModelFileError, match=reason):
        read(tmp_path / "model")


@pytest.mark.parametrize(
    ("own", "held", "reason"),
    [
        ({"x": float("inf")}, {}, "JSON"),
        ({"x": np.int64(3)}, {}, "JSON"),
        ({"x": {1: "a", "1": "b"}}, {}, "JSON"),
        ({"x": "a" * (1 << 24)}, {}, "more than"),
        ({}, {"a": np.array([np.inf])}, "array a holds NaN or infinity"),
        ({}, {"a": np.array(["text"])}, "dtype <U4"),
        ({}, {"a": np.array([object()])}, "dtype object"),
        ({}, {"a": np.array([True])}, "dtype bool"),
        ({}, {"naïve": np.zeros(2)}, "cannot name"),
        ({}, {"__metadata__": np.zeros(2)}, "cannot name"),
    ],
)
def test_what_no_model_can_hold_is_not_written(
    tmp_path: Path, own: dict[str, Any], held: dict[str, NDArray[Any]], reason: str
) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"old")
    with pytest.raises(ModelFileError, match=reason):
        write_model(path, "test", own, held)
    assert path.read_bytes() == b"old"


AUDIT = """
import sys
from xenoglyph.storage import read_model

forbidden = ("import", "exec", "compile", "socket", "subprocess", "pickle")
events = []
sys.addaudithook(lambda event, args: events.append((event, args)))
read_model(sys.argv[1], "test")
events = list(events)
opened = [args[0] for event, args in events if event == "open"]
assert [str(path) for path in opened] == [sys.argv[1]], opened
assert not [event for event, _ in events if event.startswith(forbidden)], events
"""


def test_reading_opens_the_file_alone_and_runs_nothing(model: Path) -> None:
    done = subprocess.run([sys.executable, "-c", AUDIT, model], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

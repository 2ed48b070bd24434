"""The one model file: a safetensors container with our schema and a checksum over all of it.

A safetensors file is eight bytes that hold the length of a JSON header, the header, and the raw
arrays. Other tools can read ours; we read only our own. The header's ``__metadata__`` has a
single key, ``xenoglyph``, whose text is a record in canonical JSON (sorted keys, no space, ASCII,
no NaN)::

    arrays    the sorted names of all arrays: a closed list
    kind      what the file describes
    schema    SCHEMA_VERSION
    settings  whatever the writer needs besides arrays
    sha256    of the whole file, with these 64 digits themselves taken as zeros

Nothing in a file is ever run, imported or followed, no file is handed to another loader, and
nothing is given out before the checksum holds. It tells damage, not malice. The same content
makes the same bytes.

`SCHEMA_VERSION` grows when a file of before would be misread.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from xenoglyph.errors import ModelFileError
from xenoglyph.storage.atomic import atomic_write
from xenoglyph.storage.strict_json import canonical, parse

__all__ = ["SCHEMA_VERSION", "encode", "read_model", "write_model"]

SCHEMA_VERSION = 6

Array = NDArray[Any]

LENGTH_BYTES = 8
MAX_HEADER = 1 << 24
DTYPES = tuple(np.dtype(name) for name in ("<f4", "<f8", "<i4", "<i8", "u1"))
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,99}")
RECORD_KEYS = {"arrays", "kind", "schema", "settings", "sha256"}
NO_SUM = b"0" * 64
# The record is a JSON text inside a JSON string: its own quotes are escaped, the one that ends
# the string is not. "sha256" sorts last, and no other string in the header has an escape.
SUM = re.compile(rb'\\"sha256\\":\\"([0-9a-f]{64})\\"}"')

FOREIGN = {
    b"\x80": "a pickle (xenoglyph never loads those)",
    b"PK\x03\x04": "a zip archive (.npz, .keras, .pt)",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a PNG picture",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "a gzip archive",
    b"{": "JSON",
    b"<": "HTML or XML",
}


def write_model(
    path: str | os.PathLike[str],
    kind: str,
    settings: Mapping[str, Any],
    arrays: Mapping[str, Array],
) -> None:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file to write or replace, by custom ``*.safetensors``.
    kind : str
        What the file describes; `read_model` asks for it by name.
    settings : mapping
        Anything that JSON can hold. As JSON has it, a tuple comes back as a list and a key as a
        string.
    arrays : mapping of str to ndarray
        Of dtype float32, float64, int32, int64 or uint8, any shape, all numbers finite. Names
        are of at most 100 letters, digits and ``_./-``, the first a letter or digit.

    Raises
    ------
    ModelFileError
        Where `settings` or `arrays` are none of that. Nothing is written.
    StorageError, OSError
        Where the file does not fit on the disk, or cannot be written for another reason; what
        was there before is untouched.
    """
    atomic_write(path, encode(kind, settings, arrays))


def read_model(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a model file that `write_model` wrote, after checking every byte of it.

    Parameters
    ----------
    path : path-like
        The file.
    kind : str
        The kind that the file must be of.

    Returns
    -------
    settings : dict
        As they were written.
    arrays : dict of str to ndarray
        As they were written.

    Raises
    ------
    ModelFileError
        Where the file is missing, no xenoglyph model, damaged, of another kind or of an unknown
        schema version. The message says which.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise ModelFileError("it is a folder or a device, and a model is a file")
        return _decode(path.read_bytes(), kind)
    except ModelFileError as error:
        raise ModelFileError(f"{path} cannot be read as a model: {error}.") from error
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from error


def encode(kind: str, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Return the bytes of a model file; `write_model` says what it takes and raises."""
    arrays = {name: _plain(array) for name, array in arrays.items()}
    _check_arrays(arrays)
    record = {
        "arrays": sorted(arrays),
        "kind": kind,
        "schema": SCHEMA_VERSION,
        "settings": dict(settings),
        "sha256": NO_SUM.decode(),
    }
    try:
        text = canonical(record)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"the settings cannot be written as JSON: {error}") from error
    data = safetensors.numpy.save(arrays, {"xenoglyph": text})
    if _header_length(data) is None:
        raise ModelFileError(f"the settings take more than {MAX_HEADER} bytes as JSON")
    start, end = _find_sum(data)
    return data[:start] + _sha256(data, start, end) + data[end:]


def _decode(data: bytes, kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Check from the outside in: frame, checksum, JSON, schema, kind, arrays."""
    length = _header_length(data)
    if length is None:
        raise ModelFileError(_why_foreign(data))
    start, end = _find_sum(data)
    if _sha256(data, start, end) != data[start:end]:
        raise ModelFileError("it is damaged: its content does not have the SHA-256 that it names")
    record = _read_record(data[LENGTH_BYTES : LENGTH_BYTES + length])
    if record["kind"] != kind:
        raise ModelFileError(f"it holds a {record['kind']!r:.60}, expected a {kind!r}")
    return record["settings"], _read_arrays(data, record["arrays"])


def _header_length(data: bytes) -> int | None:
    """Return the length of the header; None where `data` cannot be a file of ours."""
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    fits = length <= min(MAX_HEADER, len(data) - LENGTH_BYTES)
    return length if fits and data[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{" else None


def _why_foreign(data: bytes) -> str:
    """Say what a file that is no safetensors file seems to be."""
    if not data:
        return "it is empty"
    for signature, name in FOREIGN.items():
        if data.startswith(signature):
            return f"it looks like {name}, expected what SymbolDiscovery.save writes"
    return "it is cut short, or it never was a safetensors file"


def _find_sum(data: bytes) -> tuple[int, int]:
    """Say where the 64 digits of the checksum stand."""
    length = _header_length(data) or 0
    found = SUM.search(data, LENGTH_BYTES, LENGTH_BYTES + length)
    if found is None:
        raise ModelFileError(
            "it is a safetensors file without xenoglyph's own record: another program wrote it, "
            "or it is damaged"
        )
    return found.span(1)


def _sha256(data: bytes, start: int, end: int) -> bytes:
    """Return the SHA-256 of `data`, in hex, with zeros from `start` to `end`."""
    view = memoryview(data)
    digest = hashlib.sha256(view[:start])
    digest.update(NO_SUM)
    digest.update(view[end:])
    return digest.hexdigest().encode()


def _read_record(header: bytes) -> dict[str, Any]:
    """Read the record in the header, if it is one that `encode` could have written."""
    try:
        metadata = parse(header)["__metadata__"]
        text = metadata["xenoglyph"]
        record: dict[str, Any] = parse(text)
        sound = metadata == {"xenoglyph": text} and canonical(record) == text
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFileError("its header is not strict JSON of the known form") from error
    if not sound:
        raise ModelFileError("its record is not canonical JSON")
    if record.get("schema") != SCHEMA_VERSION:
        raise ModelFileError(
            f"its schema version is {record.get('schema')!r:.20}, and this xenoglyph knows "
            f"{SCHEMA_VERSION}: install the xenoglyph that wrote it"
        )
    if set(record) != RECORD_KEYS or not isinstance(record["settings"], dict):
        raise ModelFileError("its record does not have the known keys")
    return record


def _read_arrays(data: bytes, names: list[str]) -> dict[str, Array]:
    """Read all arrays, if they are exactly those of the closed list."""
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError("its arrays do not fit its header") from error
    if sorted(arrays) != names:
        raise ModelFileError("its arrays are not those that its record lists")
    _check_arrays(arrays)
    return arrays


def _check_arrays(arrays: Mapping[str, Array]) -> None:
    """Refuse what a model cannot hold, on the way in as on the way out."""
    for name, array in arrays.items():
        if not NAME.fullmatch(name):
            raise ModelFileError(f"{name!r:.60} cannot name an array: use letters and digits")
        if array.dtype not in DTYPES:
            raise ModelFileError(
                f"array {name} is of dtype {array.dtype}; a model holds float32, float64, int32, "
                "int64 or uint8"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelFileError(f"array {name} holds NaN or infinity")


def _plain(array: Array) -> Array:
    """Put the same numbers in C order and little-endian bytes."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")

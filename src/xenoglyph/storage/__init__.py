"""Models and checkpoints on disk, and the folder of a run.

A model is one safetensors file with a schema and a checksum, written atomically; a checkpoint is
two of them. `xenoglyph.storage.run_folder` and its lock need filelock, and are imported by name.
"""

from xenoglyph.storage.atomic import atomic_path, atomic_write
from xenoglyph.storage.checkpoint import (
    has_checkpoint,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from xenoglyph.storage.model_file import SCHEMA_VERSION, read_model, write_model

__all__ = [
    "SCHEMA_VERSION",
    "atomic_path",
    "atomic_write",
    "has_checkpoint",
    "read_checkpoint",
    "read_model",
    "remove_checkpoint",
    "write_checkpoint",
    "write_model",
]

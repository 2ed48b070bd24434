"""Models on disk: one safetensors file with a schema and a checksum, written atomically."""

from xenoglyph.storage.atomic import atomic_path, atomic_write
from xenoglyph.storage.model_file import SCHEMA_VERSION, read_model, write_model

__all__ = ["SCHEMA_VERSION", "atomic_path", "atomic_write", "read_model", "write_model"]

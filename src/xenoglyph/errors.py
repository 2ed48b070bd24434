"""What can go wrong, by name: every message says what came, what was expected, what to do."""

__all__ = [
    "CheckpointWarning",
    "ClusterError",
    "DataError",
    "DegenerateDataWarning",
    "DependencyError",
    "ModelFileError",
    "NotEnoughMemoryError",
    "RunInUseError",
    "StorageError",
    "XenoglyphError",
]


class XenoglyphError(Exception):
    """Base of all errors that xenoglyph raises on purpose."""


class DataError(XenoglyphError, ValueError):
    """The data, or the place they should come from, cannot be used."""


class ModelFileError(XenoglyphError, ValueError):
    """A model file is missing, foreign, damaged or of an unknown version."""


class NotEnoughMemoryError(XenoglyphError, MemoryError):
    """What was asked for would not fit into memory; nothing was taken yet."""


class ClusterError(XenoglyphError):
    """A scheduler of Dask cannot be reached, or its workers are too few or were lost."""


class StorageError(XenoglyphError, OSError):
    """A file does not fit: the disk or the quota is full, or files may not become so large."""


class RunInUseError(XenoglyphError):
    """Another process runs in the same folder."""


class DependencyError(XenoglyphError, ImportError):
    """An optional library is needed; the message names the extra that installs it."""


class DegenerateDataWarning(UserWarning):
    """The data carry less information than their shape suggests; the fit goes on."""


class CheckpointWarning(UserWarning):
    """The newest checkpoint is damaged; training goes on from the one before."""

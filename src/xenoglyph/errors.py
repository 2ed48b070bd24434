"""What can go wrong, by name: every message says what came, what was expected, what to do."""

__all__ = [
    "DataError",
    "DegenerateDataWarning",
    "DependencyError",
    "ModelFileError",
    "XenoglyphError",
]


class XenoglyphError(Exception):
    """Base of all errors that xenoglyph raises on purpose."""


class DataError(XenoglyphError, ValueError):
    """The data, or the place they should come from, cannot be used."""


class ModelFileError(XenoglyphError, ValueError):
    """A model file is missing, foreign, damaged or of an unknown version."""


class DependencyError(XenoglyphError, ImportError):
    """An optional library is needed; the message names the extra that installs it."""


class DegenerateDataWarning(UserWarning):
    """The data carry less information than their shape suggests; the fit goes on."""

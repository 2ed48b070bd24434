"""The loops over rows behind one interface: compiled where a compiler was found, NumPy elsewhere.

`log_density`, `prepare`, `exchange`, `moments` and `resum` are described in ``numpy_kernels.py``;
``kernels.cpp`` holds the same five in C++, and `sweeps`, a compiled loop of `cem2.sweep`, which is
None elsewhere. `name` says which ones run.
"""

from importlib import import_module

from xenoglyph.mixture.kernels import numpy_kernels

__all__ = ["exchange", "log_density", "moments", "name", "prepare", "resum", "sweeps"]

try:
    _chosen = import_module("xenoglyph.mixture.kernels._kernels")
    name = "c++"
except ImportError:
    _chosen = numpy_kernels
    name = "numpy"

log_density = _chosen.log_density
prepare = _chosen.prepare
exchange = _chosen.exchange
moments = _chosen.moments
resum = _chosen.resum
sweeps = getattr(_chosen, "sweeps", None)

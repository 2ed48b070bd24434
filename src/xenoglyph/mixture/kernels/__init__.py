"""The loops over rows behind one interface: compiled where a compiler was found, NumPy elsewhere.

`log_density`, `moments`, `exchange` and `resum` are described in ``numpy_kernels.py``;
``kernels.cpp`` holds the same four in C++. `name` says which ones run.
"""

from importlib import import_module

from xenoglyph.mixture.kernels import numpy_kernels

__all__ = ["exchange", "log_density", "moments", "name", "resum"]

try:
    _chosen = import_module("xenoglyph.mixture.kernels._kernels")
    name = "c++"
except ImportError:
    _chosen = numpy_kernels
    name = "numpy"

log_density = _chosen.log_density
moments = _chosen.moments
exchange = _chosen.exchange
resum = _chosen.resum

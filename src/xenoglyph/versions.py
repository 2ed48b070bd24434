"""What is installed here and which kernels run: the first lines of a good bug report."""

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version

import joblib
from threadpoolctl import threadpool_info

from xenoglyph.mixture import kernels

__all__ = ["library_versions", "show_versions"]

# The extras that run something for users; the others hold the developers' tools.
EXTRAS = {"images", "plot", "tables", "dask"}


def library_versions() -> dict[str, str]:
    """Return the versions of xenoglyph, of Python and of the libraries found here.

    Returns
    -------
    dict of str to str
        ``"xenoglyph"``, ``"python"``, then every installed library that xenoglyph or one of its
        extras asks for, in alphabetical order.
    """
    found = {"xenoglyph": version("xenoglyph"), "python": platform.python_version()}
    for library in _libraries():
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def show_versions() -> None:
    """Print the versions, the platform, the threads, and which kernels the mixture runs.

    The kernels are ``c++`` where a compiler was found when xenoglyph was installed (or a wheel
    was), and ``numpy`` elsewhere: the same results up to rounding, slower.

    Examples
    --------
    >>> import xenoglyph
    >>> xenoglyph.show_versions()  # doctest: +SKIP
    """
    found = library_versions()
    rows = {
        "xenoglyph": found.pop("xenoglyph"),
        "python": f"{found.pop('python')} ({sys.executable})",
        "platform": platform.platform(),
        "kernels": kernels.name,
        "cores": str(joblib.cpu_count()),
    }
    for pool in threadpool_info():
        rows[f"{pool['internal_api']} threads"] = str(pool["num_threads"])
    rows |= {library: found.get(library, "not installed") for library in _libraries()}
    width = max(map(len, rows))
    for label, text in rows.items():
        print(f"{label:<{width}}  {text}")


def _libraries() -> list[str]:
    """Name the libraries that xenoglyph and its extras ask for, by xenoglyph's own metadata."""
    names = set()
    for requirement in requires("xenoglyph") or []:
        extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if extra is None or extra[1] in EXTRAS:
            names.add(re.split(r"[^\w.-]", requirement)[0])
    return sorted(names)

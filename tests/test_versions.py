"""What a bug report begins with."""

import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np

import xenoglyph
from xenoglyph import versions
from xenoglyph.mixture import kernels


def shown(capsys) -> dict[str, str]:
    """Rows of `show_versions`."""
    xenoglyph.show_versions()
    return dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())


def test_show_versions_tells_what_runs_here(capsys):
    rows = shown(capsys)
    assert rows["xenoglyph"] == xenoglyph.__version__
    assert rows["python"].startswith(platform.python_version())
    assert rows["platform"] == platform.platform()
    assert rows["kernels"] == kernels.name
    assert int(rows["cores"]) >= 1
    assert rows["numpy"] == np.__version__


def test_show_versions_names_what_is_missing(capsys, monkeypatch):
    def without_jax(library: str) -> str:
        if library == "jax":
            raise PackageNotFoundError(library)
        return version(library)

    monkeypatch.setattr(versions, "version", without_jax)
    assert shown(capsys)["jax"] == "not installed"
    assert "jax" not in versions.library_versions()


def test_library_versions_leave_out_the_developers_tools():
    found = versions.library_versions()
    assert {"xenoglyph", "python", "numpy", "scikit-learn", "safetensors"} <= found.keys()
    assert not {"pytest", "ruff", "sphinx", "nox"} & found.keys()

"""The names that `import xenoglyph` offers, and what they cost."""

import subprocess
import sys

import pytest

import xenoglyph

HEAVY = {"equinox", "jax", "matplotlib", "numpy", "optax", "plotly", "scipy", "sklearn", "typer"}


def run(code: str) -> str:
    """Standard output of a fresh Python."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_loads_no_heavy_library():
    loaded = run(
        "import sys, xenoglyph; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    assert "xenoglyph" in loaded.split()
    assert not HEAVY & set(loaded.split())


@pytest.mark.parametrize("name", xenoglyph.__all__)
def test_every_name_leads_somewhere(name):
    value = getattr(xenoglyph, name)
    assert getattr(value, "__name__", name) == name


def test_names_are_listed_once_in_order():
    assert dir(xenoglyph) == sorted(set(xenoglyph.__all__))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'xenoglyph' has no attribute 'Symbolism'"):
        _ = xenoglyph.Symbolism


@pytest.mark.parametrize(
    ("library", "name", "extra"),
    [
        ("equinox", "SELUAutoencoder", "images"),
        ("filelock", "hold_run", "images"),
        ("jax", "SymbolDiscovery", "images"),
        ("PIL", "save_sheet", "images"),
        ("matplotlib", "write_run", "plot"),
        ("pooch", "load_images", "images"),
        ("rich", "ProgressBar", "images"),
        ("distributed", "local_workers", "dask"),
        ("dask", "scheduler_at", "dask"),
    ],
)
def test_a_missing_library_names_its_extra(library, name, extra):
    said = run(
        f"import sys; sys.modules[{library!r}] = None\n"
        "import xenoglyph\n"
        f"try: xenoglyph.{name}\n"
        "except xenoglyph.DependencyError as error: print(error)"
    )
    assert f"xenoglyph.{name} needs {library}" in said
    assert f'pip install "xenoglyph[{extra}]"' in said


def test_a_module_missing_for_another_reason_is_not_explained_away():
    said = run(
        "import sys; sys.modules['xenoglyph.versions'] = None\n"
        "import xenoglyph\n"
        "try: xenoglyph.show_versions\n"
        "except ModuleNotFoundError as error: print(type(error).__name__, error.name)"
    )
    assert said == "ModuleNotFoundError xenoglyph.versions"


def test_the_mixture_needs_no_extra():
    blocked = sorted(HEAVY - {"numpy", "scipy", "sklearn"})
    said = run(
        f"import sys; sys.modules.update(dict.fromkeys({[*blocked, 'PIL', 'pooch', 'rich']}))\n"
        "import xenoglyph; print(xenoglyph.MMLGaussianMixture.__name__)"
    )
    assert said == "MMLGaussianMixture"

import xenoglyph

project = "xenoglyph"
author = "The xenoglyph developers"
copyright = f"2026, {author}"
version = release = xenoglyph.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_enable_extensions = ["dollarmath"]

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say it, with shapes
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "xenoglyph"
html_theme_options = {"show_toc_level": 2}
html_sidebars = {page: [] for page in ("index", "how-it-works", "mixture", "settings")}

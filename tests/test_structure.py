"""The house rules that no linter keeps: lengths, docstrings, names, imports at the top."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "xenoglyph"
FILES = sorted(SOURCE.rglob("*.py"))

LONGEST_FILE = 400
LONGEST_FUNCTION = 50

Function = ast.FunctionDef | ast.AsyncFunctionDef


def long_functions(tree: ast.Module) -> list[str]:
    """Name the functions of more code lines than allowed, docstrings not counted."""
    return [node.name for node in functions(tree) if code_lines(node) > LONGEST_FUNCTION]


def functions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def code_lines(node: Function) -> int:
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    docstring = first.end_lineno - first.lineno + 1 if documented else 0
    return node.end_lineno - node.lineno + 1 - docstring


def undocumented(tree: ast.Module) -> list[str]:
    """Name the module, public classes, and their public functions that have no docstring."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and is_public(node)]
    named = [
        node
        for owner in (tree, *classes)
        for node in owner.body
        if isinstance(node, Function | ast.ClassDef) and is_public(node)
    ]
    silent = [node.name for node in named if not ast.get_docstring(node)]
    return silent if ast.get_docstring(tree) else ["module", *silent]


def is_public(node: Function | ast.ClassDef) -> bool:
    return not node.name.startswith("_")


def local_imports(tree: ast.Module) -> list[str]:
    """Name the functions that import something when they are called."""
    return [
        node.name
        for node in functions(tree)
        if any(isinstance(part, ast.Import | ast.ImportFrom) for part in ast.walk(node))
    ]


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


every_file = pytest.mark.parametrize("path", FILES, ids=module_name)
every_module = pytest.mark.parametrize(
    "name", [module_name(path) for path in FILES if path.stem != "__main__"]
)


@every_file
def test_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@every_file
def test_functions_are_short(path):
    assert long_functions(parse(path)) == []


@every_file
def test_public_names_are_documented(path):
    assert undocumented(parse(path)) == []


@every_file
def test_imports_stand_at_the_top(path):
    assert local_imports(parse(path)) == []


@every_module
def test_public_names_exist(name):
    module = import_module(name)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


def test_a_long_function_is_found():
    body = "    x = 1\n" * LONGEST_FUNCTION
    documented = f'def short():\n    """Say\n\n    much."""\n{body[:-10]}'
    tree = ast.parse(f"{documented}def long():\n{body}")
    assert long_functions(tree) == ["long"]


def test_a_missing_docstring_is_found():
    tree = ast.parse(
        "class Thing:\n    def act(self): ...\n    def _rest(self): ...\ndef run(): ..."
    )
    assert undocumented(tree) == ["module", "Thing", "run", "act"]


def test_a_local_import_is_found():
    tree = ast.parse("import os\ndef early(): ...\ndef late():\n    if os:\n        import sys")
    assert local_imports(tree) == ["late"]

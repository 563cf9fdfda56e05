"""Names and sizes: what is public is listed, is called one thing only, and reads in one sitting."""

from __future__ import annotations

import ast
import importlib
from collections import Counter

from tests.source import MODULES

LONGEST_FILE = 350  # lines
LONGEST_FUNCTION = 40  # lines, its docstring not counted
# The notebook's own names live in `feii_dask.notebook`, its detector with the other detectors.
SHARED_MODULE_NAMES = {"__init__", "notebook"}


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def test_a_file_reads_in_one_sitting() -> None:
    lengths = {module.name: len(module.path.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_a_function_is_seen_whole() -> None:
    lengths = {f"{module.name}.{node.name}": lines_of(node) for module in MODULES for node in module.functions}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_what_is_public_is_listed() -> None:
    silent = {module.name for module in MODULES if module.public is None and any(module.names)}
    assert silent == set()
    missing = {
        module.name: [name for name in module.public if not hasattr(importlib.import_module(module.name), name)]
        for module in MODULES
        if module.public
    }
    assert {name: names for name, names in missing.items() if names} == {}


def test_private_names_have_no_underscore_but_in_classes() -> None:
    """``__all__`` says what is public; an underscore would say it a second time."""
    marked = [
        f"{module.name}.{name}"
        for module in MODULES
        for name in module.names
        if name.startswith("_") and not name.startswith("__")
    ]
    assert marked == []


def test_modules_take_from_each_other_what_is_public() -> None:
    public = {module.name: module.public or () for module in MODULES}
    taken = {
        f"{module.name} takes {item.name} from {item.module}"
        for module in MODULES
        for item in module.imports
        if item.name and item.module in public and item.name not in public[item.module]
    }
    assert taken == set()


def test_no_two_modules_share_a_name() -> None:
    shared = {name: count for name, count in Counter(module.path.stem for module in MODULES).items() if count > 1}
    assert set(shared) == SHARED_MODULE_NAMES
    assert shared["notebook"] == 2


def test_no_two_public_classes_or_functions_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for module in MODULES:
        for node in module.definitions:
            if node.name in (module.public or ()):
                homes.setdefault(node.name, []).append(module.name)
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}

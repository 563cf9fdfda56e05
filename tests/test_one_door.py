"""Files of a run are read and written by the store alone, so that other storage is a change of one part."""

from __future__ import annotations

import ast

import pytest

from tests.source import MODULES, Module

PARTS = {"ranking", "report", "results", "figures", "matching", "planning", "workflow", "estimate", "look_up"}
TOUCHING = {
    *("write_text", "write_bytes", "read_text", "read_bytes", "unlink", "mkdir", "rmdir", "touch"),
    *("to_csv", "to_json", "savez", "savefig", "tofile", "fromfile", "iterdir", "glob", "rglob"),
}
OF_ARROW = {"read_table", "write_table", "ParquetFile", "ParquetWriter"}


def called(module: Module) -> set[str]:
    """Return the names of functions and methods that a module calls."""
    names = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            function = node.func
            names.add(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    return names


@pytest.mark.parametrize("module", [m for m in MODULES if m.part in PARTS], ids=lambda module: module.name)
def test_no_other_part_touches_files(module: Module) -> None:
    calls = called(module)
    assert not calls & (TOUCHING | OF_ARROW)
    if "open" in calls:
        opens = [
            node.func
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
        ]
        assert opens == []

"""Files of a run are read and written by the store alone, so that other storage is a change of one part."""

from __future__ import annotations

import ast

import pytest

from tests.source import MODULES, Module

# Parts that have a run in hand. The others have files of their own: settings, code of users, caches, simulated skies.
PARTS = {
    *("ranking", "report", "results", "figures", "matching", "planning", "concluding", "cluster_steps", "workflow"),
    *("estimate", "look_up", "demo", "notebook", "help_pages", "scan", "detectors", "sky", "model"),
}
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


def opened(module: Module) -> list[str]:
    """Return what a module opens, but for runs, which the store opens."""
    calls = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    names = [ast.unparse(function) for function in calls]
    return [name for name in names if name.rpartition(".")[2] == "open" and name != "RunStore.open"]


@pytest.mark.parametrize("module", [m for m in MODULES if m.part in PARTS], ids=lambda module: module.name)
def test_no_other_part_touches_files(module: Module) -> None:
    assert not called(module) & (TOUCHING | OF_ARROW)
    assert opened(module) == []

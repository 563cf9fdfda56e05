"""The imports of the package run one way, and science does not know the cluster."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import feii_dask

ROOT = Path(feii_dask.__file__).parent

# Each may import itself and what stands in an earlier row; the parts of one row do not know each other,
# but for the first, which is one layer.
ROWS = (
    {"errors", "model", "named"},
    {"settings", "values", "missions", "sky", "cubes"},
    {"detectors", "progress"},
    {"scan"},
    {"archives", "simulate", "engine", "results"},
    {"narration", "runs", "targets", "notebook"},
    {"single", "workflow"},
    {"demo", "estimate"},
    {"cli"},
    {"__main__"},
)
LEVEL = {part: level for level, row in enumerate(ROWS) for part in row}
ALLOWED_WITHIN_A_ROW = {("model", "errors"), ("settings", "missions"), ("settings", "values")}
WITHOUT_DASK = {
    *("errors", "model", "named", "values", "missions", "sky", "cubes"),
    *("detectors", "scan", "simulate", "archives", "progress"),
}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports_of(path: Path) -> Iterator[str]:
    package = name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {id(inner) for node in ast.walk(tree) if is_type_checking(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join([*package[: len(package) - node.level + 1], node.module or ""]) if node.level else node.module
            )
            base = str(base).rstrip(".")
            yield base
            yield from (
                f"{base}.{alias.name}" for alias in node.names if (ROOT.parent / base.replace(".", "/")).is_dir()
            )


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    own = part_of(name_of(path))
    for imported in imports_of(path):
        other = part_of(imported) if imported.startswith("feii_dask") else ""
        if not other or not own or other == own or other.startswith("__"):
            continue
        allowed = LEVEL[other] < LEVEL[own] or (own, other) in ALLOWED_WITHIN_A_ROW
        assert allowed, f"{name_of(path)} imports {imported}, which stands above or beside it"


@pytest.mark.parametrize("path", [path for path in modules() if part_of(name_of(path)) in WITHOUT_DASK], ids=name_of)
def test_what_a_worker_runs_does_not_import_dask(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports_of(path)} & {"dask", "distributed"}


def test_there_is_no_import_cycle() -> None:
    names = {name_of(path) for path in modules()}
    graph = {
        name_of(path): {imported for imported in imports_of(path) if imported in names and imported != name_of(path)}
        for path in modules()
        if path.name != "__init__.py"
    }
    assert list(TopologicalSorter(graph).static_order())


def test_every_public_name_can_be_imported() -> None:
    for name in feii_dask.__all__:
        assert getattr(feii_dask, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = feii_dask.serach

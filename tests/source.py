"""The package's source as the tests of its structure read it: modules, their imports and their names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import feii_dask

__all__ = ["MODULES", "ROOT", "Import", "Module"]

ROOT = Path(feii_dask.__file__).parent


@dataclass(frozen=True)
class Import:
    """A module that is imported, and the name that is taken from it; empty where it is the module itself."""

    module: str
    name: str = ""


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    path: Path

    @cached_property
    def name(self) -> str:
        """Its dotted name."""
        parts = self.path.relative_to(ROOT.parent).with_suffix("").parts
        return ".".join(part for part in parts if part != "__init__")

    @cached_property
    def part(self) -> str:
        """The folder of the package that it stands in, or its own name where it stands on top."""
        return self.name.split(".")[1] if "." in self.name else ""

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @cached_property
    def public(self) -> tuple[str, ...] | None:
        """What its ``__all__`` lists; None where it has none."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
                return tuple(ast.literal_eval(node.value))
        return None

    @property
    def definitions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
        """The functions and classes of the module itself."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return (node for node in self.tree.body if isinstance(node, kinds))

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """All functions, those inside of classes and of other functions too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))

    @property
    def names(self) -> Iterator[str]:
        """Every name that the module itself gives to something."""
        yield from (node.name for node in self.definitions)
        for node in self.tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else ()
            targets = (node.target,) if isinstance(node, ast.AnnAssign) else targets
            yield from (leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name))

    @property
    def imports(self) -> Iterator[Import]:
        """What it imports, wherever in the file, but for the sake of type checkers only; relative imports resolved."""
        package = self.name.split(".") if self.path.name == "__init__.py" else self.name.split(".")[:-1]
        unseen = {id(inner) for node in ast.walk(self.tree) if is_type_checking(node) for inner in ast.walk(node)}
        for node in ast.walk(self.tree):
            if id(node) in unseen:
                continue
            if isinstance(node, ast.Import):
                yield from (Import(alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                base = ".".join([*above, *((node.module,) if node.module else ())])
                for alias in node.names:
                    full = f"{base}.{alias.name}"
                    yield Import(full) if is_module(full) else Import(base, alias.name)


def is_module(name: str) -> bool:
    """Whether the package has a module, or a folder, of that name."""
    path = ROOT.parent.joinpath(*name.split("."))
    return name.startswith("feii_dask.") and (path.is_dir() or path.with_suffix(".py").is_file())


def is_type_checking(node: ast.AST) -> bool:
    """Whether it is a block that runs for type checkers only."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


MODULES = tuple(Module(path) for path in sorted(ROOT.rglob("*.py")))

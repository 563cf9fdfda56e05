"""Import of plugins: objects of a user's code, named as ``package.module:Name``, with their files and digests."""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
import sysconfig
import time
from contextlib import suppress
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from threading import RLock
from typing import Any

from feii_dask.config.run_places import is_in_run

__all__ = ["digest_of", "files_of", "forget", "import_named", "own_source", "source_digest"]

INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
PACKAGE = __name__.partition(".")[0]

MOMENT_S = 0.2  # after which an import that failed is tried once more
IMPORT_LOCK = RLock()  # two threads that import a package at once can break each other's import


def import_named(name: str, *, fresh: bool = False) -> Any:
    """Return what ``package.module:Name`` names; the module may be a file in the working directory.

    Parameters
    ----------
    name : str
        Module and attribute.
    fresh : bool
        Read a user's module or package again, even if it is imported already: its files may have changed.

    Raises
    ------
    ImportError
        If there is no such module or attribute, the module raises an error, or it lies in a run directory.

    Examples
    --------
    >>> import_named("math:tau") == 2 * import_named("math:pi")
    True
    """
    try:
        return attribute_of(name, fresh)
    except Exception:  # noqa: BLE001 - whatever a user's module does when it is imported; it is named below
        time.sleep(MOMENT_S)
    try:  # other threads may have been importing the same: Python then shows modules that are not whole yet
        return attribute_of(name, fresh)
    except Exception as error:
        kind = "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
        raise ImportError(f"{kind}{error}") from error


def attribute_of(name: str, fresh: bool) -> Any:
    """Import a module, one thread at a time, and return what is asked for."""
    module_name, _, attribute = name.partition(":")
    refuse_code_of_a_run(own_source(name))
    with IMPORT_LOCK:
        if fresh and (source := own_source(name)) is not None:
            forget(source)
        module = importlib.import_module(module_name)
    return getattr(module, attribute)


def add_working_directory() -> None:
    """Append the working directory to ``sys.path``, where a console script does not have it; never a run directory."""
    here = Path.cwd()
    if not {"", str(here)} & set(sys.path) and not is_in_run(here):
        sys.path.append(str(here))


def refuse_code_of_a_run(source: Path | None) -> None:
    """Refuse code that came with a run.

    Raises
    ------
    ImportError
        With its path, and what to do.
    """
    if source is not None and is_in_run(source.absolute()):
        raise ImportError(f"{source} lies in a run directory, from which no code is run: move it to where yours is")


def own_source(name: str) -> Path | None:
    """Return the file or package directory of a user's code; None for installed packages, this one, and unknown names.

    Parameters
    ----------
    name : str
        As for `import_named`; the file or directory of its top-level module is returned.
    """
    top = name.partition(":")[0].partition(".")[0]
    if ":" not in name or top == PACKAGE:  # of ours, though a directory here may be called so
        return None
    add_working_directory()
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # ValueError: of a module without a spec, such as __main__
        return None
    if spec is None:
        return None
    path = Path(next(iter(spec.submodule_search_locations or ()), None) or str(spec.origin))
    if not path.exists() or any(path.is_relative_to(place) for place in INSTALLED):
        return None
    return path


def modules_of(source: Path) -> list[Path]:
    """Return the file of a module, or all those of a package; none that is a link, or in a directory that is one."""
    return [source] if source.is_file() else files_in(source, "**/*.py")


def files_of(source: Path) -> list[Path]:
    """Return what makes a module or package: its modules, and the data that it declares.

    A package declares data as ``PACKAGE_DATA`` in its ``__init__.py``: a tuple of patterns, such as
    ``("kernels/*.npy",)``, relative to its directory.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    init = source / "__init__.py"
    patterns = declared_data(init.read_text("utf-8")) if init.is_file() else []
    return sorted({*modules_of(source), *(path for pattern in patterns for path in files_in(source, pattern))})


def declared_data(text: str) -> list[str]:
    """Return the patterns that a package's ``__init__.py`` assigns to ``PACKAGE_DATA``, without running it."""
    with suppress(SyntaxError, ValueError, TypeError):
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "PACKAGE_DATA" for t in node.targets):
                return [str(pattern) for pattern in ast.literal_eval(node.value)]
    return []


def is_below(pattern: str) -> bool:
    """Whether a pattern can only name what lies below a directory."""
    return bool(pattern) and not Path(pattern).is_absolute() and ".." not in Path(pattern).parts


def files_in(source: Path, pattern: str) -> list[Path]:
    """Return the files of a directory that match, without hidden ones and without what links lead to."""
    found = []
    for path in source.glob(pattern) if is_below(pattern) else ():
        parts = path.relative_to(source).parts
        steps = [source.joinpath(*parts[: number + 1]) for number in range(len(parts))]
        is_left_out = any(step.is_symlink() or step.name.startswith((".", "__pycache__")) for step in steps)
        if path.is_file() and not is_left_out:
            found.append(path)
    return found


def forget(source: Path) -> None:
    """Remove the modules of a file or a package's directory from memory, so that the next import reads it again.

    Their cached bytecode is deleted too: Python takes it for current if a changed file has the same length as before
    and was written in the same second.
    """
    for file in modules_of(source):
        with suppress(OSError):  # of a directory that may not be written, where Python has not cached anything either
            Path(cache_from_source(file)).unlink(missing_ok=True)
    top = source.name.partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == top]:
        del sys.modules[name]
    importlib.invalidate_caches()


def digest_of(name: str) -> str:
    """Return a digest of a user's code, to compare it between computers, without importing it; empty for other code.

    Raises
    ------
    ImportError
        If the code lies in a run directory.
    """
    source = own_source(name)
    if source is None:
        return ""
    refuse_code_of_a_run(source)
    return source_digest(source)


def source_digest(source: Path) -> str:
    """Return a digest of a module or package: equal where its files are."""
    digest = hashlib.sha256()
    for file in files_of(source):
        digest.update(file.relative_to(source.parent).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()

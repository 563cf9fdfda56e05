"""What a user brings along: an object of their own code, named as ``package.module:Name``."""

from __future__ import annotations

import hashlib
import importlib
import sys
import sysconfig
from contextlib import suppress
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from threading import RLock
from typing import Any

__all__ = ["digest_of", "forget", "import_named", "own_source"]

INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
OURS = __name__.partition(".")[0]

_importing = RLock()  # two threads that import a package at once can break each other's import


def import_named(name: str, *, fresh: bool = False) -> Any:
    """Return what ``package.module:Name`` names; the module may be a file in the working directory.

    Parameters
    ----------
    name : str
        Module and attribute.
    fresh : bool
        Read a user's own module or package again, though it is imported already: its files may have changed.

    Raises
    ------
    ImportError
        If there is no such module or attribute, or the module raises an error of its own.

    Examples
    --------
    >>> import_named("math:tau") == 2 * import_named("math:pi")
    True
    """
    module_name, _, attribute = name.partition(":")
    look_here()
    try:
        with _importing:
            if fresh and (source := own_source(name)) is not None:
                forget(source)
            module = importlib.import_module(module_name)
        return getattr(module, attribute)
    except Exception as error:  # whatever a user's module does when it is imported
        kind = "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
        raise ImportError(f"{kind}{error}") from error


def look_here() -> None:
    """Let modules of the working directory be found, after all others; a console script does not look there."""
    here = str(Path.cwd())
    if not {"", here} & set(sys.path):
        sys.path.append(here)


def own_source(name: str) -> Path | None:
    """Return the file or the package directory of a user's own code; None for what is installed, or ours, or nowhere.

    Parameters
    ----------
    name : str
        As for `import_named`; its first part is what has to travel.
    """
    top = name.partition(":")[0].partition(".")[0]
    look_here()
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # ValueError: of a module without a spec, such as __main__
        return None
    if spec is None or top == OURS:
        return None
    path = Path(next(iter(spec.submodule_search_locations or ()), None) or str(spec.origin))
    if not path.exists() or any(path.is_relative_to(place) for place in INSTALLED):
        return None
    return path


def modules_of(source: Path) -> list[Path]:
    """Return the file of a module, or all those of a package."""
    return [source] if source.is_file() else list(source.rglob("*.py"))


def forget(source: Path) -> None:
    """Let go of what was imported from a file or a package's directory, so that the next import reads it again.

    Its cached bytecode goes too: Python takes that for current if a changed file is as long as the last one was and
    was written in the same second.
    """
    for file in modules_of(source):
        with suppress(OSError):  # of a directory that may not be written, where Python has not cached anything either
            Path(cache_from_source(file)).unlink(missing_ok=True)
    top = source.name.partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == top]:
        del sys.modules[name]
    importlib.invalidate_caches()


def digest_of(name: str) -> str:
    """Return a digest of a user's own code, to tell whether two computers have the same; empty for other code."""
    source = own_source(name)
    if source is None:
        return ""
    digest = hashlib.sha256()
    for file in sorted(modules_of(source)):
        digest.update(str(file.relative_to(source.parent)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()

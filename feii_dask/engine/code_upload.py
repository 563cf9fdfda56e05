"""Upload of code to workers that lack it: of this package, or of a user's own module."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from distributed import Client, Worker
from distributed.diagnostics.plugin import UploadDirectory, WorkerPlugin

from feii_dask.config.plugins import forget

__all__ = ["PACKAGE", "source_digest", "upload_code", "upload_package"]

PACKAGE = Path(__file__).parents[1]

EXCLUDED = {"__pycache__", ".git"}


class CodeUpload(WorkerPlugin):
    """Writes files where a worker imports from: on all workers, and on those that are still to come.

    Dask's ``UploadDirectory`` would write into a directory that a LocalCluster's client imports from as well, where
    the copy hides the original.

    Parameters
    ----------
    source : Path
        A module's file, or a package's directory.
    """

    def __init__(self, source: Path) -> None:
        self.name = f"code-upload-{source.name}"
        self._top = source.name
        self._contents = contents_of(source)

    def setup(self, worker: Worker) -> None:
        """Write the files, and forget what was imported from earlier ones."""
        for name, content in self._contents.items():
            path = Path(worker.local_directory) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        forget(Path(worker.local_directory) / self._top)


def upload_code(client: Client, source: Path) -> None:
    """Send a module or a package to every worker of a cluster."""
    client.register_plugin(CodeUpload(source))


def upload_package(client: Client, package: Path) -> None:
    """Send this package to a cluster that lacks it: to the scheduler, and to workers with a nanny and without one."""
    # By default it leaves out whatever has 'tests' or 'docs' anywhere in its path.
    client.register_plugin(UploadDirectory(str(package), mode="all", update_path=True, skip_words=()))
    client.register_plugin(package_plugin(contents_of(package), package.name))


def package_plugin(contents: dict[str, bytes], package: str) -> WorkerPlugin:
    """Return what writes a package where a worker without a nanny imports from; it needs nothing of the package."""

    # A class inside of a function travels as code; any other one would need the package to be there.
    class PackageUpload(WorkerPlugin):
        name = f"package-upload-{package}"

        def setup(self, worker: Any) -> None:
            import importlib  # noqa: PLC0415
            import sys  # noqa: PLC0415
            from pathlib import Path  # noqa: PLC0415

            if worker.nanny:  # it has the package from its nanny
                return
            for place, content in contents.items():
                path = Path(worker.local_directory) / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            if worker.local_directory not in sys.path:
                sys.path.insert(0, worker.local_directory)
            importlib.invalidate_caches()

    return PackageUpload()


def contents_of(source: Path) -> dict[str, bytes]:
    """Return the files of a module or package, by their paths with forward slashes."""
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    places = {path: path.relative_to(source.parent) for path in files}
    return {place.as_posix(): path.read_bytes() for path, place in places.items() if not EXCLUDED & set(place.parts)}


def source_digest(package: Path) -> str:
    """Return a digest of a package's source code: equal where the code is."""
    digest = hashlib.sha256()
    for place, content in contents_of(package).items():
        if place.endswith(".py"):
            digest.update(place.encode() + content)
    return digest.hexdigest()

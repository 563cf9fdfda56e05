"""Upload of source code to a cluster that lacks it: this package, or a user's own detector."""

from __future__ import annotations

import atexit
import importlib
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Container
from pathlib import Path

from distributed import Client, Worker
from distributed.diagnostics.plugin import WorkerPlugin

from feii_dask.config.plugins import files_of, forget
from feii_dask.errors import ClusterError

__all__ = ["PACKAGE", "upload_code", "upload_package"]

PACKAGE = Path(__file__).parents[1]

log = logging.getLogger(__name__)

MOST_BYTES = 50_000_000  # of all files: each worker gets them


class CodeUpload(WorkerPlugin):
    """Writes files where a worker imports from: on all workers, and on those that are still to come.

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
    """Send a module, or a package's modules and declared data, to every worker of a cluster, and say what is sent.

    Raises
    ------
    ClusterError
        If that is too much.
    """
    files = files_of(source)
    total = sum(path.stat().st_size for path in files)
    if total > MOST_BYTES:
        largest = max(files, key=lambda path: path.stat().st_size)
        raise ClusterError(
            f"the detector in {source} has {total / 1e6:.0f} MB, and at most {MOST_BYTES / 1e6:.0f} MB are sent (the "
            f"largest is {largest.name}): declare less as PACKAGE_DATA, or install it on the workers"
        )
    names = ", ".join(str(path.relative_to(source.parent)) for path in files)
    log.info("sent to the workers, %d bytes: %s", total, names)
    client.register_plugin(CodeUpload(source))


def upload_package(client: Client, places: Container[str]) -> None:
    """Send this package to the ``scheduler``, the ``workers`` (those still to come included), or both.

    Each process gets a copy of its own, which goes when it ends. Dask's ``UploadDirectory`` would write into the
    scratch space of the machine, from which the workers of every later LocalCluster import as well.
    """
    write = package_writer(contents_of(PACKAGE))
    if "scheduler" in places:
        client.run_on_scheduler(in_own_directory(write))
    if "workers" in places:
        client.register_plugin(package_plugin(write))


# Functions and classes inside of a function travel as code; any other one would need the package to be there.


def package_writer(contents: dict[str, bytes]) -> Callable[[str], None]:
    """Return what writes files into a directory, and has the process import from there."""

    def write(directory: str) -> None:
        for place, content in contents.items():
            path = Path(directory) / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if directory not in sys.path:
            sys.path.insert(0, directory)
        importlib.invalidate_caches()

    return write


def in_own_directory(write: Callable[[str], None]) -> Callable[[], None]:
    """Return what writes into a directory that is this process's alone, as a scheduler has none."""

    def setup() -> None:
        directory = tempfile.mkdtemp(prefix="feii-dask-")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        write(directory)

    return setup


def package_plugin(write: Callable[[str], None]) -> WorkerPlugin:
    """Return what writes into each worker's own directory, whether it has a nanny or not."""

    class PackageUpload(WorkerPlugin):
        name = "package-upload"

        def setup(self, worker: Worker) -> None:
            write(worker.local_directory)

    return PackageUpload()


def contents_of(source: Path) -> dict[str, bytes]:
    """Return the files of a module or package, by their paths with forward slashes."""
    return {path.relative_to(source.parent).as_posix(): path.read_bytes() for path in files_of(source)}

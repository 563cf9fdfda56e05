"""Upload of a user's own module or package to workers that lack it."""

from __future__ import annotations

import logging
from pathlib import Path

from distributed import Client, Worker
from distributed.diagnostics.plugin import WorkerPlugin

from feii_dask.config.plugins import files_of, forget
from feii_dask.errors import ClusterError

__all__ = ["upload_code"]

log = logging.getLogger(__name__)

MOST_BYTES = 50_000_000  # of all files: each worker gets them


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
        self._contents = {str(path.relative_to(source.parent)): path.read_bytes() for path in files_of(source)}

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

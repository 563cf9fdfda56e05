"""Upload of a user's own module or package to workers that lack it."""

from __future__ import annotations

from pathlib import Path

from distributed import Client, Worker
from distributed.diagnostics.plugin import WorkerPlugin

from feii_dask.config.plugins import forget

__all__ = ["upload_code"]

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
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
        self._contents = {
            str(path.relative_to(source.parent)): path.read_bytes()
            for path in files
            if not EXCLUDED & set(path.relative_to(source.parent).parts)
        }

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

"""Nothing of ours needs a POSIX system, and every way to write a path works."""

from __future__ import annotations

import ast
import multiprocessing
import subprocess
import sys
from pathlib import Path

import dask
import pandas as pd
import pytest

import feii_dask as fd
from feii_dask.archives import ArchiveQuery, open_cube_archive
from feii_dask.config.missions import find_mission
from feii_dask.cubes.storage import protocol_of
from feii_dask.store.outcome_writer import exclusive_lock
from tests.cubes.samples import write_cube
from tests.source import ROOT
from tests.test_scan import jet

# Python's documentation says of each: availability Unix.
POSIX_ONLY = {
    "crypt",
    "fcntl",
    "grp",
    "nis",
    "ossaudiodev",
    "posix",
    "pty",
    "pwd",
    "resource",
    "syslog",
    "termios",
    "tty",
}
POSIX_NAMES = {
    *("fork", "getuid", "geteuid", "getpgid", "killpg", "setsid", "sysconf", "mkfifo", "fchmod"),
    *("SIGKILL", "SIGHUP", "SIGALRM", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC"),
}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_needs_a_posix_system(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not POSIX_ONLY & {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert str(node.module).partition(".")[0] not in POSIX_ONLY
        elif isinstance(node, ast.Attribute):
            assert node.attr not in POSIX_NAMES


def test_workers_are_spawned() -> None:
    """As on Windows and macOS, so that nothing depends on what a fork inherits."""
    assert dask.config.get("distributed.worker.multiprocessing-method") == "spawn"
    assert "spawn" in multiprocessing.get_all_start_methods()


def test_only_one_process_holds_a_lock(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from feii_dask.store.outcome_writer import exclusive_lock\n"
    code += "with exclusive_lock(Path(sys.argv[1])): print('held')"
    words = [sys.executable, "-c", code, str(tmp_path)]
    with exclusive_lock(tmp_path):
        refused = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "another process is writing" in refused.stderr
    assert subprocess.run(words, capture_output=True, text=True, check=False).stdout == "held\n"


@pytest.mark.parametrize(
    "path", [r"C:\\data\\a cube_s3d.fits", "C:/data/a_s3d.fits", "a b/c.fits", r"\\\\server\\share\\a.fits"]
)
def test_paths_are_files(path: str) -> None:
    assert protocol_of(path) == "file"


def test_spaces_and_backslashes(tmp_path: Path) -> None:
    """A table that was written on Windows names its cubes with backslashes."""
    folder = tmp_path / "my own sky" / "sub folder"
    folder.mkdir(parents=True)
    uri = write_cube(folder / "a cube_s3d.fits", jet(), CRVAL3=5.2452)
    assert fd.open_cube(uri).shape[0] == len(jet())
    table = pd.DataFrame({"obs_id": ["a"], "s_ra": [69.9], "s_dec": [25.7], "s_region": ["CIRCLE 69.9 25.7 0.1"]})
    table.assign(dataURL="sub folder\\a cube_s3d.fits").to_csv(tmp_path / "my own sky" / "observations.csv")
    archive = open_cube_archive(ArchiveQuery(mission=find_mission("jwst"), archive=tmp_path / "my own sky"))
    assert archive.locate(archive.observations()) == [uri]

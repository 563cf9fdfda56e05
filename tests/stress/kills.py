"""SIGKILLs of the process that stores outcomes, while it writes parts and cutouts: no row is lost, none is doubled.

One run is killed again and again, and resumed: in turn at random moments of its writing, and as soon as a part, and as
soon as a cutout, is seen half-written. After each kill, what had been stored is there still; in the end every row is
there once, each cutout can be read, and nothing half-written is left.
Faults of workers and clusters are `tests.stress.faults`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from feii_dask.errors import StoreError
from feii_dask.store.run_store import RunStore
from tests.runs import LINES, make_matched, make_ysos
from tests.stress.record import print_table, write_results

__all__ = ["kill_writers", "main"]

SEED = 16
KILLS = 100
OUTCOMES_PER_KILL = 12  # which make two to three parts
WATCHED_S = 0.5
FOLDERS = ("outcomes", "cutouts")
SEEN = ("", *FOLDERS)
WRITER = """
import sys
from pathlib import Path
from feii_dask.errors import StoreError
from feii_dask.store.run_store import RunStore
from tests.runs import LINES, make_outcome

store = RunStore.open(Path(sys.argv[1]))
stored = set(store.outcomes()["obs_id"])
with store.writer() as writer:
    for number in range(int(sys.argv[2])):
        if (obs_id := f"obs{number:06d}") not in stored:
            writer.add(make_outcome(obs_id, LINES, detected=LINES[:1], cutouts=True))
            print(number, flush=True)
"""


def kill_writers(kills: int, seed: int, directory: Path) -> dict[str, object]:
    """Kill and resume one run so many times, then let it end, and count what is lost or doubled.

    Parameters
    ----------
    kills : int
        How often.
    seed : int
        Of the moments.
    directory : Path
        Where the run is made.
    """
    rng = np.random.default_rng(seed)
    cubes = kills * OUTCOMES_PER_KILL
    store = RunStore.create(directory / "run", {"fingerprint": "f00d", "settings": {}, "counts": {}})
    matched = make_matched({"obs000000": [0]})
    store.write_tables(ysos=make_ysos([0]), observations=matched[["obs_id"]], matched=matched)
    struck, vanished = 0, 0
    in_the_middle: Counter[str] = Counter()
    stored: set[str] = set()
    while struck < kills:
        seen = SEEN[struck % len(SEEN)]
        if not kill_one(store.directory, cubes, int(rng.integers(1, OUTCOMES_PER_KILL)), rng.exponential(0.01), seen):
            break  # it was done before
        struck += 1
        in_the_middle.update(name for name in FOLDERS if any((store.directory / name).glob("*.tmp")))
        now = set(store.outcomes()["obs_id"])
        vanished += len(stored - now)
        stored = now
    subprocess.run(words(store.directory, cubes), check=True, stdout=subprocess.DEVNULL)
    rows = Counter(row for path in sorted((store.directory / "outcomes").iterdir()) for row in keys_of(path))
    found = [(f"obs{number:06d}", LINES[0].name) for number in range(cubes)]
    expected = {(f"obs{number:06d}", line.name) for number in range(cubes) for line in LINES}
    return {
        "kills": struck,
        **{f"in the middle of {name}": in_the_middle[name] for name in FOLDERS},
        "rows": len(expected),
        "lost": len(expected - set(rows)) + vanished,
        "doubled": sum(number - 1 for number in rows.values()),
        "cutouts lost": sum(not can_be_read(store, *one) for one in found),
        "leftovers": sum(1 for _ in store.directory.rglob("*.tmp")),
    }


def can_be_read(store: RunStore, obs_id: str, line: str) -> bool:
    """Whether the cutout of a detection is there, whole."""
    try:
        store.cutout(obs_id, line)
    except StoreError:
        return False
    return True


def kill_one(run: Path, cubes: int, after: int, delay_s: float, seen: str) -> bool:
    """Start the writer, and kill it after so many outcomes; False if it ended by itself.

    Parameters
    ----------
    run : Path
        The run directory.
    cubes : int
        How many outcomes there will be in the end.
    after : int
        Outcomes before the kill.
    delay_s : float
        A random moment after these, s.
    seen : str
        The folder in which a file has to be half-written; empty for the random moment.
    """
    with subprocess.Popen(words(run, cubes), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for count, _ in enumerate(process.stdout, 1):
            if count >= after:
                deadline = time.monotonic() + (WATCHED_S if seen else delay_s)
                while time.monotonic() < deadline and not (seen and is_half_written(run / seen)):
                    pass
                os.kill(process.pid, signal.SIGKILL)
                break
    return process.returncode == -signal.SIGKILL


def is_half_written(folder: Path) -> bool:
    """Whether a file in a folder has not got its name yet."""
    return any(path.suffix == ".tmp" for path in folder.iterdir())


def words(run: Path, cubes: int) -> list[str]:
    return [sys.executable, "-c", WRITER, str(run), str(cubes)]


def keys_of(path: Path) -> list[tuple[str, str]]:
    """Return cube and line of each row of a part."""
    table = pq.read_table(path, columns=["obs_id", "line"])
    return list(zip(table["obs_id"].to_pylist(), table["line"].to_pylist(), strict=True))


def main(_words: list[str]) -> None:
    """Kill, print and write the counts, and fail if a row is lost or doubled."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as name:
        row = kill_writers(KILLS, SEED, Path(name))
    print_table([row])
    print(write_results("kills", [row], seed=SEED))
    wrong = [name for name in ("lost", "doubled", "cutouts lost", "leftovers") if row[name]]
    if wrong or row["kills"] != KILLS:
        sys.exit("a row or cutout is lost or doubled, or a kill came too late")

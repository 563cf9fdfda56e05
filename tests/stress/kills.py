"""SIGKILLs of the process that stores outcomes, while it writes parts and cutouts: no row is lost, none is doubled.

One run is killed again and again at random moments, and resumed. After each kill, what had been stored is there still;
in the end every row is there once. Faults of workers and clusters are `tests.stress.faults`.
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

from feii_dask.store.run_store import RunStore
from tests.runs import LINES, make_matched, make_ysos
from tests.stress.record import print_table, write_results

__all__ = ["kill_writers", "main"]

SEED = 16
KILLS = 100
OUTCOMES_PER_KILL = 12  # which make two to three parts
WRITER = """
import sys
from pathlib import Path
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
    struck, vanished, in_the_middle = 0, 0, 0
    stored: set[str] = set()
    while struck < kills:
        if not kill_one(store.directory, cubes, int(rng.integers(1, OUTCOMES_PER_KILL)), rng.exponential(0.01)):
            break  # it was done before
        struck += 1
        in_the_middle += any(store.directory.rglob("*.tmp"))
        now = set(store.outcomes()["obs_id"])
        vanished += len(stored - now)
        stored = now
    subprocess.run(words(store.directory, cubes), check=True, stdout=subprocess.DEVNULL)
    rows = Counter(row for path in sorted((store.directory / "outcomes").iterdir()) for row in keys_of(path))
    expected = {(f"obs{number:06d}", line.name) for number in range(cubes) for line in LINES}
    return {
        "kills": struck,
        "in the middle of a file": in_the_middle,
        "rows": len(expected),
        "lost": len(expected - set(rows)) + vanished,
        "doubled": sum(number - 1 for number in rows.values()),
        "leftovers": sum(1 for _ in store.directory.rglob("*.tmp")),
    }


def kill_one(run: Path, cubes: int, after: int, delay_s: float) -> bool:
    """Start the writer, and kill it a random moment after so many outcomes; False if it ended by itself."""
    with subprocess.Popen(words(run, cubes), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for count, _ in enumerate(process.stdout, 1):
            if count >= after:
                time.sleep(delay_s)
                os.kill(process.pid, signal.SIGKILL)
                break
    return process.returncode == -signal.SIGKILL


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
    if row["lost"] or row["doubled"] or row["leftovers"] or row["kills"] != KILLS:
        sys.exit("a row is lost or doubled, or a kill came too late")

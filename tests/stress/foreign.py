"""Fuzzing of what strangers hand over, counted: run directories, and archives' tables with hostile text.

Every mutated run is opened by `report`, ``search --resume --dry-run``, and `rank` or `merge`, with the run as working
directory. Nothing may be imported from it, nothing outside may change (a tree of canaries is compared), nothing may
escape but our own exceptions, nothing may hang, and what was written must be readable.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from astropy.table import Table
from click.testing import CliRunner

from feii_dask.cli import main as feii_dask
from feii_dask.model import MatchedCube, Outcome, Status
from feii_dask.store.run_store import RunStore
from tests.runs import make_matched, make_outcome, make_ysos
from tests.store.foreign import LINES, make_foreign_run, plant_code
from tests.stress.record import print_table, write_results

__all__ = ["fuzz_runs", "fuzz_tables", "main"]

READERS = {".ecsv": "ascii.ecsv", ".vot": "votable"}
# What is promised to be in nothing that is written: C0, C1 but for the line break, and marks of direction.
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
SEED = 60_000  # of the first case; each further one has the next
HANG_S = 600  # for one case, which takes some 2 s; what hangs does so for ever, and a busy machine is slow
CASES = 2_000
PIECES = ("\n", "\r", "#", "\x1b]0;x\x07", "\x1b[2J", "\x9b", "\u202e", "\u2028", "\x00", '"', "'", ",", ";", "{", "}")
PIECES += ("<script>", "]]>", "--> ", "\ud83d\ude00", "é", "  ", "\\", "nan", "x" * 3000, "://me:pw@", "%s", "{{7*7}}")
ODD_JSON: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    "",
    "x" * 5000,
    [],
    {},
    [[]],
    {"a": [1]},
    "evil:Found",
)
ODD_JSON += ("/", "..", "\x00", "\ud800", 10**400, ["evil:Found"], "\x1b[2J")
EACH = (["report", "."], ["search", "--resume", ".", "--dry-run"])
IN_TURN = (["rank", "."], ["merge", ".", "../original", "--out", "../merged"])  # both rank what they read


def mutate_manifest(run: Path, rng: np.random.Generator) -> None:
    """Change one value of run.json, wherever it is, or its bytes."""
    path = run / "run.json"
    if rng.random() < 0.3:
        mutate_bytes(path, rng)
        return
    manifest = json.loads(path.read_text())
    place: Any = manifest
    for _ in range(rng.integers(0, 3)):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        nested = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
        place = place[nested[rng.integers(len(nested))]] if nested else place
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    key = keys[rng.integers(len(keys))]
    if rng.random() < 0.2:
        del place[key]
    else:
        place[key] = ODD_JSON[rng.integers(len(ODD_JSON))]
    path.write_text(json.dumps(manifest))


def mutate_bytes(path: Path, rng: np.random.Generator) -> None:
    """Flip bits, or lose an end or a piece."""
    content = bytearray(path.read_bytes())
    if rng.random() < 0.7:
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] ^= 1 << int(rng.integers(8))
    else:
        start = int(rng.integers(0, len(content)))
        del content[start : start + int(rng.integers(1, len(content)))]
    path.write_bytes(content)


def mutate_file(run: Path, rng: np.random.Generator) -> None:
    """Damage a table, a part or a cutout."""
    files = [path for name in ("tables", "outcomes", "cutouts") for path in sorted((run / name).iterdir())]
    mutate_bytes(files[rng.integers(len(files))], rng)


def mutate_columns(run: Path, rng: np.random.Generator) -> None:
    """Lose, retype or fill a column of a table or a part."""
    files = [path for name in ("tables", "outcomes") for path in sorted((run / name).iterdir())]
    path = files[rng.integers(len(files))]
    table = pd.read_parquet(path)
    column = table.columns[rng.integers(len(table.columns))]
    kind = rng.integers(4)
    if kind == 0:
        table = table.drop(columns=column)
    elif kind == 1:
        table = table.rename(columns={column: "other"})
    elif kind == 2:
        fill = (None, -1, 1e300, "odd", [1], hostile_text(rng), float("nan"))[rng.integers(7)]
        table[column] = [fill] * len(table)
    else:
        table = pd.concat([table, table])
    try:
        table.to_parquet(path)
    except (pa.ArrowException, ValueError):
        mutate_bytes(path, rng)


def plant_link(run: Path, rng: np.random.Generator) -> None:
    """Put a link, a pipe or a directory in the place of something."""
    names = ["tables", "outcomes", "cutouts", "log.txt", "run.json", "run.lock", "report.html", "candidates.ecsv"]
    names += [
        str(path.relative_to(run)) for folder in ("tables", "outcomes", "cutouts") for path in (run / folder).iterdir()
    ]
    path = run / names[rng.integers(len(names))]
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    outside = run.parent / "outside"
    kind = rng.integers(6)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.mkdir()
    else:
        path.symlink_to((outside, outside / ".bashrc", Path("/dev/zero"), path)[kind - 2])


MUTATIONS: tuple[Callable[[Path, np.random.Generator], None], ...] = (
    mutate_manifest,
    mutate_file,
    mutate_columns,
    plant_link,
)


def digest_of_tree(directory: Path) -> str:
    """Return a digest of all names and contents below a directory."""
    found = sha256()
    for path in sorted(directory.rglob("*")):
        found.update(str(path).encode() + (path.read_bytes() if path.is_file() else b""))
    return found.hexdigest()


def make_outside(directory: Path) -> Path:
    """Write the tree that nothing may change."""
    outside = directory / "outside"
    outside.mkdir()
    for name in (".bashrc", ".draft.fits.tmp", ".part-00000001.parquet.1.tmp", "part-00000001.parquet"):
        (outside / name).write_text(f"{name} as it was")
    return outside


def fuzz_runs(number: int, seed: int, directory: Path) -> Counter[str]:
    """Mutate a run so many times, and let every command that takes one have it."""
    count: Counter[str] = Counter()
    original = make_foreign_run(directory / "original").directory
    outside, run, canary = make_outside(directory), directory / "run", directory / "canary"
    before = digest_of_tree(outside), digest_of_tree(original)
    for index in range(number):
        begin_case(index, count)
        for place in (run, directory / "merged"):
            shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(original, run)
        plant_code(run, canary)
        MUTATIONS[index % len(MUTATIONS)](run, np.random.default_rng(seed + index))
        with chdir(run):
            for words in (*EACH, IN_TURN[index // len(MUTATIONS) % len(IN_TURN)]):
                done = CliRunner().invoke(feii_dask, words)
                if not isinstance(done.exception, SystemExit | None):
                    count["ESCAPED"] += 1
                    print(f"seed {seed + index}, case {index}, {words[0]}: {done.exception!r}", flush=True)
                count["refused" if done.exit_code else "taken"] += 1
        written = [path for place in (run, directory / "merged") if place.is_dir() for path in place.iterdir()]
        if unreadable := [path.name for path in written if not is_readable(path)]:
            count["UNREADABLE"] += len(unreadable)
            print(f"seed {seed + index}, case {index}: {unreadable}", flush=True)
        count["CODE RUN"] += canary.exists()
        count["OUTSIDE TOUCHED"] += (digest_of_tree(outside), digest_of_tree(original)) != before
    faulthandler.cancel_dump_traceback_later()
    return count


def begin_case(index: int, count: Counter[str]) -> None:
    """Let a case end in time, and say now and then how far it has come."""
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    if index and index % 50 == 0:
        print(f"{index} cases: {dict(count)}", flush=True)
        gc.collect()
        gc.freeze()  # what is there by now stays, and need not be looked through again and again


def is_readable(path: Path) -> bool:
    """Whether a file that was written can be read as what its name says, and obeys nobody who shows it.

    Links and what is no file were not written by us.
    """
    if path.suffix not in {".ecsv", ".vot", ".parquet", ".reg", ".html", ".txt"} or path.is_symlink():
        return True
    if not path.is_file():
        return True
    try:
        if path.suffix == ".parquet":
            text = "".join(str(cell) for cells in pd.read_parquet(path).to_numpy() for cell in cells)
        else:
            text = path.read_text(encoding="utf-8")
        if path.suffix in READERS:
            Table.read(path, format=READERS[path.suffix])
    except Exception:  # noqa: BLE001 - that is the question
        return False
    return not OBEYED.search(text)


def hostile_text(rng: np.random.Generator) -> str:
    """Return a name as no archive should have one."""
    pieces = [PIECES[rng.integers(len(PIECES))] for _ in range(rng.integers(1, 6))]
    return "TMC".join(pieces).encode(errors="ignore").decode()


def fuzz_tables(number: int, seed: int, directory: Path) -> Counter[str]:
    """Rank so many runs whose objects, observations and reasons have hostile names, and read all that is written."""
    count: Counter[str] = Counter()
    original = make_foreign_run(directory / "of tables").directory
    for part in (original / "outcomes").iterdir():
        part.unlink()
    for index in range(number):
        begin_case(index, count)
        rng = np.random.default_rng(seed + index)
        run = directory / "tables"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(original, run)
        name, obs_id = fill_hostile_run(RunStore.open(run), rng)
        done = CliRunner().invoke(feii_dask, ["rank", str(run)])
        if done.exit_code or not isinstance(done.exception, SystemExit | None):
            count["ESCAPED"] += 1
            print(f"seed {seed + index}, {name!r} in {obs_id!r}: {done.exception!r} {done.output}", flush=True)
            continue
        rows = [len(Table.read(run / f"{table}.ecsv", format="ascii.ecsv")) for table in ("candidates", "failures")]
        unreadable = [path.name for path in run.iterdir() if not is_readable(path)]
        if rows != [1, 1] or unreadable:
            print(f"seed {seed + index}, {name!r} in {obs_id!r}: {rows} {unreadable}", flush=True)
        count["UNREADABLE" if rows != [1, 1] or unreadable else "written and read"] += 1
    faulthandler.cancel_dump_traceback_later()
    return count


def fill_hostile_run(store: RunStore, rng: np.random.Generator) -> tuple[str, str]:
    """Store one object, one detection and one failure whose texts no archive should have; return the first two."""
    name, obs_id = hostile_text(rng), hostile_text(rng)
    matched = make_matched({obs_id: [0], f"{obs_id}!": [0]}).assign(uri=hostile_text(rng))
    store.write_tables(ysos=make_ysos([0]).assign(main_id=name), observations=matched[["obs_id"]], matched=matched)
    with store.writer() as writer:
        writer.add(make_outcome(obs_id, LINES, detected=LINES))
        failed = MatchedCube(obs_id=f"{obs_id}!", uri=None)
        writer.add(Outcome.without_scan(failed, LINES, Status.UNREADABLE, hostile_text(rng)))
    return name, obs_id


def be_quiet() -> None:
    """Let a process print the counts alone."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")


def new_place(directory: str, number: int) -> Path:
    """Make a directory for one process."""
    place = Path(directory) / str(number)
    place.mkdir()
    return place


def main(_words: list[str]) -> None:
    """Fuzz both, print and write the counts, and fail if anything escapes, hangs, is run, touched or unreadable."""
    counts = {"run directory": Counter[str](), "archive table": Counter[str]()}
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(os.cpu_count(), initializer=be_quiet) as pool:
        jobs = [
            ("run directory", pool.submit(fuzz_runs, CASES // 2, SEED, new_place(name, 0))),
            ("run directory", pool.submit(fuzz_runs, CASES // 2, SEED + CASES // 2, new_place(name, 1))),
            ("archive table", pool.submit(fuzz_tables, CASES, SEED, new_place(name, 2))),
        ]
        for what, job in jobs:
            counts[what] += job.result()
    rows: list[dict[str, object]] = [
        {"what": what, "outcome": outcome, "count": number}
        for what, count in counts.items()
        for outcome, number in sorted(count.items())
    ]
    print_table(rows)
    print(write_results("foreign", rows, seed=SEED))
    if any(number for count in counts.values() for outcome, number in count.items() if outcome.isupper()):
        sys.exit("something escapes, is run, touched, or cannot be read")

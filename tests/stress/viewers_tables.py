"""What STILTS, and so TOPCAT, makes of the tables of a run: ``votlint``, and units and UCDs as they read them."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from io import StringIO
from pathlib import Path

from astropy.table import Table

__all__ = ["stilts_rows", "table_rows"]

TABLES = ("candidates", "detections", "limits", "summary")
FORMATS = {"vot": "votable", "ecsv": "ecsv", "parquet": "parquet"}
SECONDS = 300
NO_READER = re.compile(r"Unknown format|No table handler")  # Debian's build has no reader of ECSV and parquet


def table_rows(run: Path) -> list[dict[str, object]]:
    """Tell what STILTS says of each table of a run, or that it is not here."""
    if not shutil.which("stilts"):
        return [row_of("", "tables", "stilts votlint, stilts tpipe", "", "not installed here")]
    return stilts_rows(run)


def stilts_rows(run: Path) -> list[dict[str, object]]:
    """Check each VOTable, and read each table in each format."""
    version = re.search(r"STILTS version (\S+)", stilts("-version"))
    known = version.group(1) if version else ""
    rows = [linted(run / f"{name}.vot", known) for name in TABLES]
    return rows + [read(run / f"{name}.{ending}", known) for ending in FORMATS for name in TABLES]


def linted(path: Path, version: str) -> dict[str, object]:
    """Count what ``votlint`` complains of."""
    said = stilts("votlint", f"votable={path}", "ucd=true", "unit=true", "maxrepeat=1000000").splitlines()
    errors = [line for line in said if not line.startswith(("WARNING", "INFO"))]
    warnings = sum(line.startswith("WARNING") for line in said)
    what = f"{len(errors)} errors, {warnings} warnings{''.join(f': {line}' for line in said[:1])}"
    return row_of(version, path.name, "stilts votlint", not said, what)


def read(path: Path, version: str) -> dict[str, object]:
    """Compare the columns that ``tpipe`` finds, with their units and UCDs, with those that astropy reads."""
    words = (f"in={path}", f"ifmt={FORMATS[path.suffix[1:]]}")
    said = stilts("tpipe", *words, "cmd=meta Name Units UCD", "ofmt=csv", "out=-")
    how = f"stilts tpipe {words[1]}"
    if NO_READER.search(said):
        return row_of(version, path.name, how, "", "this build has no reader of the format")
    found = {row["Name"]: (bool(row["Units"]), row["UCD"]) for row in csv.DictReader(StringIO(said))}
    table = Table.read(path)
    expected = {
        name: (bool(table[name].unit), table[name].info.meta.get("ucd", "") if table[name].info.meta else "")
        for name in table.colnames
    }
    rows = re.search(r"\d+", stilts("tpipe", *words, "omode=count").partition("rows")[2])
    is_same = found == expected and rows is not None and int(rows.group()) == len(table)
    units, ucds = (sum(bool(about[place]) for about in found.values()) for place in (0, 1))
    return row_of(version, path.name, how, is_same, f"{len(found)} columns, {units} units, {ucds} UCDs")


def stilts(*words: str) -> str:
    """Run a task and return all that it says."""
    done = subprocess.run(["stilts", *words], capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.stdout + done.stderr


def row_of(version: str, file: str, how: str, opened: bool | str, what: str) -> dict[str, object]:
    """Return a row of the table; ``opened`` is empty where it was not tried."""
    return {"program": "stilts", "version": version, "file": file, "how": how, "opened": opened, "what": what[:160]}

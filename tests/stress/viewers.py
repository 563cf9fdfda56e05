"""Which programs open what a run leaves: jdaviz in an environment of its own, STILTS and DS9 where they are.

``python -m tests.stress viewers PYTHON``, where PYTHON has jdaviz (``python -m venv`` and ``pip install jdaviz``).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import specutils
from specutils import Spectrum

import feii_dask as fd
from feii_dask.report.exports import write_exports
from feii_dask.simulate import Jet, make_cube
from feii_dask.simulate.s3d import pipeline_s_region, write_cube
from feii_dask.store.run_store import RunStore
from tests.runs import make_matched, make_ysos
from tests.stress.record import print_table, write_results
from tests.stress.viewers_ds9 import ds9_rows
from tests.stress.viewers_tables import table_rows

__all__ = ["in_specutils", "main", "make_small_run"]

LINES = (fd.Line("Fe II", 5.340169), fd.Line("Fe II", 5.20))  # one that is there, and one that is not
PLACE, SHAPE = (69.8967, 25.6956), (27, 27)
SECONDS = 300
SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import jdaviz
rows = []
for name, more in (("Specviz", {}), ("Cubeviz", {"format": "3D Spectrum"}), ("Imviz", {"format": "Image"})):
    try:
        app = getattr(jdaviz, name)()
        app.load(sys.argv[1], **more)
        shapes = [list(data.shape) for data in app.app.data_collection]
        rows.append({"how": f"load(path{', format=' + repr(more['format']) if more else ''})", "shapes": shapes})
    except Exception as error:
        rows.append({"how": "load", "shapes": [], "error": f"{type(error).__name__}: {error}"[:200]})
    rows[-1] |= {"program": name, "version": jdaviz.__version__}
print("ROWS" + json.dumps(rows))
"""


def make_small_run(directory: Path) -> fd.SearchResult:
    """Write a run of one simulated cube with one jet and two objects, with its tables."""
    jet = Jet(line=LINES[0], snr=20.0, velocity_kms=-120.0)
    cube = make_cube(jets=(jet,), planes_um=(5.15, 5.53), shape=SHAPE, center_deg=PLACE, seed=4)
    uri = str(write_cube(directory / "cube.fits", cube))
    store = RunStore.create(directory / "run", {"fingerprint": "f00d", "settings": {"mission": "jwst"}})
    matched = make_matched({"jw1": [0, 1]}, uri=uri)
    matched["s_region"] = pipeline_s_region(PLACE, SHAPE, cube.pixel_arcsec)
    ysos = make_ysos([0, 1]).assign(ra=PLACE[0], dec=[PLACE[1], PLACE[1] + 1 / 3600])
    store.write_tables(ysos=ysos, observations=matched[["obs_id"]], matched=matched)
    with store.writer() as writer:
        places = tuple((label, ra, dec) for label, ra, dec in ysos[["ra", "dec"]].itertuples(name=None))
        writer.add(fd.scan_cube(fd.MatchedCube(obs_id="jw1", uri=uri, ysos=places), fd.Context(lines=LINES)))
    result = fd.open_run(store.directory)
    write_exports(result.ranked)
    return result


def in_jdaviz(python: str, path: Path) -> list[dict[str, object]]:
    """Open a cutout with each viewer of jdaviz, headless."""
    done = subprocess.run(
        [python, "-c", SCRIPT, str(path)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    found = done.stdout.partition("ROWS")[2]
    rows = json.loads(found) if found else [{"program": "jdaviz", "version": "", "error": done.stderr[-200:]}]
    return [
        {
            "program": row["program"],
            "version": row["version"],
            "file": "cutout",
            "how": row.get("how", ""),
            "opened": bool(row.get("shapes")),
            "what": " ".join("x".join(map(str, shape)) for shape in row.get("shapes", ())) or row.get("error", ""),
        }
        for row in rows
    ]


def in_specutils(result: fd.SearchResult) -> list[dict[str, object]]:
    """Open a cutout with what the tests install."""
    spectrum = Spectrum.read(result.detections[0].path)
    return [
        {
            "program": "specutils",
            "version": specutils.__version__,
            "file": "cutout",
            "how": "Spectrum.read(path)",
            "opened": True,
            "what": f"{spectrum.shape[0]} {spectrum.flux.unit}",
        }
    ]


def main(words: list[str]) -> None:
    """Open, print, write, and fail if a program that is here does not open a file."""
    if len(words) != 1:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as name:
        result = make_small_run(Path(name))
        rows = [*in_specutils(result), *table_rows(result.run.directory), *ds9_rows(result, Path(name))]
        rows += in_jdaviz(words[0], result.detections[0].path)
    print_table(rows)
    print(write_results("viewers", rows, seed=4))
    if any(row["opened"] is False for row in rows):
        sys.exit("a program does not open what it should")

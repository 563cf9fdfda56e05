"""Speed: what is done with a finished run, by the commands that a user types."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import feii_dask as fd
from feii_dask.cubes.lines import FE_II_LINES
from feii_dask.model import Context, Cutout, MatchedCube, Outcome, Status
from feii_dask.scan import scan_cube
from feii_dask.store.cutout_files import with_files
from feii_dask.store.manifest import as_context, create_run
from tests.runs import make_matched, make_ysos

from .speed_rows import Amount, Row, in_new_process, peak_megabytes
from .speed_world import Sizes

__all__ = ["measure_finished"]

CUBES, OPENED, EVERY = 3_000, 5_000, 12  # of them, so many a detection
HALF_DEG = 0.0005
MOST_S = {"rank": 5.0, "report": 8.0, "search --resume": 3.0}


def measure_finished(sizes: Sizes) -> Iterator[Row]:
    """Rank, report and resume a finished run of 3000 cubes, every twelfth with a detection; open one of 5000."""
    with TemporaryDirectory() as name:
        outcomes = scanned_cubes(Path(name))
        yield from measure_opening(make_run(Path(name), outcomes, OPENED), sizes)
        run = make_run(Path(name), outcomes, CUBES)
        for words, most in MOST_S.items():
            times = tuple(seconds_of(words, run, turn) for turn in range(sizes.repeats))
            note = f"{CUBES} cubes, {CUBES // EVERY} with a detection; wall time of the command"
            yield Row(f"feii-dask {words} of a finished run", Amount(times), most=most, note=note)


def measure_opening(run: Path, sizes: Sizes) -> Iterator[Row]:
    """Open a run as a user of Python does, and make its tables."""
    opened = [in_new_process(open_and_look, run) for _ in range(sizes.repeats)]
    seconds, megabytes = (Amount(values) for values in zip(*opened, strict=True))
    note = f"{OPENED} cubes, {ceil(OPENED / EVERY)} with a detection; without imports"
    yield Row("fd.open_run", seconds, most=2.0, note=note)
    yield Row("its peak resident memory, all tables made", megabytes, unit="MB", most=500, note="with imports")


def open_and_look(run: Path) -> tuple[float, float]:
    """Open a run, make its tables, and return how long the first took, s, and the most memory that was resident, MB."""
    open_run = fd.open_run  # which imports
    start = perf_counter()
    result = open_run(run)
    seconds = perf_counter() - start
    sizes = [len(table) for table in (result.candidates, result.detections, result.limits, result.summary)]
    if not all(sizes):
        raise RuntimeError(f"a table has no rows: {sizes}")
    return seconds, peak_megabytes()


def seconds_of(words: str, run: Path, turn: int) -> float:
    """Run a command on the run, and return how long it took; a ranking always has another threshold than the last."""
    command = [str(Path(sys.executable).with_name("feii-dask")), *words.split(), str(run)]
    if words == "rank":
        command += ["--grade-a-q", str(0.02 if turn % 2 else 0.01)]
    start = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return perf_counter() - start


def scanned_cubes(directory: Path) -> list[Outcome]:
    """Return the outcomes of some simulated cubes."""
    fd.simulate.make_archive(directory / "sky", seed=3, n_ysos=70, n_observed=20)
    context = Context(lines=FE_II_LINES, detector="matched")
    paths = sorted((directory / "sky" / "cubes").glob("*.fits"))
    return [scan_cube(MatchedCube(obs_id=path.stem, uri=str(path)), context) for path in paths]


def make_run(directory: Path, outcomes: list[Outcome], cubes: int) -> Path:
    """Write a run in which these outcomes stand for many."""
    found = [one for one in outcomes if one.cutouts]
    nothing = [one for one in outcomes if not one.cutouts]
    names = [f"jw{number:05}-o001_t001_miri_ch1-short" for number in range(cubes)]
    matched = make_matched(
        {name: [number] for number, name in enumerate(names)}, uri=str(directory / "sky" / "cube.fits")
    )
    ysos = make_ysos(range(cubes))
    places = ysos[["ra", "dec"]].to_numpy()
    matched[["s_ra", "s_dec"]] = places
    matched["s_region"] = [square_about(ra, dec) for ra, dec in places]
    settings = fd.load_settings(archive=str(directory / "sky"), out=str(directory / f"run_{cubes}"))
    run = create_run(settings, as_context(settings))
    band_um = {"em_min_um": 4.9, "em_max_um": 5.74}
    observations = pd.DataFrame(matched["obs_id"]).assign(region_error="", **band_um)
    matched = matched.assign(yso_ra=list(places[:, :1]), yso_dec=list(places[:, 1:]), **band_um)
    run.write_tables(ysos=ysos, observations=observations, matched=matched)
    with run.writer() as writer:
        for number, name in enumerate(names):
            one = found[number // EVERY % len(found)] if number % EVERY == 0 else nothing[number % len(nothing)]
            in_band = [detection for detection in one.detections if detection.status is not Status.NO_LINE_IN_BAND]
            detections = tuple(replace(detection, on_data=(number,)) for detection in in_band or one.detections[:1])
            moved = replace(one, obs_id=name, detections=detections, cutouts=cutouts_at(places[number], one.cutouts))
            writer.add(with_files(moved))
    return run.directory


def cutouts_at(place: NDArray[np.float64], cutouts: tuple[Cutout, ...]) -> tuple[Cutout, ...]:
    """Return cutouts of a cube elsewhere: no two cubes have the same coordinates."""
    ra, dec = map(float, place)
    return tuple(replace(one, header={**one.header, "CRVAL1": ra, "CRVAL2": dec}) for one in cutouts)


def square_about(ra_deg: float, dec_deg: float) -> str:
    """Return a small footprint about a place."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * HALF_DEG + [ra_deg, dec_deg]
    return f"POLYGON ICRS {' '.join(f'{value:.6f}' for value in corners.ravel())}"

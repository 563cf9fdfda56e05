"""Everyday tasks, each with nothing but what the README, the guide or ``--help`` shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable, Table
from click.testing import CliRunner
from distributed import LocalCluster
from regions import Regions

import feii_dask as fd
from feii_dask.cli import main
from tests.guide import use_cluster
from tests.skies import truth_of


def call(*words: str) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def opened(finished_run: Path) -> fd.SearchResult:
    return fd.open_run(finished_run)


@pytest.fixture
def run(finished_run: Path) -> str:
    """A run of one's own, which may be changed."""
    shutil.copytree(finished_run, "mine")
    return "mine"


def flux_of_the_best_line(result: fd.SearchResult) -> None:
    best = result.best_detection(1)
    assert best["flux"].unit == u.W / u.m**2


def fluxes_in_other_units(result: fd.SearchResult) -> None:
    assert np.nanmax(result.detections["flux"].to_value("erg / (s cm2)")) >= 0 or len(result.detections)


def all_lines_of_one_object(result: fd.SearchResult) -> None:
    name = result.candidates["main_id"][0]
    lines = result.detections[result.detections["main_id"] == name]
    assert len(lines) >= result.candidates["n_lines"][0]


def what_is_known_of_an_object_without_lines(result: fd.SearchResult) -> None:
    silent = result.summary[result.summary["n_lines_found"] == 0]
    assert len(silent)
    assert set(silent["reason"]) - {""}


def how_many_objects_no_cube_holds(result: fd.SearchResult) -> None:
    outside = result.summary[result.summary["n_cubes"] == 0]
    assert set(outside["reason"]) <= {"no cube holds it", "its coordinates are not known"}
    assert len(outside)


def the_limits_of_a_paper(result: fd.SearchResult) -> None:
    limits = result.limits
    assert set(limits["extent"]) <= {"beam", "3x1 beams"}
    assert limits["flux_limit_3sigma"].unit == u.W / u.m**2


def a_data_frame_of_the_candidates(result: fd.SearchResult) -> None:
    assert isinstance(result.candidates.to_pandas(), pd.DataFrame)


def the_figure_for_the_paper(result: fd.SearchResult) -> None:
    result.plot(str(result.candidates["main_id"][0])).savefig("paper.pdf")
    assert Path("paper.pdf").stat().st_size > 1000


def the_spectrum_of_a_jet(result: fd.SearchResult) -> None:
    spectrum = result.best_detection(1).spectrum
    assert spectrum["wavelength"].unit == u.um
    assert spectrum["flux"].unit == u.Jy


def the_planes_about_a_line(result: fd.SearchResult) -> None:
    cube = result.best_detection(1).cube
    assert cube.data.ndim == 3
    assert cube.wcs.celestial.pixel_to_world(0, 0)


def which_file_is_it(result: fd.SearchResult) -> None:
    path = result.best_detection(1).path
    assert fits.getheader(path)["FINGERPR"] == result.run.manifest["fingerprint"]


def candidates_near_a_place(result: fd.SearchResult) -> None:
    here = SkyCoord(result.candidates["ra"], result.candidates["dec"])
    assert here.separation(here[0]).min() == 0 * u.deg


def a_run_in_a_few_lines(result: fd.SearchResult) -> None:
    assert len(repr(result).splitlines()) <= 9
    assert "candidate" in result._repr_html_()


def why_some_cubes_failed(result: fd.SearchResult) -> None:
    assert {"status", "reason"} <= set(result.failures)


IN_PYTHON: list[Callable[[fd.SearchResult], None]] = [
    flux_of_the_best_line,
    fluxes_in_other_units,
    all_lines_of_one_object,
    what_is_known_of_an_object_without_lines,
    how_many_objects_no_cube_holds,
    the_limits_of_a_paper,
    a_data_frame_of_the_candidates,
    the_figure_for_the_paper,
    the_spectrum_of_a_jet,
    the_planes_about_a_line,
    which_file_is_it,
    candidates_near_a_place,
    a_run_in_a_few_lines,
    why_some_cubes_failed,
]


@pytest.mark.parametrize("task", IN_PYTHON, ids=lambda task: task.__name__)
def test_in_python(task: Callable[[fd.SearchResult], None], opened: fd.SearchResult) -> None:
    task(opened)


def test_my_five_objects_by_name(sky: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cluster(cluster, monkeypatch)
    names = list(dict.fromkeys(truth_of(sky).query("kind == 'jet'")["main_id"]))[:4]
    words = [word for name in [*names, "Nobody"] for word in ("--target", name)]
    call("search", "--archive", str(sky), "--lines", "notebook", "--out", "five", *words)
    summary = Table.read("five/summary.ecsv")
    assert set(summary["main_id"]) == {*names, "Nobody"}
    assert "no object called" in summary["reason"][list(summary["main_id"]).index("Nobody")]


def test_which_lines_are_there() -> None:
    assert "H2 9.665" in call("lines", "h2")


def test_which_instruments_are_there() -> None:
    assert "MIRI/IFU" in call("instruments")


def test_rank_again_more_strictly(run: str) -> None:
    before = len(fd.open_run(run).candidates)
    call("rank", run, "--min-lines", "9")
    assert len(fd.open_run(run).candidates) < before


def test_a_region_file_of_one_candidate(run: str) -> None:
    call("rank", run)
    files = sorted(Path(run, "regions").glob("*.reg"))
    assert len(files) == len(fd.open_run(run).candidates)
    assert len(Regions.read(files[0], format="ds9")) >= 2


def test_tables_for_topcat(run: str) -> None:
    call("rank", run)
    result = fd.open_run(run)
    for name in ("candidates", "detections", "limits", "summary"):
        tables = [QTable.read(Path(run, f"{name}.{suffix}")) for suffix in ("ecsv", "vot", "parquet")]
        assert {len(table) for table in tables} == {len(getattr(result, name))}


def test_the_report_has_the_numbers_of_the_tables(run: str) -> None:
    call("report", run)
    text = Path(run, "report.html").read_text(encoding="utf-8")
    for row in fd.open_run(run).candidates:
        assert f'data-column="ra"><data value="{float(row["ra"].value)}"' in text
    assert "What the numbers mean" in text
    assert "A simulated sky" in text

"""Missions beside JWST: found, read and searched through IRSA's own protocol, and one that a user brings along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster

import feii_dask as fd
from feii_dask.cli import main
from feii_dask.config.missions import MISSIONS, find_mission
from feii_dask.cubes.lines import find_lines
from feii_dask.errors import ArchiveError, LineError, SettingsError
from feii_dask.simulate.fifi import make_fifi_cube, write_fifi_cube
from tests.far_infrared import BRIGHT, write_irsa_sky
from tests.replica.client import Replica
from tests.replica.fixtures import lead_to

IRSA = "irsa.ipac.caltech.edu"
# Which FITS extension holds the light, as IRSA's cubes of each mission have it.
THROUGH_IRSA = {"sofia": ("SOFIA", "FLUX"), "herschel": ("Herschel", "image")}


@pytest.fixture(scope="module", params=THROUGH_IRSA)
def searched(
    request: pytest.FixtureRequest,
    start_replica: Callable[..., Replica],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[fd.SearchResult, Replica]:
    """One search of each mission, on two worker processes that are led to the replica."""
    home = tmp_path_factory.mktemp(request.param)
    replica = start_replica(write_irsa_sky(home / "sky", *THROUGH_IRSA[request.param]))
    with pytest.MonkeyPatch.context() as patch:
        lead_to(replica, patch, home)
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            return fd.search(fd.load_settings(mission=request.param, out=home / "run"), client), replica


def test_candidates_are_the_protostars_with_lines(searched: tuple[fd.SearchResult, Replica]) -> None:
    result, _ = searched
    assert set(result.candidates["main_id"]) == set(BRIGHT)
    assert set(result.candidates["lines"]) == {"O I 63.184; C II 157.741"}
    assert (abs(result.outcomes.query("detected")["velocity_kms"] - 30) < 40).all()


def test_a_cube_without_data_is_told_apart(searched: tuple[fd.SearchResult, Replica]) -> None:
    result, _ = searched
    empty = result.outcomes[result.outcomes["obs_id"].str.startswith("F05")]
    assert set(empty["status"]) == {"no_data"}
    assert result.failed_share == 0


def test_rows_without_an_outline_are_counted_and_cubes_read_by_range(searched: tuple[fd.SearchResult, Replica]) -> None:
    result, replica = searched
    assert len(result.observations) == 12
    assert result.directory is not None
    assert "1 without a footprint left out" in (result.directory / "run.json").read_text()
    reads = replica.requests(IRSA, ".fits")
    assert len(reads) >= 20  # two for each cube with data, but one for some small ones
    assert {(request.method, request.status) for request in reads} == {("GET", 206)}


def test_limits_are_known_where_the_unit_of_the_cubes_is(
    searched: tuple[fd.SearchResult, Replica], request: pytest.FixtureRequest
) -> None:
    result, _ = searched
    limits = result.limits.to_pandas()
    assert len(limits) > 0
    if request.node.callspec.params["searched"] == "sofia":
        assert (limits["flux_limit_3sigma"] < limits["flux_sensitivity_95"]).all()
        assert limits["flux_sensitivity_95"].between(1e-16, 1e-13).all()  # tens of mJy over a line of 300 km/s
    else:
        assert limits[["flux_sigma", "flux_sensitivity_95"]].isna().all(axis=None)


OWN_MISSION = """
from feii_dask.config.missions import Mission

AKARI = Mission(
    name="akari", archive="irsa", query={"facility": "AKARI"}, cube_column="access_url", micron_per_em_unit=1e6,
    extension="CUBE", coverage_um=(50.0, 180.0), spaxel_arcsec=10.0, lines=("O I 63.184",), detector="grating",
)
"""


def test_a_mission_that_a_user_adds(tmp_path: Path, client: Client) -> None:
    Path("own_missions.py").write_text(OWN_MISSION)
    sky = write_irsa_sky(tmp_path / "sky", "AKARI", "CUBE")
    pd.read_parquet(sky / "irsa.parquet").head(12).to_parquet(sky / "observations.parquet")
    result = fd.search(fd.load_settings(mission="own_missions:AKARI", archive=sky, out="run"), client)
    assert set(result.candidates["main_id"]) == set(BRIGHT)
    assert set(result.candidates["lines"]) == {"O I 63.184"}
    resumed = fd.search(fd.load_settings(resume="run", mission="own_missions:AKARI"), client)
    pd.testing.assert_frame_equal(resumed.ranked.candidates, result.ranked.candidates)


def test_one_cube_of_another_mission(tmp_path: Path) -> None:
    (line,) = find_lines("C II 157.741")
    path = str(write_fifi_cube(tmp_path / "cube.fits", make_fifi_cube(line, snr=20.0)))
    done = CliRunner().invoke(main, ["scan", path, "--mission", "sofia"])
    assert done.exit_code == 0, done.output
    assert "C II 157.741 µm  detected" in done.stdout
    wrong = CliRunner().invoke(main, ["scan", path])
    assert wrong.exit_code == 2
    assert "has no extension SCI; it has PRIMARY, FLUX" in wrong.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sofa", "no mission is called 'sofa': did you mean 'sofia'"),
        ("voyager", "there are jwst, sofia, herschel, spitzer"),
        ("nowhere:AT_ALL", "'nowhere:AT_ALL' cannot be imported"),
        ("math:pi", "'math:pi' is a float, and must be a feii_dask.config.missions.Mission"),
    ],
)
def test_a_mission_that_is_none(name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        fd.load_settings(mission=name)


def test_help_says_which_archives_were_never_asked() -> None:
    text = " ".join(CliRunner().invoke(main, ["search", "--help"]).stdout.split())
    assert "sofia (tried with a replica of its archive only), herschel (tried with a replica" in text
    assert "spitzer (not tried)" in text


@pytest.mark.parametrize("name", MISSIONS)
def test_lines_and_detector_are_the_missions_unless_somebody_says_otherwise(name: str) -> None:
    settings, own = fd.load_settings(mission=name), find_mission(name.upper())
    assert (settings.lines, settings.detector) == (own.lines, own.detector)
    assert settings.sources["detector"] == f"the mission {name}"
    assert fd.load_settings(mission=name, detector="notebook", lines=["h2"]).lines == ("h2",)


def test_lines_that_a_mission_cannot_see(client: Client, tmp_path: Path) -> None:
    with pytest.raises(LineError, match="no sofia cube can hold Fe II"):
        fd.search(fd.load_settings(mission="sofia", lines=["feii"], archive=tmp_path), client)


def test_an_archive_that_is_down(
    searched: tuple[fd.SearchResult, Replica], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: Client
) -> None:
    _, replica = searched
    replica.reset()
    lead_to(replica, monkeypatch, tmp_path)
    replica.inject("status", IRSA, status=404)
    with pytest.raises(ArchiveError, match=r"IRSA .*; try again later"):
        fd.search(fd.load_settings(mission="sofia", out="run"), client)


def test_the_command_names_the_nearest_mission() -> None:
    done = CliRunner().invoke(main, ["search", "--mission", "sofai"])
    assert done.exit_code == 2
    assert "did you mean 'sofia'?" in done.stderr

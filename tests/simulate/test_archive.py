from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from feii_dask.errors import SettingsError, StoreError
from feii_dask.simulate import make_archive

TINY = {"n_ysos": 16, "n_observed": 3, "shape": (9, 11)}


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_archive(tmp_path_factory.mktemp("archive") / "sky", seed=5, **TINY)


def digests(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_one_seed_gives_the_same_bytes_and_another_does_not(sky: Path, tmp_path: Path) -> None:
    assert digests(make_archive(tmp_path / "again", seed=5, **TINY)) == digests(sky)
    other = digests(make_archive(tmp_path / "other", seed=6, **TINY))
    assert other.keys() == digests(sky).keys()
    assert not set(other.values()) & set(digests(sky).values())


def test_every_observation_has_its_cube_but_for_those_that_should_not(sky: Path) -> None:
    observations, truth = Table.read(sky / "observations.ecsv"), Table.read(sky / "truth.ecsv")
    expected = {name.rpartition("/")[2] for name in observations["dataURL"]}
    absent = {f"{row['obs_id']}_s3d.fits" for row in truth if row["kind"] in {"missing", "stale"}}
    assert {path.name for path in (sky / "cubes").iterdir()} == expected - absent
    assert len(absent) == 2


def fault(sky: Path, kind: str) -> Path:
    truth = Table.read(sky / "truth.ecsv")
    (row,) = truth[truth["kind"] == kind]
    return sky / "cubes" / f"{row['obs_id']}_s3d.fits"


def test_faults_are_planted(sky: Path) -> None:
    truth = Table.read(sky / "truth.ecsv")
    statuses = {str(row["kind"]): str(row["status"]) for row in truth if row["kind"] not in {"jet", "neighbour"}}
    assert statuses == {
        "truncated": "unreadable",
        "missing": "unreadable",
        "all_nan": "no_data",
        "bad_region": "bad_region",
        "stale": "stale_product",
        "out_of_band": "no_line_in_band",
    }
    whole = fault(sky, "bad_region").stat().st_size  # of the same band
    assert 0.09 < fault(sky, "truncated").stat().st_size / whole < 0.11
    assert np.isnan(fits.getdata(fault(sky, "all_nan"), "SCI")).all()
    assert "shortmediumlong" in fault(sky, "stale").name


def test_the_truth_is_in_the_cubes(sky: Path) -> None:
    """At the line's plane, the jet stands out of the planes around it by its S/N."""
    truth = Table.read(sky / "truth.ecsv")
    jets = truth[truth["kind"] == "jet"]
    assert len(jets) >= 3
    assert np.isfinite(jets["flux"]).all()
    for row in jets:
        with fits.open(sky / "cubes" / f"{row['obs_id']}_s3d.fits") as hdus:
            header, sci = hdus["SCI"].header, hdus["SCI"].data
        wavelength_um = header["CRVAL3"] + header["CDELT3"] * np.arange(header["NAXIS3"])
        plane = np.argmin(abs(wavelength_um - row["wavelength_um"] * (1 + row["velocity_kms"] / 299792.458)))
        spectra = sci[:, np.isfinite(sci[plane])]
        off = np.nanmedian(spectra[plane + np.array([-9, -8, 8, 9])], axis=0)
        assert np.nanmax(spectra[plane] - off) == pytest.approx(row["snr"], abs=4)


def test_an_interrupted_sky_is_known_for_one_and_made_again(sky: Path, tmp_path: Path) -> None:
    directory = tmp_path / "sky"
    arguments = ", ".join(f"{name}={value!r}" for name, value in TINY.items())
    code = f"from feii_dask.simulate import make_archive; make_archive({str(directory)!r}, seed=5, {arguments})"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while process.poll() is None and len(list(directory.glob("cubes/*.fits"))) < 1:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (directory / "truth.ecsv").exists()
    assert not (directory / "observations.ecsv").exists()
    assert digests(make_archive(directory, seed=5, **TINY)) == digests(sky)


def test_a_finished_sky_can_be_made_anew(sky: Path, tmp_path: Path) -> None:
    make_archive(tmp_path / "sky", seed=6, **TINY)
    assert digests(make_archive(tmp_path / "sky", seed=5, **TINY)) == digests(sky)


def test_a_directory_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "observations.ecsv").write_text("mine")
    with pytest.raises(SettingsError, match="no simulated sky"):
        make_archive(tmp_path, **TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["observations.ecsv"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write a simulated sky"):
        make_archive(tmp_path / "file" / "sky", **TINY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_observed": 2}, "from 3 to 14"),
        ({"n_observed": 15}, "from 3 to 14"),
        ({"n_ysos": 0}, "n_observed=3"),
        ({"snr": (0.0, 5.0)}, "positive"),
        ({"snr": (9.0, 5.0)}, "smaller one first"),
    ],
)
def test_numbers_that_do_not_fit_are_said(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_archive(tmp_path / "sky", **(TINY | change))
    assert not (tmp_path / "sky").exists()

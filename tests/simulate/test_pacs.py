"""Cubes of PACS, as its archive has them, open unconverted, and spaxels are where the file says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from click.testing import CliRunner

from feii_dask.cli import main
from feii_dask.cubes.lines import find_lines
from feii_dask.cubes.reader import Cube, open_cube
from feii_dask.errors import SettingsError
from feii_dask.model import Line
from feii_dask.simulate.pacs import PACS_KINDS, PacsCube, make_pacs_cube, write_pacs_cube

(OI,) = find_lines("O I 63.184")


def sky_of(cube: Cube) -> SkyCoord:
    """Return where our reader has each spaxel."""
    height, width = cube.shape[1:]
    assert cube.wcs is not None
    return cube.wcs.pixel_to_world(*np.meshgrid(np.arange(width), np.arange(height))).icrs


def sky_by_astropy(path: Path, made: PacsCube) -> SkyCoord:
    """Return where astropy has each spaxel with the whole header, or the file itself where it has no WCS."""
    with fits.open(path) as hdus:
        if made.kind == "rebinned":
            middle = len(made.flux) // 2
            return SkyCoord(hdus["RA"].data[middle], hdus["DEC"].data[middle], unit="deg")
        header = hdus["image"].header
        for key in ("CTYPE3", "CRPIX3", "CRVAL3", "CDELT3", "CUNIT3"):  # astropy takes no card without a value
            del header[key]
        with pytest.warns(FITSFixedWarning, match="Degrees"):
            wcs = WCS(header).celestial
    height, width = made.flux.shape[1:]
    return wcs.pixel_to_world(*np.meshgrid(np.arange(width), np.arange(height))).icrs


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
@pytest.mark.parametrize("kind", PACS_KINDS)
def test_all_kinds_open_unconverted(kind: str, suffix: str, tmp_path: Path) -> None:
    made = make_pacs_cube(OI, kind, roll_deg=37.0, mapped=True, planes=40)
    path = write_pacs_cube(tmp_path / f"hpacs_{kind}{suffix}", made)
    cube = open_cube(str(path), extension="image")
    np.testing.assert_allclose(cube.wavelength_um, made.wavelength_um, rtol=1e-12)
    np.testing.assert_array_equal(cube.planes(5, 9), made.flux[5:9].astype(np.float32))
    np.testing.assert_array_equal(cube.planes(5, 9, "error"), made.error[5:9].astype(np.float32))
    assert cube.pixel_arcsec == pytest.approx(made.pixel_arcsec, rel=0.1 if kind == "rebinned" else 1e-9)
    expected = sky_by_astropy(path, made)
    assert sky_of(cube).separation(expected).to_value(u.arcsec).max() < 0.1
    assert sky_of(cube).separation(SkyCoord(*made.sky_deg, unit="deg")).to_value(u.arcsec).max() < 0.1


def test_the_files_are_as_the_guide_says(tmp_path: Path) -> None:
    with fits.open(write_pacs_cube(tmp_path / "mosaic.fits", make_pacs_cube(OI, "drizzled", mapped=True))) as hdus:
        assert [hdu.header.get("EXTNAME") for hdu in hdus] == [None, "image", "error", "wcs-tab"]
        for key in ("CTYPE3", "CRPIX3", "CRVAL3", "CDELT3"):
            assert key in hdus["image"].header
            assert hdus["image"].header[key] is None
        assert hdus["wcs-tab"].data["wavelen"].shape == (1, 80, 1)
    pointed, rebinned = make_pacs_cube(OI), make_pacs_cube(OI, "rebinned")
    assert (pointed.pixel_arcsec, rebinned.pixel_arcsec, rebinned.flux.shape[1:]) == (0.5, 9.4, (5, 5))


@pytest.mark.parametrize("kind", ["projected", "equidistant"])
def test_the_line_is_found_from_the_command_line(kind: str, tmp_path: Path) -> None:
    made = make_pacs_cube(OI, kind, snr=20.0, mapped=True, velocity_kms=20.0)
    path = write_pacs_cube(tmp_path / "hpacs.fits.gz", made)
    done = CliRunner().invoke(main, ["scan", str(path), "--mission", "herschel"])
    assert done.exit_code == 0, done.output
    assert re.search(r"O I 63\.184 µm .*(extended|compact|undecided)", done.stdout), done.stdout


def test_places_that_are_no_grid_are_left_out(tmp_path: Path) -> None:
    made = make_pacs_cube(OI, "rebinned")
    for number, damage in enumerate((np.nan, 300.0, 0.0)):
        path = write_pacs_cube(tmp_path / f"{number}.fits", made)
        with fits.open(path, mode="update") as hdus:
            hdus["RA"].data[:, 1, 2] = damage
        cube = open_cube(str(path), extension="image")
        assert cube.wcs is None
        np.testing.assert_array_equal(cube.planes(0, 2), made.flux[:2].astype(np.float32))


def test_what_pacs_cannot_see() -> None:
    with pytest.raises(SettingsError, match="PACS sees 51 to 210"):
        make_pacs_cube(Line("N II", 212.0))
    with pytest.raises(SettingsError, match="no cubes that are 'drizled': there are drizzled"):
        make_pacs_cube(OI, "drizled")

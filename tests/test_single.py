"""One cube, without an archive: what is said, and what is drawn."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from astropy.io import fits
from matplotlib.image import imread

import feii_dask as fd
from feii_dask.errors import CubeError, StoreError
from feii_dask.model import Detection, Kind, Lobe, UnidentifiedLine
from feii_dask.single import describe, describe_unidentified, scan_one
from tests.skies import truth_of


@pytest.fixture
def cube(sky: Path) -> Path:
    obs_id = truth_of(sky).query("kind == 'jet' and line == 'Fe II 5.340' and snr > 10")["obs_id"].iloc[0]
    return sky / "cubes" / f"{obs_id}_s3d.fits"


@pytest.mark.parametrize("detector", ["notebook", "matched"])
@pytest.mark.parametrize("whole", [False, True])
def test_the_window_or_the_whole_cube_is_drawn(cube: Path, detector: str, whole: bool) -> None:
    settings = fd.load_settings(lines=["Fe II 5.340", "Fe II 5.062"], detector=detector)
    said = scan_one(str(cube), settings, plot=not whole, whole=whole)
    lines = said.splitlines()
    assert ["5.340" in line and " detected" in line for line in lines].count(True) == 1
    assert lines[-1] == f"figure: {cube.stem}.png"
    height, width = imread(f"{cube.stem}.png").shape[:2]
    assert width > height


def test_a_figure_that_cannot_be_written(cube: Path) -> None:
    Path(f"{cube.stem}.png").mkdir()
    with pytest.raises(StoreError, match=f"cannot write the figure {cube.stem}.png: Is a directory"):
        scan_one(str(cube), fd.load_settings(lines=["Fe II 5.340"]), plot=True)


def test_nothing_is_drawn_unless_it_is_asked_for(cube: Path) -> None:
    said = scan_one(str(cube), fd.load_settings(lines=["Fe II 5.340"]))
    assert "figure" not in said
    assert not list(Path().glob("*.png"))


def test_a_line_outside_of_the_cube_is_said_and_not_drawn(cube: Path) -> None:
    assert "outside" in scan_one(str(cube), fd.load_settings(lines=["Fe II 25.988"]), whole=True)
    assert not list(Path().glob("*.png"))


def test_a_cube_that_is_not_there() -> None:
    with pytest.raises(CubeError, match="nowhere"):
        scan_one("nowhere.fits", fd.load_settings(lines=["Fe II 5.340"]))


def test_what_is_known_of_a_line_is_said() -> None:
    lobes = tuple(Lobe(velocity_kms=v, velocity_error_kms=3.0, flux=1e-19, flux_error=1e-20) for v in (-120.0, 90.0))
    known = Detection(
        line=fd.FE_II_LINES[0],
        detected=True,
        kind=Kind.EXTENDED,
        p_value=1e-5,
        p_extent=0.001,
        p_identification=0.02,
        lobes=lobes,
        flags=("fills_field", "blended"),
    )
    said = describe(known).split("  detected      extended   ")
    assert said[1] == (
        "p 1e-05  p(no extent) 0.001  p(another line) 0.02  lobes at -120, +90 km/s  (fills field, blended)"
    )
    point = Detection(line=fd.FE_II_LINES[0], kind=Kind.COMPACT, p_value=1e-5)
    assert describe(point).endswith("  not detected  compact    p 1e-05")
    for kind in (Kind.NONE, Kind.UNJUDGED):
        assert describe(Detection(line=fd.FE_II_LINES[0], kind=kind)).endswith("  not detected")
    met = UnidentifiedLine(wavelength_um=5.23124, kind=Kind.EXTENDED, statistic=-8.0)
    assert describe_unidentified(met).split() == ["5.2312", "µm", "unidentified", "extended", "statistic", "-8"]


def test_an_error_names_the_file_once_and_the_remedy(cube: Path) -> None:
    with fits.open(cube) as hdus:
        sci = hdus["SCI"]
        packed = fits.CompImageHDU(sci.data, header=sci.header, name="SCI")
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto("packed.fits")
        fits.HDUList([fits.PrimaryHDU(sci.data, header=sci.header)]).writeto("primary.fits")
    with fits.open("primary.fits", mode="update") as hdus:
        hdus[0].header["EXTNAME"] = "FLUX"
    settings = fd.load_settings(lines=["Fe II 5.340"], detector="notebook")
    for name, says in (("packed.fits", "funpack"), ("primary.fits", "it has FLUX .--extension NAME takes another")):
        with pytest.raises(CubeError, match=says) as caught:
            scan_one(name, settings)
        assert str(caught.value).count(name) == 1
    flux = fd.load_settings(lines=["Fe II 5.340"], detector="notebook", extension="flux")
    assert scan_one("primary.fits", flux) == scan_one(str(cube), settings)


def test_a_compressed_cube_is_searched_as_any(cube: Path) -> None:
    Path("cube.fits.gz").write_bytes(gzip.compress(cube.read_bytes()))
    settings = fd.load_settings(lines=["Fe II 5.340"], detector="notebook")
    assert scan_one("cube.fits.gz", settings) == scan_one(str(cube), settings)

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from feii_dask.simulate import make_cube, write_cube

Pair = tuple[fits.HDUList, fits.HDUList]

TEMPLATES = Path(__file__).parents[1] / "data"
PAIRS = {
    "ch1-short": "synthetic_linear_ch1-short_s3d.fits.gz",
    "mirifushort": "synthetic_wavetab_mirifushort_s3d.fits.gz",
}
OF_THE_PIXELS = {"NAXIS3", "CRVAL3", "S_REGION"}  # depend on how many planes there are, and from where


@pytest.fixture(scope="module", params=PAIRS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A simulated cube on the template's grid, and the template."""
    path = tmp_path_factory.mktemp("s3d") / "one_s3d.fits"
    write_cube(path, make_cube(band=request.param, shape=(41, 37), planes_um=(5.3160, 5.3639)))
    with fits.open(path) as ours, fits.open(TEMPLATES / PAIRS[request.param]) as template:
        yield ours, template


def test_extensions_and_types_are_the_templates(pair: Pair) -> None:
    ours, template = pair
    assert [hdu.name for hdu in ours] == [hdu.name for hdu in template]
    for name in ("SCI", "ERR", "DQ", "WMAP", "WCS-TABLE"):
        assert ours[name].data.dtype == template[name].data.dtype
        assert ours[name].data.shape == template[name].data.shape
        assert ours[name].header["BITPIX"] == template[name].header["BITPIX"]


@pytest.mark.parametrize("name", ["SCI", "ERR", "DQ", "WMAP", "WCS-TABLE"])
def test_keywords_are_the_templates_in_order_value_and_type(pair: Pair, name: str) -> None:
    ours, template = (hdus[name].header for hdus in pair)
    assert [(card.keyword, card.comment) for card in ours.cards] == [
        (card.keyword, card.comment) for card in template.cards
    ]
    for mine, theirs in zip(ours.cards, template.cards, strict=True):
        assert type(mine.value) is type(theirs.value), mine.keyword
        if mine.keyword not in OF_THE_PIXELS:
            assert mine.value == theirs.value, mine.keyword


def test_the_grid_is_the_templates(pair: Pair) -> None:
    ours, template = (hdus["SCI"].header for hdus in pair)
    assert ours["CRVAL3"] == pytest.approx(template["CRVAL3"], abs=1e-6)
    corners = [[float(number) for number in header["S_REGION"].split()[2:]] for header in (ours, template)]
    assert corners[0] == pytest.approx(corners[1], abs=1e-8)
    assert ours["S_REGION"].startswith("POLYGON ICRS  6")


def test_primary_keywords_are_a_superset_of_the_templates(pair: Pair) -> None:
    ours, template = (hdus["PRIMARY"].header for hdus in pair)
    assert not set(template) - set(ours) - {""}
    for keyword in (
        "TELESCOP",
        "INSTRUME",
        "DETECTOR",
        "EXP_TYPE",
        "DATAMODL",
        "WTYPE",
        "FLUXEXT",
        "ERREXT",
        "MASKEXT",
    ):
        assert ours[keyword] == template[keyword]


def test_files_follow_the_standard(pair: Pair) -> None:
    ours, _ = pair
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.verify("exception")
    assert bytes(ours["ASDF"].data["ASDF_METADATA"][0]).startswith(b"#ASDF 1.0.0\n")


def test_pixels_and_wavelengths_survive_the_file(tmp_path: Path) -> None:
    cube = make_cube(band="mirifushort", shape=(7, 9), planes_um=(5.3, 5.35))
    path = write_cube(tmp_path / "two_s3d.fits", cube)
    with fits.open(path) as hdus:
        for name in ("sci", "err", "dq", "wmap"):
            assert np.array_equal(hdus[name.upper()].data, getattr(cube, name), equal_nan=name in {"sci", "err"})
        assert np.array_equal(hdus["WCS-TABLE"].data["wavelength"][0, :, 0], cube.wavelength_um.astype(np.float32))
        axis = WCS(hdus["SCI"].header, fobj=hdus)
        assert axis.pixel_to_world_values(4, 3, 10)[2] == pytest.approx(cube.wavelength_um[10], abs=1e-6)


def test_an_older_linear_cube_has_no_table_and_a_combined_one_lists_its_exposures(tmp_path: Path) -> None:
    cube = make_cube(band="g395h-f290lp", shape=(5, 5), planes_um=(4.0, 4.01))
    path = write_cube(tmp_path / "three_s3d.fits", cube, wavelength_table=False, exposures=4, program="99123")
    with fits.open(path) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "ERR", "DQ", "WMAP", "HDRTAB", "ASDF"]
        assert len(hdus["HDRTAB"].data) == 4
        assert {key: hdus[0].header[key] for key in ("INSTRUME", "GRATING", "FILTER", "EXP_TYPE", "PROGRAM")} == {
            "INSTRUME": "NIRSPEC",
            "GRATING": "G395H",
            "FILTER": "F290LP",
            "EXP_TYPE": "NRS_IFU",
            "PROGRAM": "99123",
        }
        axis = WCS(hdus["SCI"].header)
        assert 1e6 * axis.pixel_to_world_values(2, 2, 3)[2] == pytest.approx(cube.wavelength_um[3], abs=1e-9)
        assert axis.pixel_to_world_values(2, 2, 0)[:2] == pytest.approx(cube.center_deg)


@pytest.mark.parametrize(("band", "detector"), [("ch2-long", "MIRIFUSHORT"), ("ch4-long", "MIRIFULONG")])
def test_miri_detectors_are_named(tmp_path: Path, band: str, detector: str) -> None:
    path = write_cube(tmp_path / "four_s3d.fits", make_cube(band=band, shape=(3, 3)))
    header = fits.getheader(path)
    assert (header["DETECTOR"], header["CHANNEL"], header["BAND"]) == (detector, band[2], "LONG")

"""Cubes are read as astropy reads them, but only what is asked for, and whatever the file holds."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from numpy.typing import NDArray

from feii_dask.cubes.reader import open_cube
from feii_dask.errors import CubeError, CubeFormatError, CubeReadError
from tests.cubes.faulty import FaultyServer
from tests.cubes.samples import make_hdus, noise, unpack, write_cube


@pytest.mark.parametrize("template", ["linear", "wavetab"])
def test_templates_of_the_pipeline(template: str, tmp_path: Path) -> None:
    path = unpack(template, tmp_path)
    cube = open_cube(str(path))
    assert cube.shape == (60, 41, 37)
    assert cube.pixel_arcsec == pytest.approx(0.13)
    assert cube.header["EXTNAME"] == "SCI"
    assert cube.primary_header["TELESCOP"] == "JWST"
    with fits.open(path) as hdus:
        in_table = hdus["WCS-TABLE"].data["wavelength"].ravel()
        np.testing.assert_allclose(cube.wavelength_um, in_table, rtol=3e-7)  # float32
        for extension in ("SCI", "ERR", "DQ", "WMAP"):
            planes = cube.planes(7, 12, extension)
            np.testing.assert_array_equal(planes, hdus[extension].data[7:12].astype(np.float32))
            assert planes.dtype == np.float32
            assert planes.dtype.isnative
            assert planes.flags.c_contiguous


@pytest.mark.parametrize("name", ["ERR", "ERROR", "error", "stddev", "stDev"])
def test_errors_are_the_same_planes_of_the_files_own_extension(name: str, tmp_path: Path) -> None:
    errors = noise(seed=5).astype(np.float64)
    hdus = make_hdus(noise(), errors)
    hdus["ERR"].header["EXTNAME"] = name
    hdus.writeto(tmp_path / "cube.fits")
    read = open_cube(str(tmp_path / "cube.fits")).errors(7, 12)
    assert read is not None
    np.testing.assert_array_equal(read, errors[7:12].astype(np.float32))


def test_errors_run_with_the_planes_where_frequency_increases(tmp_path: Path) -> None:
    sci = noise()
    uri = write_cube(tmp_path / "cube.fits", sci, 2 * sci, CTYPE3="FREQ", CUNIT3="GHz", CRVAL3=1450.0, CDELT3=0.3)
    cube = open_cube(uri)
    np.testing.assert_array_equal(cube.errors(3, 9), 2 * cube.planes(3, 9))


@pytest.mark.parametrize("spoil", ["absent", "an image", "other planes", "a table"])
def test_where_there_are_no_errors_there_are_none(spoil: str, tmp_path: Path) -> None:
    hdus = make_hdus(noise())
    match spoil:
        case "absent":
            del hdus["ERR"]
        case "an image":
            hdus["ERR"].data = np.ones((9, 8))
        case "other planes":
            hdus["ERR"].data = np.ones((59, 9, 8))
        case "a table":
            hdus[2] = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.ones(3))], name="ERR")
    hdus.writeto(tmp_path / "cube.fits")
    assert open_cube(str(tmp_path / "cube.fits")).errors(0, 5) is None


def test_errors_that_are_cut_off_are_an_error(tmp_path: Path) -> None:
    uri = write_cube(tmp_path / "cube.fits", noise())
    content = Path(uri).read_bytes()
    with fits.open(uri) as hdus:
        start = hdus.info(output=False) and hdus["ERR"].fileinfo()["datLoc"]
    Path(uri).write_bytes(content[: start + 1000])
    cube = open_cube(uri)
    cube.planes(0, 5)
    with pytest.raises(CubeReadError, match="truncated"):
        cube.errors(0, 5)


def test_headers_and_planes_cost_two_requests(server: FaultyServer, tmp_path: Path) -> None:
    """No HEAD, no walk to the file's end, no block around what is wanted."""
    sci = noise((200, 40, 41))
    server.files["/cube.fits"] = Path(write_cube(tmp_path / "cube.fits", sci)).read_bytes()
    cube = open_cube(f"{server.url}/cube.fits")
    np.testing.assert_array_equal(cube.planes(100, 141), sci[100:141])
    assert [method for method, *_ in server.log] == ["GET", "GET"]
    assert cube.requests == 2
    assert cube.bytes_read == 64 * 1024 + 41 * 40 * 41 * 4


def test_long_headers_cost_one_more(server: FaultyServer, tmp_path: Path) -> None:
    hdus = make_hdus(noise((60, 40, 40)))
    for number in range(2000):
        hdus[0].header[f"KEY{number}"] = "x" * 60
    hdus.writeto(tmp_path / "cube.fits")
    server.files["/cube.fits"] = (tmp_path / "cube.fits").read_bytes()
    cube = open_cube(f"{server.url}/cube.fits")
    assert cube.primary_header["KEY1999"] == "x" * 60
    assert cube.requests <= 3


@pytest.mark.parametrize("where", ["where the pipeline puts it", "elsewhere"])
def test_a_table_of_wavelengths_costs_one_more(where: str, server: FaultyServer, tmp_path: Path) -> None:
    path = unpack("wavetab", tmp_path)
    with fits.open(path) as hdus:
        expected = hdus["WCS-TABLE"].data["wavelength"].ravel()
        sci = hdus["SCI"].data.copy()
        if where == "elsewhere":
            hdus.insert(2, fits.ImageHDU(np.zeros(30_000), name="OTHER"))
            hdus.writeto(path, overwrite=True)
    server.files["/cube.fits"] = path.read_bytes()
    cube = open_cube(f"{server.url}/cube.fits")
    np.testing.assert_allclose(cube.wavelength_um, expected, rtol=3e-7)
    np.testing.assert_array_equal(cube.planes(20, 55), sci[20:55])
    assert cube.requests == (3 if where == "where the pipeline puts it" else 8)


def test_other_extensions_are_looked_for_once(server: FaultyServer, tmp_path: Path) -> None:
    sci, err = noise((60, 40, 40)), noise((60, 40, 40), seed=1)
    server.files["/cube.fits"] = Path(write_cube(tmp_path / "cube.fits", sci, err)).read_bytes()
    cube = open_cube(f"{server.url}/cube.fits")
    np.testing.assert_array_equal(cube.planes(20, 30, "err"), err[20:30])
    assert cube.requests == 3
    np.testing.assert_array_equal(cube.planes(40, 50, "ERR"), err[40:50])
    assert cube.requests == 4


@pytest.mark.parametrize("bitpix", [8, 16, 32, 64, -32, -64])
@pytest.mark.parametrize("scaling", [(1.0, 0.0), (0.5, 100.0)])
def test_every_kind_of_pixel(bitpix: int, scaling: tuple[float, float], tmp_path: Path) -> None:
    stored = np.arange(24).reshape(2, 3, 4).astype(fits.BITPIX2DTYPE[bitpix])
    hdu = fits.ImageHDU(stored, name="SCI", do_not_scale_image_data=True)
    hdu.header.update({"CTYPE3": "WAVE", "CUNIT3": "um", "CRVAL3": 5.0, "CDELT3": 0.1})
    hdu.header.update({"BSCALE": scaling[0], "BZERO": scaling[1]})
    hdu.header["BLANK"] = 7
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "cube.fits", output_verify="ignore")
    expected = stored.astype(float) * scaling[0] + scaling[1]
    if bitpix > 0:
        expected[stored == 7] = np.nan
    np.testing.assert_array_equal(open_cube(str(tmp_path / "cube.fits")).planes(0, 2), expected.astype(np.float32))


def test_nan_and_infinity_stay(tmp_path: Path) -> None:
    sci = np.ones((3, 3, 3))
    sci[0, 0], sci[1, 1] = [np.nan, np.inf, -np.inf], 1e300  # the last is more than float32 holds
    planes = open_cube(write_cube(tmp_path / "cube.fits", sci)).planes(0, 3)
    np.testing.assert_array_equal(planes[0, 0], [np.nan, np.inf, -np.inf])
    assert np.isinf(planes[1, 1]).all()


def test_a_cube_in_the_primary_hdu_or_under_another_name(tmp_path: Path) -> None:
    """SOFIA's cubes are in FLUX, the first extension or the primary."""
    header = make_hdus(noise())["SCI"].header
    fits.PrimaryHDU(noise(), header).writeto(tmp_path / "sci.fits")
    header["EXTNAME"] = "FLUX"
    fits.PrimaryHDU(noise(), header).writeto(tmp_path / "flux.fits")
    for name in ("sci", "flux"):
        np.testing.assert_array_equal(open_cube(f"{name}.fits", extension=name).planes(0, 60), noise())


def test_spaxel_width_without_pixar(tmp_path: Path) -> None:
    with_wcs = open_cube(write_cube(tmp_path / "wcs.fits", noise(), PIXAR_A2=None))
    assert with_wcs.pixel_arcsec == pytest.approx(0.13)
    without = open_cube(write_cube(tmp_path / "none.fits", noise(), PIXAR_A2=None, CTYPE1=None, CTYPE2=None))
    assert without.pixel_arcsec == pytest.approx(0.13)  # the steps are angles, wherever they lead
    assert without.wcs is None
    nothing = open_cube(write_cube(tmp_path / "no_step.fits", noise(), PIXAR_A2=None, CTYPE1=None, CUNIT1=None))
    assert np.isnan(nothing.pixel_arcsec)


def test_what_a_cube_says_of_itself(tmp_path: Path) -> None:
    cube = open_cube(write_cube(tmp_path / "cube.fits", noise()))
    assert repr(cube) == f"<Cube {tmp_path}/cube.fits: 60 planes of 9 × 8 spaxels, 5.3000-5.3472 µm>"


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (0, 61), (5, 4)])
def test_planes_that_do_not_exist(start: int, stop: int, tmp_path: Path) -> None:
    with pytest.raises(IndexError, match="which has 60"):
        open_cube(write_cube(tmp_path / "cube.fits", noise())).planes(start, stop)


def test_no_planes(tmp_path: Path) -> None:
    assert open_cube(write_cube(tmp_path / "cube.fits", noise())).planes(5, 5).shape == (0, 9, 8)


def damaged(raw: bytes, card: str, value: str) -> bytes:
    """Overwrite a card of the file's first extension."""
    at = raw.index(f"{card:<8}=".encode(), raw.index(b"XTENSION"))
    return raw[:at] + f"{card:<8}= {value:>20}".ljust(80).encode() + raw[at + 80 :]


@pytest.mark.parametrize(
    ("card", "value", "says"),
    [
        ("NAXIS", "2", "no cube, but a IMAGE of 2 axes"),
        ("NAXIS3", "0", "NAXIS3 = 0"),
        ("NAXIS3", "-5", "NAXIS3 = -5"),
        ("NAXIS3", "1.5", "NAXIS3 = 1.5"),
        ("NAXIS1", "4000000000", "NAXIS1 = 4000000000"),
        ("BITPIX", "33", "BITPIX = 33"),
        ("BITPIX", "'abc'", "BITPIX = 'abc'"),
        ("XTENSION", "'BINTABLE'", "no cube, but a BINTABLE"),
        ("CTYPE3", "'AWAV'", "CTYPE3 = 'AWAV'"),
        ("CUNIT3", "'Jy'", "CUNIT3 = 'Jy'"),
        ("CDELT3", "0.0", "strictly increasing"),
        ("CRVAL3", "T", "CRVAL3 = True"),
        ("CRVAL3", "'x' y", "CRVAL3"),
    ],
)
def test_headers_that_make_no_sense(card: str, value: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "cube.fits"
    path.write_bytes(damaged(Path(write_cube(path, noise())).read_bytes(), card, value))
    with pytest.raises(CubeFormatError, match=says) as caught:
        open_cube(str(path))
    assert str(path) in str(caught.value)


def test_a_corrupted_size_allocates_nothing(tmp_path: Path) -> None:
    """The header promises petabytes."""
    raw = Path(write_cube(tmp_path / "cube.fits", noise())).read_bytes()
    for axis, size in (("NAXIS1", "99999"), ("NAXIS2", "99999"), ("NAXIS3", "999999")):
        raw = damaged(raw, axis, size)
    (tmp_path / "cube.fits").write_bytes(raw)
    cube = open_cube("cube.fits")
    with pytest.raises(CubeFormatError, match="its header must be wrong"):
        cube.planes(0, 100)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "is not a FITS file"),
        (gzip.compress(b"not FITS", mtime=0), "is not a FITS file"),
        (b"\x1f\x8b\x08 and then anything at all", "cannot be decompressed"),
        (b"SIMPLE  =" + b" " * 5_000_000, "header without END"),
    ],
)
def test_files_that_are_no_fits(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "cube.fits").write_bytes(content)
    with pytest.raises(CubeFormatError, match=says):
        open_cube("cube.fits")


def test_extensions_that_are_not_there(tmp_path: Path) -> None:
    path = write_cube(tmp_path / "cube.fits", noise())
    with pytest.raises(CubeFormatError, match="no extension FLUX; it has PRIMARY, SCI, ERR, DQ, WMAP"):
        open_cube(path, extension="FLUX")
    hdus = fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU() for _ in range(120))])
    hdus.writeto(tmp_path / "many.fits")
    with pytest.raises(CubeFormatError, match="among its first 100"):
        open_cube("many.fits")


def test_an_extension_of_another_shape(tmp_path: Path) -> None:
    path = write_cube(tmp_path / "cube.fits", noise(), err=noise((60, 9, 9)))
    with pytest.raises(CubeFormatError, match="another shape in ERR than in SCI"):
        open_cube(path).planes(0, 1, "ERR")


@pytest.mark.parametrize("scheme", ["file", "http", "s3"])
def test_truncated_files(scheme: str, server: FaultyServer, tmp_path: Path) -> None:
    raw = Path(write_cube(tmp_path / "whole.fits", noise((60, 40, 40)))).read_bytes()
    (tmp_path / "cube.fits").write_bytes(raw[:200_000])
    server.files["/bucket/cube.fits"] = raw[:200_000]
    places = {"file": "cube.fits", "http": f"{server.url}/bucket/cube.fits", "s3": "s3://bucket/cube.fits"}
    cube = open_cube(places[scheme], {"s3": {"endpoint_url": server.url}})
    with pytest.raises(CubeReadError, match=r"truncated: it has 200000 of \d+ bytes"):
        cube.planes(20, 40)
    with pytest.raises(CubeReadError, match="truncated"):
        cube.planes(50, 60)


def test_files_that_end_in_a_header(tmp_path: Path) -> None:
    raw = Path(write_cube(tmp_path / "whole.fits", noise())).read_bytes()
    (tmp_path / "cube.fits").write_bytes(raw[:4000])
    with pytest.raises(CubeReadError, match="it ends in a header, at byte 4000"):
        open_cube("cube.fits")


def wavetab(table: fits.BinTableHDU | None, **cards: object) -> fits.HDUList:
    hdus = make_hdus(
        noise(), CTYPE3="WAVE-TAB", CDELT3=None, CRVAL3=1.0, PS3_0="WCS-TABLE", PS3_1="wavelength", **cards
    )
    return hdus if table is None else fits.HDUList([*hdus, table])


def wavelength_table(values: NDArray[Any], column: str = "wavelength") -> fits.BinTableHDU:
    return fits.BinTableHDU.from_columns(
        [fits.Column(column, f"{values.size}E", dim=f"(1,{values.size})", array=values.reshape(1, -1, 1))],
        name="WCS-TABLE",
    )


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (None, "no extension WCS-TABLE"),
        (wavelength_table(np.linspace(5, 6, 59)), "60 planes, but 59 wavelengths"),
        (wavelength_table(np.linspace(6, 5, 60)), "strictly increasing"),
        (wavelength_table(np.linspace(5, 6, 60), column="x"), "wavelength"),
        (fits.ImageHDU(np.zeros(3), name="WCS-TABLE"), "cannot be understood"),
    ],
)
def test_tables_of_wavelengths_that_cannot_be_used(table: fits.BinTableHDU | None, says: str, tmp_path: Path) -> None:
    wavetab(table).writeto(tmp_path / "cube.fits")
    with pytest.raises(CubeFormatError, match=says):
        open_cube("cube.fits")


def test_a_table_too_large_to_be_one_of_wavelengths(tmp_path: Path) -> None:
    wavetab(wavelength_table(np.linspace(5, 6, 60))).writeto(tmp_path / "cube.fits")
    raw = (tmp_path / "cube.fits").read_bytes()
    at = raw.rindex(b"NAXIS2  =")
    (tmp_path / "cube.fits").write_bytes(raw[:at] + b"NAXIS2  =              9999999".ljust(80) + raw[at + 80 :])
    with pytest.raises(CubeFormatError, match="a table of 2399999760 bytes"):
        open_cube("cube.fits")


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mutated_files_raise_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever the bytes: a cube, or one of our errors."""
    hdus = wavetab(wavelength_table(np.linspace(5, 6, 60))) if data.draw(st.booleans()) else make_hdus(noise())
    hdus.writeto(tmp_path / "cube.fits", overwrite=True)
    raw = bytearray((tmp_path / "cube.fits").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        header = data.draw(
            st.sampled_from([at for at in range(0, len(raw), 2880) if raw[at : at + 8].isalpha()] or [0])
        )
        at = header + data.draw(st.integers(0, 2879))
        piece = data.draw(
            st.one_of(st.binary(min_size=1, max_size=12), st.sampled_from([b"END", b"'", b"&", b"CONTINUE"]))
        )
        raw[at : at + len(piece)] = piece
    (tmp_path / "cube.fits").write_bytes(
        raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    )
    try:
        cube = open_cube(str(tmp_path / "cube.fits"))
        cube.planes(0, min(cube.shape[0], 41))
        cube.planes(0, 1, "ERR")
    except CubeError as error:
        assert str(tmp_path / "cube.fits") in str(error)


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Another implementation of S3, with a bucket that anyone may read and one that only the owner may."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    client = boto3.client("s3", "us-east-1", aws_access_key_id="owner", aws_secret_access_key="secret")
    client.create_bucket(Bucket="stpubdata", ACL="public-read")
    client.create_bucket(Bucket="private")
    yield client
    client.close()
    server.stop()


def test_anonymous_s3(moto: Any, tmp_path: Path) -> None:
    sci = noise()
    body = Path(write_cube(tmp_path / "cube.fits", sci)).read_bytes()
    moto.put_object(Bucket="stpubdata", Key="jwst/public/cube.fits", Body=body, ACL="public-read")
    moto.put_object(Bucket="private", Key="cube.fits", Body=body)
    np.testing.assert_array_equal(open_cube("s3://stpubdata/jwst/public/cube.fits").planes(20, 30), sci[20:30])
    with pytest.raises(CubeError, match="does not exist"):
        open_cube("s3://stpubdata/jwst/public/nothing.fits")
    with pytest.raises(CubeReadError, match="access denied"):
        open_cube("s3://private/cube.fits")
    owner = {"anon": False, "key": "owner", "secret": "secret"}
    assert open_cube("s3://private/cube.fits", owner).shape == sci.shape


@pytest.mark.parametrize("step", [0.8, -0.8])
def test_planes_of_a_frequency_axis_are_numbered_by_wavelength(step: float, tmp_path: Path) -> None:
    sci = noise()
    cube = open_cube(write_cube(tmp_path / "spire.fits", sci, CTYPE3="FREQ", CUNIT3="GHz", CRVAL3=900.0, CDELT3=step))
    by_wavelength = sci[::-1] if step > 0 else sci
    assert (np.diff(cube.wavelength_um) > 0).all()
    np.testing.assert_array_equal(cube.planes(3, 11), by_wavelength[3:11])
    np.testing.assert_array_equal(cube.planes(0, 60), by_wavelength)
    assert cube.planes(3, 11).flags.c_contiguous
    hertz = 1e9 * (900.0 + step * np.arange(60))
    np.testing.assert_allclose(cube.wavelength_um, np.sort(299_792_458e6 / hertz))

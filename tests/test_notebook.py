"""A user of the notebook changes the import and goes on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Column, QTable, Table
from matplotlib.path import Path as Outline

from feii_dask import notebook
from feii_dask.errors import CubeMissingError, RegionError, SettingsError
from feii_dask.notebook import (
    check_conditions,
    check_points_in_polygon,
    detect_spikes,
    extension_vs_wavebin,
    get_jwst_wave_array,
    line_search,
    load_cloud_data,
    not_none,
    parse_polygon,
)
from tests.cubes.samples import unpack, write_cube
from tests.test_scan import PLANE, jet

FOOTPRINT = "POLYGON ICRS  10.000000000 20.000000000 10.001 20.000 10.001 20.001 10.000 20.001"
TRANSITIONS = [25.988, 24.519, 17.936, 5.340, 1.644, 1.600, 1.257] * u.um


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    """Draw without a screen, and leave nothing."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


def observation(**changes: Any) -> dict[str, Any]:
    known = {"obs_id": "jw01_ch1-short", "dataURL": "mast:JWST/product/a", "em_min": 4900.0, "em_max": 5740.0}
    return known | {"s_ra": 10.0005, "s_dec": 20.0005, "s_region": FOOTPRINT} | changes


def as_rows(**changes: Any) -> list[Any]:
    """Return the observation as a row of pandas and of astropy, the second from a table with another row."""
    return [pd.Series(observation(**changes)), Table([observation(**changes), observation(**changes)])[1]]


def test_parse_polygon_is_closed() -> None:
    polygon = parse_polygon(FOOTPRINT)
    assert polygon == [(10.0, 20.0), (10.001, 20.0), (10.001, 20.001), (10.0, 20.001), (10.0, 20.0)]
    assert parse_polygon("POLYGON 10 20 11 20 11 21 10 20") == [(10.0, 20.0), (11.0, 20.0), (11.0, 21.0), (10.0, 20.0)]
    assert Outline(polygon, closed=True).contains_point((10.0005, 20.0005))


@pytest.mark.parametrize(
    "s_region",
    ["", "CIRCLE ICRS 10 20 1", f"{FOOTPRINT} {FOOTPRINT.replace('10.0', '30.0')}", "POLYGON ICRS 10 20 11 20", None],
)
def test_parse_polygon_refuses_what_is_none(s_region: Any) -> None:
    with pytest.raises(RegionError):
        parse_polygon(s_region)


@pytest.mark.parametrize("kind", [0, 1])
def test_check_points_in_polygon(kind: int) -> None:
    obs = as_rows()[kind]
    inside, outside = np.array([[80.0, -3.0], [10.0005, 20.0005]]), [[10.0015, 20.0005], [190.0005, -20.0005]]
    assert check_points_in_polygon(obs, inside) is obs
    empty = check_points_in_polygon(obs, outside)
    assert isinstance(empty, pd.Series)
    assert list(empty.index) == list(observation())
    assert empty.isna().all()


def test_the_notebooks_crossmatch_cell() -> None:
    table = Table([observation(), observation(s_region=FOOTPRINT.replace("20.0", "40.0")), observation(obs_id="third")])
    rows = [obs for _, obs in table.to_pandas().iterrows()]
    results = pd.DataFrame([check_points_in_polygon(obs, [[10.0005, 20.0005]]) for obs in rows]).dropna(how="all")
    assert list(Table.from_pandas(results)["obs_id"]) == ["jw01_ch1-short", "third"]


def test_pickle_files_are_not_read(tmp_path: Path) -> None:
    """Unpickling runs whatever is in the file."""
    for name in ("coords", "cloud_uri_map", "transitions"):
        (tmp_path / f"{name}.pkl").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(SettingsError, match="coordinates_to_test is required"):
        check_points_in_polygon(as_rows()[0])
    with pytest.raises(SettingsError, match="cloud_uri_map is required"):
        line_search(as_rows()[0])
    with pytest.raises(SettingsError, match="transitions is required"):
        line_search(as_rows()[0], {})
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("template", ["linear", "wavetab"])
@pytest.mark.parametrize("extension", ["SCI", "ERR", "DQ", "WMAP"])
def test_load_cloud_data_as_fits_open(template: str, extension: str, tmp_path: Path) -> None:
    path = unpack(template, tmp_path)
    header, data = load_cloud_data(str(path), extension)
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(data, hdus[extension].data)
        assert data.dtype == hdus[extension].data.dtype
        assert repr(header) == repr(hdus[extension].header)


def test_load_cloud_data_of_a_table_and_of_nothing(tmp_path: Path) -> None:
    path = str(unpack("wavetab", tmp_path))
    assert load_cloud_data(path, extension="WCS-TABLE")[1]["wavelength"].flatten().size == 60
    with pytest.raises(CubeMissingError, match="nowhere"):
        load_cloud_data("nowhere.fits")


def test_get_jwst_wave_array(tmp_path: Path) -> None:
    linear = str(unpack("linear", tmp_path))
    header, _ = load_cloud_data(linear)
    expected = header["CRVAL3"] + header["CDELT3"] * np.arange(header["NAXIS3"])
    np.testing.assert_array_equal(get_jwst_wave_array(header, linear), expected * u.um)
    wavetab = str(unpack("wavetab", tmp_path))
    header, _ = load_cloud_data(wavetab)
    from_table = get_jwst_wave_array(header, wavetab)
    assert from_table.unit == u.um
    np.testing.assert_array_equal(from_table.value, fits.getdata(wavetab, "WCS-TABLE")["wavelength"].ravel())


def test_wavelengths_in_the_headers_unit(tmp_path: Path) -> None:
    uri = write_cube(tmp_path / "cube.fits", np.ones((3, 2, 2)), CRVAL3=5.3e-6, CDELT3=1e-9, CUNIT3="m")
    wave = get_jwst_wave_array(load_cloud_data(uri)[0], uri)
    assert wave.unit == u.m
    np.testing.assert_allclose(wave.value, [5.300e-6, 5.301e-6, 5.302e-6])


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(
    ("changes", "worth"),
    [
        ({}, True),
        ({"em_min": 5340.0}, True),
        ({"em_max": 5339.0}, False),
        ({"obs_id": "jw01_ch1-shortmediumlong"}, False),
        ({"dataURL": "mast:JWST/product/none"}, False),
        ({"dataURL": "mast:JWST/product/unknown"}, False),
        ({"em_min": np.nan, "em_max": np.nan}, True),
    ],
)
def test_check_conditions(kind: int, changes: dict[str, Any], worth: bool) -> None:
    uris = {"mast:JWST/product/a": "s3://stpubdata/a", "mast:JWST/product/none": None}
    assert check_conditions(as_rows(**changes)[kind], uris, TRANSITIONS) is worth


def test_check_conditions_of_masked_rows_and_of_quantities() -> None:
    masked = Table([observation()], masked=True)
    masked["em_min"].mask = masked["em_max"].mask = True
    uris = {"mast:JWST/product/a": "s3://stpubdata/a"}
    assert check_conditions(masked[0], uris, TRANSITIONS)
    masked["dataURL"].mask = True
    assert not check_conditions(masked[0], uris, TRANSITIONS)
    table = QTable([observation()])
    table["em_min"], table["em_max"] = table["em_min"] * u.nm, table["em_max"] * u.nm
    assert check_conditions(table[0], uris, TRANSITIONS)


@pytest.fixture
def uris(tmp_path: Path) -> dict[str, str | None]:
    return {
        "mast:JWST/product/a": write_cube(tmp_path / "a.fits", jet(), CRVAL3=5.2452),
        "mast:JWST/product/b": write_cube(tmp_path / "b.fits", jet()[:100], CRVAL3=5.2452),
        "mast:JWST/product/c": None,
    }


@pytest.mark.parametrize("plot", [False, True])
@pytest.mark.parametrize("kind", [0, 1])
def test_line_search(kind: int, plot: bool, uris: dict[str, str | None]) -> None:
    obs = as_rows()[kind]
    found = line_search(obs, uris, TRANSITIONS, plot=plot)
    assert found is obs
    assert [line.to_value(u.um) for line in found["detected_feii_lines"]] == [5.34]
    assert all(isinstance(line, u.Quantity) for line in found["detected_feii_lines"])


def test_line_search_is_the_notebooks_own_way(uris: dict[str, str | None]) -> None:
    """Whole cube, curve, spike at the first plane at or beyond the line."""
    uri = uris["mast:JWST/product/a"]
    assert uri is not None
    header, data = load_cloud_data(uri)
    wave = get_jwst_wave_array(header, uri)
    blobs = extension_vs_wavebin(data)
    for line in [5.30, 5.32, 5.34, 5.3414, 5.36] * u.um:
        expected = detect_spikes(blobs, int(np.searchsorted(wave, line)), 3.0)
        found = line_search(as_rows()[0], uris, u.Quantity([line]))["detected_feii_lines"]
        assert found == ([line] if expected else [])
    assert np.argmax(blobs) == PLANE


@pytest.mark.parametrize("product", ["b", "c", "d"])
def test_line_search_without_a_find(product: str, uris: dict[str, str | None]) -> None:
    """The line is outside the cube, there is no copy, the map does not know it."""
    for obs in as_rows(dataURL=f"mast:JWST/product/{product}"):
        assert line_search(obs, uris, TRANSITIONS, plot=True)["detected_feii_lines"] == []
    assert not plt.get_fignums()


def test_line_search_keeps_other_rows(uris: dict[str, str | None]) -> None:
    """The notebook's cell: a table with the new column, row by row, and back to a table."""
    table = Table(
        [observation(), observation(dataURL="mast:JWST/product/b"), observation(dataURL="mast:JWST/product/c")]
    )
    work = copy.deepcopy(table)
    work.add_column(Column(name="detected_feii_lines", dtype=object, length=len(table)))
    rows = [line_search(obs, uris, TRANSITIONS) for obs in work]
    lines = Table(rows=rows, names=work.colnames)
    assert [len(found) for found in lines["detected_feii_lines"]] == [1, 0, 0]
    assert u.Quantity(list({line for found in lines["detected_feii_lines"] for line in found})) == [5.34] * u.um


def test_line_search_makes_the_column_where_there_is_none(uris: dict[str, str | None]) -> None:
    table = Table([observation(), observation()])
    line_search(table[1], uris, TRANSITIONS)
    assert table["detected_feii_lines"][0] is None
    assert table["detected_feii_lines"][1] == [5.34 * u.um]


def test_a_cube_that_cannot_be_read_raises(uris: dict[str, str | None]) -> None:
    with pytest.raises(CubeMissingError):
        line_search(as_rows()[0], {"mast:JWST/product/a": "nowhere.fits"}, TRANSITIONS)


def test_figure_3(uris: dict[str, str | None], capsys: pytest.CaptureFixture[str]) -> None:
    transitions = [5.30, 5.34, 17.936] * u.um
    line_search(as_rows()[0], uris, transitions, plot=True)
    printed = capsys.readouterr().out
    assert "obs_id: jw01_ch1-short" in printed
    assert "[5.34] um" in printed
    (number,) = plt.get_fignums()
    (ax,) = plt.figure(number).axes
    curve, *marks = ax.lines
    assert curve.get_xydata().shape == (200, 2)  # type: ignore[union-attr]
    assert sorted(mark.get_xdata()[0] for mark in marks) == [5.30, 5.34]  # type: ignore[index]


def test_no_figure_without_plot(uris: dict[str, str | None]) -> None:
    """The notebook leaves lines on an invisible figure."""
    line_search(as_rows()[0], uris, TRANSITIONS)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), (pd.NA, False), (np.nan, False), (np.ma.masked, False), ("", True), ("s3://a", True), (0.0, True)],
)
def test_not_none(value: object, expected: bool) -> None:
    assert not_none(value) is expected


def test_every_name_of_the_notebook_is_there() -> None:
    sky = {"parse_polygon", "check_points_in_polygon"}
    cubes = {"load_cloud_data", "get_jwst_wave_array", "check_conditions", "line_search", "not_none"}
    assert {"extension_vs_wavebin", "detect_spikes"} | sky | cubes == set(notebook.__all__)

"""Cutouts come back as they were, under names that every file system takes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.errors import StoreError
from feii_dask.model import Cutout, Line
from feii_dask.store.cutout_files import cutout_path, read_cutout, read_line_map, write_cutout


def test_a_cutout_comes_back_as_it_was(
    tmp_path: Path, lines: tuple[Line, ...], cutout_of: Callable[..., Cutout]
) -> None:
    cutout, path = replace(cutout_of(lines[1]), mask=np.eye(24, 27, dtype=bool)), tmp_path / "a.fits"
    write_cutout(path, "jw01290", cutout)
    back = read_cutout(path)
    assert back.line == lines[1]
    for name in (
        "line_map",
        "before_map",
        "after_map",
        "mask",
        "off_line_map",
        "moment_map",
        "wavelength_um",
        "spectrum",
        "statistic",
    ):
        np.testing.assert_array_equal(getattr(back, name), getattr(cutout, name))
        assert getattr(back, name).dtype == getattr(cutout, name).dtype
    assert back.header == cutout.header
    np.testing.assert_array_equal(read_line_map(path), cutout.line_map)


def test_a_detector_need_not_tell_where_the_emission_is(
    tmp_path: Path, lines: tuple[Line, ...], cutout_of: Callable[..., Cutout]
) -> None:
    write_cutout(tmp_path / "a.fits", "jw01290", cutout_of(lines[1]))
    assert read_cutout(tmp_path / "a.fits").mask is None


def test_threads_write_what_they_share_without_changing_it(
    tmp_path: Path, lines: tuple[Line, ...], cutout_of: Callable[..., Cutout]
) -> None:
    shared = np.random.default_rng(1).normal(size=(300, 300)).astype(np.float32)
    before = shared.copy()
    maps = dict.fromkeys(("line_map", "before_map", "after_map", "off_line_map", "moment_map"), shared)
    cutout = replace(cutout_of(lines[1]), **maps)
    paths = [tmp_path / f"{number}.fits" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(write_cutout, path, "jw01290", cutout) for path in paths]
        assert not any(each.exception() for each in written)
    np.testing.assert_array_equal(shared, before)
    for path in paths:
        back = read_cutout(path)
        for name in maps:
            np.testing.assert_array_equal(getattr(back, name), before)


def test_others_can_open_it(tmp_path: Path, lines: tuple[Line, ...], cutout_of: Callable[..., Cutout]) -> None:
    cutout, path = cutout_of(lines[1]), tmp_path / "a.fits"
    write_cutout(path, "jw01290", cutout)
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert hdus[0].header["OBS_ID"] == "jw01290"
        assert hdus[0].header["LINE"] == "Fe II 5.340"
        maps = ["LINE", "BEFORE", "AFTER", "OFFLINE", "MOMENT0"]
        assert [hdu.name for hdu in hdus[1:]] == [*maps, "SPECTRUM"]
        for hdu in (hdus[name] for name in maps):
            assert u.Unit(hdu.header["BUNIT"]).is_equivalent(
                u.um * u.MJy / u.sr if hdu.name == "MOMENT0" else u.MJy / u.sr
            )
            ra, dec = WCS(hdu.header).pixel_to_world_values(11, 12)  # CRPIX counts from 1
            assert (ra, dec) == pytest.approx((69.9, 25.7), abs=1e-12)
        assert u.Unit(hdus["MOMENT0"].header["BUNIT"]) == u.um * u.MJy / u.sr
    table = QTable.read(path, hdu="SPECTRUM")
    assert table["wavelength"].unit == u.um
    assert table["spectrum"].unit == u.MJy / u.sr


def test_a_cutout_without_a_unit(tmp_path: Path, lines: tuple[Line, ...], cutout_of: Callable[..., Cutout]) -> None:
    cutout = cutout_of(lines[0])
    del cutout.header["BUNIT"]
    write_cutout(tmp_path / "a.fits", "a", cutout)
    with fits.open(tmp_path / "a.fits") as hdus:
        assert hdus["LINE"].header["BUNIT"] == ""
        assert hdus["MOMENT0"].header["BUNIT"] == "um"


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=60))
def test_no_name_leads_out_of_the_directory_or_is_too_long(obs_id: str, line: str) -> None:
    path = cutout_path(Path("run/cutouts"), obs_id, line)
    assert path.parent == Path("run/cutouts")
    assert not path.name.startswith(".")
    assert path.name.isascii()
    assert len(f".{path.name}.4194304.tmp") <= 255  # the temporary name has to fit too


names = st.text(alphabet="aB1._-/ é", min_size=1, max_size=8)


@given(names, names, names, names)
def test_two_names_never_share_a_file(obs_id: str, line: str, other_obs_id: str, other_line: str) -> None:
    if (obs_id, line) != (other_obs_id, other_line):
        one, other = cutout_path(Path(), obs_id, line), cutout_path(Path(), other_obs_id, other_line)
        assert one != other


@pytest.mark.parametrize("obs_id", ["naïve\nid", "..", "a/b" * 60, "\\x41", "x" * 300])
def test_any_identifier_is_kept_inside_the_file(
    tmp_path: Path, lines: tuple[Line, ...], cutout_of: Callable[..., Cutout], obs_id: str
) -> None:
    line = Line("H₂ 0-0 S(7)", 5.511)
    path = cutout_path(tmp_path, obs_id, line.name)
    write_cutout(path, obs_id, cutout_of(line))
    assert read_cutout(path).line == line
    stored = fits.getval(path, "OBS_ID")
    assert stored.encode("ascii").decode("unicode_escape") == obs_id


@pytest.mark.parametrize("content", [None, b"", b"SIMPLE  =", b"not FITS" * 1000])
def test_what_is_no_cutout_is_a_store_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.fits"
    if content is not None:
        path.write_bytes(content)
    for read in (read_cutout, read_line_map):
        with pytest.raises(StoreError, match="not a cutout"):
            read(path)


def test_another_fits_file_is_a_store_error(tmp_path: Path) -> None:
    fits.PrimaryHDU().writeto(tmp_path / "a.fits")
    with pytest.raises(StoreError, match="not a cutout"):
        read_cutout(tmp_path / "a.fits")

"""What a scan cuts out opens in other programs: specutils and astropy, with units, coordinates and checksums."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import NDData
from astropy.wcs import WCS

import feii_dask as fd
from feii_dask.simulate import Jet, make_cube
from feii_dask.simulate.s3d import write_cube
from feii_dask.store.cutout_files import read_cutout
from feii_dask.store.run_store import RunStore
from tests.runs import make_matched, make_ysos

LINE = fd.Line("Fe II", 5.340169)
VELOCITY_KMS = -120.0
NAME = 'V* "T" Tau é'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> fd.SearchResult:
    """A run of one simulated cube with one jet."""
    directory = tmp_path_factory.mktemp("run")
    jet = Jet(line=LINE, snr=20.0, velocity_kms=VELOCITY_KMS)
    cube = make_cube(jets=(jet,), planes_um=(5.15, 5.53), shape=(27, 27), seed=4)
    write_cube(directory / "cube.fits", cube)
    store = RunStore.create(directory / "run", {"fingerprint": "f00d", "settings": {"mission": "jwst"}})
    matched = make_matched({"jw1": [0]}, uri=str(directory / "cube.fits"))
    store.write_tables(ysos=make_ysos([0]), observations=matched[["obs_id"]], matched=matched)
    outcome = fd.scan_cube(
        fd.MatchedCube(obs_id="jw1", uri=str(directory / "cube.fits"), object_name=NAME),
        fd.Context(lines=(LINE,), fingerprint="f00d"),
    )
    with store.writer() as writer:
        writer.add(outcome)
    return fd.open_run(store.directory)


@pytest.fixture
def path(run: fd.SearchResult) -> Path:
    return run.detections[0].path


def test_specutils_reads_the_jets_spectrum(run: fd.SearchResult, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the import of its dependencies
        from specutils import Spectrum
        from specutils.io.parsing_utils import generic_spectrum_from_table
    spectrum, held = Spectrum.read(path), run.detections[0].spectrum
    assert spectrum.flux.unit == u.Jy
    assert spectrum.spectral_axis.unit == u.um
    np.testing.assert_allclose(spectrum.flux.value, held["flux"].value)
    np.testing.assert_allclose(spectrum.uncertainty.array, held["uncertainty"].value)
    near = abs(spectrum.spectral_axis.to_value("um") - LINE.wavelength_um) < 0.01
    velocity = spectrum.spectral_axis[near][np.argmax(spectrum.flux[near])].to_value("um") / LINE.wavelength_um - 1
    assert velocity * 299792.458 == pytest.approx(VELOCITY_KMS, abs=45)  # a plane
    assert generic_spectrum_from_table(held).flux.unit == u.Jy


def test_specutils_takes_the_cube(run: fd.SearchResult) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from specutils import Spectrum
    cube = run.detections[0].cube
    assert isinstance(cube, NDData)
    spectrum = Spectrum(flux=cube.data * cube.unit, wcs=cube.wcs)
    assert spectrum.shape == (41, 27, 27)
    assert spectrum.rest_value.to_value("um") == pytest.approx(LINE.wavelength_um)


def test_the_file_says_where_it_is_from(run: fd.SearchResult, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            header = hdus[0].header
            planes, wcs = hdus["CUBE"].data, WCS(hdus["CUBE"].header)
            wavelength_um = hdus["SPECTRUM"].data["wavelength"]
            first = hdus["CUBE"].header["ROW0"]
    assert header["OBJECT"].encode("ascii").decode("unicode_escape") == NAME
    assert header["FINGERPR"] == "f00d"
    assert header["CUBEURI"].endswith("cube.fits")
    assert header["TELESCOP"] == "JWST"
    assert header["VELOCITY"] == pytest.approx(VELOCITY_KMS, abs=20)
    assert header["CREATOR"].startswith("feii_dask")
    row = run.detections[0]
    for card, name in {"FLUX": "flux", "SNR": "snr", "PVALUE": "p_value", "VELOCITY": "velocity_kms"}.items():
        assert header[card] == pytest.approx(u.Quantity(row[name]).value)
    assert planes.dtype.newbyteorder("=") == np.float32
    along = wcs.pixel_to_world_values(0, 0, np.arange(len(planes)))[2] * 1e6
    np.testing.assert_allclose(along, wavelength_um[first : first + len(planes)], atol=0.02 * 0.0008)
    middle = wcs.celestial.pixel_to_world(13, 13)
    assert middle.separation(WCS(fits.getheader(path, "LINE")).pixel_to_world(13, 13)) < 1 * u.mas


def test_a_cutout_with_all_it_has_comes_back(path: Path) -> None:
    cutout = read_cutout(path)
    assert cutout.planes is not None
    assert cutout.jet_spectrum is not None
    assert cutout.origin["OBJECT"] == NAME
    line = cutout.origin["PLANE"] - 0
    assert isinstance(line, int)
    middle = int(np.argmin(abs(cutout.wavelength_um - float(cutout.origin["WAVELEN"]))))
    np.testing.assert_array_equal(cutout.planes[middle - cutout.planes_start], cutout.line_map)

"""The functions of the Fornax notebook, by their own names.

Change the import, and the notebook goes on::

    from feii_dask.notebook import check_points_in_polygon, line_search, load_cloud_data, parse_polygon

Rows may be those of pandas (Series) or of astropy (Row). What differs: footprints of any kind are understood, only the
planes that matter are read, and nothing is taken from pickle files, because unpickling runs whatever they contain.
For whole archives `feii_dask.search` does the same, and more.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan
from typing import Any, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from astropy import units as u
from astropy.io import fits
from astropy.table import Row
from numpy.typing import ArrayLike

from feii_dask.cubes.hdus import FitsFile, format_errors
from feii_dask.cubes.reader import Cube, open_cube
from feii_dask.cubes.storage import RangeReader
from feii_dask.cubes.wavelengths import table_places, wavelengths_um
from feii_dask.detectors.line_window import LineWindow
from feii_dask.detectors.notebook import NotebookDetector, detect_spikes, extension_vs_wavebin
from feii_dask.errors import RegionError, SettingsError
from feii_dask.figures.plots import plot_lines
from feii_dask.model import Line, MatchedCube, skip_reason
from feii_dask.sky.regions import parse_region

__all__ = [
    "check_conditions",
    "check_points_in_polygon",
    "detect_spikes",
    "extension_vs_wavebin",
    "get_jwst_wave_array",
    "line_search",
    "load_cloud_data",
    "not_none",
    "parse_polygon",
]

ObservationRow: TypeAlias = "pd.Series[Any] | Row"
NO_PICKLE = "is required: files such as {} are not read, because unpickling runs whatever code they contain"


def parse_polygon(s_region: str) -> list[tuple[float, float]]:
    """Return the vertices of a footprint that is a single polygon, closed: the last is the first again.

    Parameters
    ----------
    s_region : str
        STC-S, as in an archive's table.

    Returns
    -------
    list of tuple of float
        ra and dec of each vertex, ICRS, deg.

    Raises
    ------
    RegionError
        If it cannot be parsed, or is not a single polygon; `feii_dask.parse_region` takes all kinds.

    Examples
    --------
    >>> parse_polygon("POLYGON ICRS  10 20 11 20 11 21")
    [(10.0, 20.0), (11.0, 20.0), (11.0, 21.0), (10.0, 20.0)]
    """
    region = parse_region(s_region)
    if len(region.rings) != 1 or region.circles:
        raise RegionError(f"s_region {s_region!r} is not a single polygon: use feii_dask.parse_region")
    vertices = [(float(ra), float(dec)) for ra, dec in region.rings[0]]
    return [*vertices, vertices[0]]


def check_points_in_polygon(obs: ObservationRow, coordinates_to_test: ArrayLike | None = None) -> ObservationRow:
    """Return an observation if any of some positions lies in its footprint.

    Parameters
    ----------
    obs : pandas.Series or astropy.table.Row
        With ``s_region``.
    coordinates_to_test : (n, 2) array_like
        ra and dec, deg.

    Returns
    -------
    pandas.Series or astropy.table.Row
        ``obs``, or a Series of NaN with its names.

    Raises
    ------
    SettingsError
        If there are no coordinates.
    RegionError
        If the footprint cannot be parsed.
    """
    if coordinates_to_test is None:
        raise SettingsError(f"coordinates_to_test {NO_PICKLE.format('coords.pkl')}")
    positions = np.asarray(coordinates_to_test, dtype=np.float64)
    if parse_region(obs["s_region"]).contains(positions[:, 0], positions[:, 1]).any():
        return obs
    names = obs.index if isinstance(obs, pd.Series) else obs.colnames
    return pd.Series(nan, index=names)


def load_cloud_data(cloud_uri: str, extension: str = "SCI") -> tuple[fits.Header, Any]:
    """Load one extension of a FITS file into memory, and nothing else of it.

    Parameters
    ----------
    cloud_uri : str
        ``s3://…``, ``https://…``, or a path.
    extension : str
        Its name.

    Returns
    -------
    header : astropy.io.fits.Header
        The extension's header.
    data : ndarray or astropy.io.fits.FITS_rec
        Its data.

    Raises
    ------
    CubeError
        If it cannot be loaded; the subclass and the message say why.
    """
    with format_errors(cloud_uri):
        file = FitsFile(RangeReader(cloud_uri))
        hdu = file.parse(file.find(extension))
        return hdu.header, hdu.data


def get_jwst_wave_array(header: fits.Header, cloud_uri: str) -> u.Quantity:
    """Return the wavelength of every plane of a cube.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Header of the cube's extension.
    cloud_uri : str
        Where its file is; asked only for multi-channel cubes, whose wavelengths are in a table.

    Returns
    -------
    (n,) Quantity
        In units of the header's CUNIT3.

    Raises
    ------
    CubeError
        If the header does not tell wavelengths, or their table cannot be loaded.
    """
    places = table_places(header)
    table = load_cloud_data(cloud_uri, places[0][0])[1][places[0][1]] if places else None
    with format_errors(cloud_uri):
        return u.Quantity(wavelengths_um(header, table), u.um).to(header["CUNIT3"])


def check_conditions(obs: ObservationRow, cloud_uri_map: Mapping[str, str | None], transitions: u.Quantity) -> bool:
    """Say whether an observation is worth opening, from what the archive says of it.

    Parameters
    ----------
    obs : pandas.Series or astropy.table.Row
        With ``obs_id``, ``dataURL``, ``em_min`` and ``em_max`` (nm, as MAST has them). Where the archive states no
        band, the cube has to be opened.
    cloud_uri_map : mapping of str to str
        From ``dataURL`` to cloud URI.
    transitions : Quantity
        Wavelengths to look for.

    Returns
    -------
    bool
        True if a line is in its band, it has a cloud URI, and it is not a stale product.
    """
    return skip_reason(matched_cube_of(obs, cloud_uri_map), lines_of(transitions)) is None


def line_search(
    obs: ObservationRow,
    cloud_uri_map: Mapping[str, str | None] | None = None,
    transitions: u.Quantity | None = None,
    plot: bool = False,
) -> ObservationRow:
    """Look for extended emission in lines in the cube of an observation.

    Parameters
    ----------
    obs : pandas.Series or astropy.table.Row
        As for `check_conditions`.
    cloud_uri_map : mapping of str to str
        From ``dataURL`` to cloud URI.
    transitions : Quantity
        Wavelengths to look for.
    plot : bool
        If a line is found, show the size of bright emission against wavelength (which needs the whole cube), with
        found lines in red and others in blue: the notebook's figure 3.

    Returns
    -------
    pandas.Series or astropy.table.Row
        ``obs``, with the found wavelengths as a list of Quantities in ``detected_feii_lines``; a table gets that
        column if it has none.

    Raises
    ------
    SettingsError
        If there is no map, or there are no transitions.
    CubeError
        If the cube cannot be read; `feii_dask.scan_cube` makes an outcome of that instead.
    """
    if cloud_uri_map is None or transitions is None:
        missing = "cloud_uri_map" if cloud_uri_map is None else "transitions"
        raise SettingsError(f"{missing} {NO_PICKLE.format(missing + '.pkl')}")
    detected: list[u.Quantity] = []
    if check_conditions(obs, cloud_uri_map, transitions):
        cube = open_cube(str(cloud_uri_map[obs["dataURL"]]))
        detected, others = search_cube(cube, transitions)
        if plot and detected:
            show_lines(str(obs["obs_id"]), cube, detected, others)
    if isinstance(obs, Row) and "detected_feii_lines" not in obs.colnames:
        obs.table["detected_feii_lines"] = np.full(len(obs.table), None, dtype=object)
    obs["detected_feii_lines"] = detected
    return obs


def not_none(value: object) -> bool:
    """Say whether there is a value: not None, NaN, ``pandas.NA`` or masked."""
    return not (value is None or value is pd.NA or value is np.ma.masked or (isinstance(value, float) and isnan(value)))


def matched_cube_of(obs: ObservationRow, cloud_uri_map: Mapping[str, str | None]) -> MatchedCube:
    """Return an observation as a cube to scan, without targets."""
    data_url = obs["dataURL"]
    uri = cloud_uri_map.get(data_url) if not_none(data_url) else None
    return MatchedCube(
        obs_id=str(obs["obs_id"]),
        uri=uri if uri is not None and not_none(uri) else None,
        em_min_um=as_microns(obs["em_min"]),
        em_max_um=as_microns(obs["em_max"]),
    )


def as_microns(value: Any) -> float:
    """Return a limit of a band, a Quantity or a number in nm as MAST has it, in µm; NaN where there is none."""
    if isinstance(value, u.Quantity):
        return float(value.to_value(u.um))
    return float(value) / 1000 if not_none(value) else nan


def lines_of(transitions: u.Quantity) -> tuple[Line, ...]:
    """Return wavelengths as lines of [Fe II]."""
    return tuple(Line("Fe II", float(wavelength.to_value(u.um))) for wavelength in transitions)


def search_cube(cube: Cube, transitions: u.Quantity) -> tuple[list[u.Quantity], list[u.Quantity]]:
    """Return the lines in a cube that are detected, and those that are not."""
    detector = NotebookDetector()
    detected: list[u.Quantity] = []
    others: list[u.Quantity] = []
    for wavelength, line in zip(transitions, lines_of(transitions), strict=True):
        planes = detector.plane_range(cube.wavelength_um, line)
        if planes is not None:
            found = detector.detect(LineWindow(cube.planes(*planes), cube.wavelength_um[slice(*planes)], line))
            (detected if found.detected else others).append(wavelength)
    return detected, others


def show_lines(obs_id: str, cube: Cube, detected: list[u.Quantity], others: list[u.Quantity]) -> None:
    """Print the detected lines, and show the notebook's figure 3."""
    print(f"obs_id: {obs_id}")
    print(f"Detected lines: {u.Quantity(detected)}")
    plot_lines(
        cube.wavelength_um,
        extension_vs_wavebin(cube.planes(0, cube.shape[0])),
        [line.to_value(u.um) for line in detected],
        [line.to_value(u.um) for line in others],
        ax=plt.subplots()[1],
    )
    plt.show()

"""Table of missions: archive, query, FITS extension, wavelength range, default lines and detector of each.

All else is the same for every mission. The footprint is the column ``s_region``, which CAOM (MAST) and ObsCore (IRSA)
share. The spectral axis with its unit, the unit of the flux and the coordinates of the spaxels are read from the
header of each cube.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from feii_dask.config.plugins import import_named
from feii_dask.errors import SettingsError

__all__ = ["MISSIONS", "Mission", "find_mission", "mission_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """How one mission's cubes are found, read and searched.

    Attributes
    ----------
    name : str
        Name in the setting ``mission``.
    archive : str
        Archive of its cubes: ``mast`` or ``irsa``.
    query : mapping
        Query for its cubes: arguments of astroquery's ``Observations.query_criteria`` or ``Irsa.query_sia``.
    cube_column : str
        Column of the observation table with the cube's URI or URL, used if ``cloud_access`` names no cloud copy.
    micron_per_em_unit : float
        Unit of the table's ``em_min`` and ``em_max``, µm.
    extension : str
        FITS extension that holds the flux.
    coverage_um : tuple of float
        Shortest and longest wavelength of the mission's cubes, µm.
    spaxel_arcsec : float
        The smallest spaxel of its cubes, arcsec.
    lines : tuple of str
        Default of the setting ``lines``.
    detector : str
        Default of the setting ``detector``.
    detector_options : mapping
        Arguments of that detector that depend on the mission, such as beam and line-spread function.
    tried : str
        What ``--help`` says of a mission whose archive has not been asked itself.
    """

    name: str
    archive: str
    query: Mapping[str, Any]
    cube_column: str
    micron_per_em_unit: float
    extension: str
    coverage_um: tuple[float, float]
    spaxel_arcsec: float
    lines: tuple[str, ...]
    detector: str
    detector_options: Mapping[str, Any] = field(default_factory=dict)
    tried: str = ""


# Wavelength, µm, and FWHM of the beam, arcsec. FIFI-LS: the diffraction limit of 2.5 m; its pipeline assumes 5″ and 10″
# in its two channels (sofia_redux, fifi_ls.get_resolution), and samples these with five spaxels.
FIFI_BEAM_ARCSEC = ((51.0, 4.25), (203.0, 16.92))
# PACS: the telescope's diffraction pattern (3.28 m, obstructed by 0.165 of its diameter) over a spaxel of 9.4″, which
# rasters on Neptune confirmed (Observer's Manual, section 4.6). SPIRE: 17″ to 21″ in its short array and 29″ to 42″ in
# its long one (Swinyard et al. 2014, MNRAS 440, 3658; tables by Makiwa et al. 2013, Applied Optics 52, 3864), as if it
# grew evenly. Where both see a line, SPIRE's.
HERSCHEL_BEAM_ARCSEC = (
    *((51.0, 9.4), (100.0, 9.6), (124.0, 10.2), (158.0, 11.7), (193.0, 13.5)),
    *((194.0, 17.0), (313.0, 21.0), (314.0, 29.0), (671.0, 42.0)),
)

MISSIONS = {
    mission.name: mission
    for mission in (
        # MAST's em_* are in nm (its columnsconfig says so); NIRSpec begins at 0.6 µm, MIRI's channel 4 ends at 28.8 µm.
        Mission(
            name="jwst",
            archive="mast",
            query={
                "dataproduct_type": "cube",
                "obs_collection": "JWST",
                "dataRights": "PUBLIC",
                "calib_level": [0, 1, 2, 3, 4],  # -1 is a planned observation
            },
            cube_column="dataURL",
            micron_per_em_unit=1e-3,
            extension="SCI",
            coverage_um=(0.6, 28.9),
            spaxel_arcsec=0.1,  # NIRSpec's; MIRI's are 0.13 to 0.35
            lines=("feii",),
            detector="matched",
        ),
        # IRSA's em_* are in m (units of its SIA2 table); FIFI-LS observes from 51 to 203 µm. Its pipeline samples a
        # resolution element with eight planes (sofia_redux, fifi_ls.resample).
        Mission(
            name="sofia",
            archive="irsa",
            query={"facility": "SOFIA", "calib_level": 3, "data_type": "cube", "format": "cube/fits"},
            cube_column="access_url",
            micron_per_em_unit=1e6,
            extension="FLUX",
            coverage_um=(50.0, 206.0),
            spaxel_arcsec=1.0,  # FIFI-LS's blue channel
            lines=("fifi",),
            detector="grating",
            detector_options={"beam_arcsec": FIFI_BEAM_ARCSEC, "line_planes": 8.0, "jy_per_unit": 1.0},
            tried="tried with a replica of its archive only",
        ),
        # The missions below follow the same standards (ObsCore 1.1, SIA 2), but the service's keywords are assumed: it
        # was asked through a replica only. PACS's spaxels are 0.5″ in cubes of pointed observations, and larger in
        # others (PACS Data Reduction Guide for spectroscopy).
        Mission(
            name="herschel",
            archive="irsa",
            query={"facility": "Herschel", "data_type": "cube"},
            cube_column="access_url",
            micron_per_em_unit=1e6,
            extension="image",
            coverage_um=(51.0, 672.0),  # PACS from 51 µm, SPIRE to 672 µm
            spaxel_arcsec=0.5,
            lines=("pacs", "spire"),
            detector="grating",
            detector_options={"beam_arcsec": HERSCHEL_BEAM_ARCSEC, "line_planes": 4.0},
            tried="tried with a replica of its archive only",
        ),
        Mission(
            name="spitzer",
            archive="irsa",
            query={"facility": "Spitzer", "instrument": "IRS", "data_type": "cube"},
            cube_column="access_url",
            micron_per_em_unit=1e6,
            extension="PRIMARY",  # as CUBISM writes
            coverage_um=(5.2, 38.0),
            spaxel_arcsec=1.85,  # of the short-low slits
            lines=("irs",),
            detector="grating",
            detector_options={"psf_px": 2.0, "line_planes": 2.0},
            tried="not tried",
        ),
    )
}


def mission_names() -> str:
    """Return the names of all missions for ``--help``, with how those were tried whose archive was never asked."""
    return ", ".join(f"{name} ({one.tried})" if one.tried else name for name, one in MISSIONS.items())


def find_mission(name: str) -> Mission:
    """Return a mission by its name, in upper or lower case, or a user's by ``package.module:NAME``.

    Raises
    ------
    SettingsError
        If there is none; the message names the nearest.
    """
    if ":" in name:
        return import_mission(name)
    mission = MISSIONS.get(name.lower())
    if mission is None:
        near = get_close_matches(name.lower(), MISSIONS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(MISSIONS)}"
        raise SettingsError(f"no mission is called {name!r}: {hint}")
    return mission


def import_mission(name: str) -> Mission:
    """Return a mission that is defined in a user's module."""
    try:
        mission = import_named(name)
    except ImportError as error:
        raise SettingsError(f"the mission {name!r} cannot be imported: {error}") from error
    if not isinstance(mission, Mission):
        raise SettingsError(f"{name!r} is a {type(mission).__name__}, and must be a feii_dask.config.missions.Mission")
    return mission

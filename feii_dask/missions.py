"""What differs between missions, one table row each."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from feii_dask.errors import SettingsError

__all__ = ["MISSIONS", "Mission", "find_mission"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """How one mission's cubes are found and read.

    Attributes
    ----------
    name : str
        What users call it.
    archive : str
        ``mast`` or ``irsa``.
    collection : str
        The archive's own name of the mission.
    extension : str
        FITS extension that holds the light.
    micron_per_em_unit : float
        Unit of the table's ``em_min`` and ``em_max``, µm.
    cube_column : str
        Column of the table that says where the cube is.
    coverage_um : tuple of float
        Shortest and longest wavelength of the mission's cubes, µm.
    spaxel_arcsec : float
        The smallest spaxel of its cubes, arcsec.
    """

    name: str
    archive: str
    collection: str
    extension: str
    micron_per_em_unit: float
    cube_column: str
    coverage_um: tuple[float, float]
    spaxel_arcsec: float


MISSIONS = {
    mission.name: mission
    for mission in (
        # MAST's em_* are in nm (its columnsconfig says so); NIRSpec begins at 0.6 µm, MIRI's channel 4 ends at 28.8 µm.
        Mission(
            name="jwst",
            archive="mast",
            collection="JWST",
            extension="SCI",
            micron_per_em_unit=1e-3,
            cube_column="dataURL",
            coverage_um=(0.6, 28.9),
            spaxel_arcsec=0.1,  # NIRSpec's; MIRI's are 0.13 to 0.35
        ),
        # IRSA's em_* are in m (units of its SIA2 table); FIFI-LS observes from 51 to 203 µm.
        Mission(
            name="sofia",
            archive="irsa",
            collection="SOFIA",
            extension="FLUX",
            micron_per_em_unit=1e6,
            cube_column="access_url",
            coverage_um=(50.0, 206.0),
            spaxel_arcsec=1.0,  # FIFI-LS's blue channel
        ),
    )
}


def find_mission(name: str) -> Mission:
    """Return a mission by its name, in any case.

    Raises
    ------
    SettingsError
        If there is none; the message names the nearest.
    """
    mission = MISSIONS.get(name.lower())
    if mission is None:
        near = get_close_matches(name.lower(), MISSIONS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(MISSIONS)}"
        raise SettingsError(f"no mission is called {name!r}: {hint}")
    return mission

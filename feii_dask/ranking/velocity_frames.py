"""Velocities in other frames: barycentric, of the local standard of rest, and relative to the object."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["FRAME_COLUMNS", "lsr_correction_kms", "with_frames"]

# FITS's words (Greisen et al. 2006, A&A 446, 747, table 12), and ours. The Sun and the barycentre differ by 13 m/s.
FRAMES = {
    "BARYCENT": "barycentric",
    "HELIOCEN": "barycentric",
    "TOPOCENT": "topocentric",
    "LSRK": "LSR",
    "GEOCENTR": "geocentric",
}
UNKNOWN = "unknown"
FRAME_COLUMNS = [
    *("velocity_frame", "velocity_barycentric_kms", "velocity_lsr_kms"),
    *("velocity_relative_kms", "object_velocity_kms", "object_velocity_source"),
]
# The Sun's motion that defines the kinematic LSR: 20 km/s towards 18h, +30° of 1900 (the same paper, section 7.3).
SOLAR_KMS, APEX_RA_DEG, APEX_DEC_DEG = 20.0, 270.95954, 30.00467


def lsr_correction_kms(ra_deg: ArrayLike, dec_deg: ArrayLike) -> NDArray[np.float64]:
    """Return what is added to a barycentric velocity to have it relative to the kinematic local standard of rest.

    Examples
    --------
    >>> lsr_correction_kms([APEX_RA_DEG, APEX_RA_DEG - 180], [APEX_DEC_DEG, -APEX_DEC_DEG]).round(6).tolist()
    [20.0, -20.0]
    """
    ra, dec = np.radians(np.asarray(ra_deg, dtype=np.float64)), np.radians(np.asarray(dec_deg, dtype=np.float64))
    apex_ra, apex_dec = np.radians((APEX_RA_DEG, APEX_DEC_DEG))
    cosine = np.sin(dec) * np.sin(apex_dec) + np.cos(dec) * np.cos(apex_dec) * np.cos(ra - apex_ra)
    return np.asarray(SOLAR_KMS * cosine)


def with_frames(lines: pd.DataFrame, source: str) -> pd.DataFrame:
    """Add velocities in other frames, where the cube says what frame its wavelengths are in; nothing is assumed.

    Parameters
    ----------
    lines : DataFrame
        ``velocity_kms``, ``spectral_frame``, ``ra`` and ``dec`` (deg), and ``rvz_radvel``, the object's barycentric
        velocity, km/s.
    source : str
        Where that velocity is from.

    Returns
    -------
    DataFrame
        The same with `FRAME_COLUMNS`.
    """
    frame = lines["spectral_frame"].map(FRAMES).fillna(lines["spectral_frame"].str.lower()).replace("", UNKNOWN)
    to_lsr = pd.Series(lsr_correction_kms(lines["ra"], lines["dec"]), lines.index)
    velocity = lines["velocity_kms"]
    barycentric = velocity.where(frame == "barycentric", (velocity - to_lsr).where(frame == "LSR"))
    return lines.assign(
        velocity_frame=frame,
        velocity_barycentric_kms=barycentric,
        velocity_lsr_kms=barycentric + to_lsr,
        velocity_relative_kms=barycentric - lines["rvz_radvel"],
        object_velocity_kms=lines["rvz_radvel"],
        object_velocity_source=np.where(lines["rvz_radvel"].notna(), source, ""),
    )

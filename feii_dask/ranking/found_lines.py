"""The lines that a run found, of any extent: one row for each object, cube and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from feii_dask.addresses import shown
from feii_dask.model import SPEED_OF_LIGHT_KMS, Kind
from feii_dask.ranking.candidates import credited_detections, cubes_by_yso, detections_by_yso, including
from feii_dask.ranking.shared_light import credit_leaders
from feii_dask.ranking.velocity_frames import FRAME_COLUMNS, with_frames
from feii_dask.store.cutout_files import cutout_path

__all__ = ["DETECTION_COLUMNS", "UNIDENTIFIED_LINE", "found_lines"]

UNIDENTIFIED_LINE = "unidentified"
EVERY_KIND = (Kind.COMPACT.value, Kind.UNDECIDED.value)
MEASURED = [
    *("flux", "flux_error", "velocity_kms", "velocity_error_kms", "velocity_calibration_kms", "width_kms"),
    *("area_px", "area_arcsec2", "position_angle_deg", "elongation"),
    *("peak_ra_deg", "peak_dec_deg", "peak_x", "peak_y", "plane", "offset_arcsec"),
    *("statistic", "p_value", "p_extent", "p_identification", "snr", "local_snr"),
    *("compact_share", "compact_share_error"),
]
DETECTION_COLUMNS = [
    *("main_id", "yso_index", "ra", "dec", "grade", "q_value"),
    *("obs_id", "line", "kind", "wavelength_um", "observed_um", *MEASURED, *FRAME_COLUMNS),
    *("n_lobes", "separation_arcsec", "on_data", "flags", "shares_light_with", "uri", "cutout"),
]
COUNTS = ("peak_x", "peak_y", "plane", "area_px")


def found_lines(
    outcomes: pd.DataFrame,
    matched: pd.DataFrame,
    ysos: pd.DataFrame,
    candidates: pd.DataFrame,
    unidentified: pd.DataFrame,
    include: tuple[str, ...] = (),
    velocity_source: str = "",
) -> pd.DataFrame:
    """List the lines that were found, of any extent, and those that were met where none was expected.

    What a cube shows stands once, with the object that is credited with it, as among the candidates.

    Parameters
    ----------
    outcomes, matched, ysos, candidates : DataFrame
        See `feii_dask.ranking.candidates.rank`.
    unidentified : DataFrame
        As `feii_dask.ranking.unidentified.unidentified_lines` returns it.
    include : tuple of str
        Kinds of lines that made candidates, beside extended ones.
    velocity_source : str
        Where the objects' own velocities are from.

    Returns
    -------
    DataFrame
        `DETECTION_COLUMNS`: the object, its grade and q-value where it is a candidate, the outcome's measurements, the
        names of other objects inside the cube, and where cube and cutout are. Of unidentified lines only the place in
        wavelength, the kind and the statistic are known. Sorted by object, cube and wavelength.
    """
    lines = credited_lines(outcomes, matched, ysos, include)
    lines = lines.assign(
        observed_um=lines["wavelength_um"] * (1 + lines["velocity_kms"] / SPEED_OF_LIGHT_KMS),
        n_lobes=[len(lobes) if isinstance(lobes, np.ndarray) else 0 for lobes in lines["lobe_flux"]],
        flags=["; ".join(flags) for flags in lines["flags"]],
        cutout=[
            cutout_path(Path("cutouts"), obs_id, line).as_posix()
            for obs_id, line in zip(lines["obs_id"], lines["line"], strict=True)
        ],
    )
    leader = lines.drop_duplicates("obs_id").set_index("obs_id")["yso_index"]
    every = pd.concat([lines, unidentified_rows(unidentified, matched, leader)], ignore_index=True)
    every = with_frames(with_objects(every, matched, ysos, candidates), velocity_source)
    return every.sort_values(["yso_index", "obs_id", "observed_um", "line"], ignore_index=True)[DETECTION_COLUMNS]


def credited_lines(
    outcomes: pd.DataFrame, matched: pd.DataFrame, ysos: pd.DataFrame, include: tuple[str, ...]
) -> pd.DataFrame:
    """Return lines of any extent, each with the object that candidates credit its cube to, or that would be."""
    ranked = credited_detections(including(outcomes, include), matched, ysos)
    leader = ranked.drop_duplicates("obs_id").set_index("obs_id")["yso_index"]
    every = detections_by_yso(including(outcomes, EVERY_KIND), matched)
    leading = every["obs_id"].map(leader)
    rest = credit_leaders(every[leading.isna()], ysos).drop(columns="sharing")
    return pd.concat([every[leading.eq(every["yso_index"])], rest], ignore_index=True)


def unidentified_rows(unidentified: pd.DataFrame, matched: pd.DataFrame, leader: pd.Series[int]) -> pd.DataFrame:
    """Return unidentified lines with the object that is credited with their cube, or is nearest to its centre."""
    nearest = cubes_by_yso(matched).sort_values("separation_arcsec", kind="stable").drop_duplicates("obs_id")
    owner = unidentified["obs_id"].map(nearest.set_index("obs_id")["yso_index"])
    rows = unidentified.assign(yso_index=unidentified["obs_id"].map(leader).fillna(owner))
    rows = rows.dropna(subset="yso_index").astype({"yso_index": "int64"})
    return rows.rename(columns={"wavelength_um": "observed_um"}).assign(
        line=UNIDENTIFIED_LINE, on_data=False, area_px=0, n_lobes=0, flags="", cutout="", spectral_frame=""
    )


def with_objects(
    lines: pd.DataFrame, matched: pd.DataFrame, ysos: pd.DataFrame, candidates: pd.DataFrame
) -> pd.DataFrame:
    """Add the objects' names, places and grades, their neighbours in the cube, and where the cube is."""
    graded = candidates.set_index("yso_index")[["grade", "q_value"]]
    inside = cubes_by_yso(matched).groupby("obs_id")["yso_index"].agg(list).to_dict()
    names = ysos["main_id"].astype(str).to_dict()
    uris = matched.set_index("obs_id")["uri"].dropna().to_dict()
    distances = cubes_by_yso(matched).set_index(["obs_id", "yso_index"])["separation_arcsec"]
    lines = lines.drop(columns="separation_arcsec").join(distances, on=["obs_id", "yso_index"])
    pairs = list(zip(lines["obs_id"], lines["yso_index"], strict=True))
    known = ysos.reindex(columns=["main_id", "ra", "dec", "rvz_radvel"])
    lines = lines.join(known, on="yso_index").join(graded, on="yso_index")
    return lines.assign(
        shares_light_with=[
            "; ".join(names[yso] for yso in sorted(inside[obs_id]) if yso != own) for obs_id, own in pairs
        ],
        uri=[shown(str(uris.get(obs_id, ""))) for obs_id, _ in pairs],
        grade=lines["grade"].fillna(""),
        rvz_radvel=lines["rvz_radvel"].astype(float),
    ).astype(dict.fromkeys(COUNTS, "Int64") | {"on_data": bool, "n_lobes": int, "main_id": str})

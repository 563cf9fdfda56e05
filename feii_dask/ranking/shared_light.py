"""Light is counted once: of the objects in a footprint one is credited with what the cube shows."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["credit_leaders", "without_followers"]


def credit_leaders(detections: pd.DataFrame, ysos: pd.DataFrame) -> pd.DataFrame:
    """Keep each detection for one of the objects that share it: the one that leads them.

    Objects in one footprint share all that the cube shows. The cube with the most significant line comes first; of the
    objects inside it the one leads that is nearest to the jet's axis or to the source of the continuum (see
    `distance_from_jet_arcsec`), unless it is on spaxels without data and another is not. It is credited with the other
    cubes that hold it, too: one jet in the cubes of several bands makes one group. Then follows the next cube that
    nobody is credited with.

    Parameters
    ----------
    detections : DataFrame
        As `feii_dask.ranking.candidates.detections_by_yso` returns them.
    ysos : DataFrame
        ``ra`` and ``dec``, deg, under the labels that ``yso_index`` refers to.

    Returns
    -------
    DataFrame
        The rows of the leading objects, in their order, with ``sharing``: the other objects inside the cube, as a tuple
        of their ``yso_index``.
    """
    places = detections.join(ysos[["ra", "dec"]], on="yso_index")
    order = (
        places.assign(distance_arcsec=distance_from_jet_arcsec(places), blank=~places["on_data"])
        .sort_values(
            ["statistic", "obs_id", "line", "blank", "distance_arcsec", "separation_arcsec", "yso_index"],
            ascending=[False, True, True, True, True, True, True],
        )
        .drop_duplicates(["obs_id", "yso_index"])  # what is left of a cube is its most significant line
    )
    inside = order.groupby("obs_id", sort=False)["yso_index"].agg(tuple).to_dict()
    cubes_of = order.groupby("yso_index")["obs_id"].agg(list).to_dict()
    leader: dict[str, int] = {}
    for obs_id, objects in inside.items():
        if obs_id not in leader:
            leader |= {cube: objects[0] for cube in cubes_of[objects[0]] if cube not in leader}
    led = detections[detections["obs_id"].map(leader).eq(detections["yso_index"])]
    sharing = [
        tuple(sorted(set(inside[obs_id]) - {yso})) for obs_id, yso in zip(led["obs_id"], led["yso_index"], strict=True)
    ]
    return led.assign(sharing=pd.Series(sharing, led.index, dtype=object))


def without_followers(tests: pd.DataFrame, credited: pd.DataFrame) -> pd.DataFrame:
    """Leave out tests of objects in cubes whose light another one is credited with: they do not enter q again.

    Parameters
    ----------
    tests : DataFrame
        One row per object, cube and line.
    credited : DataFrame
        What `credit_leaders` returned.
    """
    leader = credited.drop_duplicates("obs_id").set_index("obs_id")["yso_index"]
    leading = tests["obs_id"].map(leader)
    return tests[leading.isna() | leading.eq(tests["yso_index"])]


def distance_from_jet_arcsec(places: pd.DataFrame) -> pd.Series[float]:
    """Return how far objects are from the jet's axis, or from the source of the continuum on it, whichever is nearer.

    The axis goes through the peak of the line along the position angle. Distances along it are divided by the
    elongation, so that an object far off does not count as near because the axis points to it. The source of the
    continuum is as far from the peak as ``offset_arcsec`` says, on either side.

    Parameters
    ----------
    places : DataFrame
        ``ra`` and ``dec`` of the objects, deg, ``separation_arcsec`` from the centre of the cube, which stands where
        the line has no place, and columns of `Detection`.
    """
    east = ((places["ra"] - places["peak_ra_deg"] + 180) % 360 - 180) * np.cos(np.radians(places["dec"])) * 3600
    north = (places["dec"] - places["peak_dec_deg"]) * 3600
    angle = np.radians(places["position_angle_deg"].fillna(0.0))
    along, across = east * np.sin(angle) + north * np.cos(angle), east * np.cos(angle) - north * np.sin(angle)
    elongation = places["elongation"].where(places["position_angle_deg"].notna()).fillna(1.0)
    from_axis = (across**2 + (along / elongation) ** 2) ** 0.5
    from_source = (across**2 + (along.abs() - places["offset_arcsec"]) ** 2) ** 0.5
    nearer: pd.Series[float] = from_axis.where(~(from_source < from_axis), from_source)
    return nearer.fillna(places["separation_arcsec"])

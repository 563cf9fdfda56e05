"""One jet among several objects makes one candidate: the object that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from feii_dask.model import Line, Status
from feii_dask.ranking.candidates import rank
from feii_dask.ranking.shared_light import distance_from_jet_arcsec
from feii_dask.store.outcome_table import SCHEMA, latest_attempts, to_frame

RA_DEG, DEC_DEG = 70.0, 25.0
EAST_DEG, NORTH_DEG = 1 / 3600 / np.cos(np.radians(DEC_DEG)), 1 / 3600  # an arcsecond


def cluster_of(*offsets_arcsec: tuple[float, float]) -> pd.DataFrame:
    """Objects at offsets to the east and north of one place."""
    east, north = np.array(offsets_arcsec, dtype=float).reshape(-1, 2).T
    names = [f"YSO {number}" for number in range(len(east))]
    return pd.DataFrame({"main_id": names, "ra": RA_DEG + east * EAST_DEG, "dec": DEC_DEG + north * NORTH_DEG})


def line_at(obs_id: str, east: float, north: float, wavelength_um: float = 5.34, **others: Any) -> dict[str, Any]:
    """A line whose peak is at an offset from that place; its axis points to the north-east."""
    return {
        "obs_id": obs_id,
        "line": Line("Fe II", wavelength_um).name,
        "wavelength_um": wavelength_um,
        "status": Status.SCANNED.value,
        "reason": "",
        "detected": True,
        "kind": "extended",
        "statistic": 12.0,
        "p_value": 1e-7,
        "velocity_kms": -90.0,
        "peak_ra_deg": RA_DEG + east * EAST_DEG,
        "peak_dec_deg": DEC_DEG + north * NORTH_DEG,
        "position_angle_deg": 45.0,
        "elongation": 3.0,
        "offset_arcsec": np.nan,
        "null_windows": 30,
        "null_p_values": [],
        "flags": [],
        "on_data": list(range(9)),
        "attempt": 1,
        **others,
    }


def measured_at(east: float, north: float) -> dict[str, Any]:
    """What a line's place and shape are, of one at an offset."""
    names = ("peak_ra_deg", "peak_dec_deg", "position_angle_deg", "elongation", "offset_arcsec")
    return {name: line_at("a", east, north)[name] for name in names}


def as_outcomes(*rows: dict[str, Any]) -> pd.DataFrame:
    return latest_attempts(pd.concat([to_frame(SCHEMA.empty_table()), pd.DataFrame(rows)], ignore_index=True))


@pytest.fixture
def five() -> pd.DataFrame:
    """Five objects; the third is on the axis of a jet that peaks at (1, 1), at its south-western end."""
    return cluster_of((1.5, -0.5), (0.6, 1.9), (0.0, 0.0), (-1.0, 1.0), (2.0, 0.2))


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 3, 1], [2, 4, 3, 1, 0]])
def test_five_objects_and_one_jet_are_one_candidate(
    five: pd.DataFrame, matched_of: Callable[..., pd.DataFrame], order: list[int]
) -> None:
    outcomes = as_outcomes(line_at("a", 1, 1), line_at("a", 1, 1, 5.67), line_at("b", 1.1, 0.9, 17.9))
    (candidate,) = rank(outcomes, matched_of({"a": order, "b": order}), five).to_dict("records")
    assert candidate["yso_index"] == 2
    assert candidate["shares_light_with"] == "YSO 0; YSO 1; YSO 3; YSO 4"
    assert (candidate["n_lines"], candidate["n_cubes_detected"], candidate["grade"]) == (3, 2, "A")


def test_the_source_of_the_continuum_leads_where_it_is_far_from_the_peak() -> None:
    """At the offset that was measured, along the axis, rather than an object beside the jet."""
    places = cluster_of((0.0, 0.0), (2.6, 1.6)).assign(
        **(measured_at(2, 2) | {"elongation": 1.5, "offset_arcsec": np.sqrt(8)}), separation_arcsec=0.0
    )
    source, beside = distance_from_jet_arcsec(places)
    assert source == pytest.approx(0, abs=1e-3)
    assert beside > 0.4
    far, near = distance_from_jet_arcsec(places.assign(offset_arcsec=np.nan))
    assert far == pytest.approx(np.sqrt(8) / 1.5, abs=1e-3)
    assert near < far


def test_distances_are_round_without_an_axis_and_from_the_centre_without_a_place() -> None:
    places = (
        cluster_of((3.0, 4.0), (-4.0, 3.0))
        .assign(**measured_at(0, 0), separation_arcsec=[7.0, 8.0])
        .assign(position_angle_deg=np.nan, offset_arcsec=np.nan)
    )
    np.testing.assert_allclose(distance_from_jet_arcsec(places), 5.0, rtol=1e-3)
    np.testing.assert_array_equal(distance_from_jet_arcsec(places.assign(peak_ra_deg=np.nan)), [7.0, 8.0])


def test_an_object_beside_right_ascension_zero() -> None:
    places = cluster_of((0.0, 0.0)).assign(**measured_at(0, 0), separation_arcsec=0.0)
    places[["ra", "peak_ra_deg"]] = [[359.9999, 0.0001]]
    assert distance_from_jet_arcsec(places).iloc[0] < 1


def test_one_on_data_goes_before_a_nearer_one_that_is_not(
    five: pd.DataFrame, matched_of: Callable[..., pd.DataFrame]
) -> None:
    candidates = rank(as_outcomes(line_at("a", 1, 1, on_data=[0, 1])), matched_of({"a": [0, 1, 2]}), five)
    assert candidates["yso_index"].tolist() == [1]


def test_an_object_with_a_jet_of_its_own_stays_a_candidate(
    five: pd.DataFrame, matched_of: Callable[..., pd.DataFrame]
) -> None:
    """The first cube holds two objects, another one only the second."""
    outcomes = as_outcomes(line_at("a", 0, 0, statistic=30.0), line_at("b", -1, 1, statistic=10.0))
    candidates = rank(outcomes, matched_of({"a": [3, 2], "b": [3]}), five)
    assert candidates["yso_index"].tolist() == [2, 3]
    assert candidates["shares_light_with"].tolist() == ["YSO 3", ""]
    assert candidates["n_cubes"].tolist() == [1, 2]
    assert candidates["lines_tested"].tolist() == [1, 1]


def test_followers_do_not_enter_q_again(matched_of: Callable[..., pd.DataFrame]) -> None:
    """A line among a hundred quiet cubes: with four more objects in its cube the q-value is as if alone."""
    quiet = [line_at(f"q{n}", 0, 0, detected=False, kind="none", p_value=0.5, null_windows=0) for n in range(100)]
    shown = as_outcomes(line_at("jet", 0, 0, p_value=1e-4), *quiet)
    ysos = cluster_of(*[(0.1 * n, 0.0) for n in range(150)])
    alone = {"jet": [0]} | {f"q{n}": [n + 10] for n in range(100)}
    together = alone | {"jet": [0, 1, 2, 3, 4]}
    (first,), (second,) = (rank(shown, matched_of(inside), ysos)["q_value"] for inside in (alone, together))
    assert first == second == pytest.approx(1e-4 * 101)

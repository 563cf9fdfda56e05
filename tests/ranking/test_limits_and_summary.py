"""Limits of what was not found, velocities in other frames, and what is said of each object that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import LSRK, SkyCoord

import feii_dask as fd
from feii_dask.model import Detection, Kind, Line, Outcome, Status
from feii_dask.ranking.velocity_frames import lsr_correction_kms
from feii_dask.store.run_store import RunStore


def at_objects(outcome: Outcome, objects: tuple[int, ...], sigma: float, frame: str = "BARYCENT") -> Outcome:
    """The same outcome, with these objects on data."""

    def placed(detection: Detection) -> Detection:
        return replace(
            detection,
            kind=Kind.EXTENDED if detection.detected else Kind.NONE,
            velocity_kms=-50.0 if detection.detected else np.nan,
            on_data=objects,
            flux_sigma_beam=(sigma,) * len(objects),
            flux_sigma_jet=(2 * sigma,) * len(objects),
            flux_sensitivity_beam=10 * sigma,
            flux_sensitivity_jet=30 * sigma,
            spectral_frame=frame,
        )

    return replace(outcome, detections=tuple(map(placed, outcome.detections)))


@pytest.fixture
def result(store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]) -> fd.SearchResult:
    """Objects 0 with a jet, 1 with limits, 2 without a measured cube, 3 beside every cube, and one without a place."""
    tables = store.read_tables()
    ysos = tables.ysos.reindex([0, 1, 2, 3])
    ysos.loc[3] = ["YSO 3", 12.0, 34.0]
    ysos["rvz_radvel"] = [7.0, np.nan, 0.0, 0.0]
    store.write_tables(**tables._replace(ysos=ysos)._asdict())
    store.update_manifest(not_searched=[{"main_id": "Nobody", "reason": "SIMBAD knows no such name"}])
    with store.writer() as writer:
        writer.add(at_objects(outcome_of("obs0", lines, detected=lines[:3]), (0,), 1e-19))
        writer.add(at_objects(outcome_of("obs1", lines), (1,), 3e-19))
        writer.add(at_objects(outcome_of("obs4", lines), (1,), 2e-19))
        writer.add(at_objects(outcome_of("obs7", lines), (), np.nan))
        writer.add(outcome_of("obs2", lines, status=Status.TIMEOUT))
    return fd.open_run(store.directory)


def test_limits_are_of_lines_that_were_not_found(result: fd.SearchResult) -> None:
    limits = result.limits
    assert set(limits["line"][limits["main_id"] == "YSO 0"]) == {"Fe II 25.988"}
    assert len(limits) == 2 * (1 + 4 + 4)
    assert limits["flux_sigma"].unit == u.W / u.m**2
    np.testing.assert_allclose((limits["flux_limit_3sigma"] / limits["flux_sigma"]).value, 3)
    jets = limits[limits["extent"] == "3x1 beams"]
    assert set(jets["flux_sigma"].value) == {2e-19, 4e-19, 6e-19}
    assert limits["flux_sensitivity_95"].unit == u.W / u.m**2
    np.testing.assert_allclose((jets["flux_sensitivity_95"] / jets["flux_sigma"]).value, 15)


def test_every_object_that_was_asked_for_has_a_row(result: fd.SearchResult) -> None:
    rows = {row["main_id"]: row for row in result.summary}
    assert list(rows) == ["YSO 0", "YSO 1", "YSO 2", "YSO 3", "Nobody"]
    assert rows["YSO 0"]["n_lines_found"] == 3
    assert rows["YSO 0"]["lines_found"].startswith("Fe II 1.644 (extended); Fe II 5.340 (extended)")
    assert rows["YSO 1"]["n_lines_covered"] == 4
    assert rows["YSO 1"]["n_cubes"] == 3
    assert rows["YSO 1"]["n_cubes_scanned"] == 3
    assert rows["YSO 1"]["best_limit_beam"].to_value("W / m2") == pytest.approx(6e-19)
    assert rows["YSO 1"]["best_limit_jet"].to_value("W / m2") == pytest.approx(1.2e-18)
    assert rows["YSO 1"]["best_sensitivity_beam"].to_value("W / m2") == pytest.approx(2e-18)
    assert rows["YSO 1"]["best_sensitivity_jet"].to_value("W / m2") == pytest.approx(6e-18)
    assert rows["YSO 1"]["reason"] == rows["YSO 0"]["reason"] == ""
    assert rows["YSO 2"]["reason"] == "its cubes were not measured: timeout"
    assert rows["YSO 3"]["reason"] == "no cube holds it"
    assert rows["Nobody"]["reason"] == "SIMBAD knows no such name"


def test_an_object_beside_the_data_is_said_so(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    with store.writer() as writer:
        writer.add(at_objects(outcome_of("obs1", lines), (), np.nan))
    summary = fd.open_run(store.directory).summary
    assert "no spaxel with data" in summary["reason"][summary["main_id"] == "YSO 1"][0]
    assert "no outcome yet" in summary["reason"][summary["main_id"] == "YSO 2"][0]


@pytest.mark.parametrize(
    ("frame", "called", "barycentric"),
    [("BARYCENT", "barycentric", True), ("TOPOCENT", "topocentric", False), ("", "unknown", False)],
)
def test_no_frame_is_assumed(
    store: RunStore,
    lines: tuple[Line, ...],
    outcome_of: Callable[..., Outcome],
    frame: str,
    called: str,
    barycentric: bool,
) -> None:
    tables = store.read_tables()
    store.write_tables(**tables._replace(ysos=tables.ysos.assign(rvz_radvel=7.0))._asdict())
    with store.writer() as writer:
        writer.add(at_objects(outcome_of("obs0", lines, detected=lines[:3]), (0,), 1e-19, frame))
    row = fd.open_run(store.directory).detections[0]
    assert row["velocity_frame"] == called
    assert np.isfinite(row["velocity_barycentric_kms"].value) == barycentric
    if barycentric:
        assert row["velocity_relative_kms"].to_value("km/s") == pytest.approx(-57)
        assert row["object_velocity_source"] == "SIMBAD"


def test_the_local_standard_of_rest_is_astropys() -> None:
    at_rest = SkyCoord(
        [70.0, 200.0, 310.0] * u.deg,
        [26.0, -60.0, 10.0] * u.deg,
        distance=[1, 1, 1] * u.kpc,
        pm_ra_cosdec=[0, 0, 0] * u.mas / u.yr,
        pm_dec=[0, 0, 0] * u.mas / u.yr,
        radial_velocity=[0, 0, 0] * u.km / u.s,
    )
    expected = at_rest.transform_to(LSRK()).radial_velocity.to_value("km/s")
    np.testing.assert_allclose(lsr_correction_kms(at_rest.ra.deg, at_rest.dec.deg), expected, atol=0.02)

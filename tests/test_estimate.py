"""What a search would cost, and how sure that is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from distributed import Client

import feii_dask as fd
from feii_dask.estimate import estimate, extrapolate
from feii_dask.model import Outcome, Status


def outcomes(number: int, seed: int) -> list[Outcome]:
    rng = np.random.default_rng(seed)
    return [
        Outcome(
            obs_id=str(index), status=Status.SCANNED, seconds=rng.exponential(10), bytes_read=int(rng.normal(5e6, 1e6))
        )
        for index in range(number)
    ]


def test_the_error_is_what_the_scatter_of_pilots_shows() -> None:
    estimates = [extrapolate(outcomes(30, seed), 10_000, threads=8, cores=2) for seed in range(300)]
    gigabytes = np.array([one.gigabytes for one in estimates])
    assert gigabytes.mean() == pytest.approx(50, rel=0.01)
    assert np.mean([one.gigabytes_error for one in estimates]) == pytest.approx(gigabytes.std(), rel=0.1)
    hours = np.array([one.hours for one in estimates])
    assert hours.mean() == pytest.approx(10_000 * 10 / 8 / 3600, rel=0.03)
    assert np.mean([one.hours_error for one in estimates]) == pytest.approx(hours.std(), rel=0.15)


def test_a_pilot_of_everything_has_no_error() -> None:
    everything = extrapolate(outcomes(20, 1), 20, threads=1, cores=1)
    assert everything.gigabytes_error == everything.hours_error == 0.0


def test_nothing_to_scan_costs_nothing() -> None:
    assert extrapolate([], 0, threads=1, cores=1).hours == 0.0


def test_a_pilot_on_the_simulated_sky(sky: Path, client: Client) -> None:
    settings = fd.load_settings(archive=sky, lines=["notebook"])
    result = estimate(settings, pilot=6, client=client)
    assert result.pilot == 6
    assert result.cubes == 12
    assert result.threads == 4
    assert result.gigabytes > 0
    assert "12 cubes; from 6 of them, on 4 threads" in str(result)
    assert not list(Path().iterdir())


def test_a_pilot_is_drawn_from_what_the_options_select(sky: Path, client: Client) -> None:
    everything = estimate(fd.load_settings(archive=sky), pilot=2, client=client)
    one_band = estimate(fd.load_settings(archive=sky, filters=["CH1-SHORT"]), pilot=2, client=client)
    assert 0 < one_band.cubes < everything.cubes
    assert estimate(fd.load_settings(archive=sky, limit=3), pilot=2, client=client).cubes == 3

"""Whole surveys: of the candidates with the best grade, how many are jets, and how many jets are among them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from feii_dask.ranking.grading import grade_objects
from feii_dask.ranking.pooling import pooled_p_value
from feii_dask.simulate import Jet

from .detection_contenders import CONTENDERS
from .detection_injection import recover
from .detection_scenes import BAND_LINES, SCENES, line_of, simulate
from .detection_tables import share

__all__ = ["measure_survey"]

CUBES, JETS = 400, 0.1
BRIGHT = 5.0  # S/N of the jets that a survey should not miss


@dataclass(frozen=True)
class Observed:
    """One cube of a survey: what was in it, and what the matched filter and the others said."""

    band: str
    snr: float
    p_value: float
    velocity_kms: float
    null_windows: int
    null_p_values: tuple[float, ...]
    detected: dict[str, bool]
    found: dict[str, bool]


def measure_survey(pool: Executor, surveys: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield purity and completeness of every survey, by grade and contender, and of all surveys together."""
    total: list[pd.DataFrame] = []
    for survey in range(surveys):
        observed = list(pool.map(partial(observe, seed + survey), range(CUBES)))
        total.append(grade(observed))
        yield from survey_rows(str(survey), total[-1])
    yield from survey_rows("all", pd.concat(total))


def observe(survey: int, number: int) -> Observed:
    """Simulate and search one cube: any band, any scene, and a jet in one of ten."""
    rng = np.random.default_rng([survey, number, 4])
    band = str(rng.choice(list(BAND_LINES)))
    scene = SCENES[str(rng.choice(list(SCENES)))]
    snr = float(np.exp(rng.uniform(np.log(3), np.log(30)))) if rng.random() < JETS else 0.0
    jet = Jet(
        line=line_of(band),
        snr=snr,
        velocity_kms=float(rng.uniform(-250, 250)),
        fwhm_kms=float(rng.uniform(50, 200)),
        length_arcsec=float(rng.uniform(0.6, 3.0)),
        position_angle_deg=float(rng.uniform(0, 360)),
    )
    cube = simulate(band, seed=rng, jets=(jet,) if snr else (), **scene)
    verdicts = {
        name: contender(cube.sci, cube.wavelength_um, jet.line, cube.pixel_arcsec)
        for name, contender in CONTENDERS.items()
    }
    ours = verdicts["matched"]
    return Observed(
        band=band,
        snr=snr,
        p_value=ours.p_value,
        velocity_kms=ours.velocity_kms,
        null_windows=ours.null_windows,
        null_p_values=ours.null_p_values,
        detected={name: verdict.detected for name, verdict in verdicts.items()},
        found={name: bool(cube.truth) and recover(verdict, cube.truth[0]).found for name, verdict in verdicts.items()},
    )


def grade(observed: list[Observed]) -> pd.DataFrame:
    """Return one row per cube, each of an object of its own, graded as a run of `rank` grades it."""
    table = pd.DataFrame(
        {
            "yso_index": range(len(observed)),
            "line": [one.band for one in observed],
            "snr": [one.snr for one in observed],
            "velocity_kms": [one.velocity_kms for one in observed],
            "detected": [one.detected["matched"] for one in observed],
            "p_value": [one.p_value for one in observed],
        }
    )
    for band in BAND_LINES:
        windows = [(one.null_windows, one.null_p_values) for one in observed if one.band == band]
        kept = [p for _, some in windows for p in some]
        count = sum(number for number, _ in windows)
        here = table["line"] == band
        table.loc[here, "p_value"] = [pooled_p_value(p, kept, count) for p in table.loc[here, "p_value"]]
    table = table.join(grade_objects(table)[["q_value", "grade"]], on="yso_index")
    for name in CONTENDERS:
        table[f"{name} detected"] = [one.detected[name] for one in observed]
        table[f"{name} found"] = [one.found[name] for one in observed]
    return table


def survey_rows(survey: str, table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield purity and completeness of one survey or of several."""
    choices = {f"matched, {grades}": table["grade"].isin(list(grades)) for grades in ("A", "AB", "ABC")}
    choices |= {name: table[f"{name} detected"] for name in CONTENDERS if name != "matched"}
    bright = table["snr"] >= BRIGHT
    for name, chosen in choices.items():
        found = table[f"{name.partition(',')[0]} found"] & chosen
        purity = share(int(found.sum()), int(chosen.sum()))
        completeness = share(int((found & bright).sum()), int(bright.sum()))
        for figure, counted in (("purity", purity), (f"completeness at S/N ≥ {BRIGHT:g}", completeness)):
            yield {"survey": survey, "choice": name, "figure": figure, **counted}

"""Outcomes as a run has them, without a run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from feii_dask.cubes.lines import FE_II_LINES
from feii_dask.model import Cutout, Detection, Outcome, Status

LINES = FE_II_LINES[:6]
SIDE = 70  # spaxels; larger than what a display shows


def make_outcomes(number: int, seed: int = 1) -> Iterator[Outcome]:
    """Yield outcomes: one in ten has failed, and of the lines of the others one in five is detected."""
    rng = np.random.default_rng(seed)
    for index in range(number):
        obs_id = f"jw{index:05}-o001_t001_miri_ch1-short"
        cost = {"seconds": rng.gamma(2.0), "bytes_read": int(rng.integers(10**5, 10**7)), "worker": "tcp://here:1"}
        if rng.random() < 0.1:
            status = Status.UNREADABLE if rng.random() < 0.5 else Status.TIMEOUT
            reason = f"s3://bucket/{obs_id}_s3d.fits: HTTP {503 if status is Status.UNREADABLE else 504}"
            yield Outcome(obs_id=obs_id, status=status, reason=reason, **cost)
            continue
        p_values = rng.random(len(LINES)) ** 2
        detections = tuple(
            Detection(line=line, p_value=p, detected=p < 0.04) for line, p in zip(LINES, p_values, strict=True)
        )
        cutouts = tuple(make_cutout(rng, detection) for detection in detections if detection.detected)
        yield Outcome(obs_id=obs_id, status=Status.SCANNED, detections=detections, cutouts=cutouts, **cost)


def make_cutout(rng: np.random.Generator, detection: Detection) -> Cutout:
    image = rng.normal(size=(SIDE, SIDE)).astype(np.float32)
    image[: SIDE // 4] = np.nan
    curve = np.zeros(3)
    return Cutout(
        line=detection.line,
        line_map=image,
        before_map=image,
        after_map=image,
        off_line_map=image,
        moment_map=image,
        wavelength_um=curve,
        spectrum=curve,
        statistic=curve,
        header={"BUNIT": "MJy/sr"},
    )

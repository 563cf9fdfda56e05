"""Runs in small: outcomes, cutouts, tables and whole run directories."""

import resource
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from feii_dask.model import Cutout, Detection, Line, Outcome, Status
from feii_dask.store.outcome_table import deciding_rows
from feii_dask.store.run_store import RunStore

LINES = (
    Line("Fe II", 1.644002),
    Line("Fe II", 5.340169, "a4F9/2-a6D9/2"),
    Line("Fe II", 17.936026),
    Line("Fe II", 25.98839),
)


def make_cutout(line: Line, seed: int = 0, side: int = 24) -> Cutout:
    """A star, a jet and noise; some spaxels are blank."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, : side + 3]
    star = 40 * np.exp(-((x - side / 2) ** 2 + (y - side / 2) ** 2) / 8)
    jet = 15 * np.exp(-((x - y * 0.7 - 4) ** 2) / 3) * (y > side / 2)
    off = (star + rng.normal(2, 0.5, star.shape)).astype(np.float32)
    on = (off + jet + rng.normal(0, 0.5, star.shape)).astype(np.float32)
    off[:2] = on[:2] = np.nan
    return Cutout(
        line=line,
        line_map=on,
        before_map=off,
        after_map=np.full_like(off, np.nan),
        off_line_map=off,
        moment_map=(on - off) * np.float32(0.0008),
        wavelength_um=line.wavelength_um + 0.0008 * np.arange(-20, 21),
        spectrum=rng.normal(10, 1, 41),
        statistic=np.r_[np.nan, rng.random(40)],
        header={
            "BUNIT": "MJy/sr",
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRPIX1": 12.0,
            "CRPIX2": 13.0,
            "CRVAL1": 69.9,
            "CRVAL2": 25.7,
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CDELT1": 3.6e-5,
            "CDELT2": 3.6e-5,
            "PC1_1": -1.0,
            "PC2_2": 1.0,
        },
    )


def make_outcome(
    obs_id: str,
    lines: Iterable[Line] = LINES[:1],
    detected: Iterable[Line] = (),
    status: Status = Status.SCANNED,
    cutouts: bool = False,
    **items: Any,
) -> Outcome:
    """An outcome in which some lines are detected, or none for a reason."""
    detected = tuple(detected)
    reason = "" if status is Status.SCANNED else f"it is {status}"
    detections = tuple(
        Detection(
            line=line,
            status=status,
            reason=reason,
            detected=line in detected,
            statistic=0.1 + line.wavelength_um / 100 if line in detected else 0.0,
            plane=550,
            peak_yx=(11, 12) if line in detected else None,
            flags=("edge", "broad") if line in detected else (),
        )
        for line in lines
    )
    shown = tuple(make_cutout(line) for line in detected) if cutouts else ()
    return Outcome(obs_id=obs_id, status=status, reason=reason, detections=detections, cutouts=shown, **items)


def make_matched(insiders: dict[str, list[int]], uri: str | None = "s3://stpubdata/cube.fits") -> pd.DataFrame:
    """One row per observation, with the labels of the objects inside."""
    return pd.DataFrame(
        {
            "obs_id": list(insiders),
            "uri": [uri] * len(insiders),
            "s_ra": [69.9] * len(insiders),
            "s_dec": [-25.7] * len(insiders),
            "s_region": ["POLYGON ICRS 69.9 -25.7 69.901 -25.7 69.901 -25.699 69.9 -25.699"] * len(insiders),
            "yso_index": [list(inside) for inside in insiders.values()],
            "yso_names": [[f"YSO {index}" for index in inside] for inside in insiders.values()],
            "separation_arcsec": [[0.1 * (number + 1) for number, _ in enumerate(v)] for v in insiders.values()],
            "edge_arcsec": [[1.0] * len(inside) for inside in insiders.values()],
        }
    )


def make_ysos(labels: Iterable[int]) -> pd.DataFrame:
    """Objects under these labels."""
    labels = list(labels)
    return pd.DataFrame(
        {
            "main_id": [f"YSO {label}" for label in labels],
            "ra": [69.9 + label * 0.01 for label in labels],
            "dec": [-25.7 + label * 0.01 for label in labels],
        },
        index=labels,
    )


def statuses_of(store: RunStore) -> dict[str, Status]:
    """Return the status of each cube that has an outcome."""
    cubes = deciding_rows(store.outcomes())
    return {obs_id: Status(status) for obs_id, status in zip(cubes["obs_id"], cubes["status"], strict=True)}


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Stand in for a full disk: a write fails in the middle of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    return no_file_larger_than


@pytest.fixture
def lines() -> tuple[Line, ...]:
    return LINES


@pytest.fixture
def cutout_of() -> Callable[..., Cutout]:
    return make_cutout


@pytest.fixture
def outcome_of() -> Callable[..., Outcome]:
    return make_outcome


@pytest.fixture
def matched_of() -> Callable[..., pd.DataFrame]:
    return make_matched


@pytest.fixture
def ysos_of() -> Callable[..., pd.DataFrame]:
    return make_ysos


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """A run that knows its tables and has scanned nothing."""
    store = RunStore.create(
        tmp_path / "run", {"fingerprint": "f00d", "settings": {"mission": "jwst", "archive": "live"}, "counts": {}}
    )
    matched = make_matched({f"obs{number}": [number % 3] for number in range(9)})
    store.write_tables(ysos=make_ysos(range(3)), observations=matched[["obs_id"]], matched=matched)
    return store

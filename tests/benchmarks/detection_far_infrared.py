"""Cubes of one far-infrared line: false alarms, and what is found of a line.

Those of our own simulator, and those of a generator that shares nothing with it (`far_infrared_scenes`), for eight
lines of three instruments.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np

from feii_dask.config.missions import find_mission
from feii_dask.cubes.lines import FAR_INFRARED_LINES
from feii_dask.detectors.grating import GratingScan
from feii_dask.detectors.notebook import NotebookDetector
from feii_dask.detectors.registry import load_detector
from feii_dask.model import Detection
from feii_dask.simulate.fifi import make_fifi_cube

from .detection_tables import share
from .far_infrared_scenes import INSTRUMENTS, make_scene

__all__ = ["measure_far_infrared", "measure_scene_lines", "measure_scenes"]

CONTINUA = (0.0, 5.0, 15.0, 50.0, 150.0)  # of the protostar, over the noise of a voxel
SNRS = (2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0)
ALPHAS = (0.1, 0.01)
FASTEST_KMS = 120.0
SCENES_FASTEST_KMS = 300.0
SCENES_FROM = 30_000  # their seeds are 50 000 and more: detectors are tuned on those below 5000
# S/N, extent (drawn, or everywhere) and planes (drawn, or few).
Cell = tuple[float, float | None, int | None]
NO_LINE: Cell = (0.0, None, None)
SCENE_CELLS: dict[str, Cell] = {
    "S/N 10": (10.0, None, None),
    "fills the field, S/N 10": (10.0, np.inf, 43),
    **{f"S/N {snr}": (float(snr), None, None) for snr in (7, 20, 100, 1000)},
}


def measure_far_infrared(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Search cubes without a line, and cubes with one of some S/N in its brightest voxel."""
    for snr in (0.0, *SNRS):
        found = list(pool.map(partial(search, snr), range(seed, seed + cubes)))
        figure = f"S/N {snr:g}" if snr else "false alarms"
        for contender in ("grating", "notebook"):
            detections = [one[contender] for one in found]
            detected = [detection for detection in detections if detection.detected or detection.kind.is_line]
            row = {"figure": figure, "contender": contender, **share(len(detected), cubes), "velocity_rms_kms": ""}
            if snr and detected:
                errors = [one["error_kms"][contender] for one in found if one[contender] in detected]
                row["velocity_rms_kms"] = f"{np.sqrt(np.mean(np.square(errors))):.0f}"
            yield row
        if not snr:
            for alpha in ALPHAS:
                small = sum(one["grating"].p_value <= alpha for one in found)
                yield {
                    "figure": f"p <= {alpha:g}",
                    "contender": "grating",
                    **share(small, cubes),
                    "velocity_rms_kms": "",
                }


def search(snr: float, seed: int) -> dict[str, Any]:
    """Simulate one cube, and search it as `feii-dask search --mission sofia` would, and as the notebook would."""
    rng = np.random.default_rng([seed, round(10 * snr)])
    line = FAR_INFRARED_LINES[seed % len(FAR_INFRARED_LINES)]
    velocity_kms = float(rng.uniform(-FASTEST_KMS, FASTEST_KMS))
    cube = make_fifi_cube(
        line,
        snr=snr,
        velocity_kms=velocity_kms,
        extent_px=float(rng.uniform(1, 20)),
        continuum=float(rng.choice(CONTINUA)),
        planes=int(rng.integers(45, 90)),
        seed=rng,
    )
    planes = cube.flux.astype(np.float32)
    mission = find_mission("sofia")
    grating: Detection = load_detector(mission.detector, mission.detector_options).measure(
        planes, cube.wavelength_um, line, pixel_arcsec=cube.pixel_arcsec, errors=cube.error.astype(np.float32)
    )
    notebook = NotebookDetector().measure(planes, cube.wavelength_um, line)
    errors = {"grating": grating.velocity_kms - velocity_kms, "notebook": notebook.velocity_kms - velocity_kms}
    return {"grating": stripped(grating), "notebook": stripped(notebook), "error_kms": errors}


def stripped(detection: Detection) -> Detection:
    """Return a detection without its arrays, which are not counted."""
    return Detection(line=detection.line, detected=detection.detected, kind=detection.kind, p_value=detection.p_value)


def measure_scenes(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Search cubes of the independent generator that hold no line."""
    for name in INSTRUMENTS:
        answers = search_scenes(pool, name, NO_LINE, cubes, seed)
        yield {"line": name, "figure": "false alarms", **share(sum(answer["found"] for answer in answers), cubes)}


def measure_scene_lines(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Search cubes of the independent generator that hold a line; it is found whatever its kind."""
    for figure, cell in SCENE_CELLS.items():
        for name in INSTRUMENTS:
            if cell[2] and name.startswith("SPIRE"):
                continue  # a spectrum of a Fourier-transform spectrometer is never short
            answers = search_scenes(pool, name, cell, cubes, seed)
            found = [answer for answer in answers if answer["found"]]
            row = {"line": name, "figure": figure, **share(len(found), cubes)}
            for column in ("flux_over_truth", "velocity_bias_kms"):
                row[column] = f"{np.nanmedian([answer[column] for answer in found]):.2f}" if found else ""
            row["local_snr"] = f"{np.nanmedian([answer['local_snr'] for answer in answers]):.1f}"
            yield row


def search_scenes(pool: Executor, name: str, cell: Cell, cubes: int, seed: int) -> list[dict[str, Any]]:
    """Make and search so many cubes of one line."""
    first = SCENES_FROM + seed
    return list(pool.map(partial(search_scene, name, *cell), range(first, first + cubes), chunksize=5))


def search_scene(name: str, snr: float, extent_px: float | None, planes: int | None, seed: int) -> dict[str, Any]:
    """Make and search one such cube, with the detector's options of its mission."""
    velocity_kms = float(np.random.default_rng([seed, 5]).uniform(-SCENES_FASTEST_KMS, SCENES_FASTEST_KMS))
    scene = make_scene(name, seed, snr, velocity_kms, extent_px, planes)
    psf_px, line_planes = INSTRUMENTS[name].options
    detector = GratingScan(psf_px=psf_px, line_planes=line_planes, jy_per_unit=1.0)
    flux, error = (values.astype(np.float32) for values in (scene.flux, scene.error))
    detection = detector.measure(flux, scene.wavelength_um, scene.line, errors=error)
    return {
        "found": detection.kind.is_line,
        "flux_over_truth": detection.flux / scene.truth.get("flux", 1.0),
        "velocity_bias_kms": detection.velocity_kms - velocity_kms,
        "local_snr": scene.truth.get("local_snr", np.nan),
    }

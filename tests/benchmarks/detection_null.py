"""Where there is no line: false alarms, and whether p-values keep their promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.model import Line

from .detection_contenders import CONTENDERS
from .detection_scenes import SCENES, line_free, line_of, simulate
from .detection_tables import share

__all__ = ["measure_calibration", "measure_null", "measure_real"]

ALPHAS = (0.1, 0.01, 0.001)
WINDOWS = 30  # in one cube
REAL_STEP = 4  # planes between the wavelengths at which a real cube is searched


def measure_null(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Count false alarms at random line-free wavelengths of cubes without jets, of all contenders on the same cubes."""
    for scene in SCENES:
        counts: Counter[str] = Counter()
        for one in pool.map(partial(count_alarms, scene), range(seed, seed + cubes)):
            counts.update(one)
        for name in CONTENDERS:
            yield {
                "scene": scene,
                "contender": name,
                "figure": "false alarms",
                **share(counts[name], counts["windows"]),
            }
        for alpha in ALPHAS:
            figure = f"p <= {alpha:g}"
            yield {"scene": scene, "contender": "matched", "figure": figure, **share(counts[figure], counts["windows"])}


def count_alarms(scene: str, seed: int) -> Counter[str]:
    """Count alarms in one cube."""
    rng = np.random.default_rng([seed, 1])
    cube = simulate("ch1-short", whole=True, seed=rng, **SCENES[scene])
    counts: Counter[str] = Counter(windows=WINDOWS)
    for line in line_free(cube, WINDOWS, rng):
        for name, contender in CONTENDERS.items():
            verdict = contender(cube.sci, cube.wavelength_um, line, cube.pixel_arcsec)
            counts[name] += verdict.detected
            counts.update(f"p <= {alpha:g}" for alpha in ALPHAS if verdict.p_value <= alpha)
    return counts


def measure_calibration(pool: Executor, cubes: int, seed: int) -> Iterator[dict[str, Any]]:
    """Count small p-values of line-free windows, each among the others of its cube."""
    everything: list[tuple[int, tuple[float, ...]]] = []
    for scene in SCENES:
        results = list(pool.map(partial(null_p_values, scene), range(seed, seed + cubes)))
        everything += results
        yield from promises(scene, results)
    yield from promises("all", everything)


def promises(scene: str, results: list[tuple[int, tuple[float, ...]]]) -> Iterator[dict[str, Any]]:
    """Yield how many p-values are small, beside how many may be."""
    windows = sum(count for count, _ in results)
    p_values = np.array([p for _, some in results for p in some])
    for alpha in ALPHAS:
        counted = share(int((p_values <= alpha).sum()), windows)
        yield {"scene": scene, "cubes": len(results), "alpha": alpha, **counted, "most": f"{1.2 * alpha:g}"}


def null_p_values(scene: str, seed: int) -> tuple[int, tuple[float, ...]]:
    """Return how many line-free windows one cube has, and the small ones of their p-values."""
    cube = simulate("ch1-short", seed=np.random.default_rng([seed, 2]), **SCENES[scene])
    found = MatchedFilter().measure(cube.sci, cube.wavelength_um, line_of("ch1-short"), pixel_arcsec=cube.pixel_arcsec)
    return found.null_windows, found.null_p_values


def measure_real(path: Path, pixel_arcsec: float) -> Iterator[dict[str, Any]]:
    """Count alarms in a real cube whose spectra hold no known line, as it is and with the sign turned.

    The file has an image extension DATA or SCI, with a linear axis in Angstrom or µm.
    """
    with fits.open(path) as hdus:
        hdu = next(hdu for hdu in hdus if hdu.name in {"DATA", "SCI"})
        sci, header = np.asarray(hdu.data, dtype=np.float32), hdu.header
    step = header.get("CD3_3", header.get("CDELT3"))
    unit_um = {"Angstrom": 1e-4, "um": 1.0}[header["CUNIT3"]]
    wavelength_um = (header["CRVAL3"] + step * (np.arange(len(sci)) + 1 - header["CRPIX3"])) * unit_um
    lines = [Line("null", float(wavelength)) for wavelength in wavelength_um[12:-12:REAL_STEP]]
    for sign, name in ((1, "positive"), (-1, "negative")):
        for contender, search in CONTENDERS.items():
            verdicts = [search(sign * sci, wavelength_um, line, pixel_arcsec) for line in lines]
            alarms = sum(verdict.detected for verdict in verdicts)
            yield {"cube": path.name, "sign": name, "contender": contender, **share(alarms, len(verdicts))}

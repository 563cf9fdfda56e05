"""Cutouts of detections: images around the peak, and spectra at it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feii_dask.addresses import shown
from feii_dask.cubes.celestial import cutout_cards
from feii_dask.cubes.hdus import text_card
from feii_dask.cubes.planes import OFF_LINE_PLANES, nearest_plane
from feii_dask.cubes.reader import Cube
from feii_dask.model import Cutout, Detection

__all__ = ["make_cutout", "planes_about_line"]

KEPT_PLANES = 20  # on either side, as a cube of their own
MOST_VOXELS, FEWEST_PLANES = 1_000_000, 3  # of that cube: 4 MB, and planes on either side whatever its field
RADIAN_PER_ARCSEC = np.pi / 180 / 3600
LARGEST = 1e30  # as in the detectors: what is larger is a filling
COPIED_CARDS = ("TELESCOP", "INSTRUME", "TARGNAME", "SPECSYS")
MEASURED_CARDS = {
    "VELOCITY": "velocity_kms",
    "VELOERR": "velocity_error_kms",
    "FLUX": "flux",
    "FLUXERR": "flux_error",
    "SNR": "snr",
    "PVALUE": "p_value",
}
AROUND_LINE_PLANES = 2  # on either side; JWST's line spread function is two to three planes wide


def make_cutout(cube: Cube, sci: NDArray[np.float32], start: int, detection: Detection) -> Cutout:
    """Make the cutout of a detection.

    Parameters
    ----------
    cube : Cube
        Where the planes are from.
    sci : (n, y, x) float32 ndarray
        The planes that the detector saw. Nothing of the cutout refers to them.
    start : int
        The first of them in the cube.
    detection : Detection
        The detection, its planes counted in the cube.

    Returns
    -------
    Cutout
        Where the detection names no plane or no peak: the plane nearest to the line, and its brightest spaxel.
    """
    wavelength_um = cube.wavelength_um[start : start + len(sci)]
    if detection.plane is None:
        plane = nearest_plane(wavelength_um, detection.line.wavelength_um)
    else:
        plane = detection.plane - start
    y, x = detection.peak_yx or brightest_spaxel(sci[plane])
    header = cutout_cards(cube.wcs) if cube.wcs is not None else {}
    if unit := text_card(cube.header, "BUNIT"):
        header["BUNIT"] = unit
    off_line_map = mean_off_line(sci, plane)
    first, stop = planes_about_line(sci, plane)
    mask = detection.mask if detection.mask is not None else spaxel_mask(sci, (y, x))
    jet_spectrum, jet_unit = sum_over(mask, sci, cube)
    return Cutout(
        line=detection.line,
        line_map=sci[plane].copy(),
        before_map=plane_or_blank(sci, plane - OFF_LINE_PLANES),
        after_map=plane_or_blank(sci, plane + OFF_LINE_PLANES),
        off_line_map=off_line_map,
        moment_map=integrate_line(sci, wavelength_um, plane, off_line_map),
        wavelength_um=wavelength_um.copy(),
        spectrum=sci[:, y, x].astype(np.float64),
        statistic=statistic_curve(detection, start, len(sci)),
        header=header,
        mask=detection.mask,
        planes=sci[first:stop].copy(),
        planes_start=first,
        jet_spectrum=jet_spectrum,
        jet_error=plane_scatter(jet_spectrum),
        jet_unit=jet_unit,
        origin=cards_of_origin(cube, detection, start + plane),
    )


def planes_about_line(sci: NDArray[np.float32], plane: int) -> tuple[int, int]:
    """Return the planes that are kept: `KEPT_PLANES` on either side, fewer of large fields."""
    reach = min(KEPT_PLANES, max(MOST_VOXELS // max(sci[0].size, 1) // 2, FEWEST_PLANES))
    return max(0, plane - reach), min(len(sci), plane + reach + 1)


def spaxel_mask(sci: NDArray[np.float32], place_yx: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask of one spaxel."""
    mask = np.zeros(sci.shape[1:], dtype=bool)
    mask[place_yx] = True
    return mask


def sum_over(mask: NDArray[np.bool_], sci: NDArray[np.float32], cube: Cube) -> tuple[NDArray[np.float64], str]:
    """Return the spectrum of all spaxels of a mask together, and its unit.

    In Jy where the unit of the cube is one that can be added; else their mean, in that unit. What is missing in a plane
    is taken to be as bright as the rest.
    """
    values = sci[:, mask]
    with np.errstate(invalid="ignore"):  # at signalling NaN
        seen = abs(values) < LARGEST
    count = seen.sum(axis=1)
    total = np.where(seen, values, 0).sum(axis=1, dtype=np.float64)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    unit = text_card(cube.header, "BUNIT")
    factors = {"mjy/sr": 1e6 * (cube.pixel_arcsec * RADIAN_PER_ARCSEC) ** 2, "jy/pixel": 1.0, "jy/pix": 1.0}
    factor = factors.get(unit.replace(" ", "").lower(), np.nan)
    return (mean * mask.sum() * factor, "Jy") if np.isfinite(factor) else (mean, unit)


def plane_scatter(spectrum: NDArray[np.float64]) -> float:
    """Return the scatter of a spectrum from plane to plane, robustly; NaN of fewer than three."""
    steps = np.diff(spectrum)
    steps = steps[np.isfinite(steps)]
    return float(np.median(abs(steps - np.median(steps)))) / (0.6745 * 2**0.5) if steps.size > 1 else np.nan


def cards_of_origin(cube: Cube, detection: Detection, plane: int) -> dict[str, str | float | int]:
    """Return FITS cards that say which cube it is and what was measured; what is not known is left out."""
    stated = {key: text_card(cube.primary_header, key) or text_card(cube.header, key) for key in COPIED_CARDS}
    measured = {key: getattr(detection, name) for key, name in MEASURED_CARDS.items()}
    return {
        **{key: text for key, text in stated.items() if text},
        "CUBEURI": shown(cube.uri),
        "KIND": str(detection.kind),
        "PLANE": plane,
        "WAVELEN": float(cube.wavelength_um[plane]),
        **{key: value for key, value in measured.items() if np.isfinite(value)},
    }


def plane_or_blank(sci: NDArray[np.float32], plane: int) -> NDArray[np.float32]:
    """Return a plane, or NaN where the detector saw no such plane."""
    return sci[plane].copy() if 0 <= plane < len(sci) else np.full_like(sci[0], np.nan)


def brightest_spaxel(image: NDArray[np.float32]) -> tuple[int, int]:
    """Return row and column of the largest finite value."""
    y, x = np.unravel_index(np.argmax(np.where(np.isfinite(image), image, -np.inf)), image.shape)
    return int(y), int(x)


def mean_off_line(sci: NDArray[np.float32], plane: int) -> NDArray[np.float32]:
    """Return the mean of the planes ten to either side, nearer ones where the cube ends, the other where one is NaN."""
    before, after = sci[max(0, plane - OFF_LINE_PLANES)], sci[min(len(sci) - 1, plane + OFF_LINE_PLANES)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = before / 2 + after / 2
    filled: NDArray[np.float32] = np.where(np.isnan(before), after, np.where(np.isnan(after), before, mean))
    return filled


def integrate_line(
    sci: NDArray[np.float32],
    wavelength_um: NDArray[np.float64],
    plane: int,
    off_line_map: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the line's flux above the off-line map, integrated over a few planes; the sum of unit times µm."""
    around = slice(max(0, plane - AROUND_LINE_PLANES), plane + AROUND_LINE_PLANES + 1)
    width_um = np.gradient(wavelength_um) if wavelength_um.size > 1 else np.full(1, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        excess = (sci[around] - off_line_map) * width_um[around, np.newaxis, np.newaxis]
        total = np.where(np.isnan(excess).all(axis=0), np.nan, np.nansum(excess, axis=0))
        moment: NDArray[np.float32] = total.astype(np.float32)
    return moment


def statistic_curve(detection: Detection, start: int, planes: int) -> NDArray[np.float64]:
    """Return the detection's statistic on the planes of the cutout, NaN where it was not computed."""
    statistic = np.full(planes, np.nan)
    if detection.statistic_curve is not None:
        first = detection.statistic_start - start
        statistic[first : first + detection.statistic_curve.size] = detection.statistic_curve
    return statistic

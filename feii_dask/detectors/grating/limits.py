"""How bright a line may be that a search of a cube of a single line does not find."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, cos, exp, inf, log, nan, pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter
from scipy.optimize import brentq
from scipy.signal import fftconvolve
from scipy.special import ndtr

from feii_dask.detectors.flux_sigma import LEAST_COVERED, POSITION_ANGLES_DEG, Shape, aperture_area, aperture_weights
from feii_dask.detectors.flux_units import JET_BEAMS
from feii_dask.detectors.grating.beam_significance import BEAMS, FWHM, LineSearch, scatter_beside
from feii_dask.detectors.grating.line_fits import LineFits

__all__ = ["aperture_sigmas", "sensitivities", "sums_about"]

FOUND = 0.95  # share of the lines of this flux
FLUX_RANGE = 10.0  # in natural logarithms, about the flux that is significant in the median voxel
JET_POINTS = 9
# Significance that is expected of a line over that of those that are found as often: of 540 lines of either extent of
# this flux in FIFI-LS's cubes (tests/benchmarks/detection_far_infrared_limits.py) 93.3 and 97.7 % were found without.
POINT_RATIO, JET_RATIO = 1.02, 0.95
FEWEST = 30  # apertures beside the line that tell the scatter

Image64 = NDArray[np.float64]
Cube64 = NDArray[np.float64]


def aperture_sigmas(
    line: LineFits, search: LineSearch, places_yx: Sequence[tuple[float, float]], psf_px: float
) -> list[tuple[float, float]]:
    """Return the error of a line's amplitude summed over an aperture of one beam, and over one of three by one.

    It is the formal error, times the scatter of the same sums over theirs, wherever in the field, beside the line.

    Parameters
    ----------
    line : LineFits
        One line, fitted to every spaxel where it would be.
    search : LineSearch
        Whose fits beside the line tell the scatter.
    places_yx : sequence of (float, float)
        Row and column of each place, whose centres are whole numbers.
    psf_px : float
        FWHM of the point-spread function, spaxels.
    """
    circle: Shape = (0.0, psf_px, 0.0)
    elongated: list[Shape] = [(JET_BEAMS * psf_px, psf_px, angle) for angle in POSITION_ANGLES_DEG]
    scales = {shape: scatter_of_sums(search, shape) * line.scatter[0] for shape in (circle, *elongated)}

    def variance(place: tuple[float, float], shape: Shape) -> float:
        return float((scales[shape] * formal_error(line.information[0], place, shape)) ** 2)

    return [
        (sqrt(variance(place, circle)), sqrt(float(np.mean([variance(place, shape) for shape in elongated]))))
        for place in places_yx
    ]


def formal_error(information: Image64, place_yx: tuple[float, float], shape: Shape) -> float:
    """Return the error of a sum of independent amplitudes, what is missing taken as the rest; NaN if that is much."""
    rows, columns, weight = aperture_weights(information.shape, place_yx, shape)
    there = information[rows, columns]
    covered = float(weight[there > 0].sum()) / aperture_area(shape)
    if covered <= LEAST_COVERED:
        return nan
    return float(np.sqrt((weight[there > 0] ** 2 / there[there > 0]).sum())) / min(covered, 1.0)


def scatter_of_sums(search: LineSearch, shape: Shape) -> float:
    """Return the scatter of sums over an aperture, beside the line, over the error of independent amplitudes."""
    amplitude, information = (
        values[search.off_line] for values in (search.beside.amplitude, search.beside.information)
    )
    known = information > 0
    variance = np.divide(
        np.square(search.beside.scatter[search.off_line, None, None]),
        information,
        out=np.zeros(known.shape),
        where=known,
    )
    kernel = aperture_kernel(shape)
    total, square, seen = (
        sums_about(values, weight)
        for values, weight in ((amplitude, kernel), (variance, kernel**2), (known.astype(np.float64), kernel))
    )
    inside = seen > 0.999 * kernel.sum()
    return scatter_beside(total[inside] / np.sqrt(square[inside])) if np.count_nonzero(inside) >= FEWEST else nan


def sums_about(values: Cube64, weight: Image64) -> Cube64:
    """Return the weighted sums about each spaxel of each plane; the weights are as far to either side of the middle."""
    # By Fourier transform: PACS's beam is twenty spaxels wide, and a sum of 60 × 60 took nine tenths of a scan.
    return np.asarray(fftconvolve(values, weight[None, ::-1, ::-1], mode="same", axes=(1, 2)))


def aperture_kernel(shape: Shape) -> Image64:
    """Return how much of each spaxel is in an aperture about the middle one."""
    reach = int(max(shape[:2])) // 2 + 1
    rows, columns, weight = aperture_weights((2 * reach + 1, 2 * reach + 1), (reach, reach), shape)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    kernel[rows, columns] = weight
    return kernel


def sensitivities(search: LineSearch, searched: NDArray[np.bool_], least: float, psf_px: float) -> tuple[float, float]:
    """Return the sum of amplitudes of a line of which 95 % are found, as a point and as a straight line of three beams.

    A line is found where the significance that is expected of it, with an error of one, is above the least one. Where
    a voxel has no data, and at the border of those that have, nothing is searched.

    Parameters
    ----------
    search : LineSearch
        Of all planes.
    searched : (n,) bool ndarray
        Planes in which the line may be.
    least : float
        Least significance of a detection.
    psf_px : float
        FWHM of the point-spread function, spaxels.
    """
    information = search.fits.information[searched]
    known = information > 0
    inner = known & binary_erosion(known.any(axis=0), np.ones((3, 3)))
    if not (inner.any() and least < inf):
        return nan, nan
    uneven = (search.fits.scatter / search.fits.scatter.max())[searched, None, None]

    def least_sum(image: Image64, ratio: float) -> float:
        significance = np.fmax(
            *(
                significance_of(image, information, width * psf_px) / scale
                for width, scale in zip(BEAMS, search.scales, strict=True)
            )
        )
        return least_flux((significance / uneven)[inner] / ratio, least)

    return least_sum(point_image(psf_px), POINT_RATIO), least_sum(jet_image(psf_px), JET_RATIO)


def significance_of(image: Image64, information: Cube64, fwhm_px: float) -> Cube64:
    """Return what an average over a beam makes of an image of sum 1 about each spaxel, over its formal error."""
    spread = fwhm_px / FWHM
    reach = len(image) // 2
    offset = np.arange(-reach, reach + 1)
    beam = np.exp(-(np.square(offset[:, None]) + np.square(offset)) / (2 * spread**2)) / (2 * pi * spread**2)
    response = sums_about(information, image * beam)
    square = gaussian_filter(information, spread / sqrt(2), axes=(1, 2), mode="constant")  # as `beam_average` has it
    return np.asarray(response / np.sqrt(np.maximum(square, 1e-300)))


def point_image(psf_px: float) -> Image64:
    """Return the image of a point, of sum 1."""
    return smeared([(0.0, 0.0)], psf_px)


def jet_image(psf_px: float) -> Image64:
    """Return the image of a straight line three beams long, of sum 1, averaged over position angles."""
    along = np.linspace(-0.5, 0.5, JET_POINTS) * JET_BEAMS * psf_px
    angles = [radians(angle) for angle in POSITION_ANGLES_DEG]
    return smeared([(step * cos(angle), step * sin(angle)) for angle in angles for step in along], psf_px)


def smeared(places_yx: Sequence[tuple[float, float]], psf_px: float) -> Image64:
    """Return points as the telescope sees them, in a square about them."""
    offset = np.arange(-ceil(JET_BEAMS * psf_px), ceil(JET_BEAMS * psf_px) + 1)
    image = sum(
        np.exp(-4 * log(2) * (np.square(offset[:, None] - y) + np.square(offset - x)) / psf_px**2) for y, x in places_yx
    )
    return np.asarray(image / np.sum(image))


def least_flux(significance: NDArray[np.float64], least: float) -> float:
    """Return the flux of which 95 % are found, given the significance of flux 1 in the voxels that are searched."""
    middle = log(least / float(np.median(significance)))

    def excess(log_flux: float) -> float:
        return float(ndtr(exp(log_flux) * significance - least).mean()) - FOUND

    return exp(brentq(excess, middle - FLUX_RANGE, middle + FLUX_RANGE, xtol=1e-3))

"""Place, velocity, width and flux of a line about its best voxel."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label
from scipy.optimize import least_squares

from feii_dask.detectors.grating.beam_significance import LineSearch
from feii_dask.detectors.grating.line_fits import LineFits, fit_lines

__all__ = ["AREA", "SummedLight", "measure_emission"]

JOINED = 4.0  # significance of the spaxels that belong to a region
GROWN = 0.5  # FWHM of the point-spread function by which a region's flux reaches beyond
WIDTH_KNOWN = 0.15  # of a line's width, its natural logarithm, before it is measured
NARROWEST, WIDEST = 0.8, 3.0  # FWHM, over that of the line-spread function
AREA = sqrt(pi / log(2)) / 2  # of a Gaussian of peak and FWHM 1
CENTROID = sqrt(2) / 2.3548  # error of a Gaussian's centre times its signal-to-noise ratio, over its FWHM

Image64 = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SummedLight:
    """The light of one line.

    Attributes
    ----------
    image : LineFits
        Its amplitude in every spaxel, (1, y, x), at its centre and width.
    scales : tuple of float
        Of the significance; see `LineSearch`.
    region, grown : (y, x) bool ndarray
        The connected spaxels with emission, and those in which its flux is measured.
    peak_yx : tuple of int
        Spaxel of the most significant beam.
    centre, centre_error, width : float
        Of the line, planes; the width is its FWHM.
    flux, flux_error : float
        Unit of the cube times planes.
    is_peak : bool
        Whether the line peaks where it was looked for.
    """

    image: LineFits
    scales: tuple[float, ...]
    region: Mask
    grown: Mask
    peak_yx: tuple[int, int]
    centre: float
    centre_error: float
    width: float
    flux: float
    flux_error: float
    is_peak: bool


def measure_emission(search: LineSearch, plane: int, psf_px: float, line_planes: float) -> SummedLight:
    """Measure the line in the connected region about the best voxel of a plane.

    Centre and width are those of the region's spectrum, whose spaxels count by the line's amplitude. With these the
    line is fitted to every spaxel again, and summed over the region and what lies within half a beam of it.
    """
    best = np.where(np.isfinite(search.significance[plane]), search.significance[plane], 0.0)
    y, x = (int(place) for place in np.unravel_index(int(best.argmax()), best.shape))
    sharp = np.where(np.isfinite(search.sharp[plane]), search.sharp[plane], 0.0)
    labels, _ = label((sharp if sharp[y, x] > JOINED else best) > JOINED)
    region = labels == labels[y, x]
    first = fit_lines(search.spectra, np.array([float(plane)]), line_planes)
    template = np.where(region, np.maximum(first.amplitude[0], 0.0), 0.0)
    centre, width = centre_and_width(search, template, plane, line_planes)
    image = fit_lines(search.spectra, np.array([centre]), width)
    known = image.information[0] > 0
    grown = binary_dilation(region, disc_of(GROWN * psf_px)) & known
    total = float(image.amplitude[0][grown].sum())
    error = search.scales[-1] * sqrt(float((1 / image.information[0][grown]).sum()))
    statistic = float(best[y, x])
    return SummedLight(
        image=image,
        scales=search.scales,
        region=region,
        grown=grown,
        peak_yx=(y, x),
        centre=centre,
        centre_error=CENTROID * width / statistic,
        width=width,
        flux=total * AREA * width,
        flux_error=error * AREA * width,
        is_peak=abs(centre - plane) < line_planes,
    )


def centre_and_width(search: LineSearch, template: Image64, plane: int, line_planes: float) -> tuple[float, float]:
    """Return centre and FWHM, planes, of a Gaussian on a straight continuum, fitted to a region's spectrum."""
    spectra = search.spectra
    weight = spectra.weight / np.square(np.where(np.isfinite(spectra.noise), spectra.noise, np.inf))
    information = (weight * np.square(template)).sum(axis=(1, 2))
    seen = information > 0
    spectrum = (weight * template * (spectra.known - spectra.continuum)).sum(axis=(1, 2))[seen] / information[seen]
    precision = np.sqrt(information[seen]) / search.scales[0]
    step = np.arange(len(weight))[seen]
    basis = np.stack([np.ones(step.size), np.linspace(-1, 1, step.size)])

    def misfit(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        centre, log_width = parameters
        profile = np.exp(-4 * log(2) * np.square((step - centre) / (line_planes * np.exp(log_width))))
        model = (np.vstack([profile, basis]) * precision).T
        left = spectrum * precision - model @ np.linalg.lstsq(model, spectrum * precision)[0]
        return np.append(left, log_width / WIDTH_KNOWN)

    bounds = ([plane - line_planes, log(NARROWEST)], [plane + line_planes, log(WIDEST)])
    centre, log_width = least_squares(misfit, [float(plane), 0.02], bounds=bounds, x_scale=[1.0, 0.1]).x
    return float(centre), float(line_planes * np.exp(log_width))


def disc_of(radius_px: float) -> Mask:
    """Return a disc, as a structuring element."""
    reach = np.arange(-int(radius_px), int(radius_px) + 1)
    return np.asarray(np.hypot(reach[:, None], reach) <= radius_px)

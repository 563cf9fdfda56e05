"""One cube, without an archive."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import matplotlib.figure

from feii_dask.cubes.reader import open_cube
from feii_dask.errors import CubeError, DetectorError
from feii_dask.model import Context, Detection, Outcome, Status, Target
from feii_dask.results.figures import plot_lines
from feii_dask.runs import as_context
from feii_dask.scan import scan_cube
from feii_dask.settings import Settings

__all__ = ["scan_one"]


def scan_one(uri: str, settings: Settings, *, plot: bool = False) -> str:
    """Look for lines in one cube, and say what was found.

    Parameters
    ----------
    uri : str
        Where the cube is.
    settings : Settings
        Its `lines`, `detector`, `mission` and `storage_options` count.
    plot : bool
        Draw the detector's statistic around each line into a PNG file in the working directory.

    Returns
    -------
    str
        A line of text for each spectral line that the cube covers.

    Raises
    ------
    CubeError, DetectorError
        If the cube cannot be scanned.
    """
    context = as_context(settings)
    outcome = scan_cube(Target(obs_id=PurePosixPath(uri).name, uri=uri), context)
    if outcome.status.failed or outcome.status is Status.NO_CLOUD_COPY:
        kind = DetectorError if outcome.status is Status.DETECTOR_ERROR else CubeError
        raise kind(f"{uri}: {outcome.reason}")
    measured = [detection for detection in outcome.detections if detection.status is Status.SCANNED]
    text = [describe(detection) for detection in measured] or [f"{uri}: {outcome.reason}"]
    if plot and measured:
        text.append(draw(uri, outcome, measured, context))
    return "\n".join(text)


def describe(detection: Detection) -> str:
    """Return what one line came to, as a line of text."""
    found = "detected" if detection.detected else "not detected"
    numbers = {
        "statistic": (detection.statistic, ".3g"),
        "S/N": (detection.snr, ".1f"),
        "p": (detection.p_value, ".2g"),
        "v/(km/s)": (detection.velocity_kms, "+.0f"),
    }
    known = "  ".join(f"{name} {value:{form}}" for name, (value, form) in numbers.items() if value == value)  # noqa: PLR0124 - false for NaN
    return f"{detection.line.name:>16} µm  {found:12}  {known}"


def draw(uri: str, outcome: Outcome, measured: list[Detection], context: Context) -> str:
    """Draw the statistic around each line, one panel each, and say where the figure is."""
    wavelength_um = open_cube(uri, context.storage_options, context.extension).wavelength_um
    figure = matplotlib.figure.Figure(figsize=(5 * len(measured), 4), layout="constrained")
    for detection, ax in zip(measured, figure.subplots(1, len(measured), squeeze=False)[0], strict=True):
        curve, start, rest = detection.statistic_curve, detection.statistic_start, [detection.line.wavelength_um]
        if curve is not None:
            found, missed = (rest, []) if detection.detected else ([], rest)
            plot_lines(wavelength_um[start : start + len(curve)], curve, found, missed, ax=ax)
        ax.set_title(detection.line.name)
    path = Path(f"{outcome.obs_id.removesuffix('.fits')}.png")
    figure.savefig(path, dpi=120)
    return f"figure: {path}"

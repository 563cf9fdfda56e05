"""Scan of a single cube, without an archive."""

from __future__ import annotations

from itertools import chain
from math import isnan
from pathlib import Path, PurePosixPath

from matplotlib.figure import Figure

from feii_dask.addresses import shown
from feii_dask.config.settings import Settings
from feii_dask.cubes.reader import Cube, open_cube
from feii_dask.detectors.notebook import extension_vs_wavebin
from feii_dask.errors import CubeError, DetectorError, StoreError
from feii_dask.figures.plots import plot_detections, plot_lines
from feii_dask.model import Detection, MatchedCube, Status, UnidentifiedLine
from feii_dask.ranking.unidentified import distinct_lines
from feii_dask.scan import scan_cube
from feii_dask.store.manifest import as_context

__all__ = ["scan_one"]


def scan_one(uri: str, settings: Settings, *, plot: bool = False, whole: bool = False) -> str:
    """Look for lines in one cube, and say what was found.

    Parameters
    ----------
    uri : str
        Where the cube is.
    settings : Settings
        Its `lines`, `detector`, `mission` and `storage_options` count.
    plot : bool
        Draw the detector's statistic around each line into a PNG file in the working directory.
    whole : bool
        Draw, in its place, how far emission extends in every plane of the cube, all of which are then read.

    Returns
    -------
    str
        A line of text for each spectral line that the cube covers, and for each that was met where none was expected.

    Raises
    ------
    CubeError, DetectorError
        If the cube cannot be scanned.
    StoreError
        If the figure cannot be written.
    """
    context = as_context(settings)
    name = shown(uri)
    outcome = scan_cube(MatchedCube(obs_id=(PurePosixPath if "://" in name else Path)(name).name, uri=uri), context)
    if outcome.status.failed or outcome.status is Status.NO_CLOUD_COPY:
        kind = DetectorError if outcome.status is Status.DETECTOR_ERROR else CubeError
        raise kind(outcome.reason if name in outcome.reason else f"{name}: {outcome.reason}")
    measured = [detection for detection in outcome.detections if detection.status is Status.SCANNED]
    text = [describe(detection) for detection in measured] or [f"{name}: {outcome.reason}"]
    met = chain.from_iterable(detection.unidentified for detection in measured)
    text += [describe_unidentified(line) for line in distinct_lines(met)]
    if measured and (plot or whole):
        cube = open_cube(uri, context.storage_options, context.extension)
        figure = draw_whole(cube, measured) if whole else plot_detections(cube, measured)
        path = Path(f"{outcome.obs_id.removesuffix('.gz').removesuffix('.fits')}.png")
        try:
            figure.savefig(path, dpi=120)
        except OSError as error:
            raise StoreError(f"cannot write the figure {path}: {error.strerror}; work in another directory") from error
        text.append(f"figure: {path}")
    return "\n".join(text)


def describe(detection: Detection) -> str:
    """Return what one line came to, as a line of text."""
    found = "detected" if detection.detected else "not detected"
    kind = detection.kind if detection.kind.is_line else ""
    numbers = {
        "statistic": (detection.statistic, ".3g"),
        "S/N": (detection.snr, ".1f"),
        "p": (detection.p_value, ".2g"),
        "p(no extent)": (detection.p_extent, ".2g"),
        "p(another line)": (detection.p_identification, ".2g"),
        "v/(km/s)": (detection.velocity_kms, "+.0f"),
    }
    words = [f"{name} {value:{form}}" for name, (value, form) in numbers.items() if not isnan(value)]
    if detection.lobes:
        velocities = ", ".join(f"{lobe.velocity_kms:+.0f}" for lobe in detection.lobes)
        words.append(f"lobes at {velocities} km/s")
    if detection.flags:
        words.append(f"({', '.join(detection.flags).replace('_', ' ')})")
    return f"{detection.line.name:>16} µm  {found:12}  {kind:9}  {'  '.join(words)}".rstrip()


def describe_unidentified(line: UnidentifiedLine) -> str:
    """Return what was met where no line was expected, as a line of text."""
    return f"{line.wavelength_um:>16.4f} µm  {'unidentified':12}  {line.kind:9}  statistic {line.statistic:.3g}"


def draw_whole(cube: Cube, measured: list[Detection]) -> Figure:
    """Draw the notebook's figure 3: the extent of emission over the whole cube, and the lines."""
    lines_um: dict[bool, list[float]] = {True: [], False: []}
    for detection in measured:
        lines_um[detection.detected].append(detection.line.wavelength_um)
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    extent = extension_vs_wavebin(cube.planes(0, cube.shape[0]))
    plot_lines(cube.wavelength_um, extent, lines_um[True], lines_um[False], ax=figure.subplots())
    return figure

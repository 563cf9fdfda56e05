"""Every answer of the detectors to all its digits, on fixed cubes: whether a change of code changes what is found.

``python -m tests.benchmarks answers [--real DIR] --write FILE`` searches simulated cubes, and the FITS cubes of a
directory, and writes a row per cube, line and detector. ``--compare FILE`` searches again and says what differs.
``results/answers.csv.gz`` was written before the detectors took a `LineWindow`.

Each line is searched twice: by `scan_cube` in a FITS file, and by ``measure`` with the whole cube in memory. Arrays are
represented by the beginning of their SHA-256. Other versions of numpy or scipy, and another kind of processor, may
change last digits: the first lines of a file say which there were.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # sums in one order

import argparse
import csv
import gzip
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

import feii_dask
from feii_dask.cubes.lines import FAR_INFRARED_LINES
from feii_dask.cubes.reader import open_cube
from feii_dask.detectors import load_detector
from feii_dask.model import Context, Cutout, Detection, Line, MatchedCube
from feii_dask.scan import scan_cube
from feii_dask.simulate import Jet, make_cube
from feii_dask.simulate.fifi import make_fifi_cube
from tests.cubes.samples import write_cube

from .detection_scenes import BAND_LINES, SCENES, line_of

__all__ = ["main"]

SIMULATED, FAR_INFRARED = 50, 20  # cubes
REACH_PLANES = 330  # of a simulated cube on either side of its line: more than any detector reads
REAL_LINES = 40  # wavelengths, evenly spaced, at which a real cube is searched
DETECTORS: dict[str, tuple[str, dict[str, Any]]] = {
    "matched": ("matched", {}),
    "notebook": ("notebook", {}),
    "notebook fixed": ("notebook", {"compat": "fixed"}),
    "function": ("feii_dask.detectors.notebook:extension_vs_wavebin", {}),
    "grating": ("grating", {"jy_per_unit": 1.0}),
}
VALUES = (
    *("detected", "statistic", "p_value", "null_windows", "null_p_values", "snr", "plane"),
    *("velocity_kms", "velocity_error_kms", "width_kms", "flux", "flux_error", "area_px", "area_arcsec2"),
    *("position_angle_deg", "elongation", "peak_yx", "peak_ra_deg", "peak_dec_deg", "offset_arcsec", "flags"),
)
KEY = ("cube", "way", "detector", "line", "rv_kms")

Row = dict[str, str]


@dataclass(frozen=True, eq=False)
class Searched:
    """A cube in a file and in memory, and the lines that are looked for."""

    name: str
    uri: str
    extension: str
    rv_kms: float
    lines: tuple[Line, ...]


def main(arguments: list[str]) -> None:
    """Write the answers, or compare them with those in a file."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks answers", description=__doc__)
    parser.add_argument("--real", type=Path, metavar="DIR", help="FITS cubes to search beside the simulated ones")
    parser.add_argument("--cubes", type=int, default=SIMULATED, help="simulated cubes of JWST")
    parser.add_argument("--far-infrared", type=int, default=FAR_INFRARED, help="simulated cubes of FIFI-LS")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", type=Path, metavar="FILE")
    what.add_argument("--compare", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    rows = list(answers(options.cubes, options.far_infrared, options.real))
    if options.write:
        write_answers(options.write, rows)
    elif differences := differing(rows, read_answers(options.compare)):
        sys.exit("\n".join([*differences[:40], f"{len(differences)} of {len(rows)} answers differ"]))
    else:
        print(f"all {len(rows)} answers are the same")


def answers(cubes: int, far_infrared: int, real: Path | None) -> Iterator[Row]:
    """Yield a row for each cube, line, detector and way of asking."""
    with TemporaryDirectory() as directory:
        for seed in range(cubes):
            yield from searched_rows(simulated(Path(directory), seed))
        for seed in range(far_infrared):
            yield from searched_rows(simulated_far_infrared(Path(directory), seed))
        for path in sorted(real.glob("*.fits")) if real else ():
            yield from searched_rows(real_cube(Path(directory), path))


def simulated(directory: Path, seed: int) -> Searched:
    """Write a cube of any band and scene: with a jet or without, some with a gap, blanks or damage."""
    rng = np.random.default_rng([seed, 8])
    band, scene = list(BAND_LINES)[seed % len(BAND_LINES)], list(SCENES.values())[seed // 2 % len(SCENES)]
    line, rv_kms = line_of(band), float(rng.choice([0.0, 0.0, 35.5, -120.0]))
    snr = float(rng.choice([0.0, 4.0, 8.0, 25.0]))
    jet = Jet(
        line=line,
        snr=snr,
        velocity_kms=rv_kms + float(rng.uniform(-250, 250)),
        fwhm_kms=float(rng.uniform(50, 250)),
        length_arcsec=float(rng.uniform(0.6, 4.0)),
        position_angle_deg=float(rng.uniform(0, 360)),
    )
    shape = (int(rng.choice([15, 19, 23])), int(rng.choice([17, 21])))
    cube = make_cube(band=band, shape=shape, jets=(jet,) if snr else (), seed=rng, **scene)
    middle = int(abs(cube.wavelength_um - line.wavelength_um).argmin())
    part = slice(max(0, middle - REACH_PLANES), middle + REACH_PLANES)
    sci, wavelength_um = cube.sci[part].copy(), cube.wavelength_um[part]
    spoil(sci, middle - part.start, seed, rng)
    uri = write(directory / f"{seed}.fits", sci, wavelength_um, cube.pixel_arcsec)
    return Searched(f"{seed} {band}", uri, "SCI", rv_kms, (line, *other_lines(wavelength_um, rng)))


def spoil(sci: NDArray[np.float32], middle: int, seed: int, rng: np.random.Generator) -> None:
    """Leave two of five cubes as they are; give the others a gap beside the line, a border, or values of no use."""
    if seed % 5 == 2:
        first = middle + int(rng.integers(-30, 30))
        sci[first : first + 24] = np.nan
    elif seed % 5 == 3:
        sci[:, :2] = sci[:, :, -3:] = np.nan
        sci[::7, ::3, ::4] = np.nan
    elif seed % 5 == 4:
        sci[rng.random(sci.shape) < 0.002] = np.inf
        sci[rng.random(sci.shape) < 0.002] = 1e35


def other_lines(wavelength_um: NDArray[np.float64], rng: np.random.Generator) -> tuple[Line, ...]:
    """Return lines that do not exist: two anywhere, one between planes near each end, one outside."""
    step_um = np.diff(wavelength_um)[0]
    anywhere = wavelength_um[rng.integers(0, len(wavelength_um), 2)]
    first, last, outside = wavelength_um[4] + 0.3 * step_um, wavelength_um[-3] - 0.6 * step_um, wavelength_um[-1] * 1.01
    return tuple(Line("null", float(each)) for each in (*anywhere, first, last, outside))


def simulated_far_infrared(directory: Path, seed: int) -> Searched:
    """Write a cube of one far-infrared line, with the line or without."""
    rng = np.random.default_rng([seed, 9])
    line, rv_kms = FAR_INFRARED_LINES[seed % len(FAR_INFRARED_LINES)], float(rng.choice([0.0, 60.0]))
    cube = make_fifi_cube(
        line,
        snr=float(rng.choice([0.0, 5.0, 12.0, 20.0])),
        velocity_kms=rv_kms + float(rng.uniform(-120, 120)),
        extent_px=float(rng.uniform(1, 20)),
        continuum=float(rng.choice([0.0, 5.0, 50.0, 150.0])),
        planes=int(rng.choice([45, 61, 89, 301])),
        seed=rng,
    )
    wavelength_um = cube.wavelength_um
    uri = write(directory / f"far {seed}.fits", cube.flux.astype(np.float32), wavelength_um, cube.pixel_arcsec)
    return Searched(f"far-infrared {seed}", uri, "SCI", rv_kms, (line, *other_lines(wavelength_um, rng)))


def write(path: Path, sci: NDArray[np.float32], wavelength_um: NDArray[np.float64], pixel_arcsec: float) -> str:
    """Write a cube with a linear axis."""
    step_um = (wavelength_um[-1] - wavelength_um[0]) / (len(wavelength_um) - 1)
    axis = {"CRVAL3": float(wavelength_um[0]), "CDELT3": float(step_um), "PIXAR_A2": pixel_arcsec**2}
    return write_cube(path, sci, **axis)


def real_cube(directory: Path, path: Path) -> Searched:
    """Take wavelengths from one end of a real cube to the other, most of them between two planes.

    Wavelengths in air are taken as they are: no line has to be where it belongs.
    """
    with fits.open(path) as hdus:
        hdu = next(hdu for hdu in hdus if hdu.name in {"DATA", "SCI"})
        hdu.header["CTYPE3"] = "WAVE"
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(directory / path.name)
    uri = str(directory / path.name)
    wavelength_um = open_cube(uri, extension=hdu.name).wavelength_um
    places = np.linspace(wavelength_um[0], wavelength_um[-1], REAL_LINES)
    return Searched(path.name, uri, hdu.name, 25.0, tuple(Line("null", float(each)) for each in places))


def searched_rows(cube: Searched) -> Iterator[Row]:
    """Yield what every detector says of one cube, from its file and from memory."""
    opened = open_cube(cube.uri, extension=cube.extension)
    sci = opened.planes(0, opened.shape[0])
    for name, (detector, options) in DETECTORS.items():
        context = Context(lines=cube.lines, detector=detector, detector_options=options, extension=cube.extension)
        outcome = scan_cube(MatchedCube(obs_id=cube.name, uri=cube.uri, rv_kms=cube.rv_kms), context)
        cutouts = {cutout.line: cutout for cutout in outcome.cutouts}
        for found in outcome.detections:
            yield {"way": "scan", **row(cube, name, found, cutouts.get(found.line))}
        for line in cube.lines:
            found = load_detector(detector, options).measure(
                sci, opened.wavelength_um, line, rv_kms=cube.rv_kms, pixel_arcsec=opened.pixel_arcsec
            )
            yield {"way": "measure", **row(cube, name, found, None)}


def row(cube: Searched, detector: str, found: Detection, cutout: Cutout | None) -> Row:
    """Return one answer as text that tells every digit."""
    values = {name: getattr(found, name) for name in VALUES}
    arrays = {"mask": found.mask, "curve": found.statistic_curve}
    start = "" if found.statistic_curve is None else repr(found.statistic_start)  # it says nothing without a curve
    maps = () if cutout is None else (cutout.line_map, cutout.off_line_map, cutout.moment_map, cutout.spectrum)
    return {
        "cube": cube.name,
        "detector": detector,
        "line": repr(found.line.wavelength_um),
        "rv_kms": repr(cube.rv_kms),
        "status": found.status.value,
        **{name: repr(plain(value)) for name, value in values.items()},
        "statistic_start": start,
        **{name: "" if array is None else digest(array) for name, array in arrays.items()},
        "cutout": digest(*maps) if maps else "",
    }


def plain(value: Any) -> Any:
    """Return a value as one of Python's own types."""
    if isinstance(value, tuple):
        return tuple(plain(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def digest(*arrays: NDArray[Any]) -> str:
    """Return what tells arrays from any others: type, shape and bytes."""
    whole = sha256()
    for array in arrays:
        whole.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:16]


def write_answers(path: Path, rows: list[Row]) -> None:
    """Write answers below comments that say which code gave them, and on what."""
    place = Path(feii_dask.__file__).parent
    commit = subprocess.run(["git", "-C", place, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    said = {
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "astropy")),
    }
    with gzip.open(path, "wt", newline="", encoding="utf-8") as file:
        file.writelines(f"# {name}: {value}\n" for name, value in said.items())
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_answers(path: Path) -> list[Row]:
    """Read what `write_answers` has written."""
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("# ")))


def differing(rows: list[Row], expected: list[Row]) -> list[str]:
    """Say of each answer that differs, or was not there before, what is different about it."""
    known = {tuple(one[name] for name in KEY): one for one in expected}
    said = []
    for one in rows:
        key = tuple(one[name] for name in KEY)
        before = known.get(key, {})
        changes = [f"{name} {before.get(name)} -> {value}" for name, value in one.items() if before.get(name) != value]
        if changes:
            said.append(f"{', '.join(key)}: {'; '.join(changes)}" if before else f"{', '.join(key)}: is new")
    return said

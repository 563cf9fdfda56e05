"""Fuzzing of header cards, counted: the places and wavelengths of mutated headers, judged by astropy.

Each is as `astropy.wcs` reads the header whole, or else there is a reason; no header ends a search.
"""

from __future__ import annotations

import logging
import re
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area, wcs_to_celestial_frame

from feii_dask.archives.from_headers import describe_cubes
from feii_dask.config.missions import find_mission
from feii_dask.cubes.celestial import celestial_wcs
from feii_dask.cubes.hdus import parse_header
from feii_dask.cubes.wavelengths import SPECTRAL, wavelengths_um
from feii_dask.errors import CubeFormatError
from feii_dask.model import Context, Line, MatchedCube, Status
from feii_dask.scan import scan_cube
from tests.cubes.samples import WAVE_CARDS, WCS_CARDS
from tests.stress.record import print_table, write_results

__all__ = ["fuzz_headers", "fuzz_searches", "main"]

SEED = 21
NUMBER = 20_000
SEARCHES = 400
SHAPE = 9, 6, 7
OFF_SPAXELS = 0.01
STEPS = {"CDELT1": -3.6e-5, "CDELT2": 3.6e-5}
MATRICES = (
    {**STEPS, "PC1_1": 0.8, "PC1_2": 0.6, "PC2_1": -0.6, "PC2_2": 0.8},
    {**STEPS, "PC001001": 0.8, "PC001002": 0.6, "PC002001": -0.6, "PC002002": 0.8},
    {**STEPS, "CROTA2": 30.0},
    {"CD1_1": -3e-5, "CD1_2": 2e-5, "CD2_1": 2e-5, "CD2_2": 3e-5},
)
FRAMES = (
    {"RADESYS": "ICRS"},
    {"RADESYS": "FK5", "EQUINOX": 2000.0},
    {"EPOCH": 1950.0},
    {"RADESYS": "FK4", "EQUINOX": 1950.0},
    {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
    {"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "PV2_1": 1.0, "PV2_3": 40.0},
    {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "LONPOLE": 170.0},
)
KEYWORDS = (*WCS_CARDS, *WAVE_CARDS, "CROTA1", "CROTA2", "RADESYS", "EQUINOX", "EPOCH", "LONPOLE", "LATPOLE")
KEYWORDS += ("PV2_1", "PV2_3", "CD1_1", "CD2_1", "CD3_3", "PC3_3", "PC1_3", "PC001002", "OBJECT")
RAW = (
    "",
    "nan",
    "-1",
    "0",
    "1e400",
    "T",
    "'",
    "12 34 56",
    "1,5",
    "deg",
    "'é'",
    "\x7f",
    "3.5E",
    "1D-3",
    "(1, 2)",
    "'x'",
)
NUMBERS = (0, 1, -1, 0.5, 45.0, 90.0, 95.0, 359.99, -400.0, 1950.0, 2000.0, 1e-30, 1e10, 1e308)
THIRD = re.compile(r"(?:CTYPE|CRPIX|CRVAL|CUNIT|CDELT)3|(?:PC|CD)(?:[123]_3|3_[123])")
WORDS = ("Degrees", "deg", "DEG", "arcsec", "ARCSEC", "rad", "um", "Microns", "nm", "Angstroms", "Hz", "parsnip", " ")
WORDS += ("galactic", "ICRS", "FK5", "FK4", "J2000", "icrs", "GLON-TAN", "DEC--TAN", "RA---XYZ", "RA---SIN", "LINEAR")
WORDS += ("WAVE", "AWAV", "FREQ", "VELO", "WAVE-LOG", "WAVE-TAB")


def mutated_header(rng: np.random.Generator) -> bytes:
    """Return the header of a cube with one to three cards that are other, raw, absent or there twice."""
    frame, matrix = FRAMES[rng.integers(len(FRAMES))], MATRICES[rng.integers(len(MATRICES))]
    places = {key: value for key, value in WCS_CARDS.items() if not key.startswith(("PC", "CDELT"))}
    planes, rows, columns = SHAPE
    size = {"NAXIS": 3, "NAXIS1": columns, "NAXIS2": rows, "NAXIS3": planes}
    cards = {"XTENSION": "IMAGE", "BITPIX": -32, **size, "PCOUNT": 0, "GCOUNT": 1, "EXTNAME": "SCI"}
    header = fits.Header({**cards, **places, **WAVE_CARDS, **matrix, **frame})
    raw = []
    for _ in range(rng.integers(1, 4)):
        keyword = str(rng.choice(KEYWORDS))
        kind = rng.integers(6)
        if kind == 0:
            header.pop(keyword, None)
        elif kind == 1:
            raw.append(f"{keyword:8}= {rng.choice(RAW)}".encode("latin-1").ljust(80))
            header.pop(keyword, None)
        elif kind == 2:
            header[keyword] = WORDS[rng.integers(len(WORDS))]
        elif kind == 3 and keyword in header:
            header.append((keyword, header[keyword] if rng.integers(2) else NUMBERS[rng.integers(len(NUMBERS))]))
        else:
            header[keyword] = NUMBERS[rng.integers(len(NUMBERS))]
    text = header.tostring(endcard=False, padding=False).encode("latin-1") + b"".join(raw) + b"END".ljust(80)
    return text.ljust(-(-len(text) // 2880) * 2880)


def judge_place(header: fits.Header) -> WCS | None:
    """Return astropy's celestial coordinates of a whole header, but for its third axis; None where it has none."""
    # By value: wcslib takes 1D-3, which has no point, for no number.
    stated = [card for card in header.cards if not isinstance(card.value, fits.card.Undefined)]
    try:
        two = fits.Header([(card.keyword, card.value) for card in stated if not THIRD.fullmatch(card.keyword)])
        wcs = WCS(two, naxis=2)
        return wcs if wcs.has_celestial and wcs_to_celestial_frame(wcs) is not None else None
    except Exception:  # noqa: BLE001 - astropy raises many kinds
        return None


def places_of(wcs: WCS) -> np.ndarray:
    """Return the places, (n, 2), ICRS, deg, of some spaxels; NaN where there is none."""
    x, y = np.array([0.0, 3.0, 6.0, 1.0]), np.array([0.0, 2.0, 5.0, 4.0])
    sky = wcs.pixel_to_world(x, y).icrs
    return np.column_stack([sky.ra.deg, sky.dec.deg])


def compare_place(header: fits.Header, unreadable: frozenset[str]) -> str:
    """Say how the place that a header gives here compares with the judge's."""
    ours = celestial_wcs(header, unreadable)
    if ours is None:
        return "no coordinates, and said"
    judge = judge_place(header)
    if judge is None:
        return "coordinates where the judge has none"
    try:
        found, expected = places_of(ours), places_of(judge)
    except Exception as error:  # noqa: BLE001 - it is what is looked for
        return f"ESCAPED {type(error).__name__}"
    known = np.isfinite(expected).all(axis=1)
    if not np.array_equal(known, np.isfinite(found).all(axis=1)):
        return "DIFFERENT place"
    shift = (found - expected)[known]
    shift[:, 0] = ((shift[:, 0] + 180) % 360 - 180) * np.cos(np.radians(expected[known, 1]))
    spaxel_deg = np.sqrt(proj_plane_pixel_area(judge))
    is_equal = not known.any() or np.hypot(*shift.T).max() <= OFF_SPAXELS * spaxel_deg
    return "place as the judge's" if is_equal else "DIFFERENT place"


def compare_wavelength(header: fits.Header, unreadable: frozenset[str]) -> str:
    """Say how the wavelengths that a header gives here compare with the judge's."""
    if SPECTRAL & unreadable:
        return "no wavelengths, and said"
    try:
        found = wavelengths_um(header)
    except CubeFormatError:
        return "no wavelengths, and said"
    except Exception as error:  # noqa: BLE001 - it is what is looked for
        return f"ESCAPED {type(error).__name__}"
    spectral = fits.Header(
        [(f"{key[:-1]}1", header[key]) for key in ("CTYPE3", "CUNIT3", "CRPIX3", "CRVAL3") if key in header]
    )
    step = header["CD3_3"] if "CD3_3" in header else header.get("CDELT3", 1.0) * header.get("PC3_3", 1.0)
    try:
        judge = WCS(fits.Header({**spectral, "CDELT1": step}), naxis=1)
        expected = 1e6 * judge.wcs_pix2world(np.arange(SHAPE[0]), 0)[0]
        if judge.wcs.ctype[0] == "FREQ":
            expected = np.sort(299_792_458.0 * 1e12 / expected)
    except Exception:  # noqa: BLE001 - astropy raises many kinds
        return "wavelengths where the judge has none"
    if not judge.wcs.ctype[0].startswith(("WAVE", "FREQ")):
        return "wavelengths where the judge has none"
    off = np.abs(found - expected).max() / np.abs(np.diff(expected)).min()
    return "wavelengths as the judge's" if off <= OFF_SPAXELS else "DIFFERENT wavelengths"


def fuzz_headers(number: int, seed: int) -> Counter[str]:
    """Judge so many mutated headers; what differs or escapes is printed."""
    rng = np.random.default_rng(seed)
    count: Counter[str] = Counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the judge's
        for _ in range(number):
            raw = mutated_header(rng)
            hdu = parse_header(raw, 2880)
            for result in (compare_place(hdu.header, hdu.unreadable), compare_wavelength(hdu.header, hdu.unreadable)):
                count[result] += 1
                if result.startswith(("DIFFERENT", "ESCAPED")):
                    print(result, repr(hdu.header), sorted(hdu.unreadable))
    return count


def fuzz_searches(number: int, seed: int, directory: Path) -> Counter[str]:
    """Describe a folder of so many cubes with mutated headers, and scan each of them."""
    rng = np.random.default_rng(seed)
    primary = fits.PrimaryHDU().header.tostring().encode()
    sci = np.random.default_rng(seed).normal(size=SHAPE).astype(">f4").tobytes()
    paths = [directory / f"{index:05}_s3d.fits" for index in range(number)]
    for path in paths:
        path.write_bytes(primary + mutated_header(rng) + sci.ljust(-(-len(sci) // 2880) * 2880, b"\0"))
    context = Context(lines=(Line("Fe II", 5.3025),), detector="notebook")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table, _ = describe_cubes(directory, paths, find_mission("jwst"))
        outcomes = [
            scan_cube(MatchedCube(obs_id="x", uri=str(path), ysos=((1, 69.9, 25.7),)), context) for path in paths
        ]
    count = Counter(outcome.status.value for outcome in outcomes if outcome.status is not Status.UNREADABLE)
    count["described"] = len(table)
    count["ESCAPED"] = sum("Traceback" in outcome.reason or "Error:" in outcome.reason for outcome in outcomes)
    return count


def main(_words: list[str]) -> None:
    """Fuzz, print and write the counts, and fail if anything differs or escapes."""
    logging.getLogger("astropy").setLevel(logging.ERROR)
    counts = {"header": fuzz_headers(NUMBER, SEED)}
    with tempfile.TemporaryDirectory() as name:
        counts["search"] = fuzz_searches(SEARCHES, SEED, Path(name))
    rows: list[dict[str, object]] = [
        {"what": what, "outcome": outcome, "count": number}
        for what, count in counts.items()
        for outcome, number in sorted(count.items())
    ]
    print_table(rows)
    print(write_results("headers", rows, seed=SEED))
    wrong = [key for count in counts.values() for key, n in count.items() if n and key.startswith(("DIFF", "ESC"))]
    if wrong:
        sys.exit(f"{', '.join(wrong)}: see above")

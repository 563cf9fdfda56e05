"""Fuzzing, counted: footprints, FITS files and settings files, mutated; nothing may escape but our own exceptions.

Valid footprints are judged by `spherical_geometry`, which shares no code with the package.
"""

from __future__ import annotations

import faulthandler
import gzip
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import yaml
from spherical_geometry.great_circle_arc import length
from spherical_geometry.polygon import SphericalPolygon
from spherical_geometry.vector import lonlat_to_vector

import feii_dask as fd
from feii_dask.config.template import settings_template
from feii_dask.errors import CubeError, RegionError, SettingsError
from feii_dask.model import Context, MatchedCube, Status
from tests.sky.outlines import Outline, on_sky, star
from tests.stress.record import print_table, write_results

__all__ = ["fuzz_cubes", "fuzz_regions", "fuzz_settings", "main"]

SEED = 20
DATA = Path(__file__).parents[1] / "data"
TEMPLATES = ("synthetic_linear_ch1-short_s3d.fits.gz", "synthetic_wavetab_mirifushort_s3d.fits.gz")
ODD_WORDS = ("POLYGON", "CIRCLE", "UNION", "(", ")", "NOT", "nan", "1e999", "-", "ICRS", "", "\x00", "é", "0", "720.1")
ODD_VALUES = ("", "nan", "-1", "0", "99999999999", "1e400", "T", "'", "=", "ARRAY", "\x7f", "3.5")
ODD_YAML = (None, True, -1, 0, 1e308, "", "x" * 300, [], {}, [[]], {"a": {"b": 1}}, "local", float("nan"))


def mutate(text: str, rng: np.random.Generator, odd: tuple[str, ...]) -> str:
    """Change a text in one to four places: a word replaced, doubled or lost, or a character."""
    words = text.split(" ")
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(len(words)))
        kind = rng.integers(4)
        if kind == 0:
            words[place] = str(rng.choice(odd))
        elif kind == 1:
            words.insert(place, words[place])
        elif kind == 2 and len(words) > 1:
            del words[place]
        else:
            words[place] = words[place][::-1] + chr(int(rng.integers(32, 0x250)))
    return " ".join(words)


def polygon(rng: np.random.Generator) -> tuple[str, Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Return a polygon, its judge, and places in and around it."""
    centre = (float(rng.uniform(0, 360)), float(rng.uniform(-89, 89)))
    size = float(np.exp(rng.uniform(np.log(1e-3), np.log(10))))
    outline = Outline(centre, size, star(rng, int(rng.integers(4, 12))) * size)
    places, _ = outline.scatter(6, rng)
    ra, dec = outline.vertices.T
    inside = tuple(on_sky(centre, np.array([(0.013, 0.021)]) * size)[0])
    judge = SphericalPolygon.from_lonlat(ra, dec, center=inside)
    return outline.text, lambda points: np.array([judge.contains_lonlat(*point) for point in points]), places


def circle(rng: np.random.Generator) -> tuple[str, Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Return a circle, its judge, and places in and around it."""
    centre, radius = (float(rng.uniform(0, 360)), float(rng.uniform(-80, 80))), float(rng.uniform(0.001, 5))
    places = np.array(centre) + rng.uniform(-1.5, 1.5, (6, 2)) * radius
    middle = np.array(lonlat_to_vector(*centre))

    def judge(points: np.ndarray) -> np.ndarray:
        vectors = np.stack(lonlat_to_vector(*points.T), axis=-1)
        return np.degrees([float(length(middle, vector)) for vector in vectors]) < radius

    return f"CIRCLE ICRS {centre[0]!r} {centre[1]!r} {radius!r}", judge, places


def fuzz_regions(number: int, seed: int) -> Counter[str]:
    """Parse so many footprints, two of five as they should be, and hold these against the judge."""
    rng = np.random.default_rng(seed)
    count: Counter[str] = Counter()
    for index in range(number):
        text, judge, places = (circle if index % 4 == 0 else polygon)(rng)
        if index % 5 < 2:
            equal = bool((fd.parse_region(text).contains(*places.T) == judge(places)).all())
            count["valid, equal to the judge" if equal else "DIFFERENT"] += 1
            continue
        try:
            fd.parse_region(mutate(text, rng, ODD_WORDS)).contains(*places.T)
        except RegionError:
            count["refused"] += 1
        else:
            count["taken"] += 1
    return count


def mutated_files(number: int, seed: int) -> Iterator[bytes]:
    """Yield FITS files with cards, bytes or lengths that are wrong."""
    rng = np.random.default_rng(seed)
    originals = [gzip.decompress((DATA / name).read_bytes()) for name in TEMPLATES]
    for index in range(number):
        content = bytearray(originals[index % len(originals)])
        header = content.find(b"XTENSION") + 2880 * 2
        kind = index % 4
        if kind == 0:  # the values of a few cards
            for _ in range(rng.integers(1, 4)):
                card = int(rng.integers(0, header // 80)) * 80
                content[card + 10 : card + 30] = str(rng.choice(ODD_VALUES)).rjust(20).encode("latin-1")[:20]
        elif kind == 1:  # bytes anywhere in the headers
            for place in rng.integers(0, header, rng.integers(1, 20)):
                content[place] = int(rng.integers(256))
        elif kind == 2:  # bytes of the data
            for place in rng.integers(header, len(content), rng.integers(1, 200)):
                content[place] = int(rng.integers(256))
        else:  # the end missing, or a piece
            start = int(rng.integers(0, len(content)))
            del content[start : start + int(rng.integers(1, len(content)))]
        yield bytes(content)


def fuzz_cubes(number: int, seed: int, directory: Path) -> Counter[str]:
    """Open, read and scan so many mutated files."""
    count: Counter[str] = Counter()
    context = Context(lines=fd.FE_II_LINES)
    path = directory / "mutated_s3d.fits"
    for content in mutated_files(number, seed):
        path.write_bytes(content)
        try:
            cube = fd.open_cube(str(path))
            cube.planes(0, min(3, cube.shape[0]))
        except CubeError:
            count["refused"] += 1
        else:
            count["taken"] += 1
        outcome = fd.scan_cube(MatchedCube(obs_id="mutated", uri=str(path)), context)
        # Anything but one of our own errors would stand in the reason as a traceback.
        count["ESCAPED" if outcome.status is Status.UNREADABLE and "Traceback" in outcome.reason else "scans"] += 1
    return count


def fuzz_settings(number: int, seed: int, directory: Path) -> Counter[str]:
    """Load so many mutated settings files: half of them mutated as text, half as values."""
    rng = np.random.default_rng(seed)
    original = settings_template()
    count: Counter[str] = Counter()
    path = directory / "mutated.yaml"
    for index in range(number):
        if index % 2:
            path.write_text(
                mutate(original, rng, (*ODD_WORDS, "&a", "*a", "!!python/object:os.system", "- ", "{", "\t"))
            )
        else:
            content = yaml.safe_load(original)
            place = content["feii-dask"]
            for _ in range(rng.integers(0, 3)):
                nested = [value for value in place.values() if isinstance(value, dict) and value]
                place = nested[rng.integers(len(nested))] if nested else place
            key = list(place)[rng.integers(len(place))]
            place[key] = ODD_YAML[rng.integers(len(ODD_YAML))]
            path.write_text(yaml.safe_dump(content))
        try:
            fd.load_settings(path)
        except SettingsError:
            count["refused"] += 1
        else:
            count["taken"] += 1
    return count


def main(_words: list[str]) -> None:
    """Fuzz everything, print and write the counts, and fail if anything differs or escapes."""
    faulthandler.dump_traceback_later(3 * 3600, exit=True)
    logging.getLogger("astropy").setLevel(logging.ERROR)  # it comments on each odd card
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        counts = {
            "s_region": fuzz_regions(100_000, SEED),
            "FITS file": fuzz_cubes(1_200, SEED, directory),
            "settings file": fuzz_settings(1_200, SEED, directory),
        }
    rows: list[dict[str, object]] = [
        {"what": what, "outcome": outcome, "count": number}
        for what, count in counts.items()
        for outcome, number in sorted(count.items())
    ]
    print_table(rows)
    print(write_results("fuzz", rows, seed=SEED))
    if any(count["DIFFERENT"] or count["ESCAPED"] for count in counts.values()):
        sys.exit("something differs from its judge, or escapes")

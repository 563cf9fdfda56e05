"""DS9 under Xvfb: it opens the images of a cutout and puts the regions of a candidate where they belong.

DS9 is driven by its own command line and its own language, Tcl, so that an error is a line and not a window.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from regions import CirclePixelRegion, CircleSkyRegion, Regions

import feii_dask as fd

__all__ = ["ds9_rows"]

SECONDS = 120
SCREEN = "-screen 0 1280x1024x24"
LISTEN = 'proc Error {message} { puts "ERROR $message" }\nproc tk_messageBox args { puts "ERROR $args"; return ok }\n'
TELL = (
    'update\nforeach frame $ds9(frames) { puts "IMAGE [$frame get fits size] [$frame get fits depth]'
    ' [$frame get fits file name full]" }\n'
)


@dataclass(frozen=True)
class Told:
    """What DS9 said: shapes of images by extension, and its errors."""

    shapes: dict[str, tuple[int, ...]]
    errors: list[str]


def ds9_rows(result: fd.SearchResult, scratch: Path) -> list[dict[str, object]]:
    """Open each cutout and each region file of a run, or tell that DS9 is not here."""
    if not (shutil.which("ds9") and shutil.which("xvfb-run")):
        return [row_of("", "cutouts, regions", "ds9 -multiframe, ds9 -regions load", "", "not installed here")]
    version = ds9_version()
    paths = [Path(detection.path) for detection in result.detections if detection["cutout"]]
    rows = [opened(path, version, scratch) for path in paths]
    directory = result.run.directory
    candidates = sorted((directory / "regions").glob("*.reg"))
    rows += [placed(regions, paths[0], version, scratch) for regions in candidates]
    return rows


def opened(path: Path, version: str, scratch: Path) -> dict[str, object]:
    """Open all images of a cutout, and compare their shapes with the file's."""
    told = ds9(scratch, "-multiframe", str(path))
    with fits.open(path) as hdus:
        expected = {hdu.name: hdu.data.shape for hdu in hdus if hdu.is_image and hdu.data is not None}
    is_same = told.shapes == expected and not told.errors
    shapes = " ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in told.shapes.items())
    return row_of(version, "cutout", "ds9 -multiframe", is_same, "; ".join([shapes, *told.errors]))


def placed(regions: Path, image: Path, version: str, scratch: Path) -> dict[str, object]:
    """Load a region file over an image, save it in pixels, and compare places and numbers with the file's."""
    back = scratch / "back.reg"
    back.unlink(missing_ok=True)
    words = ("-regions", "load", str(regions), "-regions", "system", "image", "-regions", "save", str(back))
    told = ds9(scratch, f"{image}[LINE]", *words)
    known = Regions.read(regions, format="ds9")
    drawn = Regions.read(back, format="ds9") if back.exists() else []
    off_px = distance_px(known, drawn, WCS(fits.getheader(image, "LINE")))
    is_same = len(known) == len(drawn) and off_px < 0.01 and not told.errors
    what = f"{len(drawn)} of {len(known)} regions, the object {off_px:.4f} px from its place"
    return row_of(version, "regions of a candidate", "ds9 -regions load", is_same, "; ".join([what, *told.errors]))


def distance_px(known: Regions, drawn: Regions, wcs: WCS) -> float:
    """Return how far the circles are from their places in the image."""
    there = [region.center.to_pixel(wcs) for region in known if isinstance(region, CircleSkyRegion)]
    here = [(region.center.x, region.center.y) for region in drawn if isinstance(region, CirclePixelRegion)]
    if len(there) != len(here):
        return float("inf")
    return float(np.hypot(*(np.array(there, float) - np.array(here, float)).T).max(initial=0))


def ds9(scratch: Path, *words: str) -> Told:
    """Let DS9 do what it is told and say what it shows."""
    listen, tell = scratch / "listen.tcl", scratch / "tell.tcl"
    listen.write_text(LISTEN, encoding="utf-8")
    tell.write_text(TELL, encoding="utf-8")
    said = run("-source", str(listen), *words, "-source", str(tell), "-exit")
    shapes = {}
    for x, y, z, name in re.findall(r"^IMAGE (\d+) (\d+) (\d+) .*\[(\w+)\]$", said, re.MULTILINE):
        shapes[name] = (int(z), int(y), int(x)) if int(z) > 1 else (int(y), int(x))
    return Told(shapes, re.findall(r"^ERROR (.*)$", said, re.MULTILINE))


def ds9_version() -> str:
    """Return DS9's version."""
    found = re.search(r"ds9 (\d[\d.]*)", run("-version", "-exit"))
    return found.group(1) if found else ""


def run(*words: str) -> str:
    """Run DS9 on a screen of its own and return all that it says; one that waits for somebody has said an error."""
    command = ["xvfb-run", "-a", "-s", SCREEN, "ds9", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "ERROR it did not end"
    return done.stdout + done.stderr


def row_of(version: str, file: str, how: str, is_open: bool | str, what: str) -> dict[str, object]:
    """Return a row of the table; ``opened`` is empty where it was not tried."""
    return {"program": "ds9", "version": version, "file": file, "how": how, "opened": is_open, "what": what[:160]}

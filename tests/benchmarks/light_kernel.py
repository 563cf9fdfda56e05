"""``python light_kernel.py CHECKOUT FILE …``: processor time of the detector of a checkout, for one line of each cube.

It runs by itself, with the code of another version, and knows no other module of the benchmark.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from feii_dask import detectors, model
from feii_dask.detectors.matched import MatchedFilter

__all__ = ["main"]

REPEATS = 3


def main(checkout: str, *files: str) -> None:
    """Print the least time of a few repeats for each file, s, as JSON."""
    if not Path(detectors.__file__).is_relative_to(Path(checkout).resolve()):
        sys.exit(f"feii_dask is {detectors.__file__}, and not in {checkout}")
    print(json.dumps([seconds(Path(file)) for file in files]))


def seconds(path: Path) -> float:
    """Time one line of one cube; the first run, which imports and plans, does not count."""
    with np.load(path) as stored:
        sci, wavelength_um = stored["sci"], stored["wavelength_um"]
        pixel_arcsec, line = float(stored["pixel_arcsec"]), model.Line("Fe II", float(stored["line_um"]))
    detector = MatchedFilter()
    taken = []
    for _ in range(1 + REPEATS):
        planes = sci.copy()
        start = time.process_time()
        detector.measure(planes, wavelength_um, line, pixel_arcsec=pixel_arcsec)
        taken.append(time.process_time() - start)
    return min(taken[1:])


if __name__ == "__main__":
    main(*sys.argv[1:])

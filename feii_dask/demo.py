"""Demonstration: a search on a simulated sky, whose candidates are compared with the truth. It takes a minute."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pandas as pd
from astropy.table import Table

from feii_dask.config.declarations import declarations_of
from feii_dask.config.settings import Settings
from feii_dask.monitor.log import run_log
from feii_dask.results.search_result import SearchResult
from feii_dask.simulate import make_archive
from feii_dask.store.manifest import as_context, create_run
from feii_dask.workflow import search

__all__ = ["compare", "demonstrate"]

log = logging.getLogger(__name__)

# A jet that the notebook's detector is expected to find: its match window is ±90 km/s wide at 5.34 µm, and at a
# peak S/N of 10 it finds all that lie well within.
EXPECTED_SNR, EXPECTED_LINES, EXPECTED_KMS = 10.0, 3, 60.0


def demonstrate(settings: Settings) -> SearchResult:
    """Simulate a sky, search it, and compare the candidates with the truth.

    Parameters
    ----------
    settings : Settings
        Its `out` is the run directory, ``feii-demo`` by default; the sky goes into ``sky`` there, and is used
        again if it is there already. What it says of objects and cubes is ignored: the whole sky is searched.

    Returns
    -------
    SearchResult
        As `feii_dask.search` returns it.
    """
    directory = Path(settings.out or "feii-demo")
    sky = directory / "sky"
    whole_sky = {name: one.default for name, one in declarations_of(Settings).items() if one.reset_in_demo}
    settings = replace(settings, **whole_sky, archive=str(sky), out=str(directory))
    create_run(settings, as_context(settings))  # a directory that cannot be used is refused before the sky is written
    with run_log(None):
        if not (sky / "truth.ecsv").is_file():
            start = monotonic()
            log.info("making a simulated sky in %s, which takes some seconds", sky)
            make_archive(sky)
            log.info("the simulated sky is there (%.0f s)", monotonic() - start)
        result = search(settings)
        truth = Table.read(sky / "truth.ecsv").to_pandas()
        for line in compare(result.ranked.candidates, truth):
            log.info(line)
    return result


def compare(candidates: pd.DataFrame, truth: pd.DataFrame) -> list[str]:
    """Return, in words, which jets were found and which candidates have none.

    Parameters
    ----------
    candidates : DataFrame
        With ``main_id``.
    truth : DataFrame
        With ``main_id``, ``kind``, ``line``, ``snr`` and ``velocity_kms``, as `feii_dask.simulate.make_archive`
        writes it.
    """
    jets = truth[truth["kind"] == "jet"]
    found = set(candidates["main_id"])
    strong = jets[(jets["snr"] >= EXPECTED_SNR) & (jets["velocity_kms"].abs() <= EXPECTED_KMS)]
    lines = strong.groupby("main_id")["line"].nunique()
    expected = set(lines[lines >= EXPECTED_LINES].index)
    planted = set(jets["main_id"])
    return [
        "beside the truth:",
        f"  {len(planted)} jets, {len(planted & found)} of them candidates",
        f"  {len(expected)} jets of S/N {EXPECTED_SNR:g} or more in {EXPECTED_LINES} lines, within "
        f"±{EXPECTED_KMS:g} km/s: {len(expected & found)} of them candidates",
        f"  {len(found - planted)} candidates without a jet: false alarms",
    ]

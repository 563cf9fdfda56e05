"""Tables that others open: each column with its unit and what it means."""

from __future__ import annotations

from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from astropy.table import Table

from feii_dask import __version__
from feii_dask.results.atomic import write_atomically
from feii_dask.results.store import RunStore

__all__ = ["write_candidates"]

# name: (unit, description)
CANDIDATES = {
    "rank": ("", "Place in the list: by number of lines, then statistic"),
    "main_id": ("", "Name of the young stellar object"),
    "yso_index": ("", "Its label in tables/ysos.parquet"),
    "ra": ("deg", "Right ascension, ICRS"),
    "dec": ("deg", "Declination, ICRS"),
    "n_lines": ("", "Distinct lines detected"),
    "lines": ("", "Their names, by vacuum rest wavelength in um"),
    "n_cubes": ("", "Cubes scanned whose footprint holds the object"),
    "n_cubes_detected": ("", "Those in which a line was detected"),
    "statistic": ("", "Largest statistic of the detections"),
    "snr": ("", "Largest peak signal-to-noise ratio per voxel"),
    "p_value": ("", "Least probability of such a statistic without a line"),
    "separation_arcsec": ("arcsec", "Least distance from the centre of a cube with detections"),
    "obs_ids": ("", "Observations with detections"),
}
FAILURES = {
    "obs_id": ("", "Observation"),
    "status": ("", "What became of it"),
    "counts_as_failed": ("", "Whether it should have worked"),
    "reason": ("", "Why there is no answer"),
    "uri": ("", "Where the cube is"),
    "attempt": ("", "How often it was tried"),
}


def write_candidates(store: RunStore, candidates: pd.DataFrame, failures: pd.DataFrame) -> None:
    """Write ``candidates.ecsv``, ``candidates.parquet`` and ``failures.ecsv`` into the run directory.

    Parameters
    ----------
    store : RunStore
        The run.
    candidates, failures : DataFrame
        As `feii_dask.results.candidates.rank` and `feii_dask.results.candidates.failures` return them.

    Raises
    ------
    StoreError
        If the disk is full, or the directory cannot be written to.
    """
    meta = {"fingerprint": str(store.manifest.get("fingerprint", "")), "feii_dask": __version__}
    _write_ecsv(store.directory / "candidates.ecsv", candidates, CANDIDATES, meta)
    _write_ecsv(store.directory / "failures.ecsv", failures, FAILURES, meta)
    content = BytesIO()
    candidates.to_parquet(content, engine="pyarrow", index=False)
    write_atomically(store.directory / "candidates.parquet", content.getvalue())


def _write_ecsv(path: Path, frame: pd.DataFrame, columns: dict[str, tuple[str, str]], meta: dict[str, Any]) -> None:
    table = Table.from_pandas(frame[list(columns)])
    table.meta.update(meta)
    for name, (unit, description) in columns.items():
        table[name].description = description
        if unit:
            table[name].unit = unit
    text = StringIO()
    table.write(text, format="ascii.ecsv")
    write_atomically(path, text.getvalue().encode())

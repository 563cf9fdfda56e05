"""Runs as a stranger may hand them over: with code beside them, links, pipes, and things of the wrong kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from feii_dask.cli import main
from feii_dask.config.loading import load_settings
from feii_dask.cubes.lines import find_lines
from feii_dask.model import Context
from feii_dask.store.manifest import describe_run
from feii_dask.store.run_store import RunStore
from tests.runs import make_matched, make_outcome, make_ysos

__all__ = ["LINES", "call", "make_foreign_run", "plant_code"]

LINES = find_lines("feii")[:3]


def make_foreign_run(directory: Path, sign: Callable[..., str] | None = None, **changed: Any) -> RunStore:
    """Write a run with detections and cutouts; settings may be changed, and the fingerprint is as it should be."""
    settings = replace(load_settings(out=str(directory)), **changed)
    manifest = describe_run(settings, Context(lines=LINES), directory) | {"signature": sign() if sign else "00"}
    store = RunStore.create(directory, manifest)
    matched = make_matched({f"obs{number}": [number % 3] for number in range(6)}).assign(
        em_min_um=1.0, em_max_um=30.0, rv_kms=0.0, yso_ra=[[69.9]] * 6, yso_dec=[[-25.7]] * 6
    )
    observations = matched[["obs_id", "em_min_um", "em_max_um"]].assign(region_error="")
    store.write_tables(ysos=make_ysos(range(3)), observations=observations, matched=matched)
    with store.writer() as writer:
        for number in range(5):
            found = LINES if number % 2 == 0 else ()
            writer.add(make_outcome(f"obs{number}", LINES, detected=found, cutouts=number == 0))
    return store


def plant_code(directory: Path, canary: Path) -> None:
    """Write a module that leaves a trace when it is imported, under the names that a run may have imported."""
    for name in ("evil", "dask_gateway", "IPython", "lz4", "snappy"):
        trace = f"with open({str(canary)!r}, 'a') as file: file.write({name!r})"
        (directory / f"{name}.py").write_text(f"{trace}\ndef Found(cube): return []\n")


def call(*words: str) -> Result:
    """Call the command, and hold that it ends with a message of ours and a code, or well; never with a traceback."""
    done = CliRunner().invoke(main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done

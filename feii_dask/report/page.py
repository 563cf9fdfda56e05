"""The report of a run: one HTML page that needs no other file."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite, log10
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from feii_dask._version import __version__
from feii_dask.model import Status
from feii_dask.plain_text import plain_text
from feii_dask.ranking.candidates import funnel, including
from feii_dask.ranking.grading import AGREEMENT_KMS, ALONE_Q, PROBABLE_Q
from feii_dask.ranking.results import RankedRun
from feii_dask.report.columns import CANDIDATES, MEASUREMENTS, SUMMARY, UNIDENTIFIED, shown_failures
from feii_dask.report.entries import FULL_ENTRIES, report_entries
from feii_dask.report.sky_map import sky_maps
from feii_dask.store.atomic import write_atomically
from feii_dask.store.outcome_table import deciding_rows

__all__ = ["report_path", "write_report"]

FAILURES_SHOWN = 1000
LONGEST_TEXT = 20_000  # characters of one text on the page; the drawings and images, marked as safe, may be longer
UNIDENTIFIED_SHOWN = 1000  # the most significant of them
SUMMARY_SHOWN = 1000  # objects

STEPS = {
    "ysos": "YSOs",
    "with_coordinates": "with coordinates",
    "cubes": "cubes",
    "matched": "matched",
    "to_scan": "to scan",
    "scanned": "scanned",
    "with_detections": "with detections",
    "candidates": "candidates",
}
UNITS = {"W/m2": "W m⁻²", "arcsec2": "arcsec²"}  # as the page writes them
MEANINGS = {
    Status.SCANNED: "at least one line was measured, and none failed",
    Status.NO_LINE_IN_BAND: "none of the lines is in the cube's band",
    Status.NO_CLOUD_COPY: "the archive has no copy of the cube in the cloud",
    Status.STALE_PRODUCT: "a kind of product that the archive no longer makes",
    Status.BAD_REGION: "the footprint cannot be understood",
    Status.NO_DATA: "the cube holds nothing but blanks near the lines",
    Status.UNREADABLE: "the cube could not be read",
    Status.FORMAT_ERROR: "the file is not a spectral cube",
    Status.TIMEOUT: "the cube's storage did not answer in time",
    Status.WORKER_LOST: "the process that scanned it died, again and again",
    Status.DETECTOR_ERROR: "the detector failed on the cube",
}
# Columns of candidates that only some detectors fill; those of the second kind add little where there are grades.
MEASURES = ("lines_agreeing", "velocity_kms", "joint_score", "q_value", "snr")
WITHOUT_GRADES = ("statistic", "snr", "p_value")


def write_report(result: RankedRun) -> Path:
    """Write ``report.html`` into the run directory, and return where it is.

    The page needs no other file: style, script and images are inside, and its browser is told to fetch nothing else.
    Names and messages of archives are shown as text, whatever they hold.

    Raises
    ------
    StoreError
        If the manifest cannot be read, or the page cannot be written.
    """
    path = report_path(result.run.directory)
    write_atomically(path, template().render(contents(result)).encode())
    return path


def report_path(directory: Path) -> Path:
    """Return where the report of a run is."""
    return directory / "report.html"


def contents(result: RankedRun) -> dict[str, Any]:
    """Return what the template shows, by its names there."""
    run, candidates, manifest = result.run, result.candidates, result.run.manifest
    graded = bool((candidates["grade"] != "").any())
    strongest = result.unidentified["statistic"].abs().nlargest(UNIDENTIFIED_SHOWN).index
    return {
        "title": headline(candidates),
        "directory": run.directory.resolve().name,
        "settings": {name: as_words(value) for name, value in manifest.get("settings", {}).items()},
        "min_lines": result.thresholds.lines_without_grade,
        "include": result.include,
        "steps": funnel_bars(
            funnel(manifest.get("counts", {}), including(result.outcomes, result.include), candidates)
        ),
        "unfinished": int((~result.matched["obs_id"].isin(result.outcomes["obs_id"])).sum()),
        "maps": sky_maps(result.ysos, result.matched, candidates),
        "entries": report_entries(result),
        "full_entries": FULL_ENTRIES,
        "columns": CANDIDATES,
        "measurements": MEASUREMENTS,
        "measures": [name for name in (MEASURES if graded else WITHOUT_GRADES) if candidates[name].notna().any()],
        "graded": graded,
        "unidentified": result.unidentified.loc[strongest.sort_values()].to_dict("records"),
        "unidentified_columns": UNIDENTIFIED,
        "unidentified_left_out": len(result.unidentified) - len(strongest),
        "statuses": status_counts(result.outcomes),
        "failed_share": result.failed_share,
        "failures": shown_failures(result.failures).head(FAILURES_SHOWN).to_dict("records"),
        "failures_left_out": max(len(result.failures) - FAILURES_SHOWN, 0),
        "manifest": {name: value for name, value in manifest.items() if name not in ("counts", "ranked", "seals")},
        "simulated": is_simulated(result.matched),
        "summary": summary_rows(result.summary),
        "summary_left_out": max(len(result.summary) - SUMMARY_SHOWN, 0),
        "summary_columns": SUMMARY,
        "thresholds": result.thresholds,
        "q": {"probable": PROBABLE_Q, "alone": ALONE_Q},
        "agreement_kms": AGREEMENT_KMS,
        "frames": sorted(set(result.detections.loc[result.detections["cutout"] != "", "velocity_frame"])),
        "version": __version__,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def as_words(setting: Any) -> str:
    """Return a setting of a run as text, those of several separated by commas; empty if there is none."""
    return ", ".join(map(str, setting)) if isinstance(setting, list) else str(setting or "")


def is_simulated(matched: pd.DataFrame) -> bool:
    """Whether all cubes are of programmes that simulated skies have; JWST's own numbers are far below 99000."""
    return bool(len(matched) and matched["obs_id"].str.match(r"jw99\d{3}").all())


def summary_rows(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the objects that the page lists: those inside of cubes first, and then the others."""
    known = summary[summary["n_cubes"] > 0]
    rows = pd.concat([known, summary[summary["n_cubes"] == 0]]).head(SUMMARY_SHOWN)
    records: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in rows.to_dict("records")
    ]
    return records


def template() -> Template:
    """Load the page's template with the filters that it uses."""
    environment = Environment(
        loader=PackageLoader("feii_dask.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown_value,
    )
    environment.filters["number"] = readable_number
    environment.filters["unit"] = lambda unit: UNITS.get(unit, unit)
    environment.filters["place"] = lambda at: f"{at:.1f}".removesuffix(".0")
    return environment.get_template("report.html.j2")


def shown_value(value: Any) -> Any:
    """Return what the page shows of a value: a text of strangers escaped and not without end, our own markup whole."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return plain_text(value, LONGEST_TEXT, keep="\n\t")
    return value


def readable_number(value: float, digits: int = 3) -> str:
    """Return a number in a few digits; a dash stands for a missing one."""
    if not isfinite(value):
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.{digits}g}".replace("-", "−")


def headline(candidates: pd.DataFrame) -> str:
    """Return the title of the page."""
    count = len(candidates) or "No"
    return f"{count} candidate{'' if count == 1 else 's'} for extended line emission"


def funnel_bars(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Return the funnel with the length of each step's bar, which is logarithmic: steps differ a thousandfold."""
    longest = log10(max(*counts.values(), 1) + 1)
    return [
        {"name": name, "label": STEPS[name], "count": count, "percent": 100 * log10(count + 1) / longest}
        for name, count in counts.items()
    ]


def status_counts(outcomes: pd.DataFrame) -> list[dict[str, Any]]:
    """Count cubes, and lines in them, by status."""
    cubes = deciding_rows(outcomes)["status"].value_counts()
    lines = outcomes["status"].value_counts()
    return [
        {
            "status": status.value,
            "meaning": MEANINGS[status],
            "failed": status.failed,
            "cubes": int(cubes.get(status.value, 0)),
            "lines": int(lines.get(status.value, 0)),
        }
        for status in Status
        if status.value in lines
    ]

"""Measured tables of the README and the guide, made from the committed CSV files.

``python -m tests.benchmarks tables`` writes each table into the block of its name in the pages, between
``<!-- table: NAME -->`` and ``<!-- end -->``; a test compares the pages with the files.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["PAGES", "TABLES", "main", "names_in", "with_tables"]

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "notebooks" / "guide").glob("*.md")))
BLOCK = re.compile(r"(<!-- table: (?P<name>\w+) -->\n).*?(\n<!-- end -->)", re.DOTALL)

CLUSTERS = {
    "local": "on a LocalCluster",
    "wide": "on one of 64 threads",
    "address": "by its address",
    "gateway": "on a dask-gateway",
}
CONTENDERS = {"matched": "matched filter", "notebook": "the notebook's detector", "muselet": "MUSELET's recipe"}

# The rows of speed.csv that the guide shows: its `work`, which of several rows of that name, and what the guide says.
SPEED = (
    ("crossmatch in one process", 0, "crossmatch, 25 000 footprints × 70 000 objects, one process"),
    (
        "crossmatch in one process",
        1,
        "the same, compared with shapely's STRtree on plain RA and Dec (wrong at the poles and at 0 h)",
    ),
    ("the same through map_partitions", 0, "the same through `map_partitions`, two workers that are up"),
    ("1000000 footprints × 1000000 points", 0, "10⁶ footprints × 10⁶ positions"),
    ("bytes of a cube, notebook, one line", 0, "bytes of a cube, one line, `notebook` detector"),
    ("bytes of a cube, matched, one line", 0, "bytes of a cube, one line, `matched` detector"),
    ("cloud addresses", 0, "cloud addresses of 5 000 products at 30 ms"),
    ("scan at 50 ms and 50 MB/s, notebook", 0, "scan of 400 cubes, `notebook`, the same answers"),
    ("scan at 50 ms and 50 MB/s, matched", 0, "scan of 400 cubes, `matched`"),
    ("from tables to candidates at 50 ms, notebook", 0, "from tables to candidates and report, `notebook`"),
    ("from tables to candidates at 50 ms, matched", 0, "from tables to candidates and report, `matched`"),
    ("peak memory reading MAST's table", 0, "reading MAST's 58 000 rows, peak memory"),
    ("10000 trivial scans", 0, "10 000 trivial scans, compared with as many tasks of Dask alone"),
    ("outcomes stored, one in three with a detection", 0, "outcomes stored a second, one in three with a detection"),
    ("client's CPU for a cube", 0, "CPU of the client for a cube, `notebook`, one line"),
    ("client's CPU for a detection", 0, "the same for a detection, its files included"),
    ("fd.open_run", 0, "`fd.open_run` of 5 000 cubes"),
    ("feii-dask rank of a finished run", 0, "`feii-dask rank` of 3 000 cubes, 250 candidates, with tables and report"),
    ("feii-dask report of a finished run", 0, "`feii-dask report` of it"),
    ("feii-dask search --resume of a finished run", 0, "`feii-dask search --resume` of it"),
)


def results(name: str, kind: str = "benchmarks") -> pd.DataFrame:
    """Read a committed file of results."""
    return pd.read_csv(TESTS / kind / "results" / f"{name}.csv", comment="#")


def markdown(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    header = list(header)
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def percent(share: float) -> str:
    """Return a share in per cent, to two figures; what is nearly all is not rounded to all."""
    return f"{100 * share:.1f}" if 0.99 < share < 1 else rounded(100 * share)


def rounded(value: float, figures: int = 2) -> str:
    """Return a number to so many figures, without an exponent."""
    return f"{float(f'{value:.{figures}g}'):g}"


def with_interval(row: Any) -> str:
    """Return a share with its 95 % interval."""
    return f"{percent(row['share'])} % ({percent(row['low'])}–{percent(row['high'])})"


def from_to(shares: pd.Series) -> str:
    """Return the smallest and the largest of several shares."""
    return f"{percent(shares.min())} to {percent(shares.max())} %"


def each(rows: pd.DataFrame, describe: Callable[[pd.DataFrame], str]) -> list[str]:
    """Describe the rows of each contender."""
    return [describe(rows[rows["contender"] == contender]) for contender in CONTENDERS]


def false_alarms() -> pd.DataFrame:
    """Return the shares of line-free wavelengths at which a line was reported."""
    return results("detection_null").query("figure == 'false alarms'")


def recovery_rows() -> list[list[str]]:
    """Return the shares of injected jets that were found."""
    injection = results("detection_injection")
    velocities = injection.query("grid == 'velocity × width'")
    faint = injection.query("grid == 'S/N' and snr == 3 and fwhm_kms == 115")
    return [
        [
            "found at S/N 5, any velocity to ±250 km/s, FWHM 80 to 250 km/s",
            *each(velocities, lambda rows: from_to(rows["share"])),
        ],
        [
            "found at S/N 3, 0 km/s, FWHM 115 km/s",
            *each(faint, lambda rows: f"{percent(rows['share'].item())} %"),
        ],
    ]


def survey_rows() -> pd.DataFrame:
    """Return purity and completeness over all simulated surveys, by the choice of candidates."""
    survey = results("detection_survey").query("survey == 'all'").copy()
    survey["text"] = [f"{row['count']} of {row['trials']} ({percent(row['share'])} %)" for _, row in survey.iterrows()]
    return survey.pivot(index="choice", columns="figure", values="text")


def trust() -> str:
    """Return how far a detection may be trusted, in short."""
    survey = survey_rows().loc[["matched, A", "notebook", "muselet"]]
    rows = [
        ["false alarms per line, six kinds of cube", *each(false_alarms(), lambda rows: from_to(rows["share"]))],
        *recovery_rows(),
        ["candidates that are jets, ten simulated surveys (grade A)", *survey["purity"]],
        ["jets of S/N ≥ 5 among these candidates", *survey["completeness at S/N ≥ 5"]],
    ]
    return markdown(["", *CONTENDERS.values()], rows)


def detection() -> str:
    """Return false alarms, completeness and accuracy of the detectors."""
    alarms = false_alarms()
    rows = [
        [f"false alarms per line: {scene}", *each(part, lambda rows: with_interval(rows.iloc[0]))]
        for scene, part in alarms.groupby("scene", sort=False)
    ]
    special = results("detection_special")
    rows += recovery_rows()
    rows += [
        [f"found: {name}, S/N {part['snr'].iloc[0]:g}", *each(part, lambda rows: f"{percent(rows['share'].item())} %")]
        for name, part in special.groupby("grid", sort=False)
    ]
    strong = results("detection_injection").query("grid == 'S/N' and snr == 10 and fwhm_kms == 115")
    rows += [
        ["velocity at S/N 10: bias, scatter (km/s)", *each(strong, velocity)],
        ["flux in the mask over the injected flux there, S/N 10", *each(strong, flux)],
    ]
    return markdown(["", *CONTENDERS.values()], rows)


def velocity(rows: pd.DataFrame) -> str:
    """Return bias and scatter of measured velocities."""
    row = rows.iloc[0]
    return f"{row['velocity_bias_kms']:g}, {row['velocity_scatter_kms']:g}"


def flux(rows: pd.DataFrame) -> str:
    """Return the measured over the injected flux; not every contender measures one."""
    ratio = rows["flux_ratio"].item()
    return "–" if pd.isna(ratio) else f"{ratio:.2f}"


def calibration() -> str:
    """Return how often the p-value of a line-free window is small."""
    rows = [
        [f"p ≤ {row['alpha']:g}", f"{row['count']} of {row['trials']}", with_interval(row)]
        for _, row in results("detection_calibration").query("scene == 'all'").iterrows()
    ]
    return markdown(["", "line-free windows", "share (95 % interval)"], rows)


def survey() -> str:
    """Return purity and completeness of simulated surveys."""
    rows = [
        [choice, row["purity"], row["completeness at S/N ≥ 5"]]
        for choice, row in survey_rows()
        .loc[["matched, A", "matched, AB", "matched, ABC", "notebook", "muselet"]]
        .iterrows()
    ]
    return markdown(["detector, grades", "candidates that are jets", "jets of S/N ≥ 5 that are candidates"], rows)


def far_infrared() -> str:
    """Return what the detectors of far-infrared cubes find."""
    far = results("detection_far_infrared").set_index(["figure", "contender"])
    rows = []
    for figure in ("false alarms", "S/N 3", "S/N 5", "S/N 7", "S/N 10", "S/N 20"):
        label = figure if figure == "false alarms" else f"found at {figure}"
        rows.append([label, *(with_interval(far.loc[(figure, name)]) for name in ("grating", "notebook"))])
    return markdown(["", "grating", "notebook"], rows)


def far_infrared_scenes() -> str:
    """Return false alarms and completeness in an independent generator's cubes, as far as they have been measured."""
    measured = pd.concat([results("detection_far_infrared_scenes"), results("detection_far_infrared_lines")])
    cells = {(row["line"], row["figure"]): row for _, row in measured.iterrows()}
    figures = list(measured["figure"].unique())
    rows = [
        [line, *(with_interval(cells[line, figure]) if (line, figure) in cells else "–" for figure in figures)]
        for line in measured["line"].unique()
    ]
    return markdown(["", figures[0], *(f"found: {figure}" for figure in figures[1:])], rows)


def far_infrared_limits() -> str:
    """Return how many lines of the sensitivity are found, and fluxes over their errors, in FIFI-LS's lines."""
    measured = results("detection_far_infrared_limits")
    rows = [
        [
            f"{row['line']}, {row['extent']}",
            with_interval(row),
            f"{row['share_with_half']:.0%}".replace("%", " %"),
            f"{row['pulls_rms']:.2f}",
        ]
        for _, row in measured.iterrows()
        if not row["line"].startswith(("PACS", "SPIRE"))
    ]
    head = [
        "",
        "found with the flux of `flux_sensitivity_95`",
        "with half of it",
        "rms of `flux / flux_sigma`",
    ]
    return markdown(head, rows)


def faults() -> str:
    """Return how runs ended in which something went wrong."""
    every = results("faults", "stress")
    resumed = every["resumed"].map({"yes": ", resumed", "no": ""})
    every["text"] = every["ended"] + resumed + every["seconds"].map(", {:.1f} s".format)
    table = every.pivot(index="fault", columns="cluster", values="text").reindex(every["fault"].unique()).fillna("–")
    rows = [[fault, *(row[cluster] for cluster in CLUSTERS)] for fault, row in table.iterrows()]
    sums = every.groupby("cluster")[["lost", "doubled", "different"]].sum().astype(str).agg(", ".join, axis=1)
    rows.append(["**rows lost, doubled, different, in all of these**", *(sums[cluster] for cluster in CLUSTERS)])
    return markdown(["in the middle of 200 cubes", *CLUSTERS.values()], rows)


def memory() -> str:
    """Return how memory grows over a long run."""
    rows = [
        [row["process"], f"{row['MB at 1000']:.0f} MB", f"{row['peak MB']:.0f} MB", f"{row['growth MB']:.0f} MB"]
        for _, row in results("memory", "stress").iterrows()
    ]
    return markdown(["process", "at the 1 000th outcome", "at most, of 100 000", "growth"], rows)


def crowd() -> str:
    """Return how runs ended whose cubes are large for the memory that there is."""
    table = results("memory_crowd", "stress")
    return markdown(table.columns, table.astype(object).to_numpy().tolist())


def fuzz() -> str:
    """Return what became of mutated inputs."""
    return markdown(["input", "outcome", "count"], results("fuzz", "stress").itertuples(index=False))


def dashboard() -> str:
    """Return what the page on the dashboard costs the scheduler."""
    rows = [
        [row["page"], f"{row['% CPU']:g} %", f"{row['% CPU more (median)']:g} % ({row['% CPU more (range)']})"]
        for _, row in results("dashboard", "stress").iterrows()
    ]
    return markdown(["at 200 outcomes a second", "CPU of the scheduler", "of that, for the page"], rows)


def speed() -> str:
    """Return how fast the notebook's way is and how fast ours."""
    measured = results("speed")
    rows = []
    for work, number, label in SPEED:
        same = measured[measured["work"] == work]
        if same.empty:  # the file is older than the row
            continue
        row = same.iloc[number]
        unit = str(row["unit"]).removesuffix(" CPU")
        rows.append([label, amount(row["notebook's way"], unit), amount(row["ours"], unit), ratio(row["ratio"])])
    return markdown(["work", "the notebook's way", "ours", ""], rows)


def amount(cell: Any, unit: str) -> str:
    """Return the median of a cell of speed.csv, with its unit."""
    return "–" if pd.isna(cell) else f"{rounded(float(str(cell).split()[0]), 3)} {unit}"


def ratio(value: float) -> str:
    """Return how many times faster or less ours is."""
    return "–" if pd.isna(value) else f"{rounded(value)} ×"


def scale() -> str:
    """Return the rates that limit a large run."""
    measured = results("speed").set_index("work")
    seconds = float(str(measured.loc["10000 trivial scans", "ours"]).split()[0])
    client = results("memory", "stress").set_index("process").loc["client", "outcomes per second"]
    line = results("light_speed").query("figure == 'processor time of one line, s'")["value"].median()
    read = float(measured.loc["bytes of a cube, matched, one line", "ours"])
    million = measured.loc["1000000 footprints × 1000000 points", "ours"]
    peak = measured.loc["its peak resident memory, the tables included", "ours"]
    stored = float(str(measured.loc["outcomes stored, one in three with a detection", "ours"]).split()[0])
    rows = [
        ["trivial scans through client and scheduler", f"{10_000 / seconds:.0f} /s", "speed.csv"],
        ["outcomes without a detection, stored", f"{client:.0f} /s", "memory.csv"],
        ["outcomes stored, one in three with a detection", f"{stored:.0f} /s", "speed.csv"],
        ["one line with the matched filter, six kinds of cube", f"{line:.2f} s of a core", "light_speed.csv"],
        ["bytes read for one line", f"{read:.1f} MB", "speed.csv"],
        ["cores that keep one client busy, two lines a cube", f"{2 * stored * line:.0f}", "from these"],
        ["bytes read at the client's limit", f"{2 * stored * read / 1000:.1f} GB/s", "from these"],
        ["a million cubes at the client's limit", f"{1e6 / stored / 60:.0f} minutes", "from these"],
        ["crossmatch of 10⁶ footprints and 10⁶ positions", f"{million} s, {peak} GB", "speed.csv"],
    ]
    return markdown(["", "", "measured in"], rows)


TABLES: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        *(trust, detection, calibration, survey, far_infrared, far_infrared_scenes, far_infrared_limits),
        *(faults, memory, crowd, fuzz, dashboard, speed, scale),
    )
}


def names_in(text: str) -> list[str]:
    """Return the names of the tables that a page shows."""
    return [match["name"] for match in BLOCK.finditer(text)]


def with_tables(text: str) -> str:
    """Return a page with its tables as the results have them now."""
    return BLOCK.sub(lambda block: f"{block[1]}{TABLES[block['name']]()}{block[3]}", text)


def main(arguments: list[str]) -> None:
    """Write the tables into the pages."""
    argparse.ArgumentParser(prog="python -m tests.benchmarks tables", description=__doc__).parse_args(arguments)
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = with_tables(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page.relative_to(ROOT)} has changed")

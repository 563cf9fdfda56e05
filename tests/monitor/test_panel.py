"""The panel that changes in place, on a real terminal and in a real notebook."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from rich.console import Console

from feii_dask.cubes.lines import FE_II_LINES
from feii_dask.model import Detection, Outcome, Status
from feii_dask.monitor.panel import NotebookPanel, TerminalPanel, draw_panel
from feii_dask.monitor.snapshot import ProgressSnapshot
from feii_dask.monitor.statistics import ProgressStatistics
from tests.outcomes import make_outcomes

NOTEBOOK = """
import feii_dask as fd
settings = fd.load_settings(archive={sky!r}, out="run", lines=["notebook"], detector="notebook")
result = fd.search(settings)
"""


def snapshot_of(outcomes: Iterator[Outcome], total: int) -> ProgressSnapshot:
    statistics = ProgressStatistics(total)
    statistics.add(outcomes)
    return statistics.snapshot()


def as_text(snapshot: ProgressSnapshot, workers: str = "", width: int = 100) -> str:
    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(draw_panel(snapshot, workers))
    console.file.close()
    return console.export_text()


@pytest.mark.parametrize("width", [60, 100])
def test_it_has_the_figures(width: int) -> None:
    snapshot = snapshot_of(make_outcomes(50), 80)
    text = as_text(snapshot, "2 of them", width)
    assert f"50 of 80, {snapshot.failed} failed, {snapshot.detected} with detections" in text
    assert "2 of them" in text
    assert f"{snapshot.p_values[-1]}" in text
    for line, number in snapshot.detections:
        assert (f"{line}: {number}" in text) == (number > 0)
    assert snapshot.slowest[0].obs_id in text
    assert max(map(len, text.splitlines())) <= width


def test_what_archives_say_is_text() -> None:
    outcome = Outcome(obs_id="[bold]a[/nonsense]", status=Status.UNREADABLE, reason="[red] [/blue]", seconds=1.0)
    text = as_text(snapshot_of(iter([outcome]), 1))
    assert "[bold]a[/nonsense]" in text
    assert "[red] [/blue]" in text


def test_before_the_first_outcome_and_without_any() -> None:
    for total in (0, 3):
        assert f"0 of {total}" in as_text(snapshot_of(iter([]), total))


def test_a_terminal_on_which_it_cannot_be_drawn_is_given_back() -> None:
    def fail() -> str:
        raise OSError("no workers to describe")

    output = StringIO()
    panel = TerminalPanel(Console(file=output, force_terminal=True), fail)
    with pytest.raises(OSError, match="no workers"):
        panel.on_start(snapshot_of(iter([]), 1))
    hidden, shown = output.getvalue().rfind("\x1b[?25l"), output.getvalue().rfind("\x1b[?25h")
    assert -1 < hidden < shown  # the cursor


def in_terminal(command: list[str]) -> str:
    """Run a command on a pseudo-terminal of 100 columns, and return what it wrote there."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "100", "LINES": "40", "TERM": "xterm"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = bytearray()
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait(timeout=300) == 0, written.decode()
    return written.decode()


def test_a_search_on_a_terminal_and_elsewhere(sky: Path) -> None:
    command = [sys.executable, "-m", "feii_dask", "search", "--archive", str(sky), "--lines", "notebook"]
    shown = in_terminal([*command, "--out", "one"])
    final = shown[shown.rindex("╭─ feii_dask") :]
    quiet = os.environ | {"DASK_LOGGING__DISTRIBUTED": "critical"}  # what a library logs on a busy machine is its own
    plain = subprocess.run([*command, "--out", "two"], env=quiet, capture_output=True, text=True, check=True)
    last = [line for line in plain.stdout.splitlines() if "cubes/s" in line][-1]  # a slow search has more of them
    done, _, total = last.split()[:3]
    assert done == total
    assert f"{done} of {total}, " in final
    assert "cubes, " not in shown[shown.index("╭─ feii_dask") :]  # no line beside the panel
    assert "report: one/report.html" in final
    assert "╭" not in plain.stdout
    assert plain.stderr == ""
    assert f"{done} of {total} cubes" in Path("one/log.txt").read_text()


def test_in_a_notebook_it_stays_as_html(sky: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK.format(sky=str(sky)))])
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    (panel,) = [output for output in notebook.cells[0].outputs if "text/html" in output.get("data", {})]
    printed = "".join(output.text for output in notebook.cells[0].outputs if output.output_type == "stream")
    total = printed.partition(" cubes to scan")[0].split()[-1]
    for kind in ("text/html", "text/plain"):
        assert f"{total} of {total}, " in panel.data[kind]
    assert "cubes/s" not in printed


@pytest.mark.parametrize("address", ["/user/me/proxy/8787/jets", "http://127.0.0.1:8787/jets", ""])
def test_in_a_notebook_the_page_is_a_link_and_the_panel_fits(address: str) -> None:
    panel = NotebookPanel(lambda: "two of them, " * 20, lambda: address).draw(snapshot_of(make_outcomes(50), 80))
    shown = panel._repr_mimebundle_((), ())
    assert "expected if there were no lines" in shown["text/plain"]  # not cut
    assert (f'<a href="{address}" target="_blank">' in shown["text/html"]) == bool(address)
    assert max(map(len, shown["text/plain"].splitlines())) <= 100


def test_a_link_ends_where_its_address_does() -> None:
    evil = 'http://here/"><script>alert(1)</script>'
    shown = NotebookPanel(str, lambda: evil).draw(snapshot_of(iter([]), 1))._repr_mimebundle_((), ())
    assert "<script" not in shown["text/html"]


def test_under_pytest_nothing_is_printed(sky: Path, client: object, capfd: pytest.CaptureFixture[str]) -> None:
    import feii_dask as fd

    fd.search(fd.load_settings(archive=sky, out="run", lines=["notebook"]), client)
    assert capfd.readouterr().out == ""


def test_the_panel_obeys_no_name_of_an_archive() -> None:
    hostile = "TMC\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\nsecond"
    outcomes = (
        replace(outcome, obs_id=f"{hostile}{number}", reason=outcome.reason and f"{hostile} fails")
        for number, outcome in enumerate(make_outcomes(40))
    )
    console = Console(width=100, file=StringIO(), force_terminal=True, color_system=None)
    console.print(draw_panel(snapshot_of(outcomes, 40)))
    drawn = console.file.getvalue()
    assert "owned" in drawn
    assert all(line.isprintable() for line in drawn.split("\n"))


def test_the_panel_fits_on_a_terminal_of_24_lines() -> None:
    detections = tuple(Detection(line=line, p_value=1e-4, detected=True) for line in FE_II_LINES)
    reason = "a long reason, " * 30
    outcomes = [
        Outcome(obs_id=f"jw{number}" * 20, status=Status.SCANNED, detections=detections, seconds=9.0)
        for number in range(5)
    ] + [
        Outcome(obs_id=f"bad{status}", status=status, reason=reason)
        for status in (Status.TIMEOUT, Status.UNREADABLE, Status.FORMAT_ERROR, Status.DETECTOR_ERROR)
    ]
    for width in (80, 100):
        console = Console(width=width, file=StringIO(), force_terminal=True, color_system=None)
        console.print(draw_panel(snapshot_of(iter(outcomes), 9), "a cluster of two workers, " * 9))
        drawn = console.file.getvalue()
        assert len(drawn.splitlines()) <= 24
        assert f"and {len(FE_II_LINES) - 11} lines more" in drawn

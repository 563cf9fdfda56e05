"""The demo, as the README prints it: every strong jet is a candidate, every planted fault is accounted for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table

from feii_dask.config.loading import load_settings
from feii_dask.demo import compare, demonstrate
from feii_dask.errors import SettingsError

# What may be in the directory of somebody who searches already; a demo is not made of it.
SEARCH_OF_THE_READER = """
feii-dask: {mission: sofia, target: Vega, targets: absent.csv, instrument: NIRSPEC/IFU, limit: 1, dry-run: true}
"""
DETECTED_WITHOUT_FAIL = 10.0  # peak S/N, in at least three lines, within ±60 km/s


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.CompletedProcess[str], Path]]:
    directory = tmp_path_factory.mktemp("demo")
    out = directory / "out"
    (directory / "cluster.yaml").write_text(SEARCH_OF_THE_READER)
    command = [sys.executable, "-m", "feii_dask", "demo", "--out", str(out)]
    yield subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False), out
    shutil.rmtree(out / "sky", ignore_errors=True)


def truth_of(out: Path) -> pd.DataFrame:
    return Table.read(out / "sky" / "truth.ecsv").to_pandas()


def test_it_ends_well_and_says_how_far_to_trust_it(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, _ = demo
    assert done.returncode == 0, done.stderr
    assert "beside the truth:" in done.stdout
    assert "false alarms" in done.stdout


def test_the_sky_is_as_large_as_promised(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = demo
    ysos, observations = (Table.read(out / "sky" / f"{name}.ecsv").to_pandas() for name in ("ysos", "observations"))
    assert len(ysos) >= 60
    assert len(list((out / "sky" / "cubes").glob("*.fits"))) >= 40
    bands = set(observations["filters"].dropna())
    assert len(bands) >= 5
    jets = truth_of(out).query("kind == 'jet'").groupby("main_id")["obs_id"].nunique()
    assert len(jets) >= 5
    assert jets.min() >= 2


def test_every_strong_jet_is_a_candidate(demo: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, out = demo
    strong = truth_of(out).query("kind == 'jet' and snr >= @DETECTED_WITHOUT_FAIL and abs(velocity_kms) <= 60")
    lines = strong.groupby("main_id")["line"].nunique()
    expected = set(lines[lines >= 3].index)
    assert expected
    assert expected <= set(Table.read(out / "candidates.ecsv")["main_id"])


def test_every_planted_fault_is_in_the_table_with_its_reason(
    demo: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, out = demo
    truth = truth_of(out)
    planted = truth[truth["kind"].isin(["truncated", "missing", "all_nan", "bad_region"])]
    assert len(planted) == 4
    failures = Table.read(out / "failures.ecsv").to_pandas().set_index("obs_id")
    for obs_id, status in zip(planted["obs_id"], planted["status"], strict=True):
        assert failures.loc[obs_id, "status"] == status
        assert failures.loc[obs_id, "reason"]


def test_a_directory_of_something_else_is_refused_before_the_sky_is_written() -> None:
    Path("mine").mkdir()
    Path("mine/thesis.tex").touch()
    with pytest.raises(SettingsError, match=r"mine is not empty and holds no run \(there is 'thesis.tex'\)"):
        demonstrate(load_settings(out="mine"))
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.tex"]


def test_the_comparison_counts() -> None:
    rows = [("a", line, 12.0, 10.0) for line in "xyz"] + [("b", line, 4.0, 200.0) for line in "xyz"]
    truth = pd.DataFrame(rows, columns=["main_id", "line", "snr", "velocity_kms"]).assign(kind="jet")
    said = "\n".join(compare(pd.DataFrame({"main_id": ["a", "c"]}), truth))
    assert "2 jets, 1 of them candidates" in said
    assert "1 jets of S/N 10 or more in 3 lines, within ±60 km/s: 1 of them candidates" in said
    assert "1 candidates without a jet" in said

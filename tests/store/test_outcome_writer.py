"""Outcomes survive crashes, full disks and damage; one process writes at a time."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.table import QTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feii_dask.errors import StoreError
from feii_dask.model import Kind, Line, Outcome, Status, UnidentifiedLine
from feii_dask.store.cutout_files import cutout_path, with_files
from feii_dask.store.outcome_table import SCHEMA
from feii_dask.store.run_store import RunStore
from tests.runs import statuses_of

# Scans without end: each outcome is named on standard output after the store has it.
ENDLESS_WRITER = """
import sys
from itertools import count
from pathlib import Path
import numpy as np
from feii_dask.model import Cutout, Detection, Line, Outcome, Status
from feii_dask.store.run_store import RunStore

line = Line("Fe II", 5.340169)
image, curve = np.ones((9, 9), np.float32), np.ones(5)
cutout = Cutout(line=line, line_map=image, before_map=image, after_map=image, off_line_map=image, moment_map=image,
                wavelength_um=curve, spectrum=curve, statistic=curve, header={})
with RunStore.open(Path(sys.argv[1])).writer() as writer:
    for number in count():
        detections = tuple(Detection(line=Line("Fe II", 1.0 + k), detected=True) for k in range(3))
        writer.add(Outcome(obs_id=f"obs{number:06d}", status=Status.SCANNED, cutouts=(cutout,),
                           detections=(*detections, Detection(line=line, detected=True))))
        print(number, flush=True)
"""


def part_files(store: RunStore) -> list[Path]:
    return sorted((store.directory / "outcomes").glob("*.parquet"))


def strays(store: RunStore) -> list[Path]:
    return list(store.directory.rglob("*.tmp"))


def test_batches_are_small_and_hold_whole_outcomes(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    with store.writer() as writer:
        for number in range(23):
            writer.add(outcome_of(f"obs{number}", lines[: 1 + number % 4]))
    parts = [pq.read_table(path).to_pandas() for path in part_files(store)]
    assert all(len(part) <= 20 for part in parts)
    assert len(parts) <= 4  # and yet no more of them than needed: 57 rows
    homes = pd.concat([part[["obs_id"]].drop_duplicates() for part in parts])
    assert homes["obs_id"].is_unique
    assert pd.concat(parts).groupby("obs_id").size().to_dict() == {f"obs{n}": 1 + n % 4 for n in range(23)}
    assert all(pq.read_schema(path).equals(SCHEMA) for path in part_files(store))


def test_an_outcome_of_many_lines_is_not_split(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    with store.writer() as writer:
        writer.add(outcome_of("few", lines))
        writer.add(outcome_of("many", lines * 9))
    assert [pq.read_metadata(path).num_rows for path in part_files(store)] == [4, 36]


def test_a_batch_waits_no_longer_than_two_seconds(store: RunStore, outcome_of: Callable[..., Outcome]) -> None:
    with store.writer() as writer:
        writer.add(outcome_of("a"))
        writer.tick()
        assert part_files(store) == []
        time.sleep(2.1)
        writer.tick()
        assert list(store.outcomes()["obs_id"]) == ["a"]
        writer.tick()
        assert len(part_files(store)) == 1


def test_what_is_pending_is_written_at_the_end_even_of_an_interrupted_run(
    store: RunStore, outcome_of: Callable[..., Outcome]
) -> None:
    with suppress(KeyboardInterrupt), store.writer() as writer:
        writer.add(outcome_of("a"))
        raise KeyboardInterrupt
    with store.writer() as writer:
        writer.add(outcome_of("b"))
        writer.flush()
        assert list(store.outcomes()["obs_id"]) == ["a", "b"]


def test_cutouts_are_there_before_the_batch_that_mentions_them(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    with store.writer() as writer:
        writer.add(outcome_of("a", lines, detected=lines[1:3], cutouts=True))
        assert part_files(store) == []
        writer.flush()
        for line in lines[1:3]:
            assert store.cutout("a", line.name).line.wavelength_um == line.wavelength_um
    with pytest.raises(StoreError):
        store.cutout("a", lines[0].name)


def test_an_outcome_whose_cutout_cannot_be_written_is_not_stored_and_its_neighbours_are(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    cutout_path(store.directory / "cutouts", "b", lines[0].name).mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*cutouts"), store.writer() as writer:
        for name in "abc":
            writer.add(outcome_of(name, lines[:1], detected=lines[:1], cutouts=True))
    assert list(statuses_of(store)) == ["a", "c"]


def test_a_cutout_that_a_worker_made_is_stored_as_it_is(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    made_here, made_there = (outcome_of(name, lines[:1], detected=lines[:1], cutouts=True) for name in "ab")
    made_there = with_files(made_there)
    with store.writer() as writer:
        writer.add(made_here)
        writer.add(made_there)
    (path,) = (cutout_path(store.directory / "cutouts", name, lines[0].name) for name in "b")
    assert path.read_bytes() == made_there.cutouts[0].file
    np.testing.assert_array_equal(store.line_map("a", lines[0].name), store.line_map("b", lines[0].name))


def test_astropy_reads_a_part_with_units(
    store: RunStore, lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    met = UnidentifiedLine(wavelength_um=5.5, kind=Kind.UNDECIDED, statistic=7.0, flags=("fills_field",))
    outcome = outcome_of("a", lines[:2], detected=lines[:1])
    first = replace(outcome.detections[0], unidentified=(met,), flux=2e-18, velocity_kms=-80.0)
    with store.writer() as writer:
        writer.add(replace(outcome, detections=(first, *outcome.detections[1:])))
    (path,) = part_files(store)
    table = QTable.read(path, format="parquet")
    assert table["flux"][0] == 2e-18 * u.W / u.m**2
    assert table["velocity_kms"].to(u.m / u.s)[0].value == -80_000
    assert [list(kinds) for kinds in table["unidentified_kind"]] == [["undecided"], []]
    rows = store.outcomes().set_index("line")
    assert list(rows.loc[lines[0].name, "unidentified_kind"]) == ["undecided"]
    assert rows.loc[lines[1].name, "unidentified_kind"] is None


def test_of_a_cutout_that_a_worker_made_little_but_its_file_is_sent(
    lines: tuple[Line, ...], outcome_of: Callable[..., Outcome]
) -> None:
    outcome = outcome_of("b", lines[:1], detected=lines[:1], cutouts=True)
    planes = np.zeros((41, 60, 70), dtype=np.float32)
    wide = dict.fromkeys(("line_map", "before_map", "after_map", "off_line_map", "moment_map"), planes[0])
    outcome = replace(outcome, cutouts=(replace(outcome.cutouts[0], planes=planes, **wide),))
    sent = with_files(outcome)
    file = sent.cutouts[0].file
    assert file is not None
    assert len(file) > planes.nbytes
    assert len(pickle.dumps(sent)) - len(file) < 2 * planes[0].nbytes


def test_a_killed_search_loses_its_last_batch_and_nothing_else(store: RunStore) -> None:
    arguments = [sys.executable, "-c", ENDLESS_WRITER, store.directory]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        for reported in process.stdout:
            if int(reported) >= 40:
                process.kill()
                break
        last = max(map(int, process.stdout.read().split()), default=40)
    assert process.returncode == -signal.SIGKILL
    outcomes = store.outcomes()
    count = outcomes["obs_id"].nunique()
    assert last + 1 - 5 <= count <= last + 2  # a batch holds five of these outcomes
    assert sorted(outcomes["obs_id"].unique()) == [f"obs{number:06d}" for number in range(count)]
    assert (outcomes.groupby("obs_id").size() == 4).all()
    assert statuses_of(store) == dict.fromkeys(outcomes["obs_id"], Status.SCANNED)
    assert all(store.cutout(obs_id, "Fe II 5.340") for obs_id in outcomes["obs_id"].unique())


def test_leftovers_of_a_crash_are_ignored_and_then_removed(store: RunStore, outcome_of: Callable[..., Outcome]) -> None:
    for name in ("outcomes/.part-00000001.parquet.99.tmp", "cutouts/.a.fits.99.tmp", ".run.json.99.tmp"):
        (store.directory / name).write_bytes(b"torn")
    assert store.outcomes().empty
    with store.writer() as writer:
        assert strays(store) == []
        writer.add(outcome_of("a"))
    assert list(statuses_of(store)) == ["a"]


def test_a_second_writer_is_refused_until_the_first_is_gone(
    store: RunStore, outcome_of: Callable[..., Outcome]
) -> None:
    arguments = [sys.executable, "-c", ENDLESS_WRITER, store.directory]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "0\n"
        with pytest.raises(StoreError, match="another process is writing into"), store.writer():
            pass
        assert store.outcomes()["obs_id"].is_monotonic_increasing  # reading goes on
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    with store.writer() as writer:
        writer.add(outcome_of("later"))
    assert "later" in statuses_of(store)


def test_a_full_disk_ends_the_run_and_leaves_what_was_stored(
    store: RunStore,
    lines: tuple[Line, ...],
    outcome_of: Callable[..., Outcome],
    full_disk: Callable[[int], AbstractContextManager[None]],
) -> None:
    with store.writer() as writer:
        for number in range(10):
            writer.add(outcome_of(f"obs{number}", lines))
    with full_disk(4000), pytest.raises(StoreError, match="File too large"), store.writer() as writer:
        for number in range(10, 100):
            writer.add(outcome_of(f"obs{number}", lines))
    assert set(statuses_of(store)) == {f"obs{number}" for number in range(10)}
    assert strays(store) == []
    with store.writer() as writer:
        writer.add(outcome_of("obs10", lines))
    assert len(statuses_of(store)) == 11


def test_a_disk_that_is_full_for_cutouts_may_hold_the_last_batch(
    store: RunStore,
    lines: tuple[Line, ...],
    outcome_of: Callable[..., Outcome],
    full_disk: Callable[[int], AbstractContextManager[None]],
) -> None:
    with full_disk(14_000), pytest.raises(StoreError, match=r"cannot write .*cutouts"), store.writer() as writer:
        writer.add(outcome_of("a"))
        writer.add(outcome_of("b", lines, detected=lines, cutouts=True))
    assert list(statuses_of(store)) == ["a"]
    assert strays(store) == []


def test_a_lock_that_cannot_be_made(store: RunStore) -> None:
    (store.directory / "run.lock").mkdir()
    with pytest.raises(StoreError, match="cannot write into"), store.writer():
        pass


def write_parts(store: RunStore, outcome_of: Callable[..., Outcome], count: int) -> list[Path]:
    with store.writer() as writer:
        for number in range(count):
            writer.add(outcome_of(f"obs{number}"))
            writer.flush()
    return part_files(store)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:0],
        lambda content: content[:-20],
        lambda content: content[: len(content) // 2],
        lambda content: b"\0" * len(content),
        lambda content: content.replace(b"obs1", b"obs7"),
        lambda content: content.replace(b"statistic", b"statisfic"),
    ],
    ids=["empty", "cut short", "halved", "zeroed", "changed value", "changed column"],
)
def test_a_damaged_part_costs_its_own_targets_only(
    store: RunStore,
    outcome_of: Callable[..., Outcome],
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:
    _, damaged, _ = write_parts(store, outcome_of, 3)
    damaged.write_bytes(damage(damaged.read_bytes()))
    assert list(store.outcomes()["obs_id"]) == ["obs0", "obs2"]
    assert f"{damaged} is damaged" in caplog.text
    assert list(statuses_of(store)) == ["obs0", "obs2"]
    with store.writer() as writer:
        writer.add(outcome_of("obs1"))
    assert list(statuses_of(store)) == ["obs0", "obs1", "obs2"]
    assert damaged.exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_torn_part_is_ever_read(store: RunStore, outcome_of: Callable[..., Outcome], data: st.DataObject) -> None:
    """A crash of the machine leaves pages of zeros, or no end: such a part is whole, or it does not count."""
    parts = part_files(store) or write_parts(store, outcome_of, 2)
    content = parts[1].read_bytes()
    start = data.draw(st.integers(0, len(content) - 1))
    stop = data.draw(st.one_of(st.none(), st.integers(start + 1, len(content))))
    torn = content[:start] if stop is None else content[:start] + b"\0" * (stop - start) + content[stop:]
    whole = store.outcomes()
    parts[1].write_bytes(torn)
    try:
        read = store.outcomes()
    finally:
        parts[1].write_bytes(content)
    pd.testing.assert_frame_equal(read, whole[whole["obs_id"].isin(read["obs_id"])])
    assert "obs0" in set(read["obs_id"])

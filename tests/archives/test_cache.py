"""The cache: what it saves, and which of its files are not used."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import pytest

from feii_dask.archives.cache import AnnotatedTable, QueryCache
from feii_dask.archives.mast import MastArchive
from feii_dask.archives.provenance import QueryRecord
from feii_dask.archives.simbad import SimbadCatalogue
from tests.replica import Replica

TABLE = pd.DataFrame({"name": ["a", "", "µ"], "value": [1.5, np.nan, -0.0]})


class Source:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> AnnotatedTable:
        self.asked += 1
        return TABLE.copy(), ("a note",)


@pytest.fixture
def source() -> Source:
    return Source()


def ask(
    directory: Path | None, source: Source, days: float = 7.0, text: str = "all"
) -> tuple[pd.DataFrame, list[QueryRecord]]:
    cache = QueryCache(directory, days)
    return cache.table("SIMBAD", text, source), cache.queries


def test_second_question_is_answered_from_disk(tmp_path: Path, source: Source) -> None:
    first, [asked] = ask(tmp_path, source)
    second, [kept] = ask(tmp_path, source)
    assert source.asked == 1
    pd.testing.assert_frame_equal(first, second)
    assert (asked.from_cache, kept.from_cache) == (False, True)
    assert (kept.service, kept.text, kept.rows, kept.notes) == ("SIMBAD", "all", 3, ("a note",))
    assert (kept.utc, kept.seconds) == (asked.utc, asked.seconds)
    age = datetime.now(UTC) - datetime.fromisoformat(kept.utc)
    assert 0 <= age.total_seconds() < 3600


def test_other_questions_are_other_answers(tmp_path: Path, source: Source) -> None:
    ask(tmp_path, source, text="one")
    ask(tmp_path, source, text="two")
    assert source.asked == 2


def test_answer_expires(tmp_path: Path, source: Source) -> None:
    ask(tmp_path, source)
    ask(tmp_path, source, days=0)
    assert source.asked == 2


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "other", "foreign"])
def test_damaged_answer_is_asked_for_again(
    tmp_path: Path, source: Source, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    ask(tmp_path, source)
    [path] = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[20] ^= 0xFF
    path.write_bytes(
        {"truncated": content[:-40], "flipped": content, "empty": b"", "other": b"no table"}.get(damage, b"")
    )
    if damage == "foreign":
        TABLE.to_parquet(path)
    with caplog.at_level(logging.WARNING):
        table, [query] = ask(tmp_path, source)
    pd.testing.assert_frame_equal(table, TABLE)
    assert source.asked == 2
    assert not query.from_cache
    assert "asked for again" in caplog.text
    ask(tmp_path, source)
    assert source.asked == 2


def test_failure_is_not_kept(tmp_path: Path) -> None:
    def fail() -> NoReturn:
        raise ConnectionError("down")

    with pytest.raises(ConnectionError):
        QueryCache(tmp_path).table("MAST", "all", fail)
    assert not list(tmp_path.iterdir())


def test_directory_that_cannot_be_written_is_no_obstacle(
    tmp_path: Path, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        table, _ = ask(tmp_path / "file" / "answers", source)
    assert len(table) == 3
    assert "cannot be kept" in caplog.text


def test_full_disk_leaves_nothing_behind(tmp_path: Path, source: Source, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "answers"
    ask(path, source)
    [answer] = path.iterdir()
    answer.unlink()
    answer.mkdir()  # the finished file cannot take its place
    (answer / "something").touch()
    with caplog.at_level(logging.WARNING):
        ask(path, source)
    assert list(path.iterdir()) == [answer]


def test_place_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ask(None, source)
    assert len(list((tmp_path / "feii_dask").iterdir())) == 1


def test_second_search_asks_no_archive(
    open_simbad: Callable[..., SimbadCatalogue], open_mast: Callable[..., MastArchive], replica: Replica
) -> None:
    for _ in range(2):
        catalogue, archive = open_simbad(), open_mast()
        table = archive.observations()
        catalogue.ysos()
        catalogue.find_object("TMC1A")
        archive.locate(table)
        archive.products(table.head(2))
        asked = len(replica.requests())
        replica.reset()
    assert asked == 0
    queries = [*catalogue.queries, *archive.queries]
    assert all(query.from_cache for query in queries)
    assert len(queries) == 5

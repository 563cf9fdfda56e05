"""A file that is written is there whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from feii_dask.errors import StoreError
from feii_dask.store.atomic import make_directory, remove_leftovers, write_atomically


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_one_clear_line(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "table.parquet"
    write_atomically(path, b"old")
    with full_disk(1000), pytest.raises(StoreError) as caught:
        write_atomically(path, b"x" * 5000)
    message = str(caught.value)
    assert str(path) in message
    assert "File too large" in message
    assert "--resume" in message
    assert "\n" not in message
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_is_gone_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file") as caught:
        write_atomically(tmp_path / "gone" / "run.json", b"")
    assert caught.value.exit_code == 4


def test_a_directory_under_a_file_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="Not a directory"):
        make_directory(tmp_path / "file" / "run")


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    keep = [tmp_path / "part-00000001.parquet", tmp_path / ".hidden", tmp_path / "notes.tmp"]
    for path in [*keep, tmp_path / ".part-00000002.parquet.4711.tmp"]:
        path.write_bytes(b"")
    remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == set(keep)

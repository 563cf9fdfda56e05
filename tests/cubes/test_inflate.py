"""Cubes that were compressed with gzip are read whole, wherever they are, as long as there is memory for them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from feii_dask.cubes.inflate import inflate
from feii_dask.cubes.memory import MemoryBudget
from feii_dask.cubes.reader import open_cube, read_cube
from feii_dask.cubes.storage import RangeReader
from feii_dask.errors import CubeReadError
from feii_dask.model import Context, Line, MatchedCube, Status
from feii_dask.scan import scan_cube
from tests.cubes.faulty import FaultyServer
from tests.cubes.samples import noise, write_cube


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_of_any_length(size: int) -> None:
    packed = gzip.compress(b"SIMPLE  =") + gzip.compress(b"      T") + bytes(3)  # of two members, padded
    pieces = (packed[start : start + size] for start in range(0, len(packed), size))
    assert inflate(pieces, 100) == b"SIMPLE  =      T"


@pytest.mark.parametrize("scheme", ["file", "http", "whole", "s3"])
def test_compressed_cubes_are_read_whole(scheme: str, server: FaultyServer, tmp_path: Path) -> None:
    raw = Path(write_cube(tmp_path / "cube.fits", noise((60, 40, 40)))).read_bytes()
    packed = gzip.compress(raw[:300_000]) + gzip.compress(raw[300_000:])  # of two members
    (tmp_path / "cube.fits.gz").write_bytes(packed)
    server.files["/bucket/cube.fits.gz"] = packed
    if scheme == "whole":
        server.faults.append("whole")
    http = f"{server.url}/bucket/cube.fits.gz"
    places = {"file": "cube.fits.gz", "http": http, "whole": http, "s3": "s3://bucket/cube.fits.gz"}
    plain, cube = open_cube("cube.fits"), open_cube(places[scheme], {"s3": {"endpoint_url": server.url}})
    np.testing.assert_array_equal(cube.planes(3, 40), plain.planes(3, 40))
    np.testing.assert_array_equal(cube.planes(50, 60, "ERR"), plain.planes(50, 60, "ERR"))
    assert cube.held_bytes == len(raw)
    assert plain.held_bytes == 0
    assert cube.requests <= 2
    assert cube.bytes_read == len(packed)


def test_compressed_cubes_that_end_early_or_are_too_large(tmp_path: Path) -> None:
    packed = gzip.compress(Path(write_cube(tmp_path / "cube.fits", noise())).read_bytes())
    (tmp_path / "cube.fits.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CubeReadError, match="cube.fits.gz is truncated"):
        open_cube("cube.fits.gz")
    (tmp_path / "bomb.fits.gz").write_bytes(gzip.compress(b"SIMPLE  =" + bytes(10_000_000)))
    with pytest.raises(CubeReadError, match="bomb.fits.gz takes more than 0.001 GB of memory"):
        read_cube(RangeReader("bomb.fits.gz", most_inflated=1_000_000))


def test_a_scan_keeps_to_its_memory(tmp_path: Path) -> None:
    raw = Path(write_cube(tmp_path / "cube.fits", noise((60, 40, 40)))).read_bytes()
    (tmp_path / "cube.fits.gz").write_bytes(gzip.compress(raw))
    context = Context(lines=(Line("Fe II", 5.32),), detector="notebook")
    matched = MatchedCube(obs_id="a", uri="cube.fits.gz")
    assert scan_cube(matched, context, MemoryBudget(100 * len(raw), 0)).status is Status.SCANNED
    refused = scan_cube(matched, context, MemoryBudget(len(raw) - 1, 0))
    assert refused.status is Status.UNREADABLE
    assert "takes more than" in refused.reason
    just_inflated = scan_cube(matched, context, MemoryBudget(len(raw) + 1, 0))
    assert just_inflated.status is Status.UNREADABLE
    assert "of memory to search" in just_inflated.reason

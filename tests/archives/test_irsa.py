"""IRSA, through the unmodified astroquery and the replica."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from feii_dask.archives.irsa import IrsaArchive
from feii_dask.archives.selection import Selection
from feii_dask.errors import TruncatedError
from tests.replica import IRSA, Replica


def test_cubes_with_an_outline(open_irsa: Callable[..., IrsaArchive], replica: Replica) -> None:
    archive = open_irsa()
    table = archive.observations()
    assert len(table) == 3
    assert table["s_region"].str.startswith("POLYGON ICRS").all()
    assert archive.queries[0].notes == ("1 without a footprint left out",)
    assert table[["s_ra", "em_min", "em_max"]].dtypes.eq("float64").all()
    assert table["em_min"].tolist() == [6.2e-05] * 3
    assert set(table["filters"]) == {"FIF_RED", "FIF_BLUE"}
    assert len(replica.requests(IRSA)) == 2


def test_cloud_copy_where_irsa_names_one(open_irsa: Callable[..., IrsaArchive]) -> None:
    archive = open_irsa()
    table = archive.observations()
    assert archive.locate(table) == [
        "https://irsa.ipac.caltech.edu/data/SOFIA/FIFI-LS/F0100_FI_IFS_0.fits",
        "s3://irsa-sofia/fifi/F0100_FI_IFS_2.fits",
        "https://irsa.ipac.caltech.edu/data/SOFIA/FIFI-LS/F0100_FI_IFS_3.fits",
    ]
    assert archive.locate(table.assign(cloud_access='{"gcp": {}}', access_url="")) == [None] * 3
    assert archive.products(table) is table


def test_selection_is_made_here(open_irsa: Callable[..., IrsaArchive]) -> None:
    table = open_irsa(selection=Selection(filters=("FIF_RED",))).observations()
    assert table["filters"].tolist() == ["FIF_RED", "FIF_RED"]
    assert table.index.tolist() == [0, 1]


def test_truncated_answer_is_an_error(open_irsa: Callable[..., IrsaArchive], replica: Replica) -> None:
    replica.inject("overflow", IRSA, rows=2)
    with pytest.raises(TruncatedError, match="IRSA cut its answer short"):
        open_irsa().observations()

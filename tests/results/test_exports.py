import pandas as pd
import pytest
from astropy import units as u
from astropy.table import Table

from feii_dask import __version__
from feii_dask.errors import StoreError
from feii_dask.model import Status
from feii_dask.results.candidates import failures, rank
from feii_dask.results.exports import write_candidates


@pytest.fixture
def found(store, lines, outcome_of):
    """Candidates and failures of a run with both."""
    with store.writer() as writer:
        writer.add(outcome_of("obs0", lines, detected=lines[:2]))
        writer.add(outcome_of("obs3", lines, detected=lines[2:]))
        writer.add(outcome_of("obs1", lines, detected=lines))
        writer.add(outcome_of("obs2", lines, status=Status.UNREADABLE))
        writer.add(outcome_of('odd; "id"\nof two lines', lines, status=Status.BAD_REGION))
    tables, outcomes = store.read_tables(), store.outcomes()
    return rank(outcomes, tables.targets, tables.ysos), failures(outcomes, tables.targets)


def test_tables_come_back_with_units_and_descriptions(store, found):
    candidates, failed = found
    write_candidates(store, candidates, failed)
    table = Table.read(store.directory / "candidates.ecsv")
    assert table.colnames == list(candidates)
    assert table["ra"].unit == u.deg
    assert table["separation_arcsec"].unit == u.arcsec
    assert all(table[name].description for name in table.colnames)
    assert table.meta == {"fingerprint": "f00d", "feii_dask": __version__}
    back = table.to_pandas().astype(candidates.dtypes)
    pd.testing.assert_frame_equal(back, candidates)
    pd.testing.assert_frame_equal(pd.read_parquet(store.directory / "candidates.parquet"), candidates)


def test_failures_come_back(store, found):
    candidates, failed = found
    write_candidates(store, candidates, failed)
    table = Table.read(store.directory / "failures.ecsv")
    assert all(table[name].description for name in table.colnames)
    back = table.filled("").to_pandas()
    assert back.to_dict("records") == failed.to_dict("records")
    assert set(failed["obs_id"]) == {"obs2", 'odd; "id"\nof two lines'}


def test_nothing_found_gives_tables_without_rows(store, found):
    candidates, failed = found
    write_candidates(store, candidates[:0], failed[:0])
    for name in ("candidates", "failures"):
        assert len(Table.read(store.directory / f"{name}.ecsv")) == 0
    assert pd.read_parquet(store.directory / "candidates.parquet").empty


def test_a_directory_that_is_gone(store, found, tmp_path):
    manifest = (store.directory / "run.json").read_bytes()
    store.directory.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        write_candidates(store, *found)
    assert (tmp_path / "elsewhere" / "run.json").read_bytes() == manifest

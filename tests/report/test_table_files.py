"""Files of tables, whose rows we write ourselves, hold what astropy's own files hold."""

from __future__ import annotations

from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io.votable import from_table, writeto
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feii_dask.report.table_files import described_table, write_ecsv, write_votable
from feii_dask.store.stored_columns import Column

COLUMNS = {"flux": Column("Flux", "W/m2", "phot.flux"), "main_id": Column("Name", "", "meta.id")}
# What `plain` makes of any text: in one line, no spaces around it, no control characters, no sign of a comment first.
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from(" ")
TEXTS = st.text(CHARACTERS).map(lambda text: text.strip("# "))
ROWS = st.lists(
    st.tuples(TEXTS, st.none() | st.floats(), st.floats(), st.integers(-(2**31), 2**31), st.booleans()), max_size=8
)


def table_of(rows: list[tuple[object, ...]]) -> Table:
    """Return a table with a column of each kind; the last has numbers that may be missing."""
    frame = pd.DataFrame(rows, columns=["main_id", "flux", "ra", "n", "shown"]).astype(
        {"main_id": str, "flux": float, "ra": float, "n": int, "shown": bool}
    )
    return described_table(
        frame.assign(plane=frame["n"].astype("Int64").where(frame["shown"])), COLUMNS, {"version": "1"}
    )


def assert_same(ours: Table, theirs: Table) -> None:
    """Compare names, kinds, units, what is missing, and each value."""
    assert ours.colnames == theirs.colnames
    for name in theirs.colnames:
        one, other = ours[name], theirs[name]
        kinds = [{"O": "U"}.get(column.dtype.kind, column.dtype.kind) for column in (one, other)]  # texts of any length
        assert kinds[0] == kinds[1]
        assert (str(one.unit), one.description) == (str(other.unit), other.description)
        np.testing.assert_array_equal(np.ma.getmaskarray(one), np.ma.getmaskarray(other), err_msg=name)
        assert repr(one.tolist()) == repr(other.tolist()), name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_ecsv_is_read_as_astropy_s_own(rows: list[tuple[object, ...]], tmp_path: Path) -> None:
    table, text = table_of(rows), StringIO()
    write_ecsv(tmp_path / "table.ecsv", table)
    table.write(text, format="ascii.ecsv")
    assert_same(Table.read(tmp_path / "table.ecsv"), Table.read(text.getvalue(), format="ascii.ecsv"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS.filter(len))  # without rows astropy writes no DATA
def test_a_votable_is_read_as_astropy_s_own(rows: list[tuple[object, ...]], tmp_path: Path) -> None:
    table, content = table_of(rows), BytesIO()
    write_votable(tmp_path / "table.vot", table)
    writeto(from_table(table, table_id="table"), content)
    theirs = Table.read(BytesIO(content.getvalue()), format="votable")
    assert_same(Table.read(tmp_path / "table.vot", format="votable"), theirs)

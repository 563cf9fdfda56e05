"""Reading of a run's tables, which somebody else may have written: columns, types and labels are checked once, here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pat

from feii_dask.errors import StoreError
from feii_dask.store.run_files import open_regular

__all__ = ["read_tables", "require_scannable"]

MOST_ROWS = 20_000_000  # a file of a few kilobytes can say a thousand million times the same
IsType = Callable[[pa.DataType], bool]


def is_text(kind: pa.DataType) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or pat.is_null(kind))


def is_number(kind: pa.DataType) -> bool:
    return bool(pat.is_floating(kind) or pat.is_integer(kind) or pat.is_null(kind))


def is_integer(kind: pa.DataType) -> bool:
    return bool(pat.is_integer(kind) or pat.is_null(kind))


def list_of(is_item: IsType) -> IsType:
    """Return whether a column holds lists of items of a kind."""
    return lambda kind: bool(pat.is_null(kind) or (pat.is_list(kind) and is_item(kind.value_type)))


# Columns that every run has, and others that are used where they are there.
NEEDED: dict[str, dict[str, IsType]] = {
    "ysos": {"main_id": is_text, "ra": is_number, "dec": is_number},
    "observations": {"obs_id": is_text},
    "matched": {
        "obs_id": is_text,
        "uri": is_text,
        "s_ra": is_number,
        "s_dec": is_number,
        "s_region": is_text,
        "yso_index": list_of(is_integer),
        "separation_arcsec": list_of(is_number),
    },
}
USED: dict[str, dict[str, IsType]] = {
    "ysos": {},
    "observations": {"region_error": is_text, "em_min_um": is_number, "em_max_um": is_number},
    "matched": {
        "em_min_um": is_number,
        "em_max_um": is_number,
        "rv_kms": is_number,
        "yso_names": list_of(is_text),
        "edge_arcsec": list_of(is_number),
        "yso_ra": list_of(is_number),
        "yso_dec": list_of(is_number),
    },
}
SCANNED = {
    "observations": ("region_error", "em_min_um", "em_max_um"),
    "matched": ("em_min_um", "em_max_um", "yso_ra", "yso_dec"),
}


def read_tables(folder: Path) -> tuple[pd.DataFrame, ...]:
    """Return the tables of objects, observations and matched cubes, with the labels that they had.

    Raises
    ------
    StoreError
        If one is missing, cannot be read, lacks a column or holds one of another type, or if they do not fit each
        other.
    """
    tables = {name: read_table_file(folder / f"{name}.parquet", name) for name in NEEDED}
    tables["ysos"] = tables["ysos"].assign(main_id=tables["ysos"]["main_id"].fillna(""))
    check_labels(tables["ysos"], tables["matched"], folder)
    return tuple(tables.values())


def read_table_file(path: Path, name: str) -> pd.DataFrame:
    """Read one table and check its columns."""
    try:
        with open_regular(path) as file:
            if pq.read_metadata(file).num_rows > MOST_ROWS:
                raise ValueError(f"it has more than {MOST_ROWS} rows")
            stored = pq.read_table(file)
            check_columns(stored, name)
            stored.validate(full=True)
            frame: pd.DataFrame = stored.to_pandas()
            frame = frame.astype(dict.fromkeys(empty_numbers(stored, name), float))
            frame.index.is_unique  # noqa: B018 - which a damaged description of the labels does not have
    # What pyarrow and pandas may raise for a damaged file, and for what pandas keeps beside it, has no common base.
    except Exception as error:
        raise unreadable(path, f"{type(error).__name__}: {error}") from error
    return frame


def empty_numbers(stored: pa.Table, name: str) -> list[str]:
    """Return the columns of numbers of which every one is missing, so that the file has no type for them."""
    used = {**NEEDED[name], **USED[name]}
    return [field.name for field in stored.schema if used.get(field.name) is is_number and pat.is_null(field.type)]


def check_columns(stored: pa.Table, name: str) -> None:
    """Refuse a table that lacks a column, or has one twice or of another type; without rows, any type will do."""
    for column, is_type in {**NEEDED[name], **USED[name]}.items():
        found = stored.schema.get_all_field_indices(column)
        if not found and column in USED[name]:
            continue
        if len(found) != 1:
            raise ValueError(f"the column {column} is {'there twice' if found else 'not there'}")
        kind = stored.schema.field(column).type
        if stored.num_rows and not is_type(kind):
            raise ValueError(f"the column {column} is of type {kind}")


def check_labels(ysos: pd.DataFrame, matched: pd.DataFrame, folder: Path) -> None:
    """Refuse tables that do not fit each other: labels that are not there, lists of different lengths."""
    problem = ""
    if len(ysos) and not (pd.api.types.is_integer_dtype(ysos.index) and ysos.index.is_unique):
        problem = "the labels of ysos are not whole numbers, each there once"
    elif not are_on_sky(ysos["ra"], ysos["dec"]).all():
        problem = "ysos holds places that are not on the sky"
    elif not (are_on_sky(matched["s_ra"], matched["s_dec"]) | matched[["s_ra", "s_dec"]].isna().any(axis=1)).all():
        problem = "matched holds places that are not on the sky"
    elif matched["obs_id"].isna().any() or not matched["obs_id"].is_unique:
        problem = "an obs_id of matched is missing, or there twice"
    elif not have_equal_lengths(matched, [name for name in ("yso_index", *LISTS) if name in matched]):
        problem = "the lists of matched differ in length, or are missing"
    elif len(matched) and not matched["yso_index"].explode().dropna().isin(ysos.index).all():
        problem = "matched names objects that ysos lacks"
    if problem:
        raise unreadable(folder, problem)


LISTS = ("yso_names", "yso_ra", "yso_dec", "separation_arcsec", "edge_arcsec")


def are_on_sky(ra_deg: pd.Series[Any], dec_deg: pd.Series[Any]) -> pd.Series[bool]:
    """Whether each of these coordinates is a place; a missing one is none."""
    return ra_deg.between(-360, 360) & dec_deg.between(-90, 90)


def have_equal_lengths(table: pd.DataFrame, names: Sequence[str]) -> bool:
    """Whether there are lists in each row, equally long."""
    lengths = pd.DataFrame({name: table[name].map(length_of) for name in names})
    return bool(lengths["yso_index"].ge(0).all() and lengths.eq(lengths["yso_index"], axis=0).all(axis=None))


def length_of(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else -1


def require_scannable(observations: pd.DataFrame, matched: pd.DataFrame, directory: Path) -> None:
    """Refuse tables that lack what planning the scans needs beyond ranking them.

    Raises
    ------
    StoreError
        With the columns.
    """
    for name, table in (("observations", observations), ("matched", matched)):
        missing = [column for column in SCANNED[name] if column not in table]
        if missing:
            raise unreadable(directory / "tables" / f"{name}.parquet", f"it lacks {', '.join(missing)}")


def unreadable(path: Path, problem: str) -> StoreError:
    return StoreError(f"cannot read the tables of a run, {path}: {problem}; begin a new run")

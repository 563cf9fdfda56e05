"""The table of outcomes: one row per matched cube and planned line."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from math import inf
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from feii_dask.model import Detection, Kind, Lobe, Outcome, Status, UnidentifiedLine

__all__ = [
    "BOOKKEEPING_COLUMNS",
    "KEY_COLUMNS",
    "SCHEMA",
    "SCIENCE_COLUMNS",
    "check_rows",
    "deciding_rows",
    "latest_attempts",
    "to_frame",
    "to_rows",
    "without_missing_lists",
]

SCIENCE = pa.schema(
    [
        pa.field("obs_id", pa.string(), nullable=False),
        pa.field("line", pa.string(), nullable=False),
        pa.field("wavelength_um", pa.float64(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detected", pa.bool_(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("statistic", pa.float64()),
        pa.field("p_value", pa.float64()),
        pa.field("p_extent", pa.float64()),
        pa.field("p_identification", pa.float64()),
        pa.field("null_windows", pa.int64(), nullable=False),
        pa.field("null_p_values", pa.list_(pa.float64()), nullable=False),
        pa.field("snr", pa.float64()),
        pa.field("local_snr", pa.float64()),
        pa.field("plane", pa.int32()),
        pa.field("velocity_kms", pa.float64()),
        pa.field("velocity_error_kms", pa.float64()),
        pa.field("velocity_calibration_kms", pa.float64()),
        pa.field("width_kms", pa.float64()),
        pa.field("flux", pa.float64()),
        pa.field("flux_error", pa.float64()),
        pa.field("area_px", pa.int64(), nullable=False),
        pa.field("area_arcsec2", pa.float64()),
        pa.field("position_angle_deg", pa.float64()),
        pa.field("elongation", pa.float64()),
        pa.field("peak_y", pa.int32()),
        pa.field("peak_x", pa.int32()),
        pa.field("peak_ra_deg", pa.float64()),
        pa.field("peak_dec_deg", pa.float64()),
        pa.field("offset_arcsec", pa.float64()),
        pa.field("compact_share", pa.float64()),
        pa.field("compact_share_error", pa.float64()),
        pa.field("lobe_velocity_kms", pa.list_(pa.float64())),
        pa.field("lobe_velocity_error_kms", pa.list_(pa.float64())),
        pa.field("lobe_flux", pa.list_(pa.float64())),
        pa.field("lobe_flux_error", pa.list_(pa.float64())),
        pa.field("unidentified_wavelength_um", pa.list_(pa.float64())),
        pa.field("unidentified_kind", pa.list_(pa.string())),
        pa.field("unidentified_statistic", pa.list_(pa.float64())),
        pa.field("unidentified_flags", pa.list_(pa.list_(pa.string()))),
        pa.field("searched_kms", pa.float64()),
        pa.field("flux_sensitivity_beam", pa.float64()),
        pa.field("flux_sensitivity_jet", pa.float64()),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("on_data", pa.list_(pa.int64()), nullable=False),
        pa.field("flux_sigma_beam", pa.list_(pa.float64()), nullable=False),
        pa.field("flux_sigma_jet", pa.list_(pa.float64()), nullable=False),
        pa.field("spectral_frame", pa.string(), nullable=False),
    ]
)
BOOKKEEPING = pa.schema(
    [
        pa.field("seconds", pa.float64()),
        pa.field("bytes_read", pa.int64()),
        pa.field("requests", pa.int64()),
        pa.field("worker", pa.string()),
        pa.field("attempt", pa.int64(), nullable=False),
        pa.field("stored_at", pa.timestamp("us", tz="UTC")),
    ]
)
SCHEMA = pa.unify_schemas([SCIENCE, BOOKKEEPING])

SCIENCE_COLUMNS: tuple[str, ...] = tuple(SCIENCE.names)
BOOKKEEPING_COLUMNS: tuple[str, ...] = tuple(BOOKKEEPING.names)
KEY_COLUMNS: tuple[str, ...] = ("obs_id", "line", "wavelength_um", "status", "attempt")

AT_OBJECTS = ("on_data", "flux_sigma_beam", "flux_sigma_jet")
LISTS = ("null_p_values", "flags", *AT_OBJECTS)
# Fields that hold several records: each field of a record becomes a column of lists.
RECORDS = {"lobes": ("lobe", Lobe), "unidentified": ("unidentified", UnidentifiedLine)}
RECORD_COLUMNS = [f"{prefix}_{field.name}" for prefix, record in RECORDS.values() for field in fields(record)]
# Other fields of a Detection that become columns of the same name.
NUMBERS_AND_TEXTS = [
    name for name in SCIENCE.names if name in Detection.__dataclass_fields__ and name not in {"line", *LISTS}
]


def to_rows(outcome: Outcome, stored_at: datetime) -> list[dict[str, Any]]:
    """Return an outcome as rows of `SCHEMA`, one for each of its lines.

    Raises
    ------
    ValueError
        If it has no line: the table would not show that the cube is done.
    """
    if not outcome.detections:
        raise ValueError(f"the outcome of {outcome.obs_id} accounts for no line; it needs one row at least")
    bookkeeping = {name: getattr(outcome, name) for name in BOOKKEEPING_COLUMNS if name != "stored_at"}
    return [
        {"obs_id": outcome.obs_id, **measurements(detection), **bookkeeping, "stored_at": stored_at}
        for detection in outcome.detections
    ]


def measurements(detection: Detection) -> dict[str, Any]:
    """Return the columns of a row that one detection fills."""
    peak_y, peak_x = detection.peak_yx or (None, None)
    return {
        "line": detection.line.name,
        "wavelength_um": detection.line.wavelength_um,
        **{name: getattr(detection, name) for name in NUMBERS_AND_TEXTS},
        **{name: list(getattr(detection, name)) for name in LISTS},
        **{
            f"{prefix}_{field.name}": [getattr(one, field.name) for one in getattr(detection, name)]
            for name, (prefix, record) in RECORDS.items()
            for field in fields(record)
        },
        "peak_y": peak_y,
        "peak_x": peak_x,
    }


def check_rows(rows: pa.Table) -> None:
    """Refuse rows of `SCHEMA` that hold what no scan returns, as a damaged or a foreign file may.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a text is not UTF-8, a word or a wavelength does not exist, or lists that belong together differ in length.
    """
    rows.validate(full=True)
    for name, words in (("status", Status), ("kind", Kind), ("unidentified_kind", Kind)):
        found = rows[name].combine_chunks()
        odd = set(pc.unique(pc.list_flatten(found) if name not in ("status", "kind") else found).to_pylist())
        if odd := odd - {word.value for word in words}:
            raise pa.ArrowInvalid(f"{name} is {odd.pop()!r}")
    if not all(0 < value < inf for value in rows["wavelength_um"].to_pylist()):
        raise pa.ArrowInvalid("a wavelength is not positive")
    together = {prefix: [f"{prefix}_{field.name}" for field in fields(record)] for prefix, record in RECORDS.values()}
    for name, columns in (together | {"on_data": list(AT_OBJECTS)}).items():
        lengths = [pc.list_value_length(rows[column]) for column in columns]
        if not all(other.equals(lengths[0]) for other in lengths):
            raise pa.ArrowInvalid(f"the lists of {name} differ in length")


def without_missing_lists(rows: pa.Table) -> pa.Table:
    """Return rows with an empty list for each one that is missing, since astropy reads no missing ones."""
    for name in RECORD_COLUMNS:
        empty = pa.scalar([], rows.schema.field(name).type)
        rows = rows.set_column(rows.schema.get_field_index(name), name, pc.coalesce(rows[name], empty))
    return rows


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Return rows as a data frame: planes and spaxels stay integers where some are missing, lists become arrays.

    Where there is no record its lists are missing: a million empty arrays take a hundred megabytes for each column.
    """
    for name in set(RECORD_COLUMNS).intersection(rows.column_names):
        column = rows[name]
        is_empty = pc.equal(pc.list_value_length(column), 0)
        missing = pa.scalar(None, column.type)
        rows = rows.set_column(rows.schema.get_field_index(name), name, pc.if_else(is_empty, missing, column))
    frame: pd.DataFrame = rows.to_pandas(types_mapper={pa.int32(): pd.Int32Dtype()}.get)
    return frame


def latest_attempts(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the latest attempt of each cube, sorted by ``obs_id`` and wavelength.

    Parameters
    ----------
    rows : DataFrame
        `KEY_COLUMNS` and any others, in the order in which they were stored. Of two rows of one attempt, cube
        and line, which a crash can leave, the one stored later counts.
    """
    newest = rows.groupby("obs_id")["attempt"].transform("max")
    return (
        rows[rows["attempt"] == newest]
        .drop_duplicates(["obs_id", "line"], keep="last")
        .sort_values(["obs_id", "wavelength_um", "line"], kind="stable", ignore_index=True)
    )


def deciding_rows(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cube: that of the line whose status is the cube's, by `Status.precedence`."""
    precedence = {status.value: status.precedence for status in Status}
    order = outcomes["status"].map(precedence).argsort(kind="stable")
    return outcomes.iloc[order].drop_duplicates("obs_id").sort_values("obs_id", ignore_index=True)

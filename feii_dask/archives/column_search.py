"""Columns of a user's table of objects, found by UCD or by name."""

from __future__ import annotations

from typing import NamedTuple

from astropy.table import Table

__all__ = ["DEC", "NAME", "NUMBERS", "OTYPE", "RA", "ColumnKind", "find_column"]


class ColumnKind(NamedTuple):
    """The UCDs and names that a column of one kind may have, the better ones first.

    Attributes
    ----------
    principal_ucds : tuple of str
        UCDs (IVOA's UCD1+, and the UCD1 of older tables) that beat any name.
    names : tuple of str
        Names, as `plain_name` returns them.
    lesser_ucds : tuple of str
        UCDs that count where no column has one of the names.
    """

    principal_ucds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    lesser_ucds: tuple[str, ...] = ()


RA = ColumnKind(
    ("pos.eq.ra;meta.main", "pos_eq_ra_main"),
    ("ra", "raicrs", "raj2000", "radeg", "rightascension"),
    ("pos.eq.ra",),
)
DEC = ColumnKind(
    ("pos.eq.dec;meta.main", "pos_eq_dec_main"),
    ("dec", "deicrs", "decicrs", "dej2000", "decj2000", "dedeg", "decdeg", "declination", "de"),
    ("pos.eq.dec",),
)
NAME = ColumnKind(
    ("meta.id;meta.main", "id_main"),
    ("mainid", "name", "source", "sourcename", "object", "objectname", "target", "designation", "id"),
    ("meta.id",),
)
OTYPE = ColumnKind(names=("otype",))
NUMBERS = {
    "rvz_radvel": ColumnKind(
        ("spect.dopplerveloc", "spect.dopplerveloc.opt", "phys.veloc;pos.heliocentric"),
        ("rvzradvel", "rv", "radialvelocity", "vrad", "hrv", "vlsr"),
    ),
    "pmra": ColumnKind(("pos.pm;pos.eq.ra",), ("pmra", "pmracosd", "pmrastar", "propermotionra")),
    "pmdec": ColumnKind(("pos.pm;pos.eq.dec",), ("pmdec", "pmde", "propermotiondec")),
    "ref_epoch": ColumnKind(("meta.ref;time.epoch",), ("refepoch", "epoch")),
}


def find_column(table: Table, kind: ColumnKind) -> str | None:
    """Return the name of the column of a kind, or None where there is none.

    Examples
    --------
    >>> find_column(Table({"_RA_ICRS": [83.8], "DEC (deg)": [-5.4]}), RA)
    '_RA_ICRS'
    """
    by_ucd = {ucd_of(table, name): name for name in reversed(table.colnames)}
    by_name = {plain_name(name): name for name in reversed(table.colnames)}
    searches = ((by_ucd, kind.principal_ucds), (by_name, kind.names), (by_ucd, kind.lesser_ucds))
    return next((columns[key] for columns, keys in searches for key in keys if key in columns), None)


def ucd_of(table: Table, name: str) -> str:
    """Return a column's UCD: VOTables have it with the column, FITS tables as TUCDn."""
    number = table.colnames.index(name) + 1
    meta = getattr(table[name].info, "meta", None) or {}
    return str(meta.get("ucd") or table.meta.get(f"TUCD{number}") or "").lower()


def plain_name(name: str) -> str:
    """Return a name without what differs from catalogue to catalogue: ``_RA_ICRS``, ``RA (deg)`` and ``ra_deg``."""
    return "".join(character for character in name.lower() if character.isalnum())

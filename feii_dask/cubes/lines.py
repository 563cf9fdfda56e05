"""Spectral lines by name, with their vacuum rest wavelengths.

``lines.csv`` has one row for each line. Its wavelengths are Ritz values in vacuum: for atoms and ions those of NIST
(the levels that PyNeb ships), for the pure rotational lines of H2 those of HITRAN 2020 and Roueff et al. 2019. The
lines of H2 1-0 follow from the levels of Dabrowski 1984 (Can. J. Phys. 62, 1639) and are good to about 6 km/s. Einstein
coefficients of [Fe II] are those of Bautista et al. 2015. The notes name what is within ten planes of a JWST cube.

Beyond 50 µm are the lines that far-infrared spectrographs see in protostars (Karska et al. 2025): fine-structure lines
from their laboratory frequencies, CO from the rotational constants of the Cologne database (CDMS), doublets of OH good
to some 5 km/s. Of these, the notes name what such a spectrograph, of a resolving power near 1000, does not separate.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from importlib.resources import files
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io.registry import IORegistryError
from astropy.table import Column, Table

from feii_dask.errors import LineError
from feii_dask.model import Line

__all__ = [
    "ALL_LINES",
    "FAR_INFRARED_LINES",
    "FE_II_LINES",
    "H2_LINES",
    "NOTEBOOK_LINES",
    "OTHER_LINES",
    "SETS",
    "find_lines",
]


def as_line(values: Mapping[str, Any], wavelength_um: float) -> Line:
    """Return a table's row as a line; fields that it lacks keep their defaults."""
    return Line(
        species=str(values.get("species", "Fe II")).strip(" []"),
        wavelength_um=wavelength_um,
        transition=str(values.get("transition", "")),
        einstein_a_per_s=float(values.get("einstein_a_per_s", nan)),
        upper_energy_k=float(values.get("upper_energy_k", nan)),
        note=str(values.get("note", "")),
    )


def packaged_lines() -> tuple[Line, ...]:
    """Return the lines of ``lines.csv``."""
    text = files("feii_dask.cubes").joinpath("lines.csv").read_text(encoding="utf-8")
    rows = ({key: value for key, value in row.items() if value} for row in csv.DictReader(text.splitlines()))
    return tuple(as_line(row, float(row["wavelength_um"])) for row in rows)


ALL_LINES = packaged_lines()
FE_II_LINES = tuple(line for line in ALL_LINES if line.species == "Fe II")
H2_LINES = tuple(line for line in ALL_LINES if line.species == "H2")
FAR_INFRARED_LINES = tuple(line for line in ALL_LINES if line.wavelength_um > 50)
OTHER_LINES = tuple(line for line in ALL_LINES if line.species not in {"Fe II", "H2"})

# Rounded as in the notebook, and in its order.
NOTEBOOK_LINES = tuple(
    replace(min(FE_II_LINES, key=lambda line: abs(line.wavelength_um - rounded)), wavelength_um=rounded)
    for rounded in (25.988, 24.519, 17.936, 5.340, 1.644, 1.600, 1.257)
)

SETS = {"feii": FE_II_LINES, "notebook": NOTEBOOK_LINES, "h2": H2_LINES, "fir": FAR_INFRARED_LINES}


def find_lines(*names: str) -> tuple[Line, ...]:
    """Return lines by their names.

    Parameters
    ----------
    *names : str
        Each is a set (``feii``, ``notebook``, ``h2``, ``fir``), a line (``Fe II 5.340``, ``[Fe II] 5.34``,
        ``H2 1-0 S(1)``, in any case), or the path of a table that astropy reads, with a column ``wavelength`` (µm,
        unless it has another unit) or ``wavelength_um``, and perhaps ``species`` (else Fe II) and the other fields of
        `Line`.

    Returns
    -------
    tuple of Line
        In the order of the names; a line that is named twice is there once.

    Raises
    ------
    LineError
        If a name is unknown or ambiguous, a table cannot be used, or two different lines share a name: results
        are identified by it.

    Examples
    --------
    >>> [line.wavelength_um for line in find_lines("[Fe II] 5.34", "fe ii 17.936")]
    [5.340169, 17.936026]
    """
    if not names:
        raise LineError(f"name at least one line, or a set of them: {', '.join(SETS)}")
    found: dict[str, Line] = {}
    for name in names:
        for line in lines_of_name(name):
            if are_same(found.setdefault(line.name, line), line):
                continue
            first = found[line.name].wavelength_um
            raise LineError(f"two lines are called {line.name!r}, at {first} and {line.wavelength_um} µm: keep one")
    return tuple(found.values())


def lines_of_name(name: str) -> Iterable[Line]:
    """Return the lines of one name, as `find_lines` takes it."""
    if plain_line_name(name) in SETS:
        return SETS[plain_line_name(name)]
    matches = [line for line in ALL_LINES if has_name(line, name)]
    if len(matches) > 1:
        raise LineError(f"{name!r} may be {', '.join(repr(line.name) for line in matches)}: say which")
    if matches:
        return matches
    if Path(name).is_file():
        return list(read_line_table(Path(name)))
    raise LineError(f"no line, set of lines or file is called {name!r}: {suggestion(name)}")


def are_same(first: Line, second: Line) -> bool:
    """Whether two lines of one name are one line."""
    return first.wavelength_um == second.wavelength_um and first.species == second.species


def plain_line_name(name: str) -> str:
    """Return a name in small letters, without spaces and brackets."""
    return "".join(character for character in name.lower() if not character.isspace() and character not in "[]")


def has_name(line: Line, name: str) -> bool:
    """Whether a line has a name: its species, perhaps with transition, or wavelength to any number of decimals."""
    plain, species = plain_line_name(name), plain_line_name(line.species)
    if not plain.startswith(species):
        return False
    rest = plain[len(species) :]
    whole, point, decimals = rest.partition(".")
    if whole.isdecimal() and point and decimals.isdecimal():
        return f"{line.wavelength_um:.{len(decimals)}f}" == f"{float(rest):.{len(decimals)}f}"
    return rest in {"", plain_line_name(line.transition)}


def suggestion(name: str) -> str:
    """Return what an error suggests in place of an unknown name."""
    try:
        wavelength_um = float(name)
    except ValueError:
        names = {plain_line_name(line.name): line.name for line in ALL_LINES} | {key: key for key in SETS}
        near = get_close_matches(plain_line_name(name), names, n=1, cutoff=0.5)
        return f"did you mean {names[near[0]]!r}?" if near else f"choose {', '.join(SETS)}, or lines by name"
    line = min(ALL_LINES, key=lambda line: abs(line.wavelength_um - wavelength_um))
    return f"the line nearest to {wavelength_um:g} µm is {line.name!r}"


def read_line_table(path: Path) -> Iterator[Line]:
    """Yield the lines of a user's table."""
    try:
        table = open_table(path)
    except Exception as error:  # astropy's readers raise many kinds
        raise LineError(f"{path} is not a table that astropy can read ({type(error).__name__})") from error
    columns = {str(column).strip().lower(): table[column] for column in table.colnames}
    key = next((key for key in ("wavelength_um", "wavelength") if key in columns), None)
    if key is None:
        raise LineError(f"{path} has no column 'wavelength' or 'wavelength_um', but {', '.join(table.colnames)}")
    if len(table) == 0:
        raise LineError(f"{path} has no lines in it")
    factor = micron_per_unit(columns[key], path)
    for row in range(len(table)):
        values = {name: column[row] for name, column in columns.items() if column[row] is not np.ma.masked}
        try:
            yield as_line(values, float(values[key]) * factor)
        except (KeyError, TypeError, ValueError) as error:
            raise LineError(f"row {row + 1} of {path} is not a line: {error}") from error


def open_table(path: Path) -> Table:
    """Read a table of any format that astropy reads."""
    try:
        return Table.read(path)
    except IORegistryError:  # the file's name does not say its format
        return Table.read(path, format="ascii")


def micron_per_unit(column: Column, path: Path) -> float:
    """Return the unit of a column of wavelengths, µm; µm where it has none."""
    try:
        return float((column.unit or u.um).to(u.um))
    except (ValueError, TypeError) as error:  # unknown units, and those of something else
        raise LineError(
            f"{path} has in column {column.name} wavelengths in {str(column.unit)!r}, which is not a unit of length; "
            f"those that work are um, nm, Angstrom, m"
        ) from error

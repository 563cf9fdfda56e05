"""Catalogue of the lines that are seen near those of [Fe II] and H2, so that what is free of lines is known.

Beside ``lines.csv``, which has the lines that are looked for, ``line_lists`` has what else JWST sees from 0.9 to 28.5 µm
in young stars, their jets and their discs. Each file says in its head where its wavelengths, in vacuum, are from and
how far they can be trusted:

========  ======================================================  ===========  ========================================
list      lines                                                   to (km/s)    source
========  ======================================================  ===========  ========================================
h_i       H I, products of both levels up to 180                  1            Rydberg formula with reduced mass
he_i      He I, levels up to 6                                    2            NIST
h2        H2, 0-0 to 4-2, 1/200 of 1-0 S(1) and more              0.1          Roueff et al. 2019
atoms     atoms and ions of jets and photospheres                 5            NIST
co        CO 1-0 and 2-1; 2-0, 3-1 and 4-2; J up to 60            0.1          Farrenq et al. 1991
oh        OH, pure rotation, J up to 83/2                         10           Hamiltonian, fitted to HITRAN 2020, LAMDA
h2o       H2O, pure rotation and 010-000                          3            levels of HITRAN 2020
========  ======================================================  ===========  ========================================

CO, OH and H2O of hot discs are *forests*: compact, and so dense that they may leave no window free of them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feii_dask.model import Line

__all__ = ["FORESTS", "KNOWN_LISTS", "KnownLines", "as_line", "catalogue_um", "known_lines", "read_line_list"]

KNOWN_LISTS = ("h_i", "he_i", "h2", "atoms", "co", "oh", "h2o")
FORESTS = frozenset({"co", "oh", "h2o"})


@dataclass(frozen=True, slots=True, eq=False)
class KnownLines:
    """Lines of the catalogue, in order of wavelength.

    Attributes
    ----------
    wavelength_um : (n,) float64 ndarray
        Vacuum rest wavelengths, µm, increasing.
    species : (n,) str ndarray
        Ions and molecules, as in ``"Fe II"``.
    forest : (n,) bool ndarray
        Whether a line is of a molecule of hot discs, in the near and mid-infrared.
    """

    wavelength_um: NDArray[np.float64]
    species: NDArray[np.str_]
    forest: NDArray[np.bool_]


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


@lru_cache
def read_line_list(name: str) -> tuple[Line, ...]:
    """Return the lines of one packaged list.

    Parameters
    ----------
    name : str
        ``lines``, or one of `KNOWN_LISTS`.

    Examples
    --------
    >>> read_line_list("h_i")[0].species
    'H I'
    """
    place = "lines.csv" if name == "lines" else f"line_lists/{name}.csv"
    text = files("feii_dask.cubes").joinpath(place).read_text(encoding="utf-8")
    rows = csv.DictReader(row for row in text.splitlines() if not row.startswith("#"))
    given = ({key: value for key, value in row.items() if value} for row in rows)
    return tuple(as_line(row, float(row["wavelength_um"])) for row in given)


@lru_cache
def known_lines() -> tuple[Line, ...]:
    """Return all lines that are known, in order of wavelength.

    Examples
    --------
    >>> [line.transition for line in known_lines() if line.species == "H I" and 1.64 < line.wavelength_um < 1.65]
    ['12-4']
    """
    return tuple(sorted(all_lists(), key=lambda line: line.wavelength_um))


def all_lists() -> Iterable[Line]:
    """Yield the lines of all lists, one list after the other."""
    for name in ("lines", *KNOWN_LISTS):
        yield from read_line_list(name)


@lru_cache
def whole_catalogue() -> KnownLines:
    """Return the whole catalogue."""
    lines = known_lines()
    forest = {line for name in FORESTS for line in read_line_list(name)}
    columns = KnownLines(
        np.array([line.wavelength_um for line in lines]),
        np.array([line.species for line in lines]),
        np.array([line in forest for line in lines]),
    )
    for column in (columns.wavelength_um, columns.species, columns.forest):
        column.setflags(write=False)  # it is handed out, and kept
    return columns


def catalogue_um(low_um: float, high_um: float) -> KnownLines:
    """Return what is known between two wavelengths.

    Parameters
    ----------
    low_um, high_um : float
        Vacuum rest wavelengths, µm; both ends are included.

    Returns
    -------
    KnownLines
        Views that cannot be written to; the catalogue is read at the first call, and kept.

    Examples
    --------
    >>> near = catalogue_um(4.4345, 4.4355)
    >>> near.wavelength_um.tolist(), near.species.tolist(), near.forest.tolist()
    ([4.434834, 4.435087], ['Fe II', 'CO'], [False, True])
    """
    everything = whole_catalogue()
    start, stop = np.searchsorted(everything.wavelength_um, [low_um, np.nextafter(high_um, np.inf)])
    return KnownLines(
        everything.wavelength_um[start:stop], everything.species[start:stop], everything.forest[start:stop]
    )

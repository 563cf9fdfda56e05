"""Catalogue of the lines that are seen near those of [Fe II] and H2, so that what is free of lines is known.

Beside ``lines.csv``, which has the lines that are looked for, ``line_lists`` has what else JWST sees from 0.9 to
28.5 µm in young stars, their jets and their discs, and what other missions see up to 672 µm. Each file says in its head
where its wavelengths, in vacuum, are from and how far they can be trusted:

========  =============================================  =========  ============================================
list      lines                                          to (km/s)  source
========  =============================================  =========  ============================================
h_i       H I, product of both levels up to 180          1          Rydberg formula, reduced mass, fine structure
he_i      He I, levels up to 6                           2          NIST
h2        H2, at least 1/200 of 1-0 S(1) at 3000 K       0.1        Roueff et al. 2019
atoms     atoms and ions of jets and photospheres        5          NIST; where a note says so, worse
co        CO 1-0, 2-1, 2-0, 3-1, 4-2, J up to 60         0.1        Farrenq et al. 1991
oh        OH, pure rotation, 9 to 28.5 µm                10         Hamiltonian, fitted to HITRAN 2020 and LAMDA
h2o       H2O, pure rotation and 010-000                 2          levels of HITRAN 2020, at least 1/100 of the
                                                                    strongest at 800 K, and 1/30
far_      ions, [C I], CO, 13CO, H2O beyond 28.9 µm      10         Farrenq, Tennyson et al. 2001, CDMS, NIST, ISO
infrared
========  =============================================  =========  ============================================

Not in it: the bands of OH and H2O at 2.5 to 3.5 µm, CO2, the isotopologues, H2O of levels beyond J = 14.

CO, OH and H2O of hot discs are *forests*: compact, and so dense that they may leave no window free of them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feii_dask.model import Line

__all__ = ["FORESTS", "KNOWN_LISTS", "KnownLines", "as_line", "catalogue_um", "known_lines", "read_line_list"]

KNOWN_LISTS = ("h_i", "he_i", "h2", "atoms", "co", "oh", "h2o", "far_infrared")
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
    names, *rows = read_rows(name)
    given = ({key: value for key, value in zip(names, row, strict=True) if value} for row in rows)
    return tuple(as_line(row, float(row["wavelength_um"])) for row in given)


def read_rows(name: str) -> list[list[str]]:
    """Return the cells of a packaged list, first its columns' names; the first two are species and wavelength_um."""
    place = "lines.csv" if name == "lines" else f"line_lists/{name}.csv"
    text = files("feii_dask.cubes").joinpath(place).read_text(encoding="utf-8")
    return list(csv.reader(row for row in text.splitlines() if not row.startswith("#")))


@lru_cache
def known_lines() -> tuple[Line, ...]:
    """Return all lines that are known, in order of wavelength.

    Examples
    --------
    >>> [line.transition for line in known_lines() if line.species == "H I" and 1.64 < line.wavelength_um < 1.65]
    ['12-4']
    """
    everything = (line for name in ("lines", *KNOWN_LISTS) for line in read_line_list(name))
    return tuple(sorted(everything, key=lambda line: line.wavelength_um))


@lru_cache
def whole_catalogue() -> KnownLines:
    """Return the whole catalogue, without making lines of its rows: a worker waits for it."""
    rows = sorted(
        (float(row[1]), row[0], name in FORESTS) for name in ("lines", *KNOWN_LISTS) for row in read_rows(name)[1:]
    )
    wavelength_um, species, forest = (np.array(column) for column in zip(*rows, strict=True))
    for column in (wavelength_um, species, forest):
        column.setflags(write=False)  # it is handed out, and kept
    return KnownLines(wavelength_um, species, forest)


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

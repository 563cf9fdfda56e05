"""Spectral lines by name, with their vacuum rest wavelengths.

``lines.csv`` has one row for each line that is looked for. Its wavelengths are Ritz values in vacuum: for atoms and
ions those of NIST (the levels that PyNeb ships), for H2 those of HITRAN 2020 and Roueff et al. 2019, but for 1-0 O(7),
whose name would change: it is 8 km/s too long. Einstein coefficients of [Fe II] are those of Bautista et al. 2015. The
notes name what is within ten planes of a JWST cube; `feii_dask.cubes.known_lines` has everything that is near.

Beyond 50 µm are the lines that far-infrared spectrographs see in protostars (Karska et al. 2025): fine-structure lines
from their laboratory frequencies, CO from the rotational constants of the Cologne database (CDMS), doublets of OH good
to some 5 km/s. Of these, the notes name what such a spectrograph, of a resolving power near 1000, does not separate.
Further lines that FIFI-LS, PACS, SPIRE and IRS see are in ``line_lists/far_infrared.csv``; there is a set for each of
these instruments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from operator import attrgetter
from pathlib import Path

from feii_dask.cubes.known_lines import known_lines, read_line_list
from feii_dask.cubes.line_table import read_line_table
from feii_dask.errors import LineError
from feii_dask.model import Line

__all__ = [
    "ALL_LINES",
    "FAR_INFRARED_LINES",
    "FE_II_LINES",
    "H2_LINES",
    "INSTRUMENTS_UM",
    "NOTEBOOK_LINES",
    "OTHER_LINES",
    "SETS",
    "find_lines",
    "name_to_find",
]

ALL_LINES = read_line_list("lines")
FE_II_LINES = tuple(line for line in ALL_LINES if line.species == "Fe II")
H2_LINES = tuple(line for line in ALL_LINES if line.species == "H2")
FAR_INFRARED_LINES = tuple(line for line in ALL_LINES if line.wavelength_um > 50)
OTHER_LINES = tuple(line for line in ALL_LINES if line.species not in {"Fe II", "H2"})

# Rounded as in the notebook, and in its order.
NOTEBOOK_LINES = tuple(
    replace(min(FE_II_LINES, key=lambda line: abs(line.wavelength_um - rounded)), wavelength_um=rounded)
    for rounded in (25.988, 24.519, 17.936, 5.340, 1.644, 1.600, 1.257)
)


class LineSets(Mapping[str, tuple[Line, ...]]):
    """Sets of lines by name; those of the catalogue are read when they are asked for."""

    def __init__(self, sets: Mapping[str, Callable[[], Iterable[Line]]]) -> None:
        self._sets = dict(sets)

    def __getitem__(self, name: str) -> tuple[Line, ...]:
        by_name = {line.name: line for line in reversed(tuple(self._sets[name]()))}  # the first of those of one name
        return tuple(reversed(by_name.values()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)


MOST_NAMED = 8  # lines in one message

# Shortest and longest wavelength of instruments, µm: FIFI-LS of SOFIA, PACS and SPIRE of Herschel, IRS of Spitzer.
INSTRUMENTS_UM = {"fifi": (51.0, 206.0), "pacs": (51.0, 210.0), "spire": (194.0, 672.0), "irs": (5.2, 38.0)}
IRS_IONS = ("S IV", "O IV", "Ne V")  # of hot gas, which are not looked for by default


def lines_of_instrument(name: str) -> list[Line]:
    """Return the lines in an instrument's range, in order of wavelength."""
    low_um, high_um = INSTRUMENTS_UM[name]
    ions = (line for line in read_line_list("atoms") if line.species in IRS_IONS)
    lines = (*ALL_LINES, *ions, *read_line_list("far_infrared"))
    return sorted((line for line in lines if low_um <= line.wavelength_um <= high_um), key=attrgetter("wavelength_um"))


def far_infrared_lines() -> list[Line]:
    """Return all lines beyond 50 µm, in order of wavelength."""
    lines = (*FAR_INFRARED_LINES, *(line for line in read_line_list("far_infrared") if line.wavelength_um > 50))
    return sorted(lines, key=attrgetter("wavelength_um"))


SETS = LineSets(
    {
        "feii": lambda: FE_II_LINES,
        "notebook": lambda: NOTEBOOK_LINES,
        "h2": lambda: H2_LINES,
        "fir": far_infrared_lines,
        **{name: partial(lines_of_instrument, name) for name in INSTRUMENTS_UM},
        "hi": lambda: read_line_list("h_i"),
        "hei": lambda: read_line_list("he_i"),
        "co": lambda: (line for line in read_line_list("co") if line.transition.startswith("1-0 ")),
        "oh": lambda: read_line_list("oh"),
    }
)


def find_lines(*names: str) -> tuple[Line, ...]:
    """Return lines by their names.

    Parameters
    ----------
    *names : str
        Each is a set (``feii``, ``notebook``, ``h2``, ``fir``, those of the instruments ``fifi``, ``pacs``, ``spire``
        and ``irs``, and of the catalogue ``hi``, ``hei``, ``co`` for CO 1-0, ``oh``), a line (``Fe II 5.340``,
        ``[Fe II] 5.34``, ``H2 1-0 S(1)``, ``H I 12-4``, in any case), or the path of a table that astropy reads, with a
        column ``wavelength`` (µm, unless it has another unit) or ``wavelength_um``, in vacuum, and perhaps ``species``
        (else Fe II) and the other fields of `Line`.

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
    matches = lines_called(name)
    if len(matches) > 1:
        named = [repr(name_to_find(line)) for line in matches[:MOST_NAMED]]
        more = f" or {len(matches) - MOST_NAMED} others" * (len(matches) > MOST_NAMED)
        raise LineError(f"{name!r} may be {', '.join(named)}{more}: say which")
    if matches:
        return matches
    if Path(name).is_file():
        return list(read_line_table(Path(name)))
    raise LineError(f"no line, set of lines or file is called {name!r}: {suggestion(name)}")


def lines_called(name: str) -> list[Line]:
    """Return the lines that have a name; those of the catalogue only where no line that is looked for has it."""
    return [line for line in ALL_LINES if has_name(line, name)] or [
        line for line in known_lines() if has_name(line, name)
    ]


def name_to_find(line: Line) -> str | None:
    """Return a name by which `find_lines` finds one line, and no other.

    Parameters
    ----------
    line : Line
        Of a table, or packaged.

    Returns
    -------
    str or None
        Its name; where that is shared, its species and transition; None where the line is not packaged.

    Examples
    --------
    >>> name_to_find(find_lines("CO 1-0 R(34)")[0]), name_to_find(find_lines("CO 2-1 R(4)")[0])
    ('CO 4.435', 'CO 2-1 R(4)')
    """
    ours = next((known for known in known_lines() if are_same(known, line)), line)
    names = (ours.name, f"{ours.species} {ours.transition}")
    return next((name for name in names if lines_called(name) == [ours]), None)


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
        names = {plain_line_name(line.species): line.species for line in known_lines()}
        names |= {plain_line_name(line.name): line.name for line in ALL_LINES} | {key: key for key in SETS}
        near = get_close_matches(plain_line_name(name), names, n=1, cutoff=0.6)
        return f"did you mean {names[near[0]]!r}?" if near else f"choose {', '.join(SETS)}, or lines by name"
    line = min(ALL_LINES, key=lambda line: abs(line.wavelength_um - wavelength_um))
    return f"the line nearest to {wavelength_um:g} µm is {line.name!r}"

"""What can be searched for and where: lines and instruments, as text."""

from __future__ import annotations

from feii_dask.config.missions import MISSIONS
from feii_dask.cubes.lines import INSTRUMENTS_UM, SETS, find_lines

__all__ = ["describe_instruments", "describe_lines"]

# What a search of a mission's archive finds; the wavelengths are those of `Mission.coverage_um` and `INSTRUMENTS_UM`.
JWST_INSTRUMENTS = (
    ("NIRSPEC/IFU", "jwst", "0.6-5.3 µm", "filters such as G395H;F290LP"),
    ("MIRI/IFU", "jwst", "4.9-28.8 µm", "filters such as CH1-SHORT"),
)
NAMES = {"fifi": "FIFI-LS"}
INSTRUMENTS_OF = {"sofia": ("fifi",), "herschel": ("pacs", "spire"), "spitzer": ("irs",)}


def describe_lines(names: tuple[str, ...]) -> str:
    """Return the lines of some sets or names, one a line of text; without any, the sets.

    Raises
    ------
    LineError
        If there is no such set or line.

    Examples
    --------
    >>> print(describe_lines(("Fe II 5.340",)))
         line               vacuum µm  transition
         Fe II 5.340         5.340169  a4F9/2-a6D9/2
    """
    if not names:
        rows = [f"  {name:9} {len(lines):4} lines, {span(lines)}" for name, lines in SETS.items()]
        return "\n".join(["sets of lines, for --lines NAME; feii-dask lines NAME lists one", *rows])
    head = f"     {'line':18} {'vacuum µm':>9}  transition"
    rows = [
        f"     {line.name:18} {line.wavelength_um:9.6f}  {line.transition}{note(line.note)}".rstrip()
        for line in find_lines(*names)
    ]
    return "\n".join([head, *rows])


def span(lines: tuple[object, ...]) -> str:
    """Return the shortest and longest wavelength of some lines."""
    wavelengths = [line.wavelength_um for line in lines]  # type: ignore[attr-defined]
    return f"{min(wavelengths):g}-{max(wavelengths):g} µm"


def note(text: str) -> str:
    """Return what a line can be confused with, in brackets."""
    return f"  ({text})" if text else ""


def describe_instruments() -> str:
    """Return the instruments whose cubes are searched, one a line of text."""
    rows = [*JWST_INSTRUMENTS]
    for mission, instruments in INSTRUMENTS_OF.items():
        tried = MISSIONS[mission].tried
        for name in instruments:
            low, high = INSTRUMENTS_UM[name]
            rows.append((NAMES.get(name, name.upper()), mission, f"{low:g}-{high:g} µm", tried))
    head = f"  {'--instrument':13} {'--mission':10} {'wavelengths':14}"
    return "\n".join(
        [head, *(f"  {name:13} {mission:10} {band:14} {more}".rstrip() for name, mission, band, more in rows)]
    )

"""Parsers of settings: each takes a raw value, or raises a `ValueError` that says what it would take."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "NonNegative",
    "OneOf",
    "SomeOf",
    "parse_adaptive_range",
    "parse_count",
    "parse_environment",
    "parse_file",
    "parse_flag",
    "parse_fraction",
    "parse_list",
    "parse_mapping",
    "parse_names",
    "parse_path",
    "parse_text",
    "to_python",
]


def to_python(value: Any) -> Any:
    """Return as Python's own what numpy or pandas made; a quantity, which has ``to_value``, keeps its unit."""
    return value.tolist() if hasattr(value, "tolist") and not hasattr(value, "to_value") else value


def parse_text(value: Any) -> str:
    """Take a text that is not empty."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    is_text = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    if not is_text or not str(value).strip() or "\0" in str(value):
        raise ValueError("a text")
    return str(value).strip()


def parse_path(value: Any) -> str:
    """Take a path, or a word in its place; ``~`` is somebody's home, as in a shell."""
    return os.path.expanduser(parse_text(value))  # noqa: PTH111 - Path's own fails where nobody has that name


def parse_file(value: Any) -> str:
    """Take the path of a file, and make it absolute: it means the same wherever a run is resumed."""
    return str(Path(parse_path(value)).absolute())


def parse_list(value: Any) -> tuple[str, ...]:
    """Take one text, or several, as a list or with commas between.

    Examples
    --------
    >>> parse_list(["CH1-SHORT", "CH1-LONG, G395H"])
    ('CH1-SHORT', 'CH1-LONG', 'G395H')
    """
    items = value if isinstance(value, (list, tuple)) else () if value is None else (value,)
    return tuple(parse_text(part) for item in items for part in parse_text(item).split(","))


def parse_names(value: Any) -> tuple[str, ...]:
    """Take one name, or several as a list; names may have commas.

    Examples
    --------
    >>> parse_names("TMC1A"), parse_names(["[GY92] 30", "V* T Tau"])
    (('TMC1A',), ('[GY92] 30', 'V* T Tau'))
    """
    items = value if isinstance(value, (list, tuple)) else () if value is None else (value,)
    return tuple(parse_text(item) for item in items)


def parse_count(value: Any) -> int:
    """Take a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number, 1 or more")
    return value


def parse_fraction(value: Any) -> float:
    """Take a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError("a number from 0 to 1")
    return float(value)


def parse_flag(value: Any) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - one kind of error for every parser
    return value


def parse_mapping(value: Any) -> dict[str, Any]:
    """Take names with values."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError("names with values")
    return dict(value)


def parse_environment(value: Any) -> dict[str, str]:
    """Take environment variables; a number becomes text, as it would in a shell."""
    return {name: parse_text(item) for name, item in parse_mapping(value).items()}


def parse_adaptive_range(value: Any) -> tuple[int, int]:
    """Take the fewest and the most workers; the most is mandatory, since somebody pays for them."""
    expected = "{minimum: 1, maximum: 10}, the maximum being mandatory"
    if not isinstance(value, Mapping) or not {"maximum"} <= value.keys() <= {"minimum", "maximum"}:
        raise ValueError(expected)
    fewest, most = value.get("minimum", 0), value["maximum"]
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in (fewest, most))
    if not (whole and 0 <= fewest <= most and most >= 1):
        raise ValueError(expected)
    return fewest, most


@dataclass(frozen=True, slots=True)
class NonNegative:
    """Parser of a finite number that is not negative, or of a quantity.

    Attributes
    ----------
    unit : str
        Unit of the number, as astropy writes it; a quantity must be convertible to it.

    Examples
    --------
    >>> from astropy import units as u
    >>> NonNegative("arcsec")(1 * u.arcmin)
    60.0
    """

    unit: str

    def __call__(self, value: Any) -> float:
        """Return the number in `unit`."""
        expected = f"a number, 0 or more ({self.unit})"
        if hasattr(value, "to_value"):
            try:
                value = to_python(value.to_value(self.unit))
            except ValueError:  # astropy's UnitConversionError is one
                raise ValueError(expected) from None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise ValueError(expected)
        return float(value)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Parser of one of a few words.

    Attributes
    ----------
    words : tuple of str
        Those that are taken.
    """

    words: tuple[str, ...]

    def __call__(self, value: Any) -> str:
        """Return the word."""
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(" or ".join(self.words))
        return value


@dataclass(frozen=True, slots=True)
class SomeOf:
    """Parser of any of a few words: one text, or several, as a list or with commas between.

    Attributes
    ----------
    words : tuple of str
        Those that are taken.

    Examples
    --------
    >>> SomeOf(("compact", "undecided"))("undecided, compact")
    ('compact', 'undecided')
    """

    words: tuple[str, ...]

    def __call__(self, value: Any) -> tuple[str, ...]:
        """Return the words, in their own order."""
        given = parse_list(value)
        if not set(given) <= set(self.words):
            raise ValueError(" or ".join(self.words))
        return tuple(word for word in self.words if word in given)

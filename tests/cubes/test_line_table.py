"""A user's table of lines is refused, with the row that is wrong, before a search begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from feii_dask.cubes.lines import find_lines
from feii_dask.errors import LineError
from tests.cubes.line_formulas import LISTS


def lines_of(tmp_path: Path, content: str, name: str = "mine.csv") -> list[float]:
    (tmp_path / name).write_text(content, encoding="utf-8")
    return [line.wavelength_um for line in find_lines(str(tmp_path / name))]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("species,wavelength\nNe II,12.8\nFe II,1644.0\n", r"row 2 of .*1644 µm is outside.*'wavelength' has no unit"),
        ("species,wavelength_um\nFe II,16440.0\n", r"row 1 of .*'wavelength_um' has no unit.*nm or Angstrom"),
        ("species,wavelength\nFe II,0.25\n", r"row 1 of .*0\.25 µm is outside 0\.5 to 700"),
        ("species,wavelength\nFe II,nan\n", r"row 1 of .*positive rest wavelength"),
        ("species,wavelength\nFe II,0\n", r"row 1 of .*positive rest wavelength"),
        ("species,wavelength\nFe II,\nNe II,12.8\n", r"row 1 of .*nothing in the column 'wavelength'"),
        ("species,wavelength\nFe II,5.34\nNe II,12.8\nFe II,5.34\n", r"row 3 of .*5\.34 µm, is that of row 1"),
        ("species,wavelength\nFe II,5.34\nCO,5.34\n", r"row 2 of .*5\.34 µm, is that of row 1"),
        ("species,wavelength\nFe II,5.34\nFe II,5.3401\n", r"row 2 of .*called 'Fe II 5.340', at 5\.34 \(row 1\)"),
        ("species,wavelength,air\nFe II,1.257,no\nFe II,1.644,yes\n", r"row 2 of .*'air' says yes"),
        ("species,wavelength,medium\nFe II,1.257,vacuum\nFe II,1.644,Air\n", r"row 2 of .*'medium' says Air"),
        ("species,wavelength_air\nFe II,1.644\n", r"in air, says its column 'wavelength_air'"),
        ("# wavelengths in air\nspecies,wavelength\nFe II,1.644\n", r"in air, says its head \('wavelengths in air'\)"),
    ],
)
def test_rows_that_are_refused(content: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(LineError, match=says):
        lines_of(tmp_path, content)


def test_a_head_of_an_ecsv_table_that_says_air(tmp_path: Path) -> None:
    head = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: wavelength, unit: um, datatype: float64, description: in air}\n"
    with pytest.raises(LineError, match="in air, says the description of its column 'wavelength'"):
        lines_of(tmp_path, head + "wavelength\n1.644\n", "mine.ecsv")


def test_a_unit_makes_a_wavelength_of_a_number(tmp_path: Path) -> None:
    head = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: wavelength, unit: nm, datatype: float64}\n"
    assert lines_of(tmp_path, head + "wavelength\n1644.0\n", "mine.ecsv") == pytest.approx([1.644])
    with pytest.raises(LineError, match=r"row 1 of .*0\.0016 µm is outside 0\.5 to 700 µm, where cubes are$"):
        lines_of(tmp_path, head + "wavelength\n1.6\n", "mine.ecsv")


@pytest.mark.parametrize(
    "content",
    [
        "# vacuum wavelengths, not those in air\nspecies,wavelength\nFe II,1.644\n",
        "species,wavelength,medium,air\nFe II,1.644,vacuum,\n",
        "species,wavelength,note\nFe II,1.644,a fair line in airy discs\n",
    ],
)
def test_vacuum_is_taken(content: str, tmp_path: Path) -> None:
    assert lines_of(tmp_path, content) == [1.644]


def test_packaged_lists_are_tables_too(tmp_path: Path) -> None:
    """With their heads: users take them as templates."""
    text = (LISTS / "he_i.csv").read_text(encoding="utf-8")
    few = "\n".join(text.splitlines()[:9]) + "\n"
    assert len(lines_of(tmp_path, few)) == 5

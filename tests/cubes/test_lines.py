"""The table of lines is consistent in itself, and lines are found by name."""

from __future__ import annotations

from collections import defaultdict
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, Table

from feii_dask.cubes.lines import (
    FE_II_LINES,
    H2_LINES,
    INSTRUMENTS_UM,
    NOTEBOOK_LINES,
    OTHER_LINES,
    SETS,
    find_lines,
    name_to_find,
)
from feii_dask.errors import LineError
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line


def test_ritz_principle() -> None:
    """Two ways from one level to another give the same energy, to the last digits of the wavelengths."""
    wavenumber = {line.transition: 1e4 / line.wavelength_um for line in FE_II_LINES}
    checked = 0
    for upper, ground in (("a4D7/2", "a6D9/2"), ("a4D5/2", "a6D7/2")):
        direct = wavenumber[f"{upper}-{ground}"]
        for middle in ("a6D7/2", "a6D5/2", "a4F9/2", "a4F7/2"):
            steps = (f"{upper}-{middle}", f"{middle}-{ground}")
            if all(step in wavenumber for step in steps):
                checked += 1
                assert sum(wavenumber[step] for step in steps) == pytest.approx(direct, abs=0.05)
    assert checked >= 3


def test_lines_of_one_upper_level_share_its_energy() -> None:
    energies = defaultdict(set)
    for line in FE_II_LINES:
        assert line.einstein_a_per_s > 0
        energies[line.transition.partition("-")[0]].add(line.upper_energy_k)
    assert all(len(values) == 1 for values in energies.values())
    assert energies["a4F9/2"] == {2694.0}


def test_energies_exceed_those_of_the_photon() -> None:
    kelvin_um = 14387.77  # hc/k
    for line in (*FE_II_LINES, *H2_LINES):
        assert line.upper_energy_k >= kelvin_um / line.wavelength_um * 0.999


def test_what_is_in_the_lists() -> None:
    wavelengths = [line.wavelength_um for line in FE_II_LINES]
    assert len(wavelengths) == 36
    assert wavelengths == sorted(wavelengths)
    assert 1.2 < wavelengths[0] < wavelengths[-1] < 26
    assert {"Ne II", "Ne III", "Ni II", "Ar II", "S I", "S III"} <= {line.species for line in OTHER_LINES}
    assert [line.transition for line in H2_LINES if line.wavelength_um > 5] == [f"0-0 S({j})" for j in range(8, -1, -1)]
    everything = (*FE_II_LINES, *H2_LINES, *OTHER_LINES)
    assert len({line.name for line in everything}) == len(everything)


def test_the_notebooks_seven() -> None:
    assert [line.wavelength_um for line in NOTEBOOK_LINES] == [25.988, 24.519, 17.936, 5.340, 1.644, 1.600, 1.257]
    exact = {line.transition: line.wavelength_um for line in FE_II_LINES}
    assert all(abs(line.wavelength_um - exact[line.transition]) < 6e-4 for line in NOTEBOOK_LINES)


@pytest.mark.parametrize(
    ("name", "neighbour"),
    [("Fe II 5.062", "H2 5.053"), ("Fe II 22.902", "Fe III 22.926"), ("Fe II 1.810", "Fe II 1.812")],
)
def test_offsets_in_the_notes(name: str, neighbour: str) -> None:
    line, other = find_lines(name, neighbour)
    offset_kms = SPEED_OF_LIGHT_KMS * (other.wavelength_um / line.wavelength_um - 1)
    assert f"{offset_kms:+.0f} km/s" in line.note


@pytest.mark.parametrize(
    ("name", "wavelength_um"),
    [
        ("Fe II 5.340", 5.340169),
        ("[Fe II] 5.34", 5.340169),
        ("[fe ii]5.3402", 5.340169),
        ("FeII 1.600", 1.599915),
        ("Fe II a4F9/2-a6D9/2", 5.340169),
        ("h2 1-0 s(1)", 2.12183),
        ("ne ii", 12.813548),
        ("S I 25.249", 25.249018),
        ("S III 18.713", 18.712925),
        ("H I 12-4", 1.641168),
        ("h i 1.641", 1.641168),
        ("CO 1-0 R(34)", 4.435087),
        ("CO 2-1 R(4)", 4.683154),
        ("H2 2-1 S(1)", 2.247716),
        ("CO 16-15", 162.81163),
    ],
)
def test_lines_by_name(name: str, wavelength_um: float) -> None:
    assert [line.wavelength_um for line in find_lines(name)] == [wavelength_um]


def test_sets_and_duplicates() -> None:
    assert find_lines("feii") == FE_II_LINES
    assert find_lines("Fe II") == FE_II_LINES
    assert find_lines("NOTEBOOK") == NOTEBOOK_LINES
    assert find_lines("h2") == H2_LINES
    assert find_lines("Fe II 5.340", "feii")[0].name == "Fe II 5.340"
    assert len(find_lines("Fe II 5.340", "feii", "Fe II 25.988")) == len(FE_II_LINES)


@pytest.mark.parametrize(("name", "species", "count"), [("hi", "H I", 147), ("H I", "H I", 147), ("hei", "He I", 70)])
def test_sets_of_the_catalogue(name: str, species: str, count: int) -> None:
    lines = find_lines(name)
    assert {line.species for line in lines} == {species}
    assert len(lines) == count


def test_all_sets_can_be_searched_and_their_lines_be_found_again() -> None:
    assert {line.transition[:4] for line in find_lines("co")} == {"1-0 "}
    assert set(SETS) == {"feii", "notebook", "h2", "fir", "hi", "hei", "co", "oh"} | set(INSTRUMENTS_UM)
    for name, lines in SETS.items():
        assert find_lines(name) == lines
        if name != "notebook":  # its wavelengths are rounded
            assert find_lines(*(str(name_to_find(line)) for line in lines[::10])) == lines[::10]
    assert name_to_find(NOTEBOOK_LINES[0]) is None
    assert name_to_find(Line("Xx I", 3.3)) is None


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "name at least one line"),
        (("Fe II 5.341",), "did you mean 'Fe II 5.340'"),
        (("5.34",), "the line nearest to 5.34 µm is 'Fe II 5.340'"),
        (("feeii",), "did you mean 'feii'"),
        (("xyzzy",), "choose feii, notebook, h2"),
        (("Ni II",), "may be 'Ni II 1.939', 'Ni II 6.636'"),
        (("Fe II 1.8",), "say which"),
        (("feii", "notebook"), "two lines are called 'Fe II 25.988', at 25.98839 and 25.988 µm"),
        (("hel",), "did you mean 'hei'"),
        (("Mg XI",), "did you mean 'Mg I"),
        (("C I",), "'C I 0.983', 'C I 0.985', 'C I 3p3D2-3s3P1' or 12 others: say which"),
        (("missing.csv",), "no line, set of lines or file is called 'missing.csv'"),
    ],
)
def test_names_that_find_nothing(names: tuple[str, ...], says: str) -> None:
    with pytest.raises(LineError) as caught:
        find_lines(*names)
    assert says in str(caught.value)


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    table = QTable({"Species": ["[Ne VI]", "[Mg V]"], "wavelength": [7652.4, 5609.85] * u.nm, "note": ["a", "b"]})
    table.write(tmp_path / "lines.ecsv")
    first, second = find_lines(str(tmp_path / "lines.ecsv"))
    assert (first.species, first.note, second.name) == ("Ne VI", "a", "Mg V 5.610")
    assert first.wavelength_um == pytest.approx(7.6524)
    assert isnan(first.einstein_a_per_s)


@pytest.mark.parametrize(("name", "layout"), [("lines.csv", "ascii.csv"), ("lines.txt", "ascii.basic")])
def test_plain_tables_are_in_microns(name: str, layout: str, tmp_path: Path) -> None:
    table = Table(
        {"wavelength_um": [4.0763, 4.115], "einstein_a_per_s": [1.5e-5, np.nan], "upper_energy_k": [4083, 3496]}
    )
    table.write(tmp_path / name, format=layout)
    first, second = find_lines(str(tmp_path / name))
    assert first == Line("Fe II", 4.0763, einstein_a_per_s=1.5e-5, upper_energy_k=4083)
    assert isnan(second.einstein_a_per_s)


def test_our_own_table_can_be_read_back(tmp_path: Path) -> None:
    """Users take it as a template."""
    packaged = Path(find_lines.__code__.co_filename).with_name("lines.csv")
    (tmp_path / "copy.csv").write_text(packaged.read_text())
    read = find_lines(str(tmp_path / "copy.csv"))
    assert [line.wavelength_um for line in read] == [
        line.wavelength_um for line in (*FE_II_LINES, *H2_LINES, *OTHER_LINES)
    ]
    assert read[0] == FE_II_LINES[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b\n1,2\n", "no column 'wavelength' or 'wavelength_um', but a, b"),
        ("wavelength\n", "no lines in it"),
        ("species,wavelength\nNe II,12.8\nNe II,-3\n", "row 2 of"),
        ("species,wavelength\nNe II,\nNe II,3\n", "row 1 of"),
        ("species,wavelength\nNe II,abc\n", "row 1 of"),
        ("\x00\x01\n" * 5, "is not a table that astropy can read"),
        ("species,wavelength\nNe II,12.8\nNe II,12.80001\n", "two lines are called 'Ne II 12.800'"),
    ],
)
def test_tables_that_cannot_be_used(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_text(content)
    with pytest.raises(LineError, match=says):
        find_lines(str(tmp_path / "lines.csv"))


@pytest.mark.parametrize("unit", ["Jy", "microns", "mag"])
def test_wavelengths_in_a_unit_that_is_none_of_length(unit: str, tmp_path: Path) -> None:
    rows = (
        f"# %ECSV 1.0\n# ---\n# datatype:\n# - {{name: wavelength, unit: {unit}, datatype: float64}}\nwavelength\n5\n"
    )
    (tmp_path / "lines.ecsv").write_text(rows)
    with pytest.raises(LineError, match=f"lines.ecsv.*column wavelength.*in '{unit}', which is not a unit of.*um, nm"):
        find_lines(str(tmp_path / "lines.ecsv"))

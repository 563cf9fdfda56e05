"""The catalogue of known lines agrees with values of other origin, and says within a range what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from feii_dask.cubes.known_lines import FORESTS, KNOWN_LISTS, catalogue_um, known_lines, read_line_list
from feii_dask.cubes.lines import ALL_LINES, INSTRUMENTS_UM, find_lines
from feii_dask.model import SPEED_OF_LIGHT_KMS, Line
from tests.cubes.line_formulas import LISTS, ROWS, carbon_monoxide_um, hydrogen_um, list_text

HEAD = re.compile(r"((?:# .+\n)+)# accuracy_kms: ([\d.]+)\n(species,wavelength_um,transition.*\n)")


def known(name: str) -> Line:
    """Return the one line of a species and transition."""
    (line,) = (line for line in known_lines() if f"{line.species} {line.transition}" == name)
    return line


def offset_kms(wavelength_um: float, reference_um: float) -> float:
    return SPEED_OF_LIGHT_KMS * (wavelength_um / reference_um - 1)


@pytest.mark.parametrize("name", KNOWN_LISTS)
def test_lists_say_their_source_and_accuracy_and_are_in_order(name: str) -> None:
    head = HEAD.match((LISTS / f"{name}.csv").read_text(encoding="utf-8"))
    assert head is not None
    assert len(head[1]) > 80
    assert 0 < float(head[2]) <= 10
    wavelengths_um = [line.wavelength_um for line in read_line_list(name)]
    assert wavelengths_um == sorted(wavelengths_um)
    low_um, high_um = (28.9, 672.0) if name == "far_infrared" else (0.9, 28.5)
    assert low_um <= wavelengths_um[0] < wavelengths_um[-1] <= high_um


def test_every_list_is_packaged_and_every_line_has_a_designation_of_its_own() -> None:
    assert {path.stem for path in LISTS.glob("*")} == set(KNOWN_LISTS)
    count = Counter((line.species, line.transition or line.name) for line in known_lines())
    assert [designation for designation, number in count.items() if number > 1] == []
    assert set(ALL_LINES) < set(known_lines())
    assert len(known_lines()) > 1500


@pytest.mark.parametrize("name", ROWS)
def test_lists_of_formulas_are_what_the_formulas_give(name: str) -> None:
    assert (LISTS / f"{name}.csv").read_text(encoding="utf-8") == list_text(name)


# Wavelengths, µm, that others computed or measured than those whom our lists follow, and the largest difference, km/s.
REFERENCES = {
    # H I: NIST, as jdaviz 5.0 lists it (Mohr, Taylor and Newell 2008); 40-4 from the levels of PyNeb 1.1.32
    "H I 5-3": (1.282159, 0.3),
    "H I 7-4": (2.166120, 0.3),
    "H I 5-4": (4.052262, 0.3),
    "H I 6-5": (7.459858, 0.3),
    "H I 7-6": (12.371898, 0.3),
    "H I 8-7": (19.061898, 0.3),
    "H I 40-4": (1e4 / (109610.2232 - 102823.904), 0.5),
    # He I: jdaviz (Morton, Wu and Drake 2006)
    "He I 2p1P-2s1S": (2.05869046, 0.3),
    "He I 4d3D-3p3P": (1.70070, 2),
    "He I 4s3S-3p3P": (2.1126, 4),
    "He I 2p3P-2s3S": (1.08331, 2),
    # H2: Black and van Dishoeck 1987, as jdaviz lists it; HITRAN 2020
    "H2 1-0 O(6)": (3.50081, 2),
    "H2 0-0 S(9)": (4.69466, 5),
    "H2 0-0 S(3)": (9.66491, 1),
    # CO: Guelachvili et al. 1983 (Dunham coefficients); HITRAN 2020 (Banzatti et al. 2025); Geballe, as jdaviz lists it
    "CO 1-0 R(34)": (4.435086, 0.3),
    "CO 1-0 P(38)": (5.066134, 0.3),
    "CO 2-1 R(14)": (4.609019, 0.3),
    "CO 3-1 P(10)": (2.400417, 0.3),
    "CO 1-0 P(26)": (4.92041, 0.5),
    "CO 2-1 P(23)": (4.94902, 0.5),
    "CO 1-0 P(57)": (5.33974, 0.5),
    "CO 2-0 R(0)": (2.345305, 0.3),
    # OH and H2O: HITRAN 2020 (Banzatti et al. 2025)
    "OH 3/2 R(32.5)e": (10.23102, 10),
    "OH 3/2 R(19.5)f": (14.62227, 10),
    "OH 3/2 R(10.5)e": (25.08995, 10),
    "OH 1/2 R(8.5)f": (27.69665, 10),
    "H2O 010-000 1_1_0-1_0_1": (6.1854, 2),
    "H2O 010-000 7_2_5-8_3_6": (7.21253, 2),
    "H2O 000-000 12_5_8-11_2_9": (17.10254, 2),
    "H2O 000-000 7_3_5-6_0_6": (27.0272, 2),
    # atoms: Feuchtgruber et al. 1997, NIST, Pickering et al. 1998, as jdaviz lists them
    "S IV 2P3/2-2P1/2": (10.51049, 1),
    "Ne V 3P1-3P0": (24.3175, 1),
    "P III 2P3/2-2P1/2": (17.8846, 1),
    "Co II a3F2-a3F3": (15.45898, 1),
    "Ni I 3F2-3F3": (11.30728, 1),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_values_of_other_origin(name: str) -> None:
    reference_um, most_kms = REFERENCES[name]
    assert abs(offset_kms(known(name).wavelength_um, reference_um)) <= most_kms


def test_upper_levels_of_carbon_monoxide_are_shared() -> None:
    """Two ways between levels: R of the fundamental and P of the hot band from one level add up to the overtone."""
    two_steps = 1e4 / carbon_monoxide_um((1, 11), (0, 10)) + 1e4 / carbon_monoxide_um((2, 10), (1, 11))
    one_step = 1e4 / carbon_monoxide_um((2, 10), (0, 10))
    assert two_steps == pytest.approx(one_step, abs=1e-8)


def test_hydrogen_scales_as_it_should() -> None:
    assert hydrogen_um(40, 3) < hydrogen_um(5, 3) < hydrogen_um(4, 3)
    assert hydrogen_um(6, 4) / hydrogen_um(3, 2) == pytest.approx(4, rel=2e-5)  # fine structure goes with n**-3


@pytest.mark.parametrize(
    ("line_um", "neighbour", "kms"),
    [
        (1.533894, "H I 18-4", 138),
        (1.644002, "H I 12-4", -517),
        (1.320911, "Fe I a5F2-a5D3", 27),
        (1.279123, "Ni II 4F7/2-2D3/2", -201),
        (1.748898, "H2 1-0 S(7)", -161),
        (4.434834, "CO 1-0 R(34)", 17),
        (4.607663, "CO 1-0 R(6)", 152),
        (4.671941, "H I 11-6", 36),
        (4.889139, "H I 24-7", -374),
        (5.340169, "CO 1-0 P(57)", -24),
        (6.721277, "H I 22-8", 142),
    ],
)
def test_what_iron_can_be_confused_with(line_um: float, neighbour: str, kms: float) -> None:
    assert offset_kms(known(neighbour).wavelength_um, line_um) == pytest.approx(kms, abs=1)


def test_the_notes_agree_with_the_catalogue() -> None:
    checked = 0
    for line in ALL_LINES:
        for text in re.findall(r"([+-]\d+) km/s", line.note):
            near = [offset_kms(other.wavelength_um, line.wavelength_um) for other in known_lines()]
            assert min(abs(kms - float(text)) for kms in near) < 1, line.name
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("ends_um", [(0.5, 700.0), (4.434834, 4.435087), (1.6, 1.7), (22.0, 26.0), (30.0, 40.0)])
def test_a_range_of_the_catalogue(ends_um: tuple[float, float]) -> None:
    near = catalogue_um(*ends_um)
    inside = [line for line in known_lines() if ends_um[0] <= line.wavelength_um <= ends_um[1]]
    forest = {line for name in FORESTS for line in read_line_list(name)}
    assert near.wavelength_um.tolist() == [line.wavelength_um for line in inside]
    expected = {(line.wavelength_um, line.species, line in forest) for line in inside}
    rows = zip(near.wavelength_um.tolist(), near.species.tolist(), near.forest.tolist(), strict=True)
    assert set(rows) == expected
    assert near.wavelength_um.dtype == np.float64
    assert near.forest.dtype == np.bool_


def test_only_molecules_of_hot_discs_are_forests() -> None:
    everything = catalogue_um(0, np.inf)
    assert set(everything.species[everything.forest]) == {"CO", "OH", "H2O"}
    assert everything.wavelength_um[everything.forest].max() < 28.5
    assert not (set(everything.species[~everything.forest & (everything.wavelength_um < 50)]) & {"CO", "OH", "H2O"})


def test_the_catalogue_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        catalogue_um(1, 2).wavelength_um[0] = 0


def test_nothing_but_the_lines_to_look_for_is_read_at_import() -> None:
    code = (
        "import feii_dask.detectors.registry, feii_dask.cubes.lines\n"
        "from feii_dask.cubes import known_lines as lists\n"
        "print(lists.read_line_list.cache_info().currsize, lists.known_lines.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]


GHZ_UM = 299_792.458
# Frequencies, GHz, and wavelengths, µm, of other origin than those of our list, and the largest difference, km/s.
FAR_INFRARED_GHZ = {
    # CO and ions: LAMDA, as SpectralRadex 1.1.5 carries it; CO above J = 30 is extrapolated there
    "CO 4-3": (461.0407682, 0.05),
    "CO 9-8": (1036.9123930, 0.05),
    "CO 13-12": (1496.922909, 0.05),
    "N II 3P1-3P0": (1461.1338, 0.1),
    "N II 3P2-3P1": (2459.3740, 1),
    "C I 3P1-3P0": (492.160651, 0.1),
    "C I 3P2-3P1": (809.34197, 0.1),
    # H2O: the JPL catalogue, as astronomers' public programs carry it
    "H2O 000-000 1_1_0-1_0_1": (556.9359877, 0.1),
    "H2O 000-000 2_1_1-2_0_2": (752.033143, 0.1),
    "H2O 000-000 4_2_2-3_3_1": (916.17158, 0.1),
    "H2O 000-000 2_0_2-1_1_1": (987.926759, 0.1),
    "H2O 000-000 3_1_2-3_0_3": (1097.36479, 0.1),
    "H2O 000-000 1_1_1-0_0_0": (1113.343007, 0.1),
    "H2O 000-000 3_1_2-2_2_1": (1153.12682, 0.1),
    "H2O 000-000 3_2_1-3_1_2": (1162.911602, 0.1),
    "H2O 000-000 4_2_2-4_1_3": (1207.63873, 0.1),
    "H2O 000-000 2_2_0-2_1_1": (1228.788719, 0.1),
    "H2O 000-000 5_2_3-5_1_4": (1410.618069, 0.1),
    "H2O 000-000 4_1_3-4_0_4": (1602.219369, 0.1),
    "H2O 000-000 2_2_1-2_1_2": (1661.007637, 0.1),
    "H2O 000-000 2_1_2-1_0_1": (1669.904775, 0.1),
    "H2O 000-000 3_0_3-2_1_2": (1716.769633, 0.1),
    "H2O 000-000 3_2_2-3_1_3": (1919.359531, 0.1),
    "H2O 000-000 4_1_3-3_2_2": (2074.432305, 0.1),
    "H2O 000-000 3_1_3-2_0_2": (2164.13198, 0.1),
    "H2O 000-000 4_2_3-4_1_4": (2264.14965, 0.1),
    "H2O 000-000 4_0_4-3_1_3": (2391.572628, 0.1),
    # the same of differences of LAMDA's levels of o-H2O, 1/cm
    "H2O 000-000 2_2_1-1_1_0": ((134.901638 - 42.371741) * 29.9792458, 0.1),
    "H2O 000-000 3_2_1-2_1_2": ((212.156362 - 79.496382) * 29.9792458, 0.1),
    # ions of IRS: ISO's list, as jdaviz 5.0 carries it; Ne III from the levels, K, of Meudon's PDR code (pdrtpy 3.0.1)
    "S III 3P1-3P0": (GHZ_UM / 33.480, 20),
    "Si II 2P3/2-2P1/2": (GHZ_UM / 34.814, 20),
    "Fe II a6D5/2-a6D7/2": (GHZ_UM / 35.3491, 10),
    "Ne III 3P0-3P1": ((1324.4585 - 924.9498) * 20.836619, 20),
}
# The primary lines of FIFI-LS as its pipeline lists them (sofia_redux 1.5.2, primary_lines.txt), µm.
FIFI_PRIMARY_UM = {
    "O III": (51.81, 88.36),
    "N III": (57.32,),
    "O I": (63.18, 145.52),
    "N II": (121.90, 205.18),
    "C II": (157.74,),
    "CO": (124.19, 153.27, 162.82, 185.99, 200.27),
}


@pytest.mark.parametrize("name", FAR_INFRARED_GHZ)
def test_far_infrared_values_of_other_origin(name: str) -> None:
    ghz, most_kms = FAR_INFRARED_GHZ[name]
    assert abs(offset_kms(known(name).wavelength_um, GHZ_UM / ghz)) <= most_kms


def test_water_in_the_far_infrared_has_the_levels_of_its_lines_in_the_mid_infrared() -> None:
    """The levels that HITRAN's lines fit best, by least squares, are as far apart as the far-infrared lines say."""
    water = [line for line in known_lines() if line.species == "H2O"]
    from_hitran = [line for line in water if line.wavelength_um < 28.9]
    ends = [level_names(line) for line in from_hitran]
    number = {name: count for count, name in enumerate(sorted({name for pair in ends for name in pair}))}
    per_cm = np.array([1e4 / line.wavelength_um for line in from_hitran])
    steps = np.zeros((len(ends), len(number)))
    for row, (upper, lower) in zip(steps, ends, strict=True):
        row[number[upper]], row[number[lower]] = 1.0, -1.0
    weight = per_cm**-2.0  # wavelengths are rounded
    levels = np.linalg.lstsq(steps * weight[:, None], per_cm * weight)[0]
    for line in (line for line in water if 28.9 < line.wavelength_um < 120):
        upper, lower = (levels[number[name]] for name in level_names(line))
        assert abs(offset_kms(1e4 / (upper - lower), line.wavelength_um)) <= 7


def level_names(line: Line) -> tuple[str, str]:
    """Return the upper and the lower level of a line of water."""
    bands, levels = (part.split("-") for part in line.transition.split())
    upper, lower = (f"{band} {level}" for band, level in zip(bands, levels, strict=True))
    return upper, lower


def test_the_far_infrared_lines_of_co_are_those_of_the_formula() -> None:
    lines = [line for line in read_line_list("far_infrared") if line.species == "CO"]
    for line in lines:
        upper, lower = map(int, line.transition.split("-"))
        assert line.wavelength_um == pytest.approx(carbon_monoxide_um((0, upper), (0, lower)), abs=6e-6)
    everywhere = {line.transition for line in (*lines, *ALL_LINES) if line.species == "CO"}
    assert everywhere == {f"{upper}-{upper - 1}" for upper in range(4, 41)}


def test_rotation_of_13co_is_that_of_a_slightly_stretched_rotor() -> None:
    rare = [line for line in read_line_list("far_infrared") if line.species == "13CO"]
    lines = {int(line.transition.partition("-")[0]): line for line in rare}
    assert set(lines) == set(range(5, 14))
    # 2 B J - 4 D J**3 with the constants of Cazzoli et al. 2004, MHz
    for upper, line in lines.items():
        mhz = 2 * 55_101.0121 * upper - 4 * 0.16762 * upper**3
        assert abs(offset_kms(line.wavelength_um, GHZ_UM * 1e3 / mhz)) < 0.5


def test_the_primary_lines_of_fifi_are_in_its_set() -> None:
    ours = find_lines("fifi")
    for species, wavelengths_um in FIFI_PRIMARY_UM.items():
        for wavelength_um in wavelengths_um:
            nearest = min(abs(line.wavelength_um - wavelength_um) for line in ours if line.species == species)
            assert nearest <= 0.012, (species, wavelength_um)


INSTRUMENT_LINES = {
    "fifi": "N III 57.317; N II 121.898; N II 205.178; CO 124.193; CO 200.272; C II 157.741; O I 145.525",
    "pacs": "N III 57.317; O I 63.184; O III 88.356; C II 157.741; H2O 108.073; H2O 179.527; CO 72.843; N II 121.898",
    "spire": "N II 205.178; C I 370.415; C I 609.135; CO 650.252; CO 200.272; 13CO 544.161; H2O 269.272; H2O 538.289",
    "irs": (
        "Fe II 17.936; Fe II 24.519; Fe II 25.988; Fe II 35.349; Si II 34.815; S III 18.713; S III 33.481; "
        "Ne II 12.814; Ne III 15.555; Ne III 36.013; O IV 25.890; S IV 10.510; H2 28.219; H2 17.035; H2 12.279; "
        "H2 9.665; H2 8.025; H2 6.910; H2 6.109; H2 5.511"
    ),
}


@pytest.mark.parametrize("name", INSTRUMENT_LINES)
def test_sets_of_the_instruments(name: str) -> None:
    lines = find_lines(name)
    assert set(INSTRUMENT_LINES[name].split("; ")) <= {line.name for line in lines}
    low_um, high_um = INSTRUMENTS_UM[name]
    assert all(low_um <= line.wavelength_um <= high_um for line in lines)
    assert [line.wavelength_um for line in lines] == sorted(line.wavelength_um for line in lines)

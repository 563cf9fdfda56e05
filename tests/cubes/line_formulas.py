"""Wavelengths of H I and CO from their formulas; ``python -m tests.cubes.line_formulas`` writes the packaged lists."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path

import numpy as np

import feii_dask.cubes

LISTS = Path(feii_dask.cubes.__file__).parent / "line_lists"
RANGE_UM = (0.9, 28.5)
SECOND_RADIATION_CONSTANT_CM_K = 1.438776877  # CODATA 2018, as the constants of H I

RYDBERG_PER_CM, FINE_STRUCTURE, PROTON_MASS = 109_737.31568160, 7.2973525693e-3, 1836.15267343  # the last in electrons
MOST_PRODUCT, MOST_LEVEL = 180, 40


def hydrogen_level_per_cm(n: int) -> float:
    """Return a level of H I below the ionization limit, as the mean of its sublevels by their weights.

    Dirac's energies, to second order in the fine-structure constant. The mean of 1 / (j + 1/2) over the 2 n**2
    states of a level, which the fine structure goes with, is (2 n - 1) / n**2.
    """
    relativity = FINE_STRUCTURE**2 / n**2 * ((2 * n - 1) / n - 0.75)
    return -RYDBERG_PER_CM / (1 + 1 / PROTON_MASS) / n**2 * (1 + relativity)


def hydrogen_um(upper: int, lower: int) -> float:
    """Return the vacuum wavelength of a line of H I, µm."""
    return 1e4 / (hydrogen_level_per_cm(upper) - hydrogen_level_per_cm(lower))


def hydrogen_rows() -> Iterator[tuple[float, str]]:
    """Yield lines of H I.

    Kramers' rate, 1 / (n**3 m (n**2 - m**2)), times the weight n**2 and the photon's energy is (n m)**-3: a product of
    the levels n and m up to 180 means no less than 1/730 of the flux of 5-4.
    """
    for lower in range(1, MOST_LEVEL):
        for upper in range(lower + 1, MOST_LEVEL + 1):
            energy_k = SECOND_RADIATION_CONSTANT_CM_K * (hydrogen_level_per_cm(upper) - hydrogen_level_per_cm(1))
            if upper * lower <= MOST_PRODUCT:
                yield hydrogen_um(upper, lower), f"H I,{{:.6f}},{upper}-{lower},{energy_k:.0f}"


# Farrenq et al. 1991 (J. Mol. Spectrosc. 149, 375), tables III and IV, cm**-1 u**(i/2 + k); rows of k, columns of i.
ISOTOPIC = (
    (0, 5681.3676166, -91.1055149, 0.18703287, 3.260748e-3, 2.0671e-5, 6.637e-7, -7.1632e-7, 2.73954e-8, -4.76404e-10),
    (13.243473898, -0.3142988561, 3.37229e-5, -2.6419e-6, 1.429500e-6, -1.14861e-7, 2.7528e-9, -1.22960e-10),
    (-2.878458471e-4, 1.273849e-7, -5.961686e-8, 2.05163e-9, -2.30581e-10),
    (1.89666901e-9, -1.2056492e-10, -2.70763e-12),
    (-7.9898533e-14, -4.284994e-15, -7.658e-17),
    (-6.901397e-19, -2.3494e-19),
    (-1.5785e-22,),
)
CARBON_SHIFT = {(1, 0): 0.700930, (2, 0): 0.42815, (3, 0): -12.2868, (0, 1): -2.057208, (1, 1): -1.2452, (0, 2): -7.353}
OXYGEN_SHIFT = {
    (1, 0): -0.171324, (2, 0): -0.91035, (3, 0): -3.534, (0, 1): -2.119921, (1, 1): -3.0206, (0, 2): 1.350,
}  # fmt: skip
CARBON_U, OXYGEN_U, ELECTRON_U = 12.0, 15.99491502, 5.48579910e-4
BANDS = ((1, 0), (2, 1), (2, 0), (3, 1), (4, 2))
MOST_J = 60


def dunham_coefficients() -> np.ndarray:
    """Return Dunham's coefficients of 12C16O, cm**-1, of shape (powers of v + 1/2, powers of J (J + 1))."""
    reduced = CARBON_U * OXYGEN_U / (CARBON_U + OXYGEN_U)
    coefficients = np.zeros((10, 7))
    for k, row in enumerate(ISOTOPIC):
        for i, value in enumerate(row):
            shift = CARBON_SHIFT.get((i, k), 0) / CARBON_U + OXYGEN_SHIFT.get((i, k), 0) / OXYGEN_U
            coefficients[i, k] = value * sqrt(reduced) ** -(i + 2 * k) * (1 + ELECTRON_U * shift)
    return coefficients


DUNHAM = dunham_coefficients()


def carbon_monoxide_level_per_cm(v: int, j: int) -> float:
    """Return a level of 12C16O above the bottom of its potential."""
    return float((v + 0.5) ** np.arange(10) @ DUNHAM @ float(j * (j + 1)) ** np.arange(7))


def carbon_monoxide_um(upper: tuple[int, int], lower: tuple[int, int]) -> float:
    """Return the vacuum wavelength of a line of 12C16O between levels (v, J), µm."""
    return 1e4 / (carbon_monoxide_level_per_cm(*upper) - carbon_monoxide_level_per_cm(*lower))


def carbon_monoxide_rows() -> Iterator[tuple[float, str]]:
    """Yield the lines of 12C16O: fundamental and first overtone."""
    for upper, lower in BANDS:
        for j in range(MOST_J + 1):
            for branch, above in (("R", j + 1), ("P", j - 1)):
                if above < 0:
                    continue
                wavelength_um = carbon_monoxide_um((upper, above), (lower, j))
                energy_k = SECOND_RADIATION_CONSTANT_CM_K * (
                    carbon_monoxide_level_per_cm(upper, above) - carbon_monoxide_level_per_cm(0, 0)
                )
                yield wavelength_um, f"CO,{{:.6f}},{upper}-{lower} {branch}({j}),{energy_k:.0f}"


HEADS = {
    "h_i": "# Rydberg formula with the reduced mass and Dirac's fine structure, constants of CODATA 2018: levels of a\n"
    "# product up to 180. Equal to the levels of NIST within 0.7 km/s; Lamb shifts are left out.\n"
    "# accuracy_kms: 1\n",
    "co": "# 12C16O from the Dunham coefficients of Farrenq et al. 1991 (J. Mol. Spectrosc. 149, 375): J up to 60.\n"
    "# accuracy_kms: 0.1\n",
}
ROWS = {"h_i": hydrogen_rows, "co": carbon_monoxide_rows}


def list_text(name: str) -> str:
    """Return what a packaged list that follows from a formula holds."""
    low_um, high_um = RANGE_UM
    rows = sorted(row for row in ROWS[name]() if low_um <= row[0] <= high_um)
    body = "\n".join(text.format(wavelength_um) for wavelength_um, text in rows)
    return f"{HEADS[name]}species,wavelength_um,transition,upper_energy_k\n{body}\n"


if __name__ == "__main__":
    for name in ROWS:
        (LISTS / f"{name}.csv").write_text(list_text(name), encoding="utf-8")

"""A spectral line at rest."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan

from feii_dask.errors import LineError

__all__ = ["SPEED_OF_LIGHT_KMS", "Line"]

SPEED_OF_LIGHT_KMS = 299_792.458  # exact, by the definition of the metre


@dataclass(frozen=True, slots=True)
class Line:
    """A spectral line at rest.

    Parameters
    ----------
    species : str
        Ion or molecule, as in ``"Fe II"``.
    wavelength_um : float
        Vacuum rest wavelength, µm.
    transition : str
        Upper and lower level, as in ``"a4F9/2-a6D9/2"``.
    einstein_a_per_s : float
        Einstein coefficient of spontaneous emission, 1/s; NaN where it is not known.
    upper_energy_k : float
        Energy of the upper level over Boltzmann's constant, K; NaN where it is not known.
    note : str
        What it can be confused with.

    Raises
    ------
    LineError
        If the wavelength is not a positive, finite number.

    Examples
    --------
    >>> Line("Fe II", 5.340169).name
    'Fe II 5.340'
    """

    species: str = "Fe II"
    wavelength_um: float = nan
    transition: str = ""
    einstein_a_per_s: float = nan
    upper_energy_k: float = nan
    note: str = ""

    def __post_init__(self) -> None:
        if not (isfinite(self.wavelength_um) and self.wavelength_um > 0):
            raise LineError(
                f"a line needs a positive rest wavelength in µm, not {self.wavelength_um!r} ({self.species})"
            )

    @property
    def name(self) -> str:
        """Species and wavelength to the nanometre, which is how tables and commands call the line."""
        return f"{self.species} {self.wavelength_um:.3f}"

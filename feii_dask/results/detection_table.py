"""The table of lines that were found, each of whose rows leads to its figure, its spectrum and its cube."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.nddata import NDData
from astropy.table import QTable, Row, TableAttribute
from astropy.wcs import WCS

from feii_dask.errors import StoreError
from feii_dask.model import Cutout
from feii_dask.store.cutout_hdus import cube_header
from feii_dask.store.run_store import RunStore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DetectionTable", "FoundLine"]


class FoundLine(Row):  # type: ignore[misc]  # astropy has no types
    """One line of one object in one cube: a row of `DetectionTable`."""

    @property
    def path(self) -> Path:
        """The file of its maps and spectra.

        Raises
        ------
        StoreError
            If there is none, as of lines that nobody asked for.
        """
        if not self["cutout"]:
            raise StoreError(f"no cutout is stored of {self['line']} in {self['obs_id']}: nobody asked for this line")
        return Path(self._table.directory, str(self["cutout"]))

    @property
    def cutout(self) -> Cutout:
        """Its maps and curves, as arrays; raises what `path` does, and if the file cannot be read."""
        directory = self.path.parents[1]
        return RunStore(directory).cutout(str(self["obs_id"]), str(self["line"]))

    @property
    def spectrum(self) -> QTable:
        """The spectrum of all spaxels with emission: ``wavelength``, ``flux`` and ``uncertainty``.

        ``specutils.Spectrum.read(detection.path)`` reads the same from the file.
        """
        cutout = self.cutout
        if cutout.jet_spectrum is None:
            raise StoreError(f"{self.path} holds no spectrum of the jet")
        unit = u.Unit(cutout.jet_unit)
        return QTable(
            {
                "wavelength": cutout.wavelength_um * u.um,
                "flux": cutout.jet_spectrum * unit,
                "uncertainty": np.full(cutout.jet_spectrum.size, cutout.jet_error) * unit,
            }
        )

    @property
    def cube(self) -> NDData:
        """The planes about the line, with celestial and spectral coordinates, and the line's rest wavelength."""
        cutout = self.cutout
        if cutout.planes is None:
            raise StoreError(f"{self.path} holds no planes about the line")
        header = cube_header(cutout)
        wcs = WCS(header)
        return NDData(cutout.planes, wcs=wcs, unit=u.Unit(str(header.get("BUNIT", ""))), meta={"header": header})

    def plot(self) -> Figure:
        """Draw the line's maps, its statistic and its spectrum; ``savefig`` makes the figure for a paper."""
        from feii_dask.figures import plot_cutout  # noqa: PLC0415 - with matplotlib's axes, a second

        kind = "" if self["kind"] == "unjudged" else f", {self['kind']}"
        return plot_cutout(self.cutout, f"{self['main_id']}, {self['line']} µm{kind}, in {self['obs_id']}")


class DetectionTable(QTable):  # type: ignore[misc]  # astropy has no types
    """Lines that were found, with units; its rows are `FoundLine`.

    Attributes
    ----------
    directory : str
        The run directory.
    """

    Row = FoundLine
    directory = TableAttribute(default="")

"""The detector for cubes of a single line, as far-infrared grating spectrographs make them."""

from feii_dask.detectors.grating.grating_scan import GratingScan

__all__ = ["GratingScan"]

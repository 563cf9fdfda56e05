"""The exceptions of feii_dask, one tree.

::

    FeiiDaskError
    ├── SettingsError       a setting, option or input file is wrong                    (exit code 2)
    │   ├── FingerprintError    the directory holds a run with other settings
    │   └── TargetError         no object of that name, or no usable coordinates
    ├── RegionError         an s_region that cannot be parsed; becomes a row's reason
    ├── LineError           a line that does not exist, or two of one name             (exit code 2)
    ├── ArchiveError        an archive that cannot be reached or answers in part        (exit code 3)
    │   └── TruncatedError      an archive that returned fewer rows than it has
    ├── ClusterError        a cluster that cannot be reached or used                    (exit code 3)
    ├── OutageError         every cube fails for the same reason                        (exit code 3)
    ├── CubeError           one cube; never ends a run, becomes an outcome's status
    │   ├── CubeMissingError    nothing is stored under that name
    │   ├── CubeReadError       it is there, but it could not be read
    │   │   ├── CubeTimeoutError    it did not answer in time
    │   │   └── CubeChangedError    it became another file while it was read
    │   └── CubeFormatError     it was read, but it is not a spectral cube
    ├── DetectorError       a detector that cannot be loaded, or that failed
    └── StoreError          results that cannot be written or read back                 (exit code 4)

Every message says what was wrong, with which value, and what to do about it.
"""

from __future__ import annotations

from feii_dask.addresses import shown
from feii_dask.plain_text import plain_text

__all__ = [
    "ArchiveError",
    "ClusterError",
    "CubeChangedError",
    "CubeError",
    "CubeFormatError",
    "CubeMissingError",
    "CubeReadError",
    "CubeTimeoutError",
    "DetectorError",
    "FeiiDaskError",
    "FingerprintError",
    "LineError",
    "OutageError",
    "RegionError",
    "SettingsError",
    "StoreError",
    "TargetError",
    "TruncatedError",
]


class FeiiDaskError(Exception):
    """Base of every exception that feii_dask raises on purpose.

    Parameters
    ----------
    *lines : str
        The message, a line each. Values in them may be a stranger's, or secret: what a terminal would obey is escaped,
        and addresses lose users and queries.
    """

    exit_code = 2

    def __init__(self, *lines: object) -> None:
        super().__init__(*(plain_text(shown(str(line))) for line in lines))

    def __str__(self) -> str:
        return "\n".join(self.args)


class SettingsError(FeiiDaskError):
    """A setting, an option or an input file is wrong."""


class FingerprintError(SettingsError):
    """The output directory holds a run that was made with other settings."""


class TargetError(SettingsError):
    """A target that nobody knows, or one without usable coordinates."""


class RegionError(FeiiDaskError, ValueError):
    """An ``s_region`` that cannot be understood."""


class LineError(FeiiDaskError, ValueError):
    """A spectral line that does not exist, or a set of lines that is not one."""


class ArchiveError(FeiiDaskError):
    """An archive could not be reached, or its answer cannot be used."""

    exit_code = 3


class TruncatedError(ArchiveError):
    """An archive returned fewer rows than it has."""


class ClusterError(FeiiDaskError):
    """A cluster could not be reached, or cannot do the work."""

    exit_code = 3


class OutageError(FeiiDaskError):
    """One cube after the other fails for the same reason, which is not in the cubes."""

    exit_code = 3


class CubeError(FeiiDaskError):
    """One cube could not be used; the run goes on without it."""


class CubeMissingError(CubeError):
    """Nothing is stored under the cube's name."""


class CubeReadError(CubeError):
    """The cube is there, but it could not be read."""


class CubeTimeoutError(CubeReadError):
    """The cube's storage did not answer in time."""


class CubeChangedError(CubeReadError):
    """The cube's file became another one while it was read."""


class CubeFormatError(CubeError):
    """The file was read, but it is not a spectral cube."""


class DetectorError(FeiiDaskError):
    """A detector could not be loaded, or failed on a cube."""


class StoreError(FeiiDaskError):
    """Results could not be written, or what was stored cannot be read back."""

    exit_code = 4

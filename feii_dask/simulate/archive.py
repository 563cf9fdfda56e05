"""Simulated skies as archives in a directory: tables, cubes and the truth about them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from astropy.table import Table

from feii_dask.errors import SettingsError, StoreError
from feii_dask.simulate.caom import observation_table
from feii_dask.simulate.jets import InjectedLine
from feii_dask.simulate.s3d import write_cube
from feii_dask.simulate.scene import make_cube
from feii_dask.simulate.survey import FAULTS, PlannedObservation, plan_observations, young_stars

__all__ = ["make_archive"]

YSOS, OBSERVATIONS, TRUTH, UNFINISHED = "ysos.ecsv", "observations.ecsv", "truth.ecsv", "truth.unfinished"


def make_archive(
    directory: str | os.PathLike[str],
    *,
    seed: int = 0,
    n_ysos: int = 64,
    n_observed: int = 18,
    snr: tuple[float, float] = (3.0, 30.0),
    velocity_kms: float = 250.0,
    shape: tuple[int, int] = (21, 23),
) -> Path:
    """Write a simulated sky that can be searched: ``observations.ecsv``, ``ysos.ecsv``, ``cubes/`` and ``truth.ecsv``.

    The first ``n_observed`` stars are observed, in one to three bands each; every third of them has a jet. There
    are also one truncated file, one that is missing, one without any finite value, one region that cannot be
    parsed, one stale product, one cube without any of the lines, and three blank fields.

    ``truth.ecsv`` is written last: a directory without it is unfinished, and is made again.

    Parameters
    ----------
    directory : path
        New, empty, or an earlier simulated sky, which is replaced.
    seed : int
        The same seed and parameters give the same bytes.
    n_ysos, n_observed : int
        Young stars in the table, and those of them that were observed.
    snr : tuple of float
        Peak S/N per voxel of the jets' lines is log-uniform between these.
    velocity_kms : float
        Their velocities are uniform up to this, towards and away.
    shape : tuple of int
        Spaxels of every cube, (y, x).

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    SettingsError
        If the directory holds something else, or the numbers do not fit together.
    StoreError
        If the directory cannot be written to.

    Notes
    -----
    ``truth.ecsv`` has one row for each injected line (``kind`` is ``jet`` or ``neighbour``) and one for each planted
    fault (``kind`` names it), with the ``status`` that a search should give.
    """
    directory = Path(directory)
    most_observed = n_ysos - n_ysos // 16 - 1  # all but those without coordinates, and the companion
    if not 3 <= n_observed <= most_observed:
        raise SettingsError(f"n_observed={n_observed} must be from 3 to {most_observed}, if there are {n_ysos} stars")
    if not 0 < snr[0] <= snr[1]:
        raise SettingsError(f"snr={snr} must be two positive numbers, the smaller one first")
    rng = np.random.default_rng(seed)
    stars = young_stars(n_ysos, rng)
    planned = plan_observations(stars, n_observed, snr=snr, velocity_kms=velocity_kms, rng=rng)
    try:
        prepare_directory(directory)
        cubes = directory / "cubes"
        truth = [row for observation in planned for row in write_observation(observation, shape, cubes)]
        stars.write(directory / YSOS)
        observation_table(planned, shape).write(directory / OBSERVATIONS)
        table = Table(rows=truth, names=list(truth[0]), meta={"seed": seed})
        table.write(directory / UNFINISHED, format="ascii.ecsv", overwrite=True)
        (directory / UNFINISHED).replace(directory / TRUTH)
    except OSError as error:
        raise StoreError(
            f"cannot write a simulated sky to {directory}: {error}; make room or choose another"
        ) from error
    return directory


def prepare_directory(directory: Path) -> None:
    """Mark a directory as an unfinished sky; refuse one that holds something else."""
    marks = (directory / TRUTH, directory / UNFINISHED)
    if directory.exists() and any(directory.iterdir()) and not any(path.exists() for path in marks):
        raise SettingsError(f"{str(directory)!r} is not empty and no simulated sky; name a new directory")
    (directory / "cubes").mkdir(parents=True, exist_ok=True)
    (directory / UNFINISHED).touch()
    for name in (TRUTH, OBSERVATIONS, YSOS):
        (directory / name).unlink(missing_ok=True)


def write_observation(observation: PlannedObservation, shape: tuple[int, int], cubes: Path) -> list[dict[str, object]]:
    """Write the cube of one observation, and return its rows of the truth."""
    rows = [fault_row(observation)] if observation.fault else []
    if observation.fault in {"missing", "stale"}:
        return rows
    cube = make_cube(band=observation.band.name, shape=shape, center_deg=observation.center_deg, **observation.scene)
    if observation.fault == "all_nan":
        cube.sci[:] = np.nan
    path = write_cube(
        cubes / observation.filename,
        cube,
        target_name=observation.main_id or "BLANK",
        program=str(observation.program),
        exposures=1 if observation.band.tabulated else 4,
        wavelength_table=observation.number % 2 == 0,  # some cubes are older than version 2.0 of the pipeline
    )
    if observation.fault == "truncated":  # before the planes of any line: SCI is the first quarter of the file
        os.truncate(path, path.stat().st_size // 10)
    return rows + [line_row(observation, injected) for injected in cube.truth]


def line_row(observation: PlannedObservation, injected: InjectedLine) -> dict[str, object]:
    """Return the truth about one line."""
    jet = injected.jet
    return {
        "kind": "neighbour" if injected.is_neighbour else "jet",
        "main_id": observation.main_id,
        "obs_id": observation.obs_id,
        "line": jet.line.name,
        "wavelength_um": jet.line.wavelength_um,
        "velocity_kms": jet.velocity_kms,
        "fwhm_kms": jet.fwhm_kms,
        "snr": jet.snr,
        "flux": injected.flux,
        "position_angle_deg": jet.position_angle_deg,
        "status": "scanned",
    }


def fault_row(observation: PlannedObservation) -> dict[str, object]:
    """Return the truth about a planted fault: the status that a search should give the cube."""
    numbers = ("wavelength_um", "velocity_kms", "fwhm_kms", "snr", "flux", "position_angle_deg")
    return {
        "kind": observation.fault,
        "main_id": observation.main_id,
        "obs_id": observation.obs_id,
        "line": "",
        **dict.fromkeys(numbers, np.nan),
        "status": FAULTS[observation.fault][1].value,
    }

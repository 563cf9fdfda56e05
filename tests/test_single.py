"""One cube, without an archive: what is said, and what is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.image import imread

import feii_dask as fd
from feii_dask.errors import CubeError, StoreError
from feii_dask.single import scan_one
from tests.skies import truth_of


@pytest.fixture
def cube(sky: Path) -> Path:
    obs_id = truth_of(sky).query("kind == 'jet' and line == 'Fe II 5.340' and snr > 10")["obs_id"].iloc[0]
    return sky / "cubes" / f"{obs_id}_s3d.fits"


@pytest.mark.parametrize("detector", ["notebook", "matched"])
@pytest.mark.parametrize("whole", [False, True])
def test_the_window_or_the_whole_cube_is_drawn(cube: Path, detector: str, whole: bool) -> None:
    settings = fd.load_settings(lines=["Fe II 5.340", "Fe II 5.062"], detector=detector)
    said = scan_one(str(cube), settings, plot=not whole, whole=whole)
    lines = said.splitlines()
    assert ["5.340" in line and " detected" in line for line in lines].count(True) == 1
    assert lines[-1] == f"figure: {cube.stem}.png"
    height, width = imread(f"{cube.stem}.png").shape[:2]
    assert width > height


def test_a_figure_that_cannot_be_written(cube: Path) -> None:
    Path(f"{cube.stem}.png").mkdir()
    with pytest.raises(StoreError, match=f"cannot write the figure {cube.stem}.png: Is a directory"):
        scan_one(str(cube), fd.load_settings(lines=["Fe II 5.340"]), plot=True)


def test_nothing_is_drawn_unless_it_is_asked_for(cube: Path) -> None:
    said = scan_one(str(cube), fd.load_settings(lines=["Fe II 5.340"]))
    assert "figure" not in said
    assert not list(Path().glob("*.png"))


def test_a_line_outside_of_the_cube_is_said_and_not_drawn(cube: Path) -> None:
    assert "outside" in scan_one(str(cube), fd.load_settings(lines=["Fe II 25.988"]), whole=True)
    assert not list(Path().glob("*.png"))


def test_a_cube_that_is_not_there() -> None:
    with pytest.raises(CubeError, match="nowhere"):
        scan_one("nowhere.fits", fd.load_settings(lines=["Fe II 5.340"]))

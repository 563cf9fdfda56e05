"""The stress run with SOFIA's pipeline in small, where that is installed: cubes open with positions as astropy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.stress.sofia import DITHERS, SPAXELS_ARCSEC, compare, write_by_pipeline


@pytest.mark.parametrize("method", ["RBF", "local polynomial"])
@pytest.mark.filterwarnings("ignore")  # the pipeline's own
def test_a_rotated_cube_of_the_pipeline_opens_unconverted(method: str, tmp_path: Path) -> None:
    pytest.importorskip("sofia_redux")
    path = tmp_path / "cube.fits"
    write_by_pipeline(path, "BLUE", 33.0, method, np.random.default_rng(DITHERS))
    row = compare(path, 63.18367)
    assert float(str(row["spaxels off astropy's, arcsec"])) < 0.1
    assert float(str(row["peak off the source, arcsec"])) < SPAXELS_ARCSEC["BLUE"] / 2
    assert float(str(row["wavelengths off, of a plane"])) < 1e-6
    assert row["CROTA2"] == -33.0
    assert row["requests"] == 2

"""Memory of the largest scan: it grows with the footprint, and no region breaks it."""

from __future__ import annotations

import pandas as pd
import pytest

from feii_dask.cubes.lines import NOTEBOOK_LINES
from feii_dask.engine.scan_memory import WIDEST_DEG, largest_scan_bytes
from feii_dask.model import Context

CONTEXT = Context(lines=NOTEBOOK_LINES, detector="notebook")


def bytes_of(*s_region: object) -> int:
    return largest_scan_bytes(pd.Series(s_region, dtype=object), CONTEXT, spaxel_arcsec=0.1)


def test_the_largest_footprint_counts() -> None:
    small, large = "CIRCLE ICRS 10 0 0.001", "CIRCLE ICRS 10 0 0.002"
    assert bytes_of(small, large, small) == bytes_of(large) == pytest.approx(4 * bytes_of(small), rel=1e-6)


def test_a_footprint_of_several_pointings_counts_as_one_cube() -> None:
    assert bytes_of("CIRCLE ICRS 10 0 5") == bytes_of(f"CIRCLE ICRS 10 0 {WIDEST_DEG}")


@pytest.mark.parametrize("s_region", ["", None, "POLYGON nonsense"])
def test_footprints_that_cannot_be_parsed_are_passed_over(s_region: object) -> None:
    assert bytes_of(s_region) == bytes_of() == 0

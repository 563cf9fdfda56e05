"""The newest detection on the dashboard's page, and the CPU of the workers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feii_dask.monitor.dashboard_cpu import usable_cores
from feii_dask.monitor.dashboard_image import LineImageChart, compass_arms
from feii_dask.monitor.snapshot import LineImage
from feii_dask.monitor.statistics import ProgressStatistics

IMAGE = LineImage(
    *("jw1", "Fe II 5.340", np.ones((20, 30), dtype=np.float32), "MJy/sr"),
    pixel_side=0.2,
    side_unit="arcsec",
    p_value=3e-5,
    north=(0.6, 0.8),
    east=(-0.8, 0.6),
)


def test_it_is_drawn_in_arcseconds_with_its_p_value() -> None:
    chart = LineImageChart()
    chart.show(replace(ProgressStatistics(1).snapshot(), line_image=IMAGE))
    (image,) = (each for each in chart.root.renderers if "dw" in each.data_source.data)
    assert image.data_source.data["dw"] == [pytest.approx(6.0)]
    assert image.data_source.data["dh"] == [pytest.approx(4.0)]
    assert chart.root.xaxis[0].axis_label == "x, arcsec"
    assert "p = 3e-05" in chart.root.title.text.text


def test_the_compass_points_where_north_and_east_are_and_stays_inside() -> None:
    turns = np.radians(np.arange(0, 360, 15))
    for sin, cos in zip(np.sin(turns), np.cos(turns), strict=True):
        arms = compass_arms(IMAGE._replace(north=(sin, cos), east=(-cos, sin)), 4.0)
        assert arms["name"] == ["N", "E"]
        across, up = (np.subtract(arms[f"{axis}1"], arms[f"{axis}0"]) for axis in "xy")
        np.testing.assert_allclose(np.hypot(across, up), np.hypot(across, up)[0])
        np.testing.assert_allclose(across[0] * cos - up[0] * sin, 0, atol=1e-12)
        assert across[0] * sin + up[0] * cos > 0
        assert all(0 < place < 4 for axis in "xy" for place in arms[axis])
    assert compass_arms(IMAGE._replace(north=None, east=None), 4.0)["name"] == []


@pytest.mark.parametrize(("threads", "used", "cores", "shown"), [(64, 0, 2, 2), (1, 380, 8, 4), (4, 90, None, 4)])
def test_the_axis_of_the_cpu_ends_at_the_cores(threads: int, used: float, cores: int | None, shown: int) -> None:
    assert usable_cores(threads, used, cores) == shown

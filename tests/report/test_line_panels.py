from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from feii_dask.model import Cutout, Line
from feii_dask.report.line_panels import make_line_panel
from feii_dask.report.svg_curves import WIDTH

CutoutOf = Callable[..., Cutout]

ROW = {"obs_id": "jw1", "plane": 550, "peak_x": 12, "peak_y": 11, "velocity_kms": -90.0}


def test_the_peak_and_the_mask_lie_over_their_spaxels(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    cutout = cutout_of(lines[1])
    mask = np.zeros(cutout.line_map.shape, dtype=bool)
    mask[20:23, 2:6] = True
    panel = make_line_panel(replace(cutout, mask=mask), ROW, lines)
    height = mask.shape[0]
    assert panel.peak_xy == (12.5, height - 11.5)  # rows count upwards in the cube, downwards on the page
    outline = np.array(re.findall(r"[\d.]+", panel.line_flux.outline), dtype=float).reshape(-1, 2)
    np.testing.assert_allclose([outline[:, 0].min(), outline[:, 0].max()], [2, 6])
    np.testing.assert_allclose([outline[:, 1].min(), outline[:, 1].max()], [height - 23, height - 20])


def test_what_lies_over_a_large_map_lies_where_it_is(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    """A map of 70 by 73 spaxels is drawn in squares of two, which reach beyond it."""
    cutout = cutout_of(lines[1], side=70)
    moment = np.random.default_rng(3).normal(size=(70, 73)).astype(np.float32)
    moment[20:40, 30:50] = 100
    panel = make_line_panel(replace(cutout, moment_map=moment, mask=moment > 50), ROW, lines)
    assert (panel.line_flux.width, panel.line_flux.height) == (74, 70)
    outline, contours = (
        np.array(re.findall(r"[\d.]+", path), dtype=float).reshape(-1, 2)
        for path in (panel.line_flux.outline, panel.line_flux.contours)
    )
    np.testing.assert_allclose([outline.min(axis=0), outline.max(axis=0)], [[30, 30], [50, 50]])
    inner = contours[(abs(contours - 40) < 12).all(axis=1)]
    np.testing.assert_allclose([inner.min(axis=0), inner.max(axis=0)], [[30, 30], [50, 50]], atol=2)


def test_north_is_up_and_east_is_left_in_the_pipelines_cubes(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    panel = make_line_panel(cutout_of(lines[1]), ROW, lines)
    assert panel.compass.north == pytest.approx((0, -1))
    assert panel.compass.east == pytest.approx((-1, 0))
    assert panel.compass.bar_px == pytest.approx(panel.compass.bar_arcsec / (3.6e-5 * 3600))
    assert 0 < panel.compass.bar_px <= panel.line_flux.width / 3


def test_the_three_planes_are_on_the_scale_of_the_line(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    cutout = cutout_of(lines[1])
    cutout.before_map[5, 5] = -1e6
    panel = make_line_panel(cutout, ROW, lines)
    assert len({(drawn.low, drawn.high) for drawn in panel.planes}) == 1
    assert panel.planes[0].low > -100


def test_an_artefact_does_not_set_the_scale_of_the_line_flux(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    cutout = cutout_of(lines[1])
    mask = cutout.moment_map > np.nanmax(cutout.moment_map) / 2
    cutout.moment_map[3:6, 3:6] = 1e6
    drawn = make_line_panel(replace(cutout, mask=mask), ROW, lines).line_flux
    assert drawn.high == pytest.approx(float(cutout.moment_map[mask].max()))
    assert drawn.low < 0


def test_neighbouring_lines_are_marked(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    neighbour = Line("H2", lines[1].wavelength_um + 0.004)
    panel = make_line_panel(cutout_of(lines[1]), ROW, [neighbour, *lines])
    assert [(mark.label, mark.main) for mark in panel.spectrum.marks] == [
        (lines[1].name, True),
        (neighbour.name, False),
    ]
    assert panel.spectrum.marks[0].at == pytest.approx(WIDTH / 2)


def test_the_line_is_marked_at_rest_and_where_it_was_found(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    cutout = cutout_of(lines[1])
    panel = make_line_panel(cutout, ROW, lines)
    shift_um = lines[1].wavelength_um * 90 / 299_792.458
    assert panel.spectrum.found == pytest.approx(WIDTH / 2 - shift_um / np.ptp(cutout.wavelength_um) * WIDTH)
    assert make_line_panel(cutout, ROW | {"velocity_kms": np.nan}, lines).spectrum.found is None


def test_what_a_detector_may_leave_open(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    """No peak, no plane, no coordinates, no statistic, no data at all."""
    cutout = cutout_of(lines[1])
    blank = np.full_like(cutout.line_map, np.nan)
    maps = dict.fromkeys(("line_map", "before_map", "after_map", "off_line_map", "moment_map"), blank)
    nothing = np.full(41, np.nan)
    minimal = replace(cutout, **maps, mask=np.zeros(blank.shape, bool), statistic=nothing, spectrum=nothing, header={})
    panel = make_line_panel(minimal, ROW | {"plane": pd.NA, "peak_x": pd.NA, "peak_y": pd.NA}, lines)
    assert panel.peak_xy is None
    assert panel.compass is None
    assert panel.statistic.path == panel.line_flux.contours == panel.line_flux.outline == ""
    assert panel.planes[1].title == "the line"

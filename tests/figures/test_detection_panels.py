"""The panels of a detection, as data and as matplotlib draws them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.stats import mad_std
from matplotlib.collections import LineCollection

from feii_dask.errors import StoreError
from feii_dask.figures.detection_panels import CONTOURS_SIGMA, make_detection_panels
from feii_dask.figures.detection_plot import plot_cutout
from feii_dask.model import Cutout, Line
from feii_dask.store.cutout_files import read_cutout, write_cutout

CutoutOf = Callable[..., Cutout]


def test_a_detection_as_a_run_keeps_it(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    """A star, a jet, a blank neighbour, a gap in the statistic, with and without a mask and coordinates."""
    cutout = cutout_of(lines[1])
    mask = cutout.moment_map > np.nanmax(cutout.moment_map) / 2
    for each in (
        replace(cutout, mask=mask),
        replace(cutout, header={}),
        replace(cutout, moment_map=cutout.after_map),
        replace(cutout, statistic=np.full_like(cutout.statistic, np.nan)),
    ):
        figure = plot_cutout(each, title="T Tau & <b> $")
        images = [ax for ax in figure.axes if ax.images]
        assert [ax.get_title() for ax in images] == ["10 planes before", "the line", "10 planes after", "line flux"]
        assert len({(ax.images[0].norm.vmin, ax.images[0].norm.vmax) for ax in images[:3]}) == 1
        figure.savefig(BytesIO(), format="png", dpi=40)


def test_the_figure_draws_the_panels(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    cutout = cutout_of(lines[1])
    mask = cutout.moment_map > np.nanmax(cutout.moment_map) / 2
    cutout.moment_map[3:6, 3:6] = 1e6  # an artefact, which does not set the scale of the line flux
    cutout = replace(cutout, mask=mask)
    panel, figure = make_detection_panels(cutout).line_flux, plot_cutout(cutout)
    (ax,) = (ax for ax in figure.axes if ax.get_title() == "line flux")
    assert ax.images[0].norm.vmax == panel.norm.vmax == pytest.approx(float(cutout.moment_map[mask].max()))
    contours, outline = (drawn for drawn in ax.collections if isinstance(drawn, LineCollection))
    for drawn, described in ((contours, panel.contours), (outline, panel.outline)):
        assert len(described) == len(drawn.get_segments()) > 0
        for segment, polyline in zip(drawn.get_segments(), described, strict=True):
            np.testing.assert_array_equal(segment, polyline)


def test_contours_are_multiples_of_the_scatter(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    """Along x, a ramp over noise of a known scatter: each level is crossed where the ramp reaches it."""
    image = np.random.default_rng(2).choice([-1.0, 1.0], (40, 40)).astype(np.float32)
    image[20] = np.arange(40)
    panel = make_detection_panels(replace(cutout_of(lines[1]), moment_map=image)).line_flux
    scatter = float(mad_std(image))
    crossed = {level * scatter for level in CONTOURS_SIGMA if level * scatter < 39}
    crossings = np.concatenate([polyline[polyline[:, 1] == 20, 0] for polyline in panel.contours])
    np.testing.assert_allclose(sorted(set(crossings.round(6))), sorted(crossed), atol=1e-5)


def test_a_large_map_is_averaged_and_its_contours_stay_in_place(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    moment = np.random.default_rng(3).normal(size=(70, 73)).astype(np.float32)
    moment[20:40, 30:50] = 100
    cutout = replace(cutout_of(lines[1], side=70), moment_map=moment, mask=moment > 50)
    whole, averaged = (make_detection_panels(cutout, max_side_px=pixels).line_flux for pixels in (np.inf, 64))
    assert (whole.block_side, whole.image.shape) == (1, (70, 73))
    assert (averaged.block_side, averaged.image.shape) == (2, (35, 37))
    for panel in (whole, averaged):
        (outline,) = panel.outline
        np.testing.assert_allclose([outline.min(axis=0), outline.max(axis=0)], [[29.5, 19.5], [49.5, 39.5]])
        longest = max(panel.contours, key=len)
        np.testing.assert_allclose(longest.mean(axis=0), [39.5, 29.5], atol=1)


def test_curves_are_cut_to_known_values(lines: tuple[Line, ...], cutout_of: CutoutOf) -> None:
    cutout = cutout_of(lines[1])
    panels = make_detection_panels(cutout, plane=550)
    np.testing.assert_array_equal(panels.statistic.values, cutout.statistic[1:])
    np.testing.assert_array_equal(panels.statistic.wavelength_um, cutout.wavelength_um[1:])
    np.testing.assert_array_equal(panels.spectrum.wavelength_um, cutout.wavelength_um)
    assert panels.planes[1].title == "the line, plane 550"


def test_a_cutout_with_a_damaged_header_is_refused_or_drawn(
    tmp_path: Path, lines: tuple[Line, ...], cutout_of: CutoutOf
) -> None:
    path, rng = tmp_path / "a.fits", np.random.default_rng(5)
    write_cutout(path, "jw01290", cutout_of(lines[1]))
    good = path.read_bytes()
    start = good.rindex(b"XTENSION", 0, good.index(b"'LINE    '"))
    refused = 0
    for card, byte in rng.integers((0, 0), (30, 256), size=(300, 2)):
        place = start + 80 * card + rng.integers(rng.choice([8, 80]))  # half of them in keywords
        path.write_bytes(good[:place] + bytes([byte]) + good[place + 1 :])
        try:
            make_detection_panels(read_cutout(path), max_side_px=64)
        except StoreError:
            refused += 1
    assert 50 < refused < 300

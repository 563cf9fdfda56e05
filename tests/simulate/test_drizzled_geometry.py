"""Weights of detector pixels in voxels, against polygons of an independent library."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import Polygon, affinity, box

from feii_dask.errors import SettingsError
from feii_dask.simulate import BANDS
from feii_dask.simulate.drizzled.drizzle import Drizzle, drizzle_of
from feii_dask.simulate.drizzled.geometry import PHASES, exposures_of
from feii_dask.simulate.drizzled.overlap import shared_areas

SMALL = (5.340169, 41, (16, 14), 3, 30.0)  # wavelength, planes, spaxels, dithers, roll
GEOMETRIES = (
    ("ch1-short", 5.340169),
    ("ch2-medium", 9.4),
    ("ch3-long", 17.936026),
    ("ch4-long", 25.98839),
    ("g140h-f100lp", 1.644002),
)


def small(band: str = "ch1-short", middle_um: float = 5.340169) -> Drizzle:
    return drizzle_of(band, middle_um, *SMALL[1:])


def footprint(drizzle: Drizzle, exposure: int, number: int, row: int, column: int) -> Polygon:
    """Return what a detector pixel sees of the sky, in spaxels."""
    exposures = drizzle.exposures
    spaxel = exposures.band.pixel_arcsec
    along = exposures.along_arcsec[exposure, exposures.phase[number, row], column] / spaxel
    across = exposures.across_arcsec[exposure, number] / spaxel
    half_along = exposures.spectrograph.pixel_arcsec / spaxel / 2
    half_across = exposures.spectrograph.slice_arcsec / spaxel / 2
    upright = box(along - half_along, across - half_across, along + half_along, across + half_across)
    height, width = exposures.shape
    rolled = affinity.rotate(upright, exposures.roll_deg, origin=(0, 0))
    return affinity.translate(rolled, (width - 1) / 2, (height - 1) / 2)


@pytest.mark.parametrize("roll_deg", [0.0, 12.3, 45.0, 90.0, 271.0])
def test_shared_areas_are_those_of_polygons(roll_deg: float) -> None:
    rng = np.random.default_rng(1)
    y, x = rng.uniform(-3, 3, (2, 20))
    rows, columns, areas = shared_areas(y, x, 0.8, 0.55, roll_deg)
    np.testing.assert_allclose(areas.sum(axis=1), 4 * 0.8 * 0.55)
    for number in range(y.size):
        rectangle = affinity.rotate(box(-0.8, -0.55, 0.8, 0.55), roll_deg, origin=(0, 0))
        rectangle = affinity.translate(rectangle, x[number], y[number])
        expected = [
            rectangle.intersection(box(column - 0.5, row - 0.5, column + 0.5, row + 0.5)).area
            for row, column in zip(rows[number], columns[number], strict=True)
        ]
        np.testing.assert_allclose(areas[number], expected, atol=1e-9)


@pytest.mark.parametrize(("band", "middle_um"), GEOMETRIES)
def test_weights_are_shared_areas_times_shared_wavelengths(band: str, middle_um: float) -> None:
    drizzle = small(band, middle_um)
    exposures = drizzle.exposures
    by_pixel = drizzle.weights.tocsc()
    rng = np.random.default_rng(2)
    for _ in range(20):
        place = tuple(int(rng.integers(size)) for size in exposures.pixels_shape)
        pixel = int(np.ravel_multi_index(place, exposures.pixels_shape))
        weights = by_pixel[:, [pixel]].toarray().reshape(drizzle.cube_shape)
        polygon, middle = footprint(drizzle, *place), float(exposures.plane[place])
        half = exposures.spectrograph.row_planes / 2
        for plane, y, x in np.argwhere(weights > 0):
            area = polygon.intersection(box(x - 0.5, y - 0.5, x + 0.5, y + 0.5)).area
            length = min(middle + half, plane + 0.5) - max(middle - half, plane - 0.5)
            assert weights[plane, y, x] == pytest.approx(area * length, abs=2e-4)
        inside = polygon.within(box(-0.5, -0.5, exposures.shape[1] - 0.5, exposures.shape[0] - 0.5))
        if inside and half <= middle <= drizzle.cube_shape[0] - 1 - half:
            assert weights.sum() == pytest.approx(polygon.area * 2 * half, rel=1e-3)


@pytest.mark.parametrize(("band", "middle_um"), GEOMETRIES)
def test_detector_rows_cover_all_planes_and_phases(band: str, middle_um: float) -> None:
    exposures = small(band, middle_um).exposures
    assert exposures.plane[:, :, 0].max() < -0.5
    assert exposures.plane[:, :, -1].min() > exposures.wavelength_um.size - 0.5
    assert 0 <= exposures.phase.min() <= exposures.phase.max() < PHASES
    phases = exposures.plane[:, :, 20, 8].ravel() % 1
    assert np.ptp(np.sort(phases)) > 0.7  # rows fall at different phases on the planes
    along_slice = np.ptp(exposures.plane[0, :, 20], axis=1) / exposures.spectrograph.row_planes
    assert 0 < along_slice.max() <= 1.1 * exposures.spectrograph.tilt * exposures.pixels_shape[3]
    assert along_slice.max() > 5 * along_slice.min()  # each slice has its own tilt


def test_pixels_have_places_of_their_own_on_the_detector() -> None:
    exposures = small().exposures
    assert np.unique(exposures.detector_index).size == exposures.detector_index.size
    assert exposures.detector_index.max() < np.prod(exposures.detector_shape)


def test_the_place_of_a_detector_pixel_moves_evenly_along_its_trace() -> None:
    """From row to row it is the slope of the trace, 0.08 pixels at most, and one of its steps, 1/32."""
    exposures = small().exposures
    width = exposures.detector_shape[1]
    for number in range(exposures.pixels_shape[1]):
        seen = exposures.along_arcsec[0][exposures.phase[number]] / exposures.spectrograph.pixel_arcsec
        column = exposures.detector_index[number] % width
        at_column = seen[:, 0] - column[:, 0]
        assert abs(np.diff(at_column)).max() < 0.15


def test_dithers_sample_parts_of_a_pixel_evenly() -> None:
    exposures = drizzle_of("ch1-short", 5.340169, 41, (16, 14), 4, 30.0).exposures
    along = exposures.along_arcsec[:, 0, 0] / exposures.spectrograph.pixel_arcsec
    across = exposures.across_arcsec[:, 0] / exposures.spectrograph.slice_arcsec
    for offsets in (along, across):
        np.testing.assert_allclose(np.diff(np.sort((offsets - offsets[0]) % 1)), 0.25, atol=1e-9)


def test_a_flat_field_stays_flat() -> None:
    drizzle = small("ch3-long", 17.5)
    ones = np.ones(drizzle.exposures.pixels_shape, dtype=np.float32)
    inside = drizzle.full_weight > 0
    np.testing.assert_allclose(drizzle.summed(3 * ones)[inside] / drizzle.full_weight[inside], 3, rtol=1e-5)


def test_some_planes_are_those_of_all() -> None:
    drizzle = small()
    pixels = np.random.default_rng(3).random(drizzle.exposures.pixels_shape, dtype=np.float32)
    np.testing.assert_array_equal(drizzle.summed(pixels, slice(7, 19)), drizzle.summed(pixels)[7:19])


def test_planes_are_the_bands_own() -> None:
    grid = BANDS["ch3-long"].wavelength_um
    near_the_end = exposures_of("ch3-long", 17.936026, 41, (16, 14), 1, 0.0).wavelength_um
    np.testing.assert_array_equal(near_the_end, grid[-41:])
    middle = exposures_of("ch3-long", 16.5, 41, (16, 14), 1, 0.0)
    assert abs(middle.middle_um - 16.5) <= BANDS["ch3-long"].step_um / 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ch9", 5.34, 41, (16, 14), 2, 0.0), "no band is called 'ch9'"),
        (("mirifushort", 5.34, 41, (16, 14), 2, 0.0), "no uniform grid"),
        (("ch1-short", 6.5, 41, (16, 14), 2, 0.0), "middle_um=6.5 is not in ch1-short"),
        (("ch1-short", 5.34, 4000, (16, 14), 2, 0.0), "planes=4000"),
        (("ch1-short", 5.34, 41, (3, 14), 2, 0.0), "at least 4 spaxels"),
        (("ch1-short", 5.34, 41, (16, 14), 0, 0.0), "dithers=0"),
    ],
)
def test_impossible_geometries(arguments: tuple[str, float, int, tuple[int, int], int, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        exposures_of(*arguments)

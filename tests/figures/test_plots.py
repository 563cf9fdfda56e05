from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.visualization.wcsaxes import WCSAxes
from matplotlib.colors import LogNorm, PowerNorm, to_hex
from matplotlib.figure import Figure

from feii_dask.cubes.reader import Cube, open_cube
from feii_dask.figures.plots import (
    brightest,
    plot_detections,
    plot_grid,
    plot_lines,
    plot_neighbours,
    plot_plane,
    plot_statistic,
)
from feii_dask.model import Detection, Line, Status


@pytest.fixture
def cube(tmp_path: Path) -> Cube:
    """30 planes of 6 × 8 spaxels, each filled with its index, at 5.00, 5.01, … µm."""
    data = np.broadcast_to(np.arange(30, dtype=np.float32)[:, None, None], (30, 6, 8)).copy()
    sci = fits.ImageHDU(data, name="SCI")
    sci.header.update(
        CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CTYPE3="WAVE", CUNIT1="deg", CUNIT2="deg", CUNIT3="um", BUNIT="MJy/sr"
    )
    sci.header.update(CRPIX3=1.0, CRVAL3=5.0, CDELT3=0.01, CDELT1=3.6e-5, CDELT2=3.6e-5)
    path = tmp_path / "cube.fits"
    fits.HDUList([fits.PrimaryHDU(), sci]).writeto(path)
    return open_cube(str(path))


def draw(figure: Figure) -> bytes:
    """Return the figure as a PNG; one that cannot be drawn fails here."""
    png = BytesIO()
    figure.savefig(png, format="png", dpi=40)
    return png.getvalue()


def test_figure_1_draws_every_plane() -> None:
    ax = plot_statistic([0.0, np.nan, 0.2], start=548)
    (curve,) = ax.lines
    np.testing.assert_array_equal(curve.get_xdata(), [548, 549, 550])
    np.testing.assert_array_equal(curve.get_ydata(), [0.0, np.nan, 0.2])
    assert ax.get_xlabel() == "plane index"
    assert "fraction" in ax.get_ylabel()
    assert draw(ax.figure)


def test_figure_2_is_logarithmic_between_the_positive_values() -> None:
    plane = np.array([[-1.0, 0.0, np.nan], [np.inf, 0.5, 200.0]])
    ax = plot_plane(plane, unit="Jy")
    (image,) = ax.images
    assert isinstance(image.norm, LogNorm)
    assert (image.norm.vmin, image.norm.vmax) == (0.5, 200.0)
    assert [axes.get_ylabel() for axes in ax.figure.axes] == ["y (spaxel)", "Jy"]
    assert draw(ax.figure)


@pytest.mark.parametrize("value", [np.nan, -3.0, 0.0, 7.0, np.inf])
def test_a_plane_of_one_value_can_be_drawn(value: float) -> None:
    plane = np.full((4, 5), value)
    assert draw(plot_plane(plane).figure)
    assert draw(plot_grid(["a"], [plane]))


def test_figure_3_marks_the_lines() -> None:
    ax = plot_lines([5.0, 5.1, 5.2], [0, 1, 0], detected=[5.1, 5.2], not_detected=[5.05])
    curve, *marks = ax.lines
    np.testing.assert_array_equal(curve.get_xdata(), [5.0, 5.1, 5.2])
    assert [mark.get_xdata()[0] for mark in marks] == [5.1, 5.2, 5.05]
    colors = [to_hex(mark.get_color()) for mark in marks]
    assert colors[0] == colors[1] != colors[2]
    assert marks[0].get_linestyle() != marks[2].get_linestyle()  # for those who see no colour
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["detected", "not detected"]
    assert ax.get_xlabel() == "wavelength (µm)"
    assert draw(ax.figure)


def test_figure_3_without_lines_has_no_legend_and_takes_axes() -> None:
    ax = Figure().subplots()
    assert plot_lines([5.0, 5.1], [np.nan, np.nan], ax=ax) is ax
    assert ax.get_legend() is None
    assert draw(ax.figure)


def test_figure_4_shows_the_plane_and_its_neighbours(cube: Cube) -> None:
    figure = plot_neighbours(cube, 5.145)  # the first plane that is not below is the sixteenth
    shown = [float(ax.images[0].get_array().mean()) for ax in figure.axes if ax.images]
    assert shown == [5, 15, 25]
    assert [ax.get_title() for ax in figure.axes if ax.images] == ["−10 planes", "plane 15, 5.150 µm", "+10 planes"]
    images, bars = [ax for ax in figure.axes if ax.images], [ax for ax in figure.axes if not ax.images]
    assert [bar.get_ylabel() for bar in bars] == ["MJy/sr"] * 3
    assert all(isinstance(ax, WCSAxes) for ax in images)
    assert [ax.coords[0].get_axislabel() for ax in images] == ["RA (ICRS)"] * 3
    assert images[0].coords[1].get_axislabel() == "Dec (ICRS)"
    assert draw(figure)


@pytest.mark.parametrize(("wavelength_um", "shown"), [(4.0, [0, 10]), (5.25, [15, 25]), (9.0, [19, 29])])
def test_figure_4_at_the_ends_of_the_cube(cube: Cube, wavelength_um: float, shown: list[int]) -> None:
    figure = plot_neighbours(cube, wavelength_um)
    assert [float(ax.images[0].get_array().mean()) for ax in figure.axes if ax.images] == shown
    assert [text.get_text() for ax in figure.axes for text in ax.texts] == ["outside the cube"]
    assert draw(figure)


@pytest.mark.parametrize(("wavelength_um", "value"), [(5.15, 17), (5.0, 2), (5.29, 29), (9.0, 29)])
def test_the_brightest_of_the_planes_around_a_line(cube: Cube, wavelength_um: float, value: float) -> None:
    image = brightest(cube, wavelength_um)
    np.testing.assert_array_equal(image, np.full((6, 8), value))


def test_figure_5_has_a_panel_for_each_object() -> None:
    images = [np.full((3, 3), np.nan), np.arange(9.0).reshape(3, 3), *[np.eye(4)] * 4]
    names = ["<b>bold</b>", "$x$ 100 %", "c", "d", "e", "f"]
    figure = plot_grid(names, iter(images))
    panels = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in panels] == names
    assert len(figure.axes) == 8
    assert not any(ax.axison for ax in figure.axes)
    norm = panels[1].images[0].norm
    assert isinstance(norm, PowerNorm)
    assert norm.gamma == 0.4
    assert draw(figure)


def test_figure_5_needs_an_image_for_each_name() -> None:
    with pytest.raises(ValueError, match="shorter"):
        plot_grid(["a", "b"], [np.eye(3)])
    with pytest.raises(ValueError, match="longer"):
        plot_grid(["a", "b"], [np.eye(3)] * 3)


def test_figure_5_of_nothing() -> None:
    assert draw(plot_grid([], []))


def test_figure_2_is_on_the_sky_where_its_coordinates_are_known(cube: Cube) -> None:
    ax = plot_plane(cube.planes(15, 16)[0], wcs=cube.wcs)
    assert ax.coords[0].get_axislabel() == "RA (ICRS)"
    np.testing.assert_allclose(ax.wcs.wcs.cdelt, cube.wcs.wcs.cdelt)
    assert draw(ax.figure)


def test_a_cube_without_a_unit_or_a_place_on_the_sky(tmp_path: Path) -> None:
    sci = fits.ImageHDU(np.ones((3, 4, 5), dtype=np.float32), name="SCI")
    sci.header.update(CTYPE3="WAVE", CUNIT3="um", CRPIX3=1.0, CRVAL3=5.0, CDELT3=0.01)
    fits.HDUList([fits.PrimaryHDU(), sci]).writeto(tmp_path / "plain.fits")
    figure = plot_neighbours(open_cube(str(tmp_path / "plain.fits")), 5.01, offset=1)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("x (spaxel)", "y (spaxel)")
    assert draw(figure)


def test_figure_5_tells_how_long_an_arcsecond_is(cube: Cube) -> None:
    figure = plot_grid(["a", "b"], [np.eye(8), np.eye(8)], [cube.wcs, None])
    (bar,) = figure.axes[0].lines
    assert np.ptp(bar.get_xdata()) == pytest.approx(1 / (3.6e-5 * 3600))
    assert not figure.axes[1].lines
    assert draw(figure)


def test_the_window_of_each_line_is_drawn_where_it_was_read(cube: Cube) -> None:
    line, other = Line("Fe II", 5.15), Line("Fe II", 5.25)
    found = Detection(line=line, detected=True, statistic_start=12, statistic_curve=np.arange(7.0))
    failed = Detection(line=other, status=Status.NO_DATA, reason="no data")
    figure = plot_detections(cube, [found, failed])
    curve, mark = figure.axes[0].lines
    np.testing.assert_allclose(curve.get_xdata(), cube.wavelength_um[12:19])
    assert mark.get_xdata()[0] == 5.15
    assert [text.get_text() for text in figure.axes[1].texts] == ["no data"]
    assert [ax.get_title() for ax in figure.axes] == ["Fe II 5.150 µm", "Fe II 5.250 µm"]
    assert draw(figure)

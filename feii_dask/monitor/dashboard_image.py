"""The newest detection on a search's dashboard page: its line image, in arcseconds, with north and east."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper
from bokeh.models.annotations import ColorBar
from bokeh.palettes import Viridis256

from feii_dask.monitor.dashboard_figure import label_of, plain_figure
from feii_dask.monitor.snapshot import LineImage, ProgressSnapshot
from feii_dask.plain_text import plain_text

__all__ = ["LineImageChart", "compass_arms"]

# Of two lines from the beginning: Bokeh makes no room for a title that grows.
NO_DETECTION = "Newest detection\n(none so far)"
PLACE, ARM, LABEL = 0.17, 0.10, 0.145  # of the compass, in units of the image's shorter side
INK, HALO = "#ffffff", "#000000"  # seen on bright and dark


class LineImageChart:
    """The line image of the newest detection."""

    def __init__(self) -> None:
        self._source = ColumnDataSource({"image": [], "dw": [], "dh": []})
        self._compass = ColumnDataSource(compass_arms(None, 1.0))
        self._colours = LinearColorMapper(palette=Viridis256, nan_color="#ffffff")
        self._drawn = ("", "")
        self.root = plain_figure("line_image", NO_DETECTION, "x", "y", match_aspect=True)
        self.root.image("image", x=0, y=0, dw="dw", dh="dh", source=self._source, color_mapper=self._colours)
        for colour, width in ((HALO, 4), (INK, 2)):
            self.root.segment("x0", "y0", "x1", "y1", source=self._compass, color=colour, line_width=width)
        self.root.text(
            "x",
            "y",
            "name",
            source=self._compass,
            text_color=INK,
            text_outline_color=HALO,
            text_font_size="13px",
            text_align="center",
            text_baseline="middle",
        )
        self.root.grid.visible = False
        self._bar = ColorBar(
            color_mapper=self._colours, width=12, title_text_font_size="11px", background_fill_color=None
        )
        self.root.add_layout(self._bar, "right")

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Draw the image, if it is another one; between percentiles, since a few hot spaxels would hide the rest."""
        line_image = snapshot.line_image
        if line_image is None or (line_image.obs_id, line_image.line) == self._drawn:
            return
        self._drawn = (line_image.obs_id, line_image.line)
        finite = line_image.pixels[np.isfinite(line_image.pixels)]
        if finite.size:
            self._colours.low, self._colours.high = map(float, np.percentile(finite, (1, 99.5)))
        p_value = f", p = {line_image.p_value:.1g}" if isfinite(line_image.p_value) else ""
        line, obs_id = plain_text(line_image.line), plain_text(line_image.obs_id)
        self.root.title.text = label_of(f"Newest detection: {line}{p_value}\n{obs_id}")
        self._bar.title = label_of(line_image.unit)
        self.root.xaxis.axis_label, self.root.yaxis.axis_label = (f"{axis}, {line_image.side_unit}" for axis in "xy")
        height, width = (number * line_image.pixel_side for number in line_image.pixels.shape)
        self._source.data = {"image": [line_image.pixels], "dw": [width], "dh": [height]}
        self._compass.data = compass_arms(line_image, min(height, width))


def compass_arms(line_image: LineImage | None, side: float) -> dict[str, Any]:
    """Return the columns of the arms to north and east; without any where the directions are not known.

    Parameters
    ----------
    line_image : LineImage or None
        The image.
    side : float
        Its shorter side, as it is drawn.
    """
    named = {"N": line_image.north, "E": line_image.east} if line_image else {}
    arms = {name: direction for name, direction in named.items() if direction is not None}
    place = PLACE * side
    return {
        "x0": [place] * len(arms),
        "y0": [place] * len(arms),
        "x1": [place + ARM * side * x for x, _ in arms.values()],
        "y1": [place + ARM * side * y for _, y in arms.values()],
        "x": [place + LABEL * side * x for x, _ in arms.values()],
        "y": [place + LABEL * side * y for _, y in arms.values()],
        "name": list(arms),
    }

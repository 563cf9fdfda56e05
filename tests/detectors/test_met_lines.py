"""Lines that are met elsewhere are judged as the line in question would be: like is counted against like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feii_dask.cubes.lines import find_lines
from feii_dask.detectors.identification import count_alike, counted_offset_kms, identification_p_value
from feii_dask.detectors.matched.matched_filter import MatchedFilter
from feii_dask.model import Detection, Kind, Line
from feii_dask.simulate.drizzled import DrizzledCube, SpectralLine, make_drizzled_cube, scene

(FE_II,) = find_lines("Fe II 5.340")
ELSEWHERE_UM = 5.42
STAR, NEBULA, FIELD = range(3)
VELOCITY_KMS = 60.0


def make_cube(light: int, snr: float) -> DrizzledCube:
    """Simulate an unlisted line on one of the lights of a scene, and the [Fe II] line on its nebula."""
    keywords = scene("MRS 1A", 3)
    lights = list(keywords["lights"])
    for at, wavelength_um, height in ((light, ELSEWHERE_UM, snr), (NEBULA, FE_II.wavelength_um, 20.0)):
        velocity_kms = VELOCITY_KMS if wavelength_um == FE_II.wavelength_um else 0.0
        line = SpectralLine(wavelength_um, height, velocity_kms=velocity_kms, fwhm_kms=80.0)
        lights[at] = replace(lights[at], lines=(*lights[at].lines, line))
    return make_drizzled_cube(**{**keywords, "lights": tuple(lights)})


def search(cube: DrizzledCube, line: Line) -> Detection:
    return MatchedFilter().measure(np.array(cube.sci), cube.wavelength_um, line, pixel_arcsec=cube.pixel_arcsec)


@pytest.mark.parametrize(("light", "snr"), [(STAR, 200.0), (NEBULA, 20.0), (FIELD, 15.0)])
def test_a_line_is_of_the_kind_that_it_has_when_looked_for(light: int, snr: float) -> None:
    cube = make_cube(light, snr)
    searched = search(cube, Line("unlisted", ELSEWHERE_UM))
    answer = search(cube, FE_II)
    (met,) = [line for line in answer.unidentified if abs(line.wavelength_um / ELSEWHERE_UM - 1) < 2e-4]
    assert met.kind is searched.kind
    assert set(met.flags) == {"fills_field", "scattered"} & set(searched.flags)
    assert (met.kind is Kind.EXTENDED) == (light != STAR)
    assert 0.3 < answer.searched_kms / (len(cube.wavelength_um) * 45.0) < 1  # planes of some 45 km/s, without lines
    assert answer.p_identification == identification_p_value(
        counted_offset_kms(answer.velocity_kms, answer.kind, answer.flags),
        count_alike(answer.unidentified, answer.kind, answer.flags),
        answer.searched_kms,
    )
    assert answer.velocity_kms == pytest.approx(VELOCITY_KMS, abs=20)

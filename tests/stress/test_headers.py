"""The fuzzing of header cards in small."""

from __future__ import annotations

from pathlib import Path

from tests.stress.headers import fuzz_headers, fuzz_searches


def test_places_and_wavelengths() -> None:
    count = fuzz_headers(200, seed=1)
    assert not [key for key in count if key.startswith(("DIFFERENT", "ESCAPED"))]
    assert count["place as the judge's"] > 80
    assert count["wavelengths as the judge's"] > 80


def test_no_header_ends_a_search(tmp_path: Path) -> None:
    count = fuzz_searches(30, 1, tmp_path)
    assert count["described"] > 10
    assert count["ESCAPED"] == 0

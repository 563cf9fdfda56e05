"""Several objects by their names: of the command, or of a file with names alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from feii_dask.archives import ArchiveQuery, open_catalogue
from feii_dask.archives.simbad import SimbadCatalogue
from feii_dask.archives.target_list import names_alone
from feii_dask.config.missions import MISSIONS
from feii_dask.errors import ArchiveError, TargetError
from tests.replica.client import Replica

SIMBAD = "simbad.cds.unistra.fr"
NAMES = ["tmc 1a", "TMC1B", "Barnard's Object", "2MASS nowhere", "NAME TMC1A"]


def test_names_are_resolved_in_one_query(open_simbad: Callable[..., SimbadCatalogue], replica: Replica) -> None:
    archive = open_simbad()
    found = archive.find_objects(NAMES)
    assert list(found["main_id"]) == ["NAME TMC1A", "NAME Barnard's Object"]
    assert found["rvz_radvel"].tolist() == [6.4, -3.0]
    assert [dict(one) for one in archive.unresolved] == [
        {"main_id": "TMC1B", "reason": "SIMBAD does not know 'TMC1B'"},
        {"main_id": "2MASS nowhere", "reason": "SIMBAD has no coordinates of '2MASS nowhere'"},
    ]
    asked = [request for request in replica.requests(SIMBAD) if request.path.endswith("/sync")]
    assert len(asked) == 1
    again = open_simbad()
    assert again.find_objects(NAMES).equals(found)
    assert len(again.unresolved) == 2
    assert len([request for request in replica.requests(SIMBAD) if request.path.endswith("/sync")]) == 1


def test_no_name_known(open_simbad: Callable[..., SimbadCatalogue]) -> None:
    with pytest.raises(TargetError, match="none of these 2 names is known: 'TMC1B', 'Nobody'") as failure:
        open_simbad().find_objects(["TMC1B", "Nobody"])
    assert failure.value.exit_code == 2


def test_simbad_down(open_simbad: Callable[..., SimbadCatalogue], replica: Replica) -> None:
    replica.inject("status", SIMBAD, "/sync", status=404)
    with pytest.raises(ArchiveError) as failure:
        open_simbad().find_objects(["TMC1A", "TMC1B"])
    assert failure.value.exit_code == 3


@pytest.mark.parametrize(
    ("file", "text", "names"),
    [
        ("a.txt", "T Tau\n\n# not this one\nDG Tau B\nTMC1A\n", ["T Tau", "DG Tau B", "TMC1A"]),
        ("b", "TMC1A\n", ["TMC1A"]),
        ("c.csv", "name,note\nT Tau,a\nDG Tau,b\n", ["T Tau", "DG Tau"]),
        ("d.csv", "name,ra,dec\nT Tau,1,2\n", []),
        ("e.csv", "name,ra\nT Tau,1\n", []),
        ("h.csv", "name,glon,glat\nT Tau,1,2\n", []),
        ("i.txt", "HH 30\nHH 47\n", ["HH 30", "HH 47"]),
        ("f.csv", "one,two\n1,2\n", []),
        (
            "g.txt",
            "[GY92] 30\nV* T Tau\n2MASS J04394488+2558030\n",
            ["[GY92] 30", "V* T Tau", "2MASS J04394488+2558030"],
        ),
    ],
)
def test_files_of_names_alone(tmp_path: Path, file: str, text: str, names: list[str]) -> None:
    (tmp_path / file).write_text(text)
    assert names_alone(tmp_path / file) == names


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\0\0"])
def test_files_that_are_neither(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(TargetError):
        names_alone(tmp_path / "mine.txt")


def test_a_file_of_names_is_a_catalogue(
    open_simbad: Callable[..., SimbadCatalogue], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mine.txt").write_text("TMC1A\nTMC1B\nBarnard's Object\n")
    query = ArchiveQuery(mission=MISSIONS["jwst"], targets=tmp_path / "mine.txt", cache_directory=tmp_path / "cache")
    catalogue = open_catalogue(query)
    with caplog.at_level(logging.WARNING):
        assert list(catalogue.ysos()["main_id"]) == ["NAME TMC1A", "NAME Barnard's Object"]
    assert "SIMBAD does not know 'TMC1B'" in caplog.text
    assert [one["main_id"] for one in catalogue.unresolved] == ["TMC1B"]

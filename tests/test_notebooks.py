"""The notebooks and the guide run from top to bottom, against the replica of the archives and a real gateway."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jupytext
import pandas as pd
import pytest
from astropy.table import Table
from distributed import LocalCluster
from nbclient import NotebookClient

from tests.far_infrared import write_irsa_sky
from tests.gateway import GatewayServer
from tests.guide import use_cluster, write_inputs
from tests.replica.client import Replica
from tests.replica.fixtures import lead_to
from tests.skies import name_tmc1a

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
GUIDE = sorted((NOTEBOOKS / "guide").glob("*.md"))
FRONT_MATTER = "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
# What the cells of each page of the guide put out, among other things; a page that is not here has no cells.
SHOWN = {
    "reading_a_result": ["km / s", "main_id", "scanned", "MASK"],
    "trust": ["no jet: detected: False", "a jet: detected: True"],
    "own_objects_and_detectors": ["yso_names", "scanned"],
    "missions": ["('O I 63.184',), 'grating'"],
}


@pytest.fixture(scope="module")
def replica(sky: Path, tmp_path_factory: pytest.TempPathFactory, start_replica: Callable[..., Replica]) -> Replica:
    """The archives with TMC1A among the objects, and SOFIA's cubes of others."""
    directory = tmp_path_factory.mktemp("archives")
    near, far = name_tmc1a(sky, directory / "near"), write_irsa_sky(directory / "far")
    shutil.copy(far / "irsa.parquet", near)
    shutil.copytree(far / "cubes", near / "far")
    ysos = [Table.read(near / "ysos.ecsv").to_pandas(), pd.read_parquet(far / "ysos.parquet")]
    pd.concat(ysos, ignore_index=True).to_parquet(near / "ysos.parquet")
    return start_replica(near)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let kernels find this environment's commands, and nothing that the person who runs the tests has configured."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(Path("ipython").resolve()))


def run(name: str) -> Any:
    """Run a notebook here, and return it with what its cells put out; an error in a cell is raised."""
    notebook = jupytext.read(NOTEBOOKS / name)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(Path.cwd())}}
    ).execute()
    return notebook


def outputs(notebook: Any) -> Iterator[Any]:
    for cell in notebook.cells:
        yield from cell.get("outputs", ())


def text_of(notebook: Any) -> str:
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs(notebook))


def figures_in(notebook: Any) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs(notebook))


def headings(notebook: Any) -> list[str]:
    lines = (line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return [line for line in lines if line.startswith("#")]


def test_the_story_of_the_search(replica: Replica, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lead_to(replica, monkeypatch, tmp_path)
    notebook = run("emission_search_cubes.md")
    assert figures_in(notebook) >= 6  # the notebook's five, of which the third is one for each cube
    text = text_of(notebook)
    assert "True False" in text  # a spike, and none beside it
    assert "detected: True" in text
    assert "report.html" in text
    candidates = Table.read("feii-jets/candidates.ecsv")
    assert "TMC1A" in candidates["main_id"]
    assert candidates["n_lines"][list(candidates["main_id"]).index("TMC1A")] >= 3


def test_scaling_out(
    replica: Replica, gateway_server: GatewayServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lead_to(replica, monkeypatch, tmp_path)
    monkeypatch.setenv("DASK_GATEWAY__ADDRESS", gateway_server.address)
    monkeypatch.setenv("DASK_GATEWAY__HTTP_CLIENT__PROXY", "false")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__GATEWAY__ENVIRONMENT", repr(replica.environment()))
    notebook = run("scale_out.md")
    text = text_of(notebook)
    assert "TMC1A" in text
    assert "no cluster runs on the gateway" in text
    assert "3 cubes were scanned" in text


def test_writing_a_detector() -> None:
    notebook = run("write_a_detector.md")
    assert figures_in(notebook) == 2
    for directory in ("with-my-detector", "with-my-function"):
        assert (Path(directory) / "report.html").is_file()
    assert "detector_error" not in text_of(notebook)
    (table,) = (each for each in outputs(notebook) if "12 spaxels" in each.get("data", {}).get("text/plain", ""))
    none, *_, strong = (
        [float(share) for share in row.split()[1:]] for row in table["data"]["text/plain"].splitlines()[2:]
    )
    assert none == sorted(none, reverse=True)
    assert strong[2] > 0.5 > none[2]  # what the text says of a threshold above nine spaxels


@pytest.mark.parametrize("page", SHOWN)
def test_a_page_of_the_guide(
    page: str, sky: Path, finished_run: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cluster(cluster, monkeypatch)
    write_inputs(sky, finished_run)
    text = text_of(run(f"guide/{page}.md"))
    assert "detector_error" not in text
    for shown in SHOWN[page]:
        assert shown in text


@pytest.mark.parametrize("path", GUIDE, ids=lambda path: path.stem)
def test_pages_of_the_guide_have_the_form_of_notebooks(path: Path) -> None:
    notebook = jupytext.read(path)
    assert path.read_text().startswith(FRONT_MATTER)
    assert any(cell.cell_type == "code" for cell in notebook.cells) == (path.stem in SHOWN)
    assert headings(notebook)[0].startswith("# ")


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_they_have_the_form_that_fornax_keeps(path: Path) -> None:
    notebook = jupytext.read(path)
    assert path.read_text().startswith(FRONT_MATTER)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    names = headings(notebook)
    assert names[0].startswith("# ")
    assert {"## Learning goals", "## Imports", "## About this notebook"} <= set(names)
    assert not any(cell.get("outputs") for cell in notebook.cells)

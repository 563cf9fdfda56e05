"""The imports of the package run one way, and science does not know the cluster."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest

import feii_dask
from tests.source import MODULES, Module

# Each may import itself and what stands in an earlier row; the parts of one row do not know each other.
ROWS = (
    {"_version", "addresses", "plain_text"},
    {"errors"},
    {"model"},
    {"config", "sky", "cubes"},
    {"detectors"},
    {"scan"},
    {"archives", "simulate", "store"},
    {"engine", "ranking", "monitor"},
    {"figures", "report"},
    {"matching", "results"},
    {"planning"},
    {"concluding", "cluster_steps"},
    {"workflow"},
    {"demo", "estimate", "help_pages", "interruption", "look_up", "notebook", "single"},
    {"cli"},
    {"__main__"},
)
LEVEL = {part: level for level, row in enumerate(ROWS) for part in row}
ALLOWED_WITHIN_A_ROW = {
    ("report", "figures"),  # the report draws with the figures
    ("engine", "monitor"),  # the page on the scheduler's dashboard is monitor's, and the engine puts it there
}
WITHOUT_DASK = {
    *("errors", "model", "sky", "cubes", "detectors", "scan"),
    *("archives", "simulate", "store", "ranking", "figures", "report"),
}
DASK = {"dask", "distributed"}
PAGE_ON_THE_DASHBOARD = "feii_dask.monitor.dashboard_"


def packages(module: Module) -> set[str]:
    return {imported.module.split(".")[0] for imported in module.imports}


def test_every_module_has_its_place_in_the_chain() -> None:
    assert {module.part for module in MODULES} - {""} == set(LEVEL)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_imports_run_one_way(module: Module) -> None:
    for imported in module.imports:
        other = imported.module.split(".")[1] if imported.module.startswith("feii_dask.") else ""
        if not other or not module.part or other == module.part:
            continue
        allowed = LEVEL[other] < LEVEL[module.part] or (module.part, other) in ALLOWED_WITHIN_A_ROW
        assert allowed, f"{module.name} imports {imported.module}, which stands above or beside it"


def test_there_is_no_import_cycle() -> None:
    names = {module.name for module in MODULES}
    graph = {
        module.name: {imported.module for imported in module.imports if imported.module in names} - {module.name}
        for module in MODULES
        if module.path.name != "__init__.py"
    }
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", [m for m in MODULES if m.part in WITHOUT_DASK], ids=lambda module: module.name)
def test_what_a_worker_runs_does_not_import_dask(module: Module) -> None:
    assert not packages(module) & DASK


def test_only_the_engine_and_the_page_on_the_dashboard_know_a_cluster() -> None:
    knowing = {module.name for module in MODULES if "distributed" in packages(module)}
    types_only = {"feii_dask.cluster_steps", "feii_dask.estimate"}  # they hand a Client through
    others = {name for name in knowing if not name.startswith(("feii_dask.engine.", PAGE_ON_THE_DASHBOARD))}
    assert others <= types_only


def test_only_the_settings_and_the_engine_read_dasks_configuration() -> None:
    reading = {module.name for module in MODULES for imported in module.imports if imported.module == "dask.config"}
    others = {name for name in reading if not name.startswith("feii_dask.engine.")}
    assert len(others) == 1
    assert others.pop().startswith("feii_dask.config.")


def test_every_public_name_can_be_imported() -> None:
    for name in feii_dask.__all__:
        assert getattr(feii_dask, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = feii_dask.serach

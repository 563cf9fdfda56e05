"""The settings file that explains itself."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import yaml
from click.testing import CliRunner

from feii_dask.cli import main
from feii_dask.config.cluster_settings import ClusterSettings
from feii_dask.config.declarations import declarations_of
from feii_dask.config.loading import load_settings
from feii_dask.config.settings import Settings
from feii_dask.config.template import settings_template


def test_a_file_made_of_the_template_changes_nothing_but_the_sources() -> None:
    before = load_settings()
    Path("cluster.yaml").write_text(settings_template(), encoding="utf-8")
    after = load_settings()
    assert replace(after, sources=before.sources) == before
    assert after.sources["otype"] == after.sources["clusters.gateway.options"] == "cluster.yaml"


def test_every_setting_of_a_file_is_in_it_with_its_explanation() -> None:
    text = settings_template()
    for name, declared in declarations_of(Settings).items():
        lines = [line for line in text.splitlines() if line.lstrip(" #").startswith(f"{name.replace('_', '-')}: ")]
        assert len(lines) == declared.in_file, name
        assert all(line.endswith(f"# {declared.help}") for line in lines)


def test_what_the_mission_decides_is_left_to_it() -> None:
    section = yaml.safe_load(settings_template())["feii-dask"]
    assert not {"lines", "detector"} & section.keys()
    Path("cluster.yaml").write_text(settings_template(), encoding="utf-8")
    assert load_settings(mission="sofia").detector == "grating"


def test_the_example_has_the_local_cluster_of_the_defaults() -> None:
    """Whoever works in a checkout reads it, and its searches are no slower for that."""
    example = load_settings(Path(__file__).parents[2] / "cluster.yaml")
    assert example.clusters["local"] == load_settings().clusters["local"]


def test_the_command_prints_it() -> None:
    done = CliRunner().invoke(main, ["config", "--template"])
    assert done.exit_code == 0
    assert done.stdout.strip() == settings_template().strip()


def test_every_field_is_declared_but_for_what_no_layer_can_set_as_one() -> None:
    assert {f.name for f in fields(ClusterSettings)} == set(declarations_of(ClusterSettings))
    assert {f.name for f in fields(Settings)} - set(declarations_of(Settings)) == {"clusters", "dask_config", "sources"}

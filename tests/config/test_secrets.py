"""Keys and passwords are printed nowhere, whatever goes wrong, and a search leaves none behind."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import yaml
from distributed import Client

import feii_dask as fd
from feii_dask.engine.cluster import connect
from feii_dask.errors import ClusterError, SettingsError
from feii_dask.model import Context
from tests.store.foreign import call

SECRET = "hunter2-3c8e"
PLACES = {
    "storage-options": {"s3": {"key": SECRET, "client_kwargs": {"token": SECRET}}},
    "clusters": {
        "gateway": {"kind": "gateway", "options": {"api_token": SECRET}, "environment": {"AWS_SECRET": SECRET}},
        "lab": {"kind": "address", "address": f"tcp://me:{SECRET}@127.0.0.1:1"},
    },
}


def write_settings(**more: object) -> None:
    sections = {"gateway": {"address": f"https://me:{SECRET}@hub.example", "auth": {"kwargs": {"password": SECRET}}}}
    Path("cluster.yaml").write_text(yaml.safe_dump({"feii-dask": {**PLACES, **more}} | sections))


def test_the_command_that_prints_settings_prints_no_secret() -> None:
    write_settings()
    printed = call("config").stdout
    assert SECRET not in printed
    assert all(name in printed for name in ("api_token", "AWS_SECRET", "tcp://…@127.0.0.1:1"))
    assert SECRET not in repr(fd.load_settings())
    assert SECRET not in repr(Context(lines=fd.FE_II_LINES, storage_options=PLACES["storage-options"]))


@pytest.mark.parametrize(
    "changed",
    [
        {"storage-options": [SECRET]},
        {"storage-options": SECRET},
        {"clusters": {"gateway": {"kind": "gateway", "environment": {"A": [SECRET]}}}},
        {"clusters": {"gateway": {"kind": "gateway", "environment": SECRET}}},
        {"clusters": {"gateway": {"kind": "gateway", "options": SECRET}}},
    ],
    ids=str,
)
def test_a_message_about_a_secret_setting_does_not_hold_its_value(changed: dict[str, object]) -> None:
    write_settings(**changed)
    with pytest.raises(SettingsError, match="which is not shown") as caught:
        fd.load_settings()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "feii-dask: [{key: %s}]",
        "feii-dask: {clusters: [{options: {token: %s}}]}",
        "feii-dask: {clusters: {gateway: [{options: {token: %s}}]}}",
        "gateway: [{auth: {kwargs: {password: %s}}}]",
        "distributed: %s",
        "- {storage-options: {key: %s}}",
    ],
)
def test_a_section_of_the_wrong_kind_is_not_printed(text: str) -> None:
    Path("cluster.yaml").write_text(text % SECRET)
    done = call("--debug", "config")
    assert done.exit_code == 2
    assert SECRET not in done.output
    assert "expected names with values" in done.stderr


def test_an_address_that_does_not_answer_is_said_without_its_user() -> None:
    write_settings()
    with pytest.raises(ClusterError, match="tcp://…@127") as caught, connect(fd.load_settings(cluster="lab")):
        pass
    assert SECRET not in str(caught.value)


def test_a_search_leaves_no_secret(
    sky: Path, client: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    write_settings()
    fd.search(fd.load_settings(archive=sky, out="run", lines=["notebook"], limit=2), client)
    fd.search(fd.load_settings(resume="run", limit=1), client)
    call("rank", "run")
    Path("cluster.yaml").unlink()
    left = [path for place in ("run", "cache") for path in Path(place).rglob("*") if path.is_file()]
    assert len(left) > 10
    assert [path for path in left if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in caplog.text
    assert SECRET not in "".join(capfd.readouterr())

"""Five layers of settings, each with its source; what is wrong is said with its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dask.config
import numpy as np
import pandas as pd
import pytest
import yaml
from astropy import units as u
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from feii_dask.config.loading import load_settings
from feii_dask.config.settings import Settings
from feii_dask.errors import SettingsError


def write(text: str, name: str = "cluster.yaml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_packaged_defaults_are_the_declared_ones() -> None:
    settings = load_settings()
    built_in = Settings(clusters=settings.clusters, sources=settings.sources, dask_config={})
    assert settings == built_in


def test_each_layer_beats_those_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write("feii-dask: {otype: A, limit: 1, mission: sofia, detector: a, pad-arcsec: 1}", str(home / "mine.yaml"))
    monkeypatch.setattr(dask.config, "paths", [str(home)])
    assert load_settings().otype == "A"
    write("feii-dask: {limit: 2, mission: jwst, detector: b, pad_arcsec: 2}")
    monkeypatch.setenv("DASK_FEII_DASK__DETECTOR", "c")
    monkeypatch.setenv("DASK_FEII_DASK__PAD_ARCSEC", "3")
    settings = load_settings(pad_arcsec=4.0)
    assert (settings.otype, settings.limit, settings.mission) == ("A", 2, "jwst")
    assert (settings.detector, settings.pad_arcsec) == ("c", 4.0)
    assert settings.sources["otype"].endswith("mine.yaml")
    assert settings.sources["limit"] == "cluster.yaml"
    assert settings.sources["detector"] == "environment"
    assert settings.sources["pad_arcsec"] == "command line"
    assert settings.sources["allowed_failures"] == "packaged defaults"


def test_explain_names_the_source_of_each_value() -> None:
    write("feii-dask: {limit: 7}")
    lines = load_settings(target="TMC1A").explain().splitlines()
    assert any(line.split() == ["limit", "7", "cluster.yaml"] for line in lines)
    assert any(line.split() == ["target", "['TMC1A']", "command", "line"] for line in lines)


def test_clusters_are_merged_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    write("feii-dask: {clusters: {local: {threads: 9}, lab: {kind: address, address: 'tcp://127.0.0.1:1'}}}")
    monkeypatch.setenv("DASK_FEII_DASK__CLUSTERS__LOCAL__WORKERS", "3")
    settings = load_settings(cluster="lab")
    assert settings.clusters["local"].threads == 9
    assert settings.clusters["local"].workers == 3
    assert settings.clusters["local"].kind == "local"
    assert settings.chosen_cluster.address == "tcp://127.0.0.1:1"


def test_dask_sections_pass_through_below_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write("distributed: {scheduler: {allowed-failures: 5, idle-timeout: 1h}}")
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "7")
    config = load_settings().dask_config
    assert dask.config.get("distributed.scheduler.allowed-failures", config=config) == 7
    assert dask.config.get("distributed.scheduler.idle-timeout", config=config) == "1h"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feii-dask: {limti: 3}", "cluster.yaml: no setting is called 'limti'; did you mean 'limit'?"),
        ("feii-dask: {zzzzzz: 3}", "no setting is called 'zzzzzz'; known are mission"),
        ("feii-dask: {limit: 0}", "limit takes a whole number, 1 or more, not 0"),
        ("feii-dask: {limit: true}", "limit takes a whole number, 1 or more, not True"),
        ("feii-dask: {allowed-failures: 2}", "allowed_failures takes a number from 0 to 1, not 2"),
        ("feii-dask: {retry-failed: 1}", "retry_failed takes true or false, not 1"),
        ("feii-dask: {target: ''}", "target takes a text, not ''"),
        ("feii-dask: {storage-options: 3}", "storage_options takes names with values, not 3"),
        ("feii-dask: {pad-arcsec: .inf}", "pad_arcsec takes a number, 0 or more (arcsec), not inf"),
        ("feii-dask: {fallback: ftp}", "fallback takes https, not 'ftp'"),
        ("feii-dask: {mission: jwts}", "no mission is called 'jwts': did you mean 'jwst'?"),
        ("feii-dask: {mission: voyager-two}", "no mission is called 'voyager-two': there are"),
        ("feii-dask: {cluster: nowhere}", "no cluster is called 'nowhere'; cluster.yaml and the defaults name local"),
        ("feii-dask: {clusters: {local: {wrokers: 2}}}", "'clusters.local.wrokers'; did you mean 'workers'?"),
        (
            "feii-dask: {clusters: {local: {kind: cloud}}}",
            "clusters.local.kind takes local or gateway or address, not 'cloud'",
        ),
        ("feii-dask: {clusters: {a: {kind: address}}, cluster: a}", "needs one, such as tcp://"),
        ("feii-dask: {clusters: {local: {workers: 1, adapt: {maximum: 2}}}}", "workers: 1 and adapt as well"),
        ("feii-dask: {clusters: {local: {adapt: {minimum: 2}}}}", "the maximum being mandatory, not"),
        ("feii-dask: {clusters: {local: {adapt: {minimum: 2, maximum: 1}}}}", "clusters.local.adapt takes"),
        ("feii-dask: {clusters: {local: {adapt: {maximum: 1.5}}}}", "clusters.local.adapt takes"),
        ("feii-dask: {clusters: {local: {options: {a: 1}}}}", "options is not for kind local, which takes adapt"),
        ("feii-dask: {clusters: {gateway: {threads: 1}}}", "threads is not for kind gateway, which takes adapt"),
        ("feii-dask: {clusters: {gateway: {environment: {A: [1]}}}}", "clusters.gateway.environment takes a text"),
        ("feii-dask: {clusters: {gateway: {name: a, workers: 1}}}", "leave out workers and adapt"),
        ("feii-dask: {detach: true}", "cluster 'local' is of kind local, which ends with the command"),
        ("feii-dask: {clusters: 3}", "cluster.yaml: expected names with values, not this int"),
        ("feii-dask: [1, 2]", "cluster.yaml: expected names with values, not this list"),
        ("[1, 2]", "cluster.yaml: expected names with values"),
        ("limit: 3", "cluster.yaml: 'limit' is no section of Dask's; indent it under  feii-dask:"),
        ("clusters: {local: {workers: 2}}", "'clusters' is no section of Dask's; indent it"),
        ("proposal-id: 1290", "'proposal-id' is no section of Dask's; indent it"),
        ("feii-dsk: {limit: 3}", "'feii-dsk' is no section of Dask's; did you mean 'feii-dask'?"),
        ("feiidask: {limit: 3}", "did you mean 'feii-dask'?"),
        ("feii-dask: {limit: 010}", "limit takes a whole number, 1 or more, not '010'"),
        ("feii-dask: {instrument: 'MIRI/IFU,'}", "instrument takes a text, not 'MIRI/IFU,'"),
        ("feii-dask: {clusters: {local: {memory: lots}}}", "clusters.local.memory takes what one worker may use"),
        ("feii-dask: {clusters: {local: {memory: -4GB}}}", "such as 4GB, and 300MB or more, not '-4GB'"),
        ("feii-dask: {clusters: {local: {memory: 1MB}}}", "such as 4GB, and 300MB or more, not '1MB'"),
        ("distributed: 5", "cluster.yaml: distributed: expected names with values, not this int"),
        ("gateway: [a]", "cluster.yaml: gateway: expected names with values, not this list"),
        ("feii-dask: {a: b", "'cluster.yaml' is not YAML: expected ',' or '}', but got '<stream end>' in line 1"),
        (
            "feii-dask:\n  limit: 1\n   otype: A",
            "'cluster.yaml' is not YAML: mapping values are not allowed here in line 3",
        ),
        ("feii-dask: !!python/object/apply:os.getcwd []", "is not YAML"),
        ("{resume: a", "is not YAML"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    write(text)
    with pytest.raises(SettingsError, match=re.escape(message)):
        load_settings()


def test_a_misspelt_section_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_LIMIT", "of somebody else")
    load_settings()
    monkeypatch.setenv("DASK_FEII_DSK__LIMIT", "3")
    with pytest.raises(SettingsError, match="environment: 'feii_dsk' is no section of Dask's; did you mean"):
        load_settings()


def test_sections_of_others_are_left_alone() -> None:
    write("{jobqueue: {slurm: {cores: 2}}, temporary-directory: /tmp, array: {slicing: {split: true}}}")
    assert set(load_settings().dask_config) == {"jobqueue", "temporary-directory", "array"}


def test_commas_divide_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    write("feii-dask: {instrument: 'MIRI/IFU, NIRSPEC/IFU', filters: [CH1-SHORT, 'CH1-LONG,G395H']}")
    monkeypatch.setenv("DASK_FEII_DASK__PROPOSAL_ID", "1290,1236")
    settings = load_settings(lines=("h2,feii",))
    assert settings.instrument == ("MIRI/IFU", "NIRSPEC/IFU")
    assert settings.filters == ("CH1-SHORT", "CH1-LONG", "G395H")
    assert settings.proposal_id == ("1290", "1236")
    assert settings.lines == ("h2", "feii")


def test_a_proposal_with_a_zero_before_it_is_no_octal_number() -> None:
    write("feii-dask: {proposal-id: [01234, 1290, 0x10], limit: 10}")
    settings = load_settings()
    assert settings.proposal_id == ("01234", "1290", "16")
    assert settings.limit == 10


def test_options_that_exclude_each_other() -> None:
    with pytest.raises(SettingsError, match="give --out or --resume, not both"):
        load_settings(out="a", resume="b")
    with pytest.raises(SettingsError, match="add --resume DIR"):
        load_settings(retry_failed=True)


def test_a_file_that_is_not_there_or_not_text() -> None:
    with pytest.raises(SettingsError, match="no settings file 'absent.yaml'"):
        load_settings("absent.yaml")
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings("binary.yaml")


def test_an_empty_file_changes_nothing() -> None:
    write("")
    assert load_settings().limit is None
    write("feii-dask:")
    assert load_settings().limit is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["limit", "lines", "clusters", "target", "storage-options", "otype", "allowed-failures", "odd"]),
)
def test_any_value_is_taken_or_refused_by_name(value: object, key: str) -> None:
    path = write(yaml.safe_dump({"feii-dask": {key: value}}), "any.yaml")
    try:
        settings = load_settings(path)
    except SettingsError as error:
        assert "any.yaml" in str(error) or "cluster" in str(error)
    else:
        assert isinstance(settings, Settings)


def test_a_tilde_is_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    write("feii-dask: {archive: ~/mini, targets: ~/t.csv, out: ~/runs/jets}", str(home / "mine.yaml"))
    settings = load_settings("~/mine.yaml")
    assert (settings.archive, settings.targets) == (f"{home}/mini", f"{home}/t.csv")
    assert settings.out == f"{home}/runs/jets"
    assert settings.sources["out"] == f"{home}/mine.yaml"
    assert load_settings(resume="~/jets").resume == f"{home}/jets"
    assert load_settings(out="~nobody-of-that-name").out == "~nobody-of-that-name"


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("limit", np.int64(5), 5),
        ("pad_arcsec", np.float32(1), 1.0),
        ("pad_arcsec", 1 * u.arcmin, 60.0),
        ("stall_after_s", 5 * u.min, 300.0),
        ("cache_days", np.float32(12) * u.hour, 0.5),
        ("proper_motion", np.bool_(True), True),
        ("allowed_failures", np.float64(0.5), 0.5),
        ("target", np.str_("TMC1A"), ("TMC1A",)),
        ("instrument", np.array(["MIRI/IFU"]), ("MIRI/IFU",)),
        ("instrument", np.array([]), ()),
        ("proposal_id", pd.Series([1290, 1236]), ("1290", "1236")),
        ("filters", Table({"filters": ["CH1-SHORT"]})["filters"], ("CH1-SHORT",)),
    ],
)
def test_numbers_and_arrays_of_the_readers_analysis_are_taken(name: str, value: Any, taken: Any) -> None:
    found = getattr(load_settings(**{name: value}), name)
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", np.float64(5)),
        ("limit", np.bool_(True)),
        ("limit", np.array([1, 2])),
        ("limit", 5 * u.arcsec),
        ("pad_arcsec", 1 * u.m),
        ("pad_arcsec", [1, 2] * u.arcsec),
        ("pad_arcsec", np.float64("nan")),
        ("instrument", [1, 2] * u.arcsec),
        ("target", np.array([["a"], ["b"]])),
        ("fallback", pd.DataFrame({"a": [1, 2]})),
        ("fallback", np.array(["https", "ftp"])),
    ],
)
def test_what_is_no_such_number_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"command line: {name} takes .*, not "):
        load_settings(**{name: value})


def test_secrets_are_not_printed() -> None:
    write("feii-dask: {storage-options: {key: hush}, clusters: {gateway: {environment: {TOKEN: hush-hush}}}}")
    explained = load_settings().explain()
    assert "TOKEN" in explained
    assert "hush" not in explained


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "\n".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "\nfeii-dask: {target: *i}",
        "feii-dask: &a {clusters: *a}",
        "a: &a {k0: 0}\n"
        + "\n".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}' if i else '*a'] * 40)}]}}" for i in range(12))
        + "\nfeii-dask: *a11",
    ],
    ids=["lists", "itself", "merges"],
)
def test_an_alias_bomb_ends_with_a_line(bomb: str) -> None:
    write(bomb)
    with pytest.raises(SettingsError, match=r"is not YAML: its aliases stand for more than 100000 values") as caught:
        load_settings()
    assert len(str(caught.value)) < 300

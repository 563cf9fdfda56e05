"""The options of the command, as the settings declare them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner

from feii_dask.cli import main
from feii_dask.config.declarations import declarations_of
from feii_dask.config.loading import load_settings
from feii_dask.config.settings import Settings

OF_A_RUN = {"out", "resume", "retry_failed", "dry_run", "include"}
# How each option of a search is given, and what its setting then is.
GIVEN: dict[str, tuple[str, object]] = {
    "mission": ("--mission sofia", "sofia"),
    "archive": ("--archive /sky", "/sky"),
    "extension": ("--extension FLUX", "FLUX"),
    "otype": ("--otype TT*", "TT*"),
    "target": ("--target TMC1A --target 'T Tau'", ("TMC1A", "T Tau")),
    "targets": ("--targets /own.csv", "/own.csv"),
    "instrument": ("--instrument MIRI/IFU --instrument NIRSPEC/IFU", ("MIRI/IFU", "NIRSPEC/IFU")),
    "filters": ("--filters CH1-SHORT,CH1-LONG", ("CH1-SHORT", "CH1-LONG")),
    "proposal_id": ("--proposal-id 01290", ("01290",)),
    "pad_arcsec": ("--pad-arcsec 2.5", 2.5),
    "proper_motion": ("--proper-motion", True),
    "fallback": ("--fallback https", "https"),
    "limit": ("--limit 3", 3),
    "max_rows": ("--max-rows 10", 10),
    "lines": ("--lines h2", ("h2",)),
    "detector": ("--detector notebook", "notebook"),
    "include": ("--include undecided --include compact", ("compact", "undecided")),
    "out": ("--out run", "run"),
    "cluster": ("--cluster gateway", "gateway"),
    "detach": ("--detach --cluster gateway", True),
    "resume": ("--resume run", "run"),
    "retry_failed": ("--retry-failed --resume run", True),
    "dry_run": ("--dry-run", True),
}


def options_of(command: str) -> set[str]:
    verb = main.commands[command]
    parameters = verb.get_params(click.Context(verb, help_option_names=[]))
    return {str(one.name) for one in parameters if isinstance(one, click.Option) and one.name != "config"}


def parse(words: str) -> dict[str, Any]:
    return main.commands["search"].make_context("search", shlex.split(words)).params


def test_all_options_of_a_search_are_tried_here() -> None:
    assert options_of("search") == set(GIVEN)


@pytest.mark.parametrize("name", GIVEN)
def test_each_option_sets_its_setting(name: str) -> None:
    words, expected = GIVEN[name]
    options = parse(words)
    settings = load_settings(options.pop("config"), **options)
    assert getattr(settings, name) == expected
    assert settings.sources[name] == "command line"


def test_what_is_not_given_is_left_to_the_other_layers() -> None:
    options = parse("")
    assert load_settings(options.pop("config"), **options) == load_settings()


def test_an_estimate_takes_what_selects_and_shapes_a_search() -> None:
    assert options_of("estimate") - {"pilot"} == options_of("search") - OF_A_RUN
    shaping = {name for name, declared in declarations_of(Settings).items() if declared.shapes_results}
    assert shaping <= options_of("estimate")


@pytest.mark.parametrize("command", ["search", "estimate", "demo", "scan"])
def test_help_says_what_each_option_is_and_its_default(command: str) -> None:
    text = " ".join(CliRunner().invoke(main, [command, "--help"], terminal_width=1000).stdout.split())
    for name in options_of(command) & declarations_of(Settings).keys():
        assert f"--{name.replace('_', '-')} " in text
        assert declarations_of(Settings)[name].help.split()[0] in text
    assert "[default: cluster.yaml, if it is here]" in text
    if command in {"search", "estimate"}:
        assert "[default: Y*O..]" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--limit", "many"], "'many' is not a valid integer"),
        (["--pad-arcsec", "far"], "'far' is not a valid float"),
        (["--fallback", "ftp"], "'ftp' is not 'https'"),
        (["--include", "extended"], "command line: include takes compact or undecided, not ('extended',)"),
        (["--limit", "0"], "command line: limit takes a whole number, 1 or more, not 0"),
    ],
)
def test_a_value_of_the_wrong_kind_is_bad_usage(words: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["search", *words])
    assert done.exit_code == 2
    assert message in done.stderr


def test_help_needs_neither_dask_nor_tables_nor_units() -> None:
    script = (
        "import sys; from feii_dask.cli import main; main(['--help'], standalone_mode=False);"
        "main(['search', '--help'], standalone_mode=False);"
        "print({'dask', 'distributed', 'pandas', 'numpy', 'astropy', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")

"""The help is grouped, and its examples can be typed; lines and instruments are listed."""

from __future__ import annotations

import shlex

import pytest
from click.testing import CliRunner, Result

from feii_dask.cli import main
from feii_dask.cubes.lines import SETS
from feii_dask.help_pages import EXAMPLES
from tests.test_documentation import parse


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_each_verb_has_an_example_that_parses(verb: str) -> None:
    shown = call(verb, "--help").output
    assert EXAMPLES[verb]
    for example in EXAMPLES[verb]:
        if verb != "clusters":
            assert example in shown
        words = shlex.split(example.partition(" > ")[0])
        assert words[0] == "feii-dask"
        parse(main, words[1:])


def test_the_verbs_are_in_groups() -> None:
    text = call("--help").output
    headings = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings[1:] == ["Search:", "What a search left:", "Look up:", "Clusters and skies:", "Examples:"]
    assert set(EXAMPLES) == set(main.commands)


def test_lines_are_listed() -> None:
    sets = call("lines").output
    assert all(f"  {name} " in sets for name in SETS)
    assert "H2 9.665" in call("lines", "h2").output
    assert "5.340169" in call("lines", "Fe II 5.340").output
    unknown = call("lines", "unobtainium")
    assert unknown.exit_code == 2
    assert len(unknown.output.splitlines()) == 1


def test_instruments_are_listed() -> None:
    text = call("instruments").output
    for name in ("NIRSPEC/IFU", "MIRI/IFU", "FIFI-LS", "PACS", "SPIRE", "IRS"):
        assert name in text

"""The README and the guide: their commands, settings, links and tables are as they say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from distributed import LocalCluster
from markdown_it import MarkdownIt
from markdown_it.token import Token

import feii_dask
from feii_dask import load_settings
from feii_dask.cli import main
from tests.benchmarks.tables import BLOCK, PAGES, TABLES, names_in, with_tables
from tests.guide import use_cluster, write_inputs

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.md"))
DOCUMENTS = (*PAGES, *NOTEBOOKS, ROOT / "CONTRIBUTING.md")
MARKDOWN = MarkdownIt("commonmark").enable("table")


def parsed(path: Path) -> list[Token]:
    return MARKDOWN.parse(path.read_text(encoding="utf-8"))


def blocks(path: Path, language: str) -> Iterator[str]:
    """Yield the fenced blocks of one language; those without one are of the language ``""``."""
    yield from (token.content for token in parsed(path) if token.type == "fence" and token.info == language)


def commands(path: Path) -> Iterator[str]:
    """Yield the lines that call ``feii-dask``: in blocks of the shell, and in cells that hand a line to it."""
    shell = [*blocks(path, "bash"), *blocks(path, ""), *blocks(path, "{code-cell} ipython3")]
    for line in "\n".join(shell).splitlines():
        last = line.rpartition("&& ")[2].removeprefix("!").removeprefix(".venv/bin/")
        if last.startswith("feii-dask "):
            yield last


COMMANDS = sorted({command for path in DOCUMENTS for command in commands(path)})


def words_of(command: str) -> list[str]:
    return shlex.split(command, comments=True)[1:]


def parse(group: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Parse a command line as click does, down to the last verb, without running it."""
    if not isinstance(group, click.Group):
        group.make_context(group.name, words, parent=parent)
        return
    context = group.make_context(group.name, list(words), parent=parent)
    _, rest, _ = group.make_parser(context).parse_args(list(words))
    _, verb, rest = group.resolve_command(context, rest)
    assert verb is not None
    parse(verb, rest, context)


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) > 15
    with pytest.raises(click.NoSuchOption):
        parse(main, ["search", "--tagret", "TMC1A"])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_knows_verbs_and_options(command: str) -> None:
    parse(main, words_of(command))


# Those that need no network, in an order in which they can be run one after the other.
RUN = (
    "feii-dask config",
    "feii-dask search --archive my_reductions --targets my_protostars.ecsv --out mine",
    'feii-dask search --archive my_reductions --targets my_protostars.ecsv --lines h2 --lines "Fe II 5.340" --dry-run',
    "feii-dask search --resume jets",
    "feii-dask search --resume jets --retry-failed",
    "feii-dask rank jets",
    "feii-dask rank jets --include compact --include undecided",
    "feii-dask report jets",
    "feii-dask estimate --archive sky --lines notebook --pilot 4",
)


def test_commands_run_as_they_are_written(
    sky: Path, finished_run: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(RUN) <= set(COMMANDS)
    use_cluster(cluster, monkeypatch)
    write_inputs(sky, finished_run)
    for command in RUN:
        result = CliRunner().invoke(main, words_of(command))
        assert result.exit_code == 0, f"{command}: {result.output}"
    assert Path("mine/report.html").is_file()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_settings_load(path: Path) -> None:
    for number, text in enumerate(blocks(path, "yaml")):
        file = Path(f"{number}.yaml")
        file.write_text(text)
        assert str(file) in load_settings(file).sources.values()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_public_names_exist(path: Path) -> None:
    for text in (*blocks(path, "python"), *blocks(path, "{code-cell} ipython3")):
        assert set(re.findall(r"\bfd\.(\w+)", text)) <= set(feii_dask.__all__)


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(path: Path) -> Iterator[str]:
    for token in parsed(path):
        for inline in token.children or ():
            if target := inline.attrGet("href") or inline.attrGet("src"):
                yield str(target)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        place, _, anchor = link.partition("#")
        if "://" in place:
            continue
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in {slug(line.lstrip("# ")) for line in target.read_text().splitlines() if line[:1] == "#"}


def test_the_readme_is_one_page_and_leads_to_all_others() -> None:
    readme = ROOT / "README.md"
    assert len(readme.read_text().splitlines()) <= 160
    linked = {(ROOT / link).resolve() for link in links(readme) if "://" not in link}
    assert {*PAGES, *NOTEBOOKS} - {readme} <= linked


def test_the_test_command_stands_where_continuous_integration_looks_for_it() -> None:
    marked = (ROOT / "README.md").read_text().partition("\n<!-- the test command -->\n```bash\n")[2]
    command = marked.partition("\n```\n")[0]
    assert command.count("\n") == 0
    assert ".venv/bin/python -m pytest --cov" in command


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_tables_are_those_of_the_committed_results(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == with_tables(text), "run  python -m tests.benchmarks tables"
    assert text.count("<!-- table:") == len(names_in(text))
    for block in BLOCK.finditer(text):
        assert "table_open" in {token.type for token in MARKDOWN.parse(block[0])}


def test_every_table_is_shown() -> None:
    assert {name for page in PAGES for name in names_in(page.read_text(encoding="utf-8"))} == set(TABLES)


def test_the_map_names_what_there_is() -> None:
    (code_map,) = (text for text in blocks(ROOT / "README.md", "") if text.startswith("feii_dask/"))
    named = set(re.findall(r"\b(\w+(?:/|\.py))", code_map.partition("\ntests/")[0].partition("\n")[2]))
    package = ROOT / "feii_dask"
    folders = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").is_file()}
    modules = {path.name for path in package.glob("*.py") if not path.name.startswith("_")}
    assert folders | modules <= named
    assert all((package / name).exists() for name in named - {"matched/", "grating/"})

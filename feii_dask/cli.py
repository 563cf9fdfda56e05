"""The command ``feii-dask``: one verb for each function, no logic."""

from __future__ import annotations

import atexit
import gc
import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from feii_dask._version import __version__
from feii_dask.addresses import shown
from feii_dask.errors import FeiiDaskError
from feii_dask.help_pages import GroupedCommand, GroupedVerbs
from feii_dask.interruption import INTERRUPTED, end_in_order, ignore, say_no_more
from feii_dask.plain_text import plain_text

__all__ = ["main"]

COLLECTED_EVERY = 50_000  # objects; at 700, as by default, looking through them takes an eighth of a ranking


def say(text: str, *, err: bool = False) -> None:
    """Print lines of which the terminal obeys nothing but the line breaks, and whose addresses hold no secret."""
    click.echo(plain_text(shown(text), keep="\n"), err=err)


def trace(error: BaseException) -> Iterator[str]:
    """Yield where an error came from and what led to it, each message in one line, but for ours, which are safe."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause:
        yield from trace(cause)
        yield "which led to\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    message = str(error) if isinstance(error, FeiiDaskError) else plain_text(str(error))
    yield f"{type(error).__name__}: {message}\n"


def say_unforeseen(_kind: type[BaseException], error: BaseException, _place: TracebackType | None) -> None:
    """Show an error that nobody foresaw as Python would, but as text, since a stranger's may be in it."""
    say("".join(trace(error)), err=True)


class Command(GroupedVerbs):
    """A group of verbs whose errors are one clear message and the right exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; with ``--debug``, show where an error came from."""
        try:
            return super().invoke(ctx)
        except FeiiDaskError as error:
            if ctx.params.get("debug"):
                say("".join(trace(error)), err=True)
            say(f"feii-dask: {error}", err=True)
            ctx.exit(error.exit_code)
        except click.UsageError as error:
            vars(error)["message"] = plain_text(error.message)  # words of the command may be names of files
            raise
        except KeyboardInterrupt as interrupt:
            name = plain_text(str(interrupt))
            stored = f"; what was scanned is stored, go on with --resume {name}" if name else ""
            say_no_more()
            say(f"feii-dask: interrupted{stored}", err=True)
            ctx.exit(INTERRUPTED)


class SettingsCommand(GroupedCommand):
    """A verb that takes settings as options, made from their declarations when it is used."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options of the settings, and then the verb's own."""
        from feii_dask.config.options import setting_options

        return [*setting_options(str(self.name)), *super().get_params(ctx)]


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def main(debug: bool, verbose: bool) -> None:  # noqa: ARG001 - Command.invoke reads debug
    """Find extended [Fe II] emission in spectral cubes of young stellar objects."""
    from feii_dask.config.run_places import refuse_foreign_style

    refuse_foreign_style()
    click.get_current_context().call_on_close(end_in_order())
    thresholds = gc.get_threshold()
    click.get_current_context().call_on_close(lambda: gc.set_threshold(*thresholds))
    gc.set_threshold(COLLECTED_EVERY)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = say_unforeseen
    atexit.register(ignore)
    atexit.register(gc.freeze)  # the interpreter's last collection of garbage would keep the prompt for a second
    logging.getLogger("feii_dask").setLevel(logging.DEBUG if verbose else logging.INFO)


def at_home(_context: click.Context, _argument: click.Parameter, path: Path) -> Path:
    """Take ``~`` as a shell would; it does not where quotes or a notebook's magic come between."""
    from feii_dask.config.validators import parse_path

    return Path(parse_path(path))


@main.command(cls=SettingsCommand)
def search(config: str | None, **options: Any) -> None:
    """Search an archive's cubes for jets: the main job."""
    from feii_dask.config.loading import load_settings
    from feii_dask.workflow import search as run_search

    settings = load_settings(config, **options)
    finish(run_search(settings), settings.allowed_failures)


@main.command(cls=SettingsCommand)
@click.option("--pilot", type=click.IntRange(min=2), default=40, show_default=True, help="Cubes to scan for it.")
def estimate(config: str | None, pilot: int, **options: Any) -> None:
    """Say what a search would cost, from a pilot of a few cubes."""
    from feii_dask.config.loading import load_settings
    from feii_dask.estimate import estimate as run_estimate

    say(str(run_estimate(load_settings(config, **options), pilot=pilot)))


@main.command(cls=SettingsCommand)
def demo(config: str | None, **options: Any) -> None:
    """Do the same search on a simulated sky, without a network."""
    from feii_dask.config.loading import load_settings
    from feii_dask.demo import demonstrate

    settings = load_settings(config, mission="jwst", **options)
    finish(demonstrate(settings), settings.allowed_failures)


def finish(result: Any, allowed_failures: float) -> None:
    """Leave with exit code 1 if more failed than the settings allow."""
    if result.failed_share > allowed_failures:
        from feii_dask.ranking.candidates import count_failed

        failed, expected = count_failed(result.outcomes)
        say(
            f"feii-dask: {failed} of the {expected} cubes with data and a line in their band failed, more than the "
            f"{allowed_failures:.0%} allowed; {plain_text(str(result.directory))}/failures.ecsv says why",
            err=True,
        )
        sys.exit(1)


@main.command(cls=SettingsCommand)
@click.argument("uri")
@click.option("--plot", is_flag=True, help="Draw the detector's statistic around each line, into a PNG file here.")
@click.option("--whole", is_flag=True, help="Draw the extent of emission in all planes, which reads the whole cube.")
def scan(uri: str, config: str | None, plot: bool, whole: bool, **options: Any) -> None:
    """Look for lines in one cube, wherever it is."""
    from feii_dask.config.loading import load_settings
    from feii_dask.single import scan_one

    say(scan_one(uri, load_settings(config, **options), plot=plot, whole=whole))


@main.command(cls=SettingsCommand)
@click.argument("directory", type=click.Path(path_type=Path), callback=at_home)
@click.option("--grade-a-q", type=float, default=0.01, show_default=True, help="Largest q-value of grade A.")
@click.option("--min-lines", type=int, help="Distinct lines of a candidate.  [default: 1; without p-values 3]")
def rank(directory: Path, config: str | None, grade_a_q: float, min_lines: int | None, **options: Any) -> None:
    """Rank the candidates of a run again, without scanning."""
    from feii_dask.concluding import conclude
    from feii_dask.config.loading import load_settings
    from feii_dask.monitor.log import run_log
    from feii_dask.ranking.thresholds import Thresholds
    from feii_dask.store.run_store import RunStore

    run, settings = RunStore.open(directory), load_settings(config, **options)
    with run_log(directory):
        conclude(run, settings.include, Thresholds(grade_a_q=grade_a_q, min_lines=min_lines))


@main.command()
@click.argument("directory", type=click.Path(path_type=Path), callback=at_home)
def report(directory: Path) -> None:
    """Write the report of a run again."""
    from feii_dask.ranking.results import load_results
    from feii_dask.report.page import write_report
    from feii_dask.store.run_store import RunStore

    say(plain_text(str(write_report(load_results(RunStore.open(directory))))))


@main.command()
@click.argument("directories", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, callback=at_home, help="The new run.")
def merge(directories: tuple[Path, ...], out: Path) -> None:
    """Merge runs of the same lines and detector into a new one, and rank it."""
    from feii_dask.concluding import merge as run_merge

    run_merge(directories, out)


@main.command()
@click.argument("names", nargs=-1)
def lines(names: tuple[str, ...]) -> None:
    """List spectral lines: the sets, or the lines of a set or name."""
    from feii_dask.look_up import describe_lines

    say(describe_lines(names))


@main.command()
def instruments() -> None:
    """List the instruments whose cubes are searched."""
    from feii_dask.look_up import describe_instruments

    say(describe_instruments())


@main.command()
@click.option("--config", "path", type=click.Path(), help="Settings file.")
@click.option("--template", is_flag=True, help="Print a settings file with all defaults, explained, to begin from.")
def config(path: str | None, template: bool) -> None:
    """Print every setting and where its value came from."""
    from feii_dask.config.loading import load_settings
    from feii_dask.config.template import settings_template

    say(settings_template() if template else load_settings(path).explain())


@main.group()
@click.option("--config", type=click.Path(), help="Settings file.  [default: cluster.yaml, if it is here]")
@click.option("--cluster", default="gateway", show_default=True, help="A cluster of kind gateway in the settings.")
@click.pass_context
def clusters(ctx: click.Context, config: str | None, cluster: str) -> None:
    """List, start and stop the clusters of a dask-gateway."""
    from feii_dask.config.loading import load_settings

    ctx.obj = load_settings(config, cluster=cluster)


@clusters.command("list")
@click.pass_obj
def list_(settings: Any) -> None:
    """List the clusters that run, with their dashboards."""
    from feii_dask.engine.cluster import gateways

    with gateways(settings) as gateway:
        say("\n".join(map(gateway.describe, gateway.list_clusters())) or "no cluster runs on the gateway")


@clusters.command()
@click.pass_obj
def start(settings: Any) -> None:
    """Start a cluster that stays until it is stopped."""
    from feii_dask.engine.cluster import gateways

    with gateways(settings) as gateway:
        report = gateway.start_cluster(settings)
        setting = f"feii-dask: {{clusters: {{{settings.cluster}: {{name: {report.name}}}}}}}"
        say(f"{gateway.describe(report)}\nsearch on it with  {setting}")


@clusters.command()
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def stop(settings: Any, names: tuple[str, ...]) -> None:
    """Stop clusters by their names."""
    from feii_dask.engine.cluster import gateways

    with gateways(settings) as gateway:
        gateway.stop_clusters(names)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path), callback=at_home)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed makes the same sky."
)
def simulate(directory: Path, seed: int) -> None:
    """Write a simulated sky of known truth: tables and cubes that `search --archive` takes."""
    from feii_dask.simulate import make_archive

    make_archive(directory, seed=seed)
    name = plain_text(str(directory))
    say(f"{name}: search it with  feii-dask search --archive {name}")

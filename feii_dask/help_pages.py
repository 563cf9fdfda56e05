"""The help of the command ``feii-dask``: verbs and options in groups, and an example for each verb."""

from __future__ import annotations

from collections.abc import Iterable

import click

__all__ = ["EXAMPLES", "GroupedCommand", "GroupedVerbs"]

VERBS = {
    "Search": ("search", "demo", "estimate", "scan"),
    "What a search left": ("rank", "report", "merge"),
    "Look up": ("lines", "instruments", "config"),
    "Clusters and skies": ("clusters", "simulate"),
}
EXAMPLES = {
    "search": (
        "feii-dask search --target TMC1A",
        'feii-dask search --target TMC1A --target "V* T Tau" --lines feii --lines h2',
        "feii-dask search --targets my_names.txt --out mine",
        "feii-dask search --instrument MIRI/IFU --dry-run",
        "feii-dask search --resume mine --retry-failed",
    ),
    "demo": ("feii-dask demo", "feii-dask demo --out my-demo"),
    "estimate": ("feii-dask estimate --instrument MIRI/IFU --pilot 20",),
    "scan": ('feii-dask scan my_cube_s3d.fits --lines "Fe II 5.340" --plot',),
    "rank": ("feii-dask rank mine --include compact", "feii-dask rank mine --grade-a-q 0.001 --min-lines 2"),
    "report": ("feii-dask report mine",),
    "merge": ("feii-dask merge monday tuesday --out week",),
    "lines": ("feii-dask lines", "feii-dask lines h2"),
    "instruments": ("feii-dask instruments",),
    "config": ("feii-dask config", "feii-dask config --template > cluster.yaml"),
    "clusters": ("feii-dask clusters list", "feii-dask clusters start"),
    "simulate": ("feii-dask simulate sky --seed 7",),
}
OTHERS = "Options"


class GroupedCommand(click.Command):
    """A verb whose help has its options in groups, and examples."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under the headings of their settings, those without one last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(param, "heading", "") or OTHERS, []).append(record)
        for heading, records in sorted(groups.items(), key=lambda group: group[0] == OTHERS):
            with formatter.section(heading.capitalize()):
                formatter.write_dl(records)
        write_examples(formatter, EXAMPLES.get(str(self.name), ()))


class GroupedVerbs(click.Group):
    """A group of verbs, which its help parts by what they are for."""

    command_class = GroupedCommand

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs under the headings of `VERBS`."""
        listed = [name for names in VERBS.values() for name in names]
        others = tuple(name for name in self.list_commands(ctx) if name not in listed)
        width = max(map(len, self.list_commands(ctx)))
        for heading, names in (*VERBS.items(), ("Others", others)):
            commands = [(name, self.get_command(ctx, name)) for name in names]
            records = [(f"{name:{width}}", one.get_short_help_str(90)) for name, one in commands if one is not None]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
        write_examples(formatter, [EXAMPLES[name][0] for name in ("demo", "search", "lines")])


def write_examples(formatter: click.HelpFormatter, examples: Iterable[str]) -> None:
    """Write lines that can be typed, as they are."""
    lines = list(examples)
    if lines:
        with formatter.section("Examples"):
            for line in lines:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

"""The text on a search's dashboard page: the headline and the tables."""

from __future__ import annotations

from typing import Any

from bokeh.models import InlineStyleSheet
from bokeh.models.widgets.markups import Div
from jinja2 import Environment

from feii_dask.monitor.snapshot import ProgressSnapshot, format_duration
from feii_dask.plain_text import plain_text

__all__ = ["DashboardTable", "Headline"]

LONGEST = 300  # characters of a cell


def as_text(value: Any) -> Any:
    """Return what an archive or an error says as it may be shown; numbers and markup of ours stay."""
    return plain_text(value, LONGEST) if type(value) is str else value


# What an archive or an error says is text, whatever it contains.
TEMPLATES = Environment(autoescape=True, finalize=as_text)
HEADLINE = TEMPLATES.from_string("""
<dl>
{% for name, value in numbers.items() %}
<div><dt>{{ name }}</dt><dd class="{{ name|replace(' ', '-') }}">{{ value }}</dd></div>
{% endfor %}
</dl>
<div class="bar" role="img" aria-label="{{ done }} of {{ total }} cubes done, {{ failed }} failed">
<i style="width: {{ 100 * (done - failed) / (total or 1) }}%"></i>
<b style="width: {{ 100 * failed / (total or 1) }}%"></b>
</div>
""")
TABLE = TEMPLATES.from_string("""
<h3>{{ title }}</h3>
<table>
<tr>{% for column in columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr>
{% for row in rows %}
<tr>
{% for cell in row %}
{% if cell is string %}<td class="long">{{ cell }}</td>{% else %}<td>{{ "%.3g"|format(cell) }}</td>{% endif %}
{% endfor %}
</tr>
{% else %}
<tr><td colspan="{{ columns|length }}">none so far</td></tr>{% endfor %}
</table>
""")
STYLE = """
:host { font-family: Helvetica, Arial, sans-serif; color: #222; width: 100%; overflow: auto; }
.bk-clearfix { width: 100%; }
dl { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 4px 0; }
dt { font-size: 12px; color: #555; }
dd { margin: 0; font-size: 22px; }
.bar { display: flex; height: 10px; background: #ddd; }
i { background: #0072b2; }
b { background: #d55e00; }
h3 { font-size: 13px; margin: 4px 0; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
th, td { text-align: left; vertical-align: top; padding: 2px 8px 2px 0; border-bottom: 1px solid #ddd; }
td { white-space: nowrap; }
td.long { white-space: normal; overflow-wrap: anywhere; min-width: 6em; }
td.long:first-child { min-width: 11em; }
"""


class Headline:
    """The numbers that one looks for first, and a bar."""

    def __init__(self) -> None:
        self.root = make_div("headline", "No search has begun.", "stretch_width")

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Write the numbers."""
        numbers = {
            "done": snapshot.done,
            "failed": snapshot.failed,
            "to go": snapshot.total - snapshot.done,
            "with detections": snapshot.detected,
            "cubes per second": f"{snapshot.rate.cubes_per_s:.1f}",
            "MB per second": f"{snapshot.rate.mb_per_s:.1f}",
            "time so far": format_duration(snapshot.elapsed_s),
            "time left": "none" if snapshot.done == snapshot.total else format_duration(snapshot.left_s),
        }
        self.root.text = HEADLINE.render(
            numbers=numbers, done=snapshot.done, failed=snapshot.failed, total=snapshot.total
        )


class DashboardTable:
    """Rows of a snapshot, under a title."""

    def __init__(self, field: str, title: str, columns: tuple[str, ...]) -> None:
        self._field = field
        self._constant: dict[str, Any] = {"title": title, "columns": columns}
        self.root = make_div(field, TABLE.render(**self._constant, rows=()), "stretch_width")

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Write the rows."""
        self.root.text = TABLE.render(**self._constant, rows=getattr(snapshot, self._field))


def make_div(name: str, html: str, sizing_mode: Any) -> Div:
    """Return an element of the page; formulas in it stay text, since those of TeX may hold links that run scripts."""
    div = Div(text=html, name=name, sizing_mode=sizing_mode, stylesheets=[InlineStyleSheet(css=STYLE)])
    div.disable_math = True
    return div

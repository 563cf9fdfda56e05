"""Scheduler plugin that serves a search's page on Dask's dashboard.

A running scheduler gets a Bokeh application more, beside its own: ``/jets`` in the menu of its pages, and
``/individual-jets`` for JupyterLab's Dask extension, which finds it in ``/individual-plots.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.server.tornado import BokehTornado
from distributed import Scheduler
from distributed.dashboard.components import add_periodic_callback
from distributed.dashboard.components.scheduler import BOKEH_THEME, env
from distributed.dashboard.core import BokehApplication
from distributed.dashboard.scheduler import template_variables
from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.http.scheduler.info import IndividualPlots
from distributed.protocol.pickle import loads
from tornado.ioloop import IOLoop

from feii_dask.monitor.dashboard_charts import SearchCharts
from feii_dask.monitor.snapshot import ProgressSnapshot

__all__ = ["HANDLER", "PAGE", "DashboardPage"]

PAGE = "jets"
PANE = f"individual-{PAGE}"
HANDLER = "feii_dask_show"
PERIOD_MS = 500
TEMPLATE = Path(__file__).with_name("dashboard.html")


class DashboardPage(SchedulerPlugin):
    """Keeps the newest snapshot on the scheduler, and serves the pages that show it.

    Attributes
    ----------
    snapshot : ProgressSnapshot or None
        Of the run that began last.
    """

    name = "feii-dask-page"
    idempotent = True

    def __init__(self) -> None:
        self.snapshot: ProgressSnapshot | None = None

    async def start(self, scheduler: Scheduler) -> None:
        """Add the pages to the scheduler's, and take snapshots from now on.

        Raises
        ------
        RuntimeError
            If the scheduler has no dashboard.
        """
        stock = next((app for app in scheduler.http_application.applications if isinstance(app, BokehTornado)), None)
        if stock is None:
            raise RuntimeError("the scheduler has no dashboard; is bokeh installed there?")
        self._scheduler = scheduler
        variables = template_variables(scheduler)
        pages = {f"/{PAGE}": self._page, f"/{PANE}": self._pane}
        application = BokehApplication(pages, scheduler, prefix=stock.prefix, template_variables=variables)
        scheduler.http_application.add_application(application)
        application.initialize(IOLoop.current())
        application.start()
        variables["pages"].append(PAGE)
        variables["plots"].append({"url": PANE, "name": PAGE.title()})
        listing = (rf"{stock.prefix}/individual-plots\.json", PlotsWithPane, {"dask_server": scheduler})
        scheduler.http_application.add_handlers(r".*", [listing])
        scheduler.handlers[HANDLER] = self._show

    def _show(self, snapshot: bytes) -> tuple[int, float, int, int]:
        """Keep this snapshot, unless a later run has sent one, and return what the workers do."""
        received: ProgressSnapshot = loads(snapshot)
        if self.snapshot is None or received.began >= self.snapshot.began:
            self.snapshot = received
        workers = self._scheduler.workers.values()
        return (
            len(workers),
            sum(worker.metrics["cpu"] for worker in workers) / 100,
            sum(worker.metrics["memory"] for worker in workers),
            sum(worker.memory_limit for worker in workers),
        )

    def _page(self, scheduler: Scheduler, extra: dict[str, Any], doc: Document) -> None:
        """Fill a document with the charts, below the menu."""
        component = SearchCharts(scheduler, lambda: self.snapshot)
        component.update()
        add_periodic_callback(doc, component, PERIOD_MS)
        for root in component.roots:
            doc.add_root(root)
        doc.title = "Dask: Jets"
        doc.theme = BOKEH_THEME
        doc.template = env.from_string(TEMPLATE.read_text(encoding="utf-8"))
        doc.template_variables.update(extra)

    def _pane(self, scheduler: Scheduler, extra: dict[str, Any], doc: Document) -> None:
        """Fill a document with the charts alone."""
        self._page(scheduler, extra | {"pane": True}, doc)


class PlotsWithPane(IndividualPlots):
    """Dask's list of the plots that JupyterLab's extension can show, with ours."""

    def write(self, chunk: Any) -> None:
        """Answer with one plot more."""
        super().write(chunk | {PANE.replace("-", " ").title(): f"/{PANE}"})

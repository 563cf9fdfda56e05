"""The CPU of the workers on a search's dashboard page, on an axis that ends at the cores that there are."""

from __future__ import annotations

from math import ceil
from urllib.parse import quote

from bokeh.models import ColumnDataSource, HoverTool, OpenURL, TapTool
from dask.system import CPU_COUNT
from distributed import Scheduler
from distributed.comm import get_address_host
from distributed.dashboard.utils import update

from feii_dask.monitor.dashboard_figure import BLUE, plain_figure

__all__ = ["CpuChart", "usable_cores"]


class CpuChart:
    """A bar for each worker; Dask's own chart has an axis as long as the worker has threads, however few the cores.

    Parameters
    ----------
    scheduler : Scheduler
        It knows the workers.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._source = ColumnDataSource({"y": [], "cpu": [], "worker": [], "page": []})
        self.root = plain_figure("cpu", "CPU of each worker", "% of a core", "worker", x_range=(0, 100))
        self.root.hbar(y="y", right="cpu", height=0.9, source=self._source, color=BLUE, nonselection_alpha=1.0)
        self.root.yaxis.ticker, self.root.ygrid.visible = [], False
        link = OpenURL(url="./info/worker/@page.html")
        self.root.add_tools(HoverTool(tooltips="@worker: @cpu %"), TapTool(callback=link))

    def update(self) -> None:
        """Draw what the workers said last."""
        workers = list(self._scheduler.workers.values())
        cpu = [int(worker.metrics["cpu"]) for worker in workers]
        here = get_address_host(self._scheduler.address)
        cores = (
            usable_cores(worker.nthreads, used, CPU_COUNT if worker.host == here else None)
            for worker, used in zip(workers, cpu, strict=True)
        )
        self.root.x_range.end = 100 * max(cores, default=1)
        addresses = [worker.address for worker in workers]
        pages = [quote(address, safe="") for address in addresses]
        update(self._source, {"y": list(range(len(workers))), "cpu": cpu, "worker": addresses, "page": pages})


def usable_cores(threads: int, cpu_percent: float, cores: int | None) -> int:
    """Return how many cores a worker can keep busy, as far as that is known.

    Parameters
    ----------
    threads : int
        Of the worker.
    cpu_percent : float
        What it uses, % of a core; libraries have threads of their own.
    cores : int or None
        Of its machine; None where nobody says.

    Examples
    --------
    >>> usable_cores(16, 150.0, cores=2), usable_cores(1, 150.0, cores=None), usable_cores(1, 3.0, cores=8)
    (2, 2, 1)
    """
    wanted = max(threads, ceil(cpu_percent / 100), 1)
    return wanted if cores is None else min(wanted, cores)

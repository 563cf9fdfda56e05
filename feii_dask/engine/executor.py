"""Executor of scans on a cluster, with retries where a worker is lost.

Tasks are submitted in a sliding window, so that neither the scheduler nor the client ever holds more than it works on;
a finished outcome is yielded at once and its future released. A scan that the cluster loses is submitted again. One
that kills its worker time after time is tried once more alone, since its neighbours died with it. A worker that stalls
is restarted, and what it held is tried alone as well.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic

from distributed import Client, Future, KilledWorker
from distributed.comm import CommClosedError

from feii_dask.engine.broadcast import Broadcast
from feii_dask.engine.watchdog import CircuitBreaker, StallWatch
from feii_dask.engine.worker_task import scan_on_worker
from feii_dask.engine.workers import call_for_workers, require_scheduler, scheduler_needed
from feii_dask.errors import ClusterError
from feii_dask.model import Context, Outcome, Status
from feii_dask.scan import ScanTask

__all__ = ["run_scans"]

log = logging.getLogger(__name__)

IDLE_S = 0.5  # how long to wait for an outcome before an empty list is yielded
TOGETHER_S = 0.1  # how long to wait for others that finish at the same time
SCANS_PER_THREAD = 4  # submitted at a time: enough that no thread waits for the client
WATCH_S = 5.0  # how often to look for silent workers
STALL_S = 240.0  # a range of bytes may take two minutes with all its attempts; a worker reads several at a time
GATHER_S = 60.0  # an outcome is some kilobytes; whoever does not hand it over has stalled
RESTART_S = 30.0  # a nanny gives a process some seconds to end by itself
DIED = "its worker died each time it was scanned, alone too; most likely it needs more memory than a worker has"
LOST_LIMIT = 3  # times that a scan may be lost among others before it is isolated, and alone before it is given up


def run_scans(
    client: Client, tasks: Iterable[ScanTask], context: Context, stall_after_s: float = STALL_S
) -> Iterator[list[Outcome]]:
    """Scan every cube, and yield the outcomes as they come.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    tasks : iterable of ScanTask
        The cubes.
    context : Context
        What all scans have in common; scattered once to every worker.
    stall_after_s : float
        A worker that holds scans and is silent for so long, and for many times the usual duration of a scan, is
        restarted.

    Yields
    ------
    list of Outcome
        What has finished since the last list; empty if nothing has for half a second.

    Raises
    ------
    ClusterError
        If the scheduler is lost, or the workers cannot run the scan at all.
    OutageError
        If one cube after the other fails for the same reason.
    """
    breaker = CircuitBreaker()
    with scheduler_needed(), Broadcast(client, context) as broadcast:
        executor = ScanExecutor(client, broadcast, context, tasks, StallWatch(stall_after_s))
        try:
            while executor.unfinished:
                executor.submit()
                outcomes = executor.collect() + executor.restart_stalled()
                yield outcomes
                breaker.check(outcomes)
        finally:
            executor.cancel()


class ScanExecutor:
    """The scans of a run: waiting, isolated, on the cluster, and finished."""

    def __init__(
        self, client: Client, broadcast: Broadcast, context: Context, tasks: Iterable[ScanTask], watch: StallWatch
    ) -> None:
        self._client = client
        self._broadcast = broadcast
        self._context = context
        self._waiting = deque(tasks)
        self._isolated: deque[ScanTask] = deque()
        self._running: dict[Future[Outcome], ScanTask] = {}
        self._finished: SimpleQueue[Future[Outcome]] = SimpleQueue()
        self._watch = watch
        self._watched = monotonic()
        self._window = 0
        self._window_measured = float("-inf")

    @property
    def unfinished(self) -> bool:
        """Whether any outcome is still to come."""
        return bool(self._waiting or self._running or self._isolated)

    def submit(self) -> None:
        """Fill the window; isolated scans come last, one by one."""
        require_scheduler(self._client)
        if self._waiting:
            room = min(self._window_size() - len(self._running), len(self._waiting))
            tasks = [self._waiting.popleft() for _ in range(room)]
        elif self._isolated and not self._running:
            tasks = [self._isolated.popleft()]
        else:
            return
        if tasks:
            self._send(tasks)

    def _window_size(self) -> int:
        """Return how many scans may be on the cluster; it follows the workers as they come and go."""
        if monotonic() - self._window_measured > 2:
            self._window = SCANS_PER_THREAD * max(sum(self._client.nthreads().values()), 1)
            self._window_measured = monotonic()
        return self._window

    def _send(self, tasks: list[ScanTask]) -> None:
        """Submit these scans."""
        futures = self._client.map(
            scan_on_worker,
            tasks,
            context=self._broadcast.future,
            pure=False,  # the same cube may be scanned again
        )
        for future, task in zip(futures, tasks, strict=True):
            self._running[future] = task
            future.add_done_callback(self._finished.put)

    def collect(self) -> list[Outcome]:
        """Wait a moment for the next outcome, and take along those that come with it."""
        try:
            futures = [self._finished.get(timeout=IDLE_S)]
        except Empty:
            return []
        # Fetched and submitted one by one, a scan costs the client 4.5 ms of its core; in company 3 ms.
        enough, due = min(self._window // SCANS_PER_THREAD, len(self._running)), monotonic() + TOGETHER_S
        while len(futures) < enough and (left := due - monotonic()) > 0:
            with suppress(Empty):
                futures.append(self._finished.get(timeout=left))
        while not self._finished.empty():
            futures.append(self._finished.get())
        # What is not among the running was taken back: its outcome is not wanted any more.
        tasks = {future: self._running.pop(future) for future in futures if future in self._running}
        futures = list(tasks)
        # Asked once: a status may change at any moment, and a future must not be both gathered and tried again.
        status = {future: future.status for future in futures}
        outcomes = self._gather([future for future in futures if status[future] == "finished"], tasks)
        for future in futures:
            if status[future] == "error":
                outcomes.extend(self._handle_error(future, tasks[future]))
            elif status[future] != "finished":
                outcomes.extend(self._try_again(tasks[future]))
        self._watch.note(outcomes)
        return outcomes

    def restart_stalled(self) -> list[Outcome]:
        """Restart workers that have fallen silent; what they held is scanned again, alone."""
        if monotonic() - self._watched < WATCH_S or self._client.status != "running":
            return []
        self._watched = monotonic()
        processing = self._client.processing()
        if not processing:
            call_for_workers(self._client)
        stalled = self._watch.stalled(processing)
        if not stalled:
            return []
        keys = {key for worker in stalled for key in processing[worker]}
        held = {future: task for future, task in self._running.items() if future.key in keys}
        log.warning(
            "no word for %.0f s from %s, which held %s: restarted, and these cubes are tried again one by one",
            self._watch.limit_s,
            ", ".join(stalled),
            ", ".join(sorted(task.matched.obs_id for task in held.values())) or "none of our cubes",
        )
        for future in held:
            del self._running[future]
        self._client.cancel(list(held), force=True)
        restart(self._client, stalled)
        silence = f"no answer within {self._watch.limit_s:.0f} s, alone too"
        return [outcome for task in held.values() for outcome in self._isolate(task, Status.TIMEOUT, silence)]

    def _gather(self, futures: list[Future[Outcome]], tasks: dict[Future[Outcome], ScanTask]) -> list[Outcome]:
        """Fetch finished outcomes; those whose worker died in between are scanned again."""
        if not futures:
            return []
        try:
            gather = partial(self._client.gather, futures, asynchronous=True)
            return list(self._client.sync(gather, callback_timeout=GATHER_S))
        except (CancelledError, CommClosedError, KilledWorker, OSError, TimeoutError) as error:
            log.warning("%d finished scans were lost before they arrived (%s)", len(futures), type(error).__name__)
            return [outcome for future in futures for outcome in self._try_again(tasks[future])]

    def _handle_error(self, future: Future[Outcome], task: ScanTask) -> list[Outcome]:
        """Decide what an exception on the cluster means; a scan itself never raises one."""
        error = future.exception()
        if isinstance(error, CancelledError):
            return self._try_again(task)
        if not isinstance(error, KilledWorker):
            raise ClusterError(
                f"the workers cannot run the scan ({type(error).__name__}: {error}); is feii_dask installed there?"
            ) from error
        return self._isolate(task, Status.WORKER_LOST, DIED)

    def _try_again(self, task: ScanTask) -> list[Outcome]:
        """Put a lost scan back, unless it was lost too often."""
        if task.lost + 1 >= LOST_LIMIT:
            return self._isolate(task, Status.WORKER_LOST, DIED)
        (self._isolated if task.alone else self._waiting).append(replace(task, lost=task.lost + 1))
        return []

    def _isolate(self, task: ScanTask, status: Status, reason: str) -> list[Outcome]:
        """Scan it once more while nothing else runs; if that fails too, no neighbour is to blame."""
        if not task.alone:
            self._isolated.append(replace(task, alone=True, lost=0))
            return []
        return [Outcome.without_scan(task.matched, self._context.lines, status, reason, attempt=task.attempt)]

    def cancel(self) -> None:
        """Take back whatever is still on the cluster."""
        if self._running and self._client.status == "running":
            self._client.cancel(list(self._running))
        self._running.clear()


def restart(client: Client, workers: list[str]) -> None:
    """Restart workers by their nannies; a scheduler that does not hear from a worker gives it up by itself."""
    nannied = [name for name, worker in client.scheduler_info(n_workers=-1)["workers"].items() if worker["nanny"]]
    try:
        client.restart_workers([name for name in workers if name in nannied], timeout=RESTART_S, raise_for_error=False)
    except (KeyError, OSError, TimeoutError, ValueError) as error:  # KeyError: one has gone in the meantime
        log.warning("%s could not be restarted: %s", ", ".join(workers), error)

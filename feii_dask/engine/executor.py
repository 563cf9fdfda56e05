"""Executor of scans on a cluster, with retries where a worker is lost.

Tasks are submitted in a sliding window, so that neither the scheduler nor the client ever holds more than it works on;
a finished outcome is yielded at once and its future released. A task holds as many scans as take a second together.
What the cluster loses is submitted again, scan by scan. Those that were there when a worker died time after time are
tried once more alone, so that none is blamed for its neighbour. A worker that stalls is restarted, and what it held is
tried alone as well. A scan that fails for a reason that may pass is tried again when all others are done.
"""

from __future__ import annotations

import logging
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
from feii_dask.engine.scan_queue import TASK_S, PaceOfScans, ScanQueue
from feii_dask.engine.watchdog import CircuitBreaker, OutageWatch, StallWatch
from feii_dask.engine.worker_task import scan_on_worker
from feii_dask.engine.workers import (
    WAITING,
    call_for_workers,
    known_workers,
    require_scheduler,
    restart_workers,
    scheduler_needed,
)
from feii_dask.errors import ClusterError
from feii_dask.model import Context, Outcome, ScanTask, Status

__all__ = ["run_scans"]

log = logging.getLogger(__name__)

IDLE_S = 0.5  # how long to wait for an outcome before an empty list is yielded
TOGETHER_S = 0.1  # how long to wait for others that finish at the same time
TASKS_PER_THREAD = 4  # submitted at a time: enough that no thread waits for the client
WATCH_S = 5.0  # how often to look for silent workers
STALL_S = 240.0  # a range of bytes may take two minutes with all its attempts; a worker reads several at a time
GATHER_S = 60.0  # an outcome is some kilobytes; whoever does not hand it over has stalled
DIED = "its worker died each time it was scanned, alone too; most likely it needs more memory than a worker has"


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
        self._queue = ScanQueue(tasks)
        self._pace = PaceOfScans()
        self._outage = OutageWatch()
        self._running: dict[Future[list[Outcome]], list[ScanTask]] = {}
        self._finished: SimpleQueue[Future[list[Outcome]]] = SimpleQueue()
        self._watch = watch
        self._watched = monotonic()
        self._window = 0
        self._window_measured = float("-inf")

    @property
    def unfinished(self) -> bool:
        """Whether any outcome is still to come."""
        return bool(self._queue or self._running)

    def submit(self) -> None:
        """Fill the window."""
        require_scheduler(self._client)
        window, most = self._window_size(), self._pace.scans_per_task
        if self._outage.is_on(trying_again=self._queue.is_trying_again):
            window, most = int(self._outage.may_ask), 1
        if self._queue and window:
            batches = self._queue.take(window, len(self._running), most)
            if batches:
                self._send(batches)

    def _window_size(self) -> int:
        """Return how many tasks may be on the cluster; it follows the workers as they come and go."""
        if monotonic() - self._window_measured > 2:
            self._window = TASKS_PER_THREAD * max(sum(self._client.nthreads().values()), 1)
            self._window_measured = monotonic()
        return self._window

    def _send(self, batches: list[list[ScanTask]]) -> None:
        """Submit these scans."""
        now = monotonic()
        batches = [[replace(task, sent_at=now) for task in batch] for batch in batches]
        futures = self._client.map(
            scan_on_worker,
            batches,
            context=self._broadcast.future,
            limit_s=TASK_S,
            pure=False,  # the same cube may be scanned again
        )
        for future, batch in zip(futures, batches, strict=True):
            self._running[future] = batch
            future.add_done_callback(self._finished.put)

    def collect(self) -> list[Outcome]:
        """Wait a moment for the next outcome, and take along those that come with it."""
        try:
            futures = [self._finished.get(timeout=IDLE_S)]
        except Empty:
            return []
        # Fetched and submitted one by one, a task costs the client 4.5 ms of its core; in company 3 ms.
        enough, due = min(self._window // TASKS_PER_THREAD, len(self._running)), monotonic() + TOGETHER_S
        while len(futures) < enough and (left := due - monotonic()) > 0:
            with suppress(Empty):
                futures.append(self._finished.get(timeout=left))
        while not self._finished.empty():
            futures.append(self._finished.get())
        # What is not among the running was taken back: its outcome is not wanted any more.
        batches = {future: self._running.pop(future) for future in futures if future in self._running}
        futures = list(batches)
        # Asked once: a status may change at any moment, and a future must not be both gathered and tried again.
        status = {future: future.status for future in futures}
        outcomes = self._gather({future: batch for future, batch in batches.items() if status[future] == "finished"})
        for future, batch in batches.items():
            if status[future] == "error":
                outcomes.extend(self._handle_error(future, batch))
            elif status[future] != "finished":
                outcomes.extend(self._try_again(batch))
        self._pace.note(outcomes)
        return outcomes

    def restart_stalled(self) -> list[Outcome]:
        """Restart workers that have fallen silent; what they held is scanned again, alone."""
        if monotonic() - self._watched < WATCH_S or self._client.status != "running":
            return []
        self._watched = monotonic()
        processing = self._client.processing()
        if not processing:
            call_for_workers(self._client)
        workers = known_workers(self._client)
        self._watch.note_waiting(
            {name: worker["last_seen"] for name, worker in workers.items() if worker["metrics"].get(WAITING)}
        )
        stalled = self._watch.stalled(processing, [name for name in workers if workers[name]["status"] == "paused"])
        if not stalled:
            return []
        keys = {key for worker in stalled for key in processing[worker]}
        state = ", ".join(f"{name} ({workers[name]['status'] if name in workers else 'gone'})" for name in stalled)
        held = [future for future in self._running if future.key in keys]
        tasks = [task for future in held for task in self._running.pop(future)]
        log.warning(
            "no word for too long from %s, which held %s: restarted, and these cubes are tried again one by one",
            state,
            ", ".join(sorted(task.matched.obs_id for task in tasks)) or "none of our cubes",
        )
        self._client.cancel(held, force=True)
        restart_workers(self._client, stalled)
        silence = f"no answer within {self._watch.limit_s:.0f} s, alone too"
        return self._isolate(tasks, Status.TIMEOUT, silence)

    def _gather(self, batches: dict[Future[list[Outcome]], list[ScanTask]]) -> list[Outcome]:
        """Fetch finished outcomes; those whose worker died in between are scanned again."""
        if not batches:
            return []
        try:
            gather = partial(self._client.gather, list(batches), asynchronous=True)
            results: list[list[Outcome]] = self._client.sync(gather, callback_timeout=GATHER_S)
        except (CancelledError, CommClosedError, KilledWorker, OSError, TimeoutError) as error:
            log.warning("%d finished tasks were lost before they arrived (%s)", len(batches), type(error).__name__)
            return [outcome for batch in batches.values() for outcome in self._try_again(batch)]
        self._watch.note(outcome for outcomes in results for outcome in outcomes)
        kept = []
        for batch, outcomes in zip(batches.values(), results, strict=True):
            self._queue.put_back(batch[len(outcomes) :])
            kept += [outcome for task, outcome in zip(batch, outcomes, strict=False) if self._counts(task, outcome)]
        return kept

    def _counts(self, task: ScanTask, outcome: Outcome) -> bool:
        """Return whether an outcome stands; a scan that failed for a reason that may pass is put off instead."""
        self._outage.note(outcome, task.sent_at)
        if outcome.may_pass and self._outage.may_be_over(task.put_off_at):
            self._queue.put_off(task)
            return False
        return True

    def _handle_error(self, future: Future[list[Outcome]], batch: list[ScanTask]) -> list[Outcome]:
        """Decide what an exception on the cluster means; a scan itself never raises one."""
        error = future.exception()
        if isinstance(error, CancelledError):
            return self._try_again(batch)
        if not isinstance(error, KilledWorker):
            raise ClusterError(
                f"the workers cannot run the scan ({type(error).__name__}: {error}); is feii_dask installed there?"
            ) from error
        return self._isolate(batch, Status.WORKER_LOST, DIED)

    def _try_again(self, batch: list[ScanTask]) -> list[Outcome]:
        """Put lost scans back; those that were lost too often get an outcome."""
        given_up = [task for task in batch if not self._queue.put_back_lost(task)]
        return [self._without_scan(task, Status.WORKER_LOST, DIED) for task in given_up]

    def _isolate(self, batch: list[ScanTask], status: Status, reason: str) -> list[Outcome]:
        """Scan them once more, each while nothing else runs; if that fails too, no neighbour is to blame."""
        given_up = [task for task in batch if not self._queue.isolate(task)]
        return [self._without_scan(task, status, reason) for task in given_up]

    def _without_scan(self, task: ScanTask, status: Status, reason: str) -> Outcome:
        return Outcome.without_scan(task.matched, self._context.lines, status, reason, attempt=task.attempt)

    def cancel(self) -> None:
        """Take back whatever is still on the cluster."""
        if self._running and self._client.status == "running":
            self._client.cancel(list(self._running))
        self._running.clear()

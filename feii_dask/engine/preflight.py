"""Preflight checks of a cluster: whether it can run the search, and what to do where it cannot."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dask.base import get_annotations
from dask.utils import format_bytes
from distributed import Client

from feii_dask._version import __version__
from feii_dask.config.plugins import digest_of, own_source, source_digest
from feii_dask.engine.code_upload import PACKAGE, upload_code, upload_package
from feii_dask.engine.dashboard_url import dashboard_answers, dashboard_link
from feii_dask.engine.workers import BASE_BYTES, scheduler_needed, wait_for_worker
from feii_dask.errors import ClusterError

__all__ = ["Check", "Verdict", "check_memory", "preflight", "require_same_python"]

log = logging.getLogger(__name__)

PACKAGES = ("dask", "distributed", "numpy", "scipy", "pandas", "pyarrow", "astropy", "s3fs", "fsspec")
PROBE_S = 60.0  # a trivial task takes milliseconds


class Verdict(StrEnum):
    """The result of a check."""

    GOOD = "ok"
    WARNING = "note"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table: what was checked, what was found, and what to do about it."""

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"\n{'':17}-> {self.remedy}" if self.remedy else ""
        return f"  {self.subject:10} {self.verdict:4} {self.found}{remedy}"


@scheduler_needed()
def preflight(client: Client, detector: str) -> list[Check]:
    """Check a cluster, print the table, and refuse one that cannot do the work.

    Parameters
    ----------
    client : distributed.Client
        The cluster; waited for until it has a worker.
    detector : str
        What the workers have to be able to import.

    Returns
    -------
    list of Check
        The rows of the table.

    Raises
    ------
    ClusterError
        If no worker comes, or a row is bad.
    """
    require_same_python(client)  # before anything of ours runs there: of the scheduler, which may have no workers yet
    wait_for_worker(client)
    checks = [check_workers(client), require_same_python(client), check_code(client)]
    if checks[-1].verdict is Verdict.GOOD:
        checks += [check_detector(client, detector), check_probe(client)]
    checks += [check_dashboard(client)]
    log_rows(logging.INFO, "the cluster, before the first cube:", *checks)
    raise_if_bad(checks)
    return checks


def require_same_python(client: Client) -> Check:
    """Compare the versions, without sending a function; raises `ClusterError` if the Pythons differ."""
    check = check_versions(client)
    raise_if_bad([check])
    return check


@scheduler_needed()
def check_memory(client: Client, scan_bytes: int) -> Check:
    """Check that the largest planned scan fits into a worker, as often as it has threads.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    scan_bytes : int
        What the scan of the largest cube takes.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    limited = [worker for worker in workers if worker["memory_limit"]]
    need = {worker["nthreads"]: BASE_BYTES + worker["nthreads"] * scan_bytes for worker in limited}
    short = [worker for worker in limited if worker["memory_limit"] < need[worker["nthreads"]]]
    if not short:
        check = Check("memory", Verdict.GOOD, f"the largest scan takes {format_bytes(scan_bytes)} of a worker")
    else:
        worker = min(short, key=lambda worker: worker["memory_limit"])
        check = Check(
            "memory",
            Verdict.WARNING,
            f"{len(short)} workers have {format_bytes(worker['memory_limit'])} for {worker['nthreads']} threads; the "
            f"largest cubes may take {format_bytes(need[worker['nthreads']])}",
            "fewer threads or more memory for each worker; a cube that does not fit is reported and the run goes on",
        )
    log_rows(logging.INFO if check.verdict is Verdict.GOOD else logging.WARNING, check)
    return check


def log_rows(level: int, *rows: object) -> None:
    """Log rows of the table; each of their lines is an argument, since one argument makes one line of the log."""
    lines = "\n".join(map(str, rows)).split("\n")
    log.log(level, "\n".join(["%s"] * len(lines)), *lines)


def raise_if_bad(checks: list[Check]) -> None:
    """Raise for what is bad."""
    bad = [check for check in checks if check.verdict is Verdict.BAD]
    if bad:
        raise ClusterError("; ".join(f"{check.subject}: {check.found} -> {check.remedy}" for check in bad))


def check_workers(client: Client) -> Check:
    """Count the workers."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    threads = sum(worker["nthreads"] for worker in workers)
    limits = [worker["memory_limit"] for worker in workers]
    memory = format_bytes(sum(limits)) if all(limits) else "no limit of memory"
    return Check("workers", Verdict.GOOD, f"{len(workers)} with {threads} threads and {memory}")


def check_code(client: Client) -> Check:
    """Check that scheduler and workers have this code, and send it where it is lacking."""
    missing = import_problems(client)
    if missing:
        log.info("feii_dask is missing on %s: sending this copy, %s", " and ".join(missing), PACKAGE)
        upload_package(client, missing)
        missing = import_problems(client)
        found = f"sent to the cluster, which has no feii_dask of its own ({__version__})"
    else:
        found = f"feii_dask {__version__} on scheduler and workers"
    if missing:
        reasons = "; ".join(f"{place}: {reason}" for place, reason in missing.items())
        is_other = any("feii_dask is" in reason for reason in missing.values())
        remedy = (
            "they have imported it already: restart scheduler and workers from this code"
            if is_other
            else "use an image with feii_dask's dependencies installed"
        )
        return Check("code", Verdict.BAD, reasons, remedy)
    return Check("code", Verdict.GOOD, found)


def import_problems(client: Client) -> dict[str, str]:
    """Return where the package cannot be imported, and why."""
    mine, my_digest = __version__, source_digest(PACKAGE)

    # A worker that adaptive scaling takes away meanwhile is no problem.
    # A function inside of a function travels as code; any other one would need the package to be there.
    def problem() -> str:
        try:
            import feii_dask.engine.executor  # noqa: F401, PLC0415
            from feii_dask._version import __version__ as other  # noqa: PLC0415
        except ImportError as error:
            return str(error)
        if other != mine:
            return f"feii_dask is {other} there, and {mine} here"
        with suppress(ImportError):  # of a checkout that has no such functions yet
            from feii_dask.config.plugins import source_digest  # noqa: PLC0415
            from feii_dask.engine.code_upload import PACKAGE  # noqa: PLC0415

            if source_digest(PACKAGE) == my_digest:
                return ""
        return f"feii_dask is another checkout of version {mine} there"

    found = {"scheduler": client.run_on_scheduler(problem)}
    found["workers"] = next((reason for reason in client.run(problem, on_error="ignore").values() if reason), "")
    return {place: reason for place, reason in found.items() if reason}


def check_detector(client: Client, detector: str) -> Check:
    """Check that the workers can import the detector, and send a user's own where it is lacking or another."""
    reason, sent, source = detector_problem(client, detector), "", own_source(detector)
    if reason and source is not None:
        log.info("the detector %s is sent to the workers: %s", detector, source)
        upload_code(client, source)
        reason, sent = detector_problem(client, detector), ", sent from here"
    if reason:
        remedy = "what it imports must be installed there, be in the same package, or be found by PYTHONPATH"
        return Check("detector", Verdict.BAD, f"on the workers: {reason}", remedy)
    return Check("detector", Verdict.GOOD, f"{detector} on the workers{sent}")


def detector_problem(client: Client, detector: str) -> str:
    """Return why the workers cannot use the detector as it is here; nothing if they can."""
    here = digest_of(detector)

    def problem() -> str:
        from feii_dask.config.plugins import digest_of  # noqa: PLC0415
        from feii_dask.detectors.registry import load_detector  # noqa: PLC0415
        from feii_dask.errors import DetectorError  # noqa: PLC0415

        try:
            load_detector(detector, fresh=True)
        except DetectorError as error:
            return str(error)
        return "" if digest_of(detector) == here else f"{detector} is another version there"

    return next((reason for reason in client.run(problem, on_error="ignore").values() if reason), "")


def check_probe(client: Client) -> Check:
    """Check that a trivial task runs; one whose resources nobody offers would wait for ever."""
    future = client.submit(int, pure=False)
    try:
        future.result(timeout=PROBE_S)
    except TimeoutError:
        asked = get_annotations().get("resources")
        found = f"does not run; no worker offers the resources {asked}" if asked else "does not run"
        return Check("a task", Verdict.BAD, found, "start workers that offer them, or leave the annotation out")
    finally:
        future.release()
    return Check("a task", Verdict.GOOD, "runs")


def check_versions(client: Client) -> Check:
    """Compare Python and packages on client, scheduler and workers."""
    versions: Any = client.get_versions(packages=list(PACKAGES))
    here = compared_versions(versions["client"])
    places = [("scheduler", versions["scheduler"]), *versions["workers"].items()]
    differences = dict.fromkeys(
        f"{name} {version} on the {'scheduler' if place == 'scheduler' else 'workers'}, {here[name]} here"
        for place, information in places
        for name, version in compared_versions(information).items()
        if version != here[name]
    )
    if not differences:
        return Check("versions", Verdict.GOOD, f"equal everywhere: Python {here['python']}, dask {here['dask']}")
    other_python = any(difference.startswith("python") for difference in differences)
    remedy = "install the same versions here as in the cluster's image, or choose another image"
    return Check("versions", Verdict.BAD if other_python else Verdict.WARNING, "; ".join(differences), remedy)


def compared_versions(information: dict[str, Any]) -> dict[str, str]:
    """Return what has to agree; of Python, what two of its versions do not understand of each other."""
    packages = information["packages"]
    python = ".".join(str(packages["python"]).split(".")[:2])
    return {"python": python} | {name: str(packages.get(name)) for name in PACKAGES}


def check_dashboard(client: Client) -> Check:
    """Check that the dashboard answers."""
    link = dashboard_link(client)
    if not link:
        return Check("dashboard", Verdict.WARNING, "none", "pip install bokeh where the scheduler runs")
    if dashboard_answers(client, link):
        return Check("dashboard", Verdict.GOOD, link)
    remedy = "the search runs without it; behind a proxy, DASK_DISTRIBUTED__DASHBOARD__LINK says how it is reached"
    return Check("dashboard", Verdict.WARNING, f"{link} does not answer from here", remedy)

"""Connection to the cluster that the settings choose, which is started if need be."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from types import ModuleType

import dask.config
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, get_worker
from distributed.system import MEMORY_LIMIT

from feii_dask.config.cluster_settings import ClusterSettings
from feii_dask.config.settings import Settings
from feii_dask.engine.script_guard import GUARD, refuse_in_worker_process
from feii_dask.engine.worker_exit import PatientNanny, QuickExit
from feii_dask.engine.workers import patience_with_restarts
from feii_dask.errors import ClusterError, SettingsError

__all__ = ["connect", "gateways"]

GIGABYTE = 10**9
ANSWER = "20s"  # of a scheduler
# A worker keeps a tree of all threads' calls for each of the last 3600 seconds, some hundred kilobytes each, and takes
# 8 % of the time in which it holds the interpreter's lock to make them.
UNPROFILED = {"distributed.worker.profile.enabled": False}


@contextmanager
def connect(settings: Settings, client: Client | None = None) -> Iterator[Client]:
    """Yield a client of the cluster that the settings choose.

    A cluster that is started here is closed at the end, whatever happens; one that was there before is not.

    Parameters
    ----------
    settings : Settings
        Its `cluster` names one of its `clusters`.
    client : distributed.Client, optional
        A client that is there already; it is handed through and stays open.

    Raises
    ------
    SettingsError
        If a gateway does not offer what was asked for.
    ClusterError
        If the cluster cannot be started or reached.
    """
    with patience_with_restarts():
        if client is not None:
            require_usable(client)
            yield client
            return
        refuse_in_task()
        with open_cluster(settings) as started:
            yield started


@contextmanager
def open_cluster(settings: Settings) -> Iterator[Client]:
    """Start or reach the cluster that the settings choose."""
    chosen = settings.chosen_cluster
    if chosen.kind == "gateway":
        with gateways(settings) as gateway, gateway.gateway_client(settings) as client:
            yield client
        return
    with dask.config.set(UNPROFILED), dask.config.set(dask_sections(settings)), start(chosen) as client:
        yield client


def require_usable(client: Client) -> None:
    """Refuse a client that a search cannot wait for."""
    if client.asynchronous:
        raise SettingsError("the client is asynchronous, and a search waits for its answers: give it  Client(address)")
    if client.status != "running":
        raise ClusterError(f"the client is {client.status}: connect a new one, or leave it out to start a cluster")


def refuse_in_task() -> None:
    """Refuse to start a cluster inside of a task of another."""
    with suppress(ValueError):  # there is no worker, or no task
        get_worker()
        raise ClusterError(
            "a search inside of a Dask task takes the task's own client:  with worker_client() as client: "
            "fd.search(settings, client)"
        )


@contextmanager
def gateways(settings: Settings) -> Iterator[ModuleType]:
    """Yield the module `feii_dask.engine.gateway`, while the settings' sections for it hold.

    Raises
    ------
    SettingsError
        If dask-gateway is not installed, or the settings choose another kind of cluster.
    """
    try:
        from feii_dask.engine import gateway  # noqa: PLC0415 - dask-gateway is an extra, and brings its own defaults
    except ImportError as error:
        raise SettingsError(f"kind gateway needs dask-gateway ({error}): pip install 'feii_dask[gateway]'") from error
    if settings.chosen_cluster.kind != "gateway":
        raise SettingsError(f"cluster {settings.cluster!r} is of kind {settings.chosen_cluster.kind}, not gateway")
    with dask.config.set(dask_sections(settings)):
        yield gateway


def dask_sections(settings: Settings) -> dict[str, object]:
    """Return Dask's own sections of ``cluster.yaml``, laid over the present configuration."""
    # Section by section: a client that closes in another thread takes its own out of the configuration meanwhile.
    present = {name: dask.config.get(name, {}) for name in settings.dask_config}
    merged: dict[str, object] = dask.config.merge(present, settings.dask_config)
    return merged


@contextmanager
def start(chosen: ClusterSettings) -> Iterator[Client]:
    """Start a cluster on this machine, or reach one by its address, and leave it as it was found."""
    if chosen.kind == "address":
        if "@" in str(chosen.address):
            raise ClusterError(f"no scheduler answers at {chosen.address!r}: its address takes no user, leave it out")
        try:
            client = Client(chosen.address, timeout=ANSWER)
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            raise ClusterError(
                f"no scheduler answers at {chosen.address!r}: {first_line(error)}{tls_hint(str(chosen.address))}"
            ) from error
        with client:
            yield client
        return
    with local_cluster(chosen) as cluster, Client(cluster) as client:
        client.register_plugin(QuickExit())
        if chosen.adapt:
            fewest, most = chosen.adapt
            cluster.adapt(minimum=max(fewest, 1), maximum=most)  # the shared data need a holder
        yield client


def first_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def tls_hint(address: str) -> str:
    """Return what may be the matter with the encryption of an address that nobody answers at."""
    if not address.startswith("tls://"):
        return "; if it speaks TLS, its address begins with tls://"
    if not dask.config.get("distributed.comm.tls.ca-file", None):
        return "; TLS needs certificates:  distributed: {comm: {tls: {ca-file: …, client: {cert: …, key: …}}}}"
    return ""


def local_cluster(chosen: ClusterSettings) -> LocalCluster:
    """Start worker processes on this machine, reachable from this machine only."""
    refuse_in_worker_process()
    most = chosen.adapt[1] if chosen.adapt else chosen.workers or CPU_COUNT
    workers = chosen.adapt[0] if chosen.adapt else most
    with warnings.catch_warnings():
        # Another cluster has the port; Dask takes a free one, and the link that is printed says which.
        warnings.filterwarnings("ignore", message=r"(?s).*Port \d+ is already in use")
        try:
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=chosen.threads,
                memory_limit=chosen.memory or memory_per_worker(most),
                host="127.0.0.1",
                dashboard_address=chosen.dashboard,
                security=is_encrypted(chosen) or None,
                worker_class=PatientNanny,
            )
        except ImportError as error:
            raise ClusterError(
                f"security needs the package cryptography ({error}): pip install it, or set  security: false  where "
                "nobody else can log in"
            ) from error
        except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:  # the latter for odd settings of Dask
            raise ClusterError(
                f"the local cluster did not start ({workers} workers): {first_line(error)}; in a script, {GUARD}"
            ) from error


def is_encrypted(chosen: ClusterSettings) -> bool:
    """Whether the processes have certificates of their own, without which every user of the machine may command them.

    It costs 0.3 s at the start, and no time in a search that could be told from the noise.
    """
    return find_spec("cryptography") is not None if chosen.security is None else chosen.security


def memory_per_worker(workers: int) -> int:
    """Share the container's memory between the workers, and leave room for everybody else.

    The room is what Fornax's out-of-memory watchdog wants free (1 GB below 16 GB, 2.5 GB above), once more for
    the client and the scheduler.
    """
    margin = GIGABYTE if MEMORY_LIMIT < 16 * GIGABYTE else 2.5 * GIGABYTE
    return max(int((MEMORY_LIMIT - 2 * margin) / workers), GIGABYTE // 2)

"""Clusters of a dask-gateway: started, listed, scaled and stopped.

The gateway's address and authentication are Dask's own settings (``gateway:`` in ``cluster.yaml``).
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import dask.config
from dask_gateway import Gateway, GatewayCluster, GatewayClusterError, GatewayServerError
from dask_gateway.client import ClusterReport
from distributed import Client

from feii_dask.config.cluster_settings import ClusterSettings
from feii_dask.config.settings import Settings
from feii_dask.engine.gateway_options import options_for, without_values
from feii_dask.errors import ClusterError, SettingsError

__all__ = ["describe", "gateway_client", "list_clusters", "start_cluster", "stop_clusters"]

log = logging.getLogger(__name__)

DEFAULT_WORKERS = 4
MOST_DEFERRED = 2  # signals
UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError, GatewayServerError)


@contextmanager
def gateway_client(settings: Settings) -> Iterator[Client]:
    """Yield a client of a gateway's cluster: of the one that is named, or of a new one.

    A new one is stopped at the end unless the settings say `detach`; one that was there before never is.

    Parameters
    ----------
    settings : Settings
        They choose a cluster of kind gateway. What they say of ``distributed`` is handed on to scheduler and workers.

    Raises
    ------
    SettingsError
        If the gateway does not offer what was asked for.
    ClusterError
        If it cannot be reached, or the cluster does not start.
    """
    chosen = settings.chosen_cluster
    with open_gateway() as gateway:
        name = chosen.name
        try:
            if name is None:
                with signals_deferred():
                    name = submit(gateway, settings)
            with connect_to(gateway, name) as cluster:
                if chosen.name is None:
                    scale(cluster, chosen, at_least=1)  # the shared data need a holder
                with cluster.get_client() as client:
                    yield client
        finally:
            if chosen.name is None and name is not None and not settings.detach:
                stop(gateway, name)
            elif chosen.name is None and name is not None:
                log.info("cluster %s still runs: stop it with  feii-dask clusters stop %s", name, name)


def list_clusters() -> list[ClusterReport]:
    """Return the clusters of the gateway that run, or are about to."""
    with open_gateway() as gateway, gateway_needed():
        return list(gateway.list_clusters())


def describe(report: ClusterReport) -> str:
    """Return name, status, age and dashboard of a cluster, in a line."""
    status, since = report.status.name.lower(), f"{report.start_time:%Y-%m-%d %H:%M}"
    return f"{report.name}  {status}  since {since}  {report.dashboard_link or 'no dashboard yet'}"


def start_cluster(settings: Settings) -> ClusterReport:
    """Start a cluster that stays until it is stopped."""
    with open_gateway() as gateway:
        name = None
        try:
            with signals_deferred():
                name = submit(gateway, settings)
            with connect_to(gateway, name) as cluster:
                scale(cluster, settings.chosen_cluster)
            return gateway.get_cluster(name)
        except BaseException:
            if name is not None:
                stop(gateway, name)
            raise


def stop_clusters(names: tuple[str, ...]) -> None:
    """Stop clusters by their names."""
    with open_gateway() as gateway, gateway_needed():
        unknown = set(names) - {report.name for report in gateway.list_clusters()}
        if unknown:
            raise SettingsError(f"no cluster {', '.join(sorted(unknown))} runs there; see  feii-dask clusters list")
        for name in names:
            gateway.stop_cluster(name)


@contextmanager
def gateway_needed() -> Iterator[None]:
    """Raise a `ClusterError` where the gateway does not answer."""
    try:
        yield
    except UNREACHABLE as error:
        address = dask.config.get("gateway.address")
        raise ClusterError(f"the gateway at {address} cannot be used: {error or type(error).__name__}") from error


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Defer Ctrl-C and SIGTERM to the end: nobody could stop a cluster whose name has not arrived yet.

    The third one is not deferred, for a gateway that does not answer.
    """
    if threading.current_thread() is not threading.main_thread():  # signals go to the main thread
        yield
        return
    caught: list[int] = []

    def defer(number: int, _frame: object) -> None:
        caught.append(number)
        if len(caught) == MOST_DEFERRED + 1:
            caught.clear()
            restore()
            signal.raise_signal(number)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, defer) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        restore()
    if caught:
        signal.raise_signal(caught[0])


@contextmanager
def open_gateway() -> Iterator[Gateway]:
    """Yield the gateway that Dask's settings name."""
    try:
        gateway = Gateway()
    except Exception as error:  # the package that auth names may raise anything
        raise SettingsError(f"the gateway cannot be used: {error}; {gateway_remedy(error)}") from error
    try:
        yield gateway
    finally:
        gateway.close()
        prevent_second_close(gateway)


def gateway_remedy(error: Exception) -> str:
    """Return what to do where Dask's settings of the gateway do not work."""
    if "JUPYTERHUB_API_TOKEN" in str(error):
        return "the token is missing: work inside of JupyterHub, or set JUPYTERHUB_API_TOKEN"
    if isinstance(error, (ImportError, AttributeError, TypeError)):
        auth = dask.config.get("gateway.auth.type", None)
        return f"gateway: {{auth: {{type: {auth}}}}} must be basic, kerberos, jupyterhub or an installed package.Class"
    return "cluster.yaml needs  gateway: {address: https://…}"


def prevent_second_close(gateway: Gateway) -> None:
    """Keep a closed gateway from closing itself again when it is collected, which prints an exception."""
    vars(gateway).pop("_loop_runner", None)


def submit(gateway: Gateway, settings: Settings) -> str:
    """Ask for a new cluster, and return its name."""
    with gateway_needed():
        offered = set(gateway.cluster_options(use_local_defaults=False))
        options = options_for(settings.chosen_cluster, settings.dask_config, offered)
        try:
            name: str = gateway.submit(**options)
        except ValueError as error:
            reason = without_values(str(error), options)
            raise SettingsError(f"the gateway refuses the cluster's options: {reason}") from error
    log.info("cluster %s starts", name)
    return name


@contextmanager
def connect_to(gateway: Gateway, name: str) -> Iterator[GatewayCluster]:
    """Yield a running cluster, once it does run; leaving does not stop it."""
    with gateway_needed():
        try:
            cluster = gateway.connect(name)
        except (GatewayClusterError, ValueError) as error:
            raise ClusterError(f"the gateway's cluster {name} cannot be used: {error}") from error
    try:
        yield cluster
    finally:
        try:
            cluster.close(shutdown=False)
        finally:
            prevent_second_close(cluster.gateway)


def scale(cluster: GatewayCluster, chosen: ClusterSettings, at_least: int = 0) -> None:
    """Give a cluster its workers; an adaptive one keeps a few in any case."""
    with gateway_needed():
        if chosen.adapt:
            fewest, most = chosen.adapt
            cluster.adapt(minimum=max(fewest, at_least), maximum=most)
        else:
            cluster.scale(chosen.workers or DEFAULT_WORKERS)


def stop(gateway: Gateway, name: str) -> None:
    """Stop a cluster of ours; if that is impossible, say who has to, and let any exception go on its way."""
    try:
        with signals_deferred():
            gateway.stop_cluster(name)
    except (*UNREACHABLE, GatewayClusterError, ValueError) as error:
        log.warning("cluster %s was not stopped (%s): try  feii-dask clusters stop %s", name, error, name)

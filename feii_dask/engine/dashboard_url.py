"""The URL of the dashboard as a browser reaches it, and whether it answers."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from typing import Any

import dask.config
from distributed import Client

__all__ = ["dashboard_answers", "dashboard_link"]

ANSWER_S = 10.0  # a busy scheduler takes a second over its page, and there are proxies and oceans


def dashboard_link(client: Client) -> str:
    """Return the dashboard's address, empty where there is none.

    A site's own ``DASK_DISTRIBUTED__DASHBOARD__LINK``, such as Fornax's, is respected; under another JupyterHub the
    dashboard of a cluster on the same machine is behind JupyterHub's proxy.
    """
    hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if hub and local_port(client) and is_default_template():
        return f"{hub.rstrip('/')}/proxy/{local_port(client)}/status"
    if is_default_template() and (link := ipv6_link(client)):
        return link
    try:
        return client.dashboard_link or ""
    except KeyError:  # the template names a variable that is not set here
        return f"http://127.0.0.1:{local_port(client)}/status" if local_port(client) else ""


def dashboard_answers(client: Client, link: str) -> bool:
    """Whether the dashboard answers, be it that one has to log in first.

    On this machine its own port is asked, since a link through JupyterHub opens in the user's browser only.
    """
    if local_port(client):
        return url_answers(f"http://127.0.0.1:{local_port(client)}/health", urllib.request.ProxyHandler({}))
    return link.startswith(("http://", "https://")) and url_answers(link)


def ipv6_link(client: Client) -> str:
    """Return the dashboard's address on a scheduler of an IPv6 address, which Dask's own template cuts short."""
    address = str(client.scheduler.address) if client.scheduler else ""
    host = re.match(r"\w+://(\[[0-9a-f:.]+\]):", address, re.IGNORECASE)
    port = client.scheduler_info().get("services", {}).get("dashboard") if host else None
    return f"http://{host[1]}:{port}/status" if host and port else ""


def local_port(client: Client) -> int | None:
    """Return the dashboard's port if the scheduler listens on this machine's loopback."""
    address = str(client.scheduler.address) if client.scheduler else ""
    if "://127.0.0.1:" not in address or address.startswith("gateway:"):  # that one is behind the gateway's proxy
        return None
    port: int | None = client.scheduler_info().get("services", {}).get("dashboard")
    return port


def is_default_template() -> bool:
    """Whether nobody has configured how the dashboard is reached."""
    delivered: dict[str, Any] = dask.config.merge(*dask.config.defaults)
    name = "distributed.dashboard.link"
    return bool(dask.config.get(name) == dask.config.get(name, config=delivered))


def url_answers(address: str, *handlers: urllib.request.BaseHandler) -> bool:
    """Whether anything answers there."""
    try:
        urllib.request.build_opener(*handlers).open(address, timeout=ANSWER_S).close()
    except urllib.error.HTTPError as error:
        return error.code in {401, 403}
    except (OSError, ValueError):
        return False
    return True

"""A real dask-gateway on this machine, for as long as a test needs it.

Its clusters are processes of this user (dask-gateway's ``UnsafeLocalBackend``), in a directory of their own by which
they are found again: a gateway that is killed leaves its schedulers and workers behind.
"""

from .server import GatewayServer

__all__ = ["GatewayServer"]

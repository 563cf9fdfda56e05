"""The gateway in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import ProxyHandler, build_opener

import yaml

__all__ = ["GatewayServer"]

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable

# Without --host a worker listens to the world; without --local-directory all clusters of a machine share the
# directory that uploaded code is put into. Periods are short, so that tests need not wait.
CONFIG = f"""
from dask_gateway_server.options import Float, Integer, Mapping, Options, String

c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.address = "127.0.0.1:{{inner}}"
c.Proxy.address = "127.0.0.1:{{port}}"
c.UnsafeLocalBackend.clusters_directory = {{directory!r}}
c.UnsafeLocalBackend.sigint_timeout = 3
c.UnsafeLocalBackend.cluster_heartbeat_period = 1
c.UnsafeLocalBackend.cluster_heartbeat_timeout = 60
c.UnsafeLocalBackend.cluster_status_period = 2
c.UnsafeLocalBackend.worker_status_period = 2
c.UnsafeLocalBackend.check_timeouts_period = 2
c.ClusterConfig.adaptive_period = 1
c.ClusterConfig.scheduler_cmd = [{PYTHON!r}, "-m", "distributed.cli.dask_scheduler"]
c.ClusterConfig.worker_cmd = [
    {PYTHON!r}, "-m", "distributed.cli.dask_worker", "--host", "127.0.0.1", "--local-directory", "."
]
c.Backend.cluster_options = Options(
    Integer("worker_cores", 2, min=1, max=4),
    Float("worker_memory", 1.0, min=0.1, max=4, label="GB"),
    String("image", "", label="not used here"),
    Mapping("environment", {{{{}}}}),
    handler=lambda options: {{{{
        "worker_cores": options.worker_cores,
        "worker_memory": f"{{{{options.worker_memory}}}} G",
        "environment": options.environment,
    }}}},
)
"""


class GatewayServer:
    """A dask-gateway on 127.0.0.1.

    Parameters
    ----------
    directory : Path
        For its configuration, its log, and its clusters.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        inner, self.port = free_ports(2)
        self._clusters = self.directory / "clusters"
        self._clusters.mkdir()
        config = CONFIG.format(inner=inner, port=self.port, directory=str(self._clusters))
        (directory / "dask_gateway_config.py").write_text(config)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        with (self.directory / "gateway.log").open("wb") as log:
            self.process = subprocess.Popen(
                [PYTHON, "-m", "dask_gateway_server", "-f", "dask_gateway_config.py"],
                cwd=self.directory,
                stdout=log,
                stderr=log,
                env={name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            )
        opener = build_opener(ProxyHandler({}))
        deadline = time.monotonic() + 300
        while True:
            try:
                opener.open(f"{self.address}/api/health", timeout=5).close()
            except OSError:  # URLError, or what urllib raises of a connection that is silent or closed
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log_text = (self.directory / "gateway.log").read_text()
                    self.kill()
                    raise RuntimeError(f"the gateway did not start:\n{log_text}") from None
                time.sleep(0.1)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reap()

    def kill(self) -> None:
        """Kill the gateway and its proxy at once; schedulers and workers stay, and nobody minds them."""
        self.process.kill()
        self.process.wait()
        for pid in set(self._processes_in(self.directory)) - set(self.processes()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def reap(self) -> None:
        """Kill whatever was left behind."""
        for pid in self._processes_in(self.directory):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self, word: str = "") -> list[int]:
        """Return the schedulers, nannies and workers whose command contains a word."""
        return [pid for pid, command in self._processes_in(self._clusters).items() if word in command]

    def _processes_in(self, directory: Path) -> dict[int, str]:
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                here = (entry / "cwd").resolve(strict=True)
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # no process, one that has just ended, or somebody else's
                continue
            stranger = not entry.name.isdigit() or int(entry.name) == os.getpid()
            if not stranger and command and here.is_relative_to(directory.resolve()):
                found[int(entry.name)] = command
        return found

    def settings(self, **cluster: Any) -> dict[str, Any]:
        """Return what cluster.yaml has to say to use this gateway, with the keys of its cluster."""
        cluster.setdefault("environment", {"PYTHONPATH": str(ROOT)})
        return {
            "feii-dask": {"cluster": "gateway", "clusters": {"gateway": cluster}},
            "gateway": {"address": self.address, "http-client": {"proxy": False}},
        }

    def write_settings(self, path: Path, **cluster: Any) -> Path:
        """Write these settings to a file."""
        path.write_text(yaml.safe_dump(self.settings(**cluster)))
        return path


def free_ports(number: int) -> list[int]:
    """Return ports that nobody uses at the moment."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

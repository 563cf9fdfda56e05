"""What goes wrong in the middle of a run: the deeds behind the names of the fault matrix."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distributed import Client

from tests.engine.detectors import HOG
from tests.replica import BUCKET
from tests.skies import write_uniform_cube
from tests.stress.world import World

__all__ = [
    "Scene",
    "fill_disk",
    "kill_for_long",
    "kill_scheduler",
    "lose_names",
    "retire_a_worker",
    "spoil",
    "stop_scheduler",
    "storm",
    "trickle",
]


@dataclass(frozen=True)
class Scene:
    """What a saboteur finds: the world, the client in the middle of its run, and the cubes that nobody has read yet."""

    world: World
    client: Client
    kind: str

    @property
    def victim(self) -> str:
        """The cube that faults of one cube belong to: the last, which is not read yet in the middle of a run."""
        return self.world.cubes[-1]

    def worker_pids(self) -> list[int]:
        return list(self.client.run(os.getpid).values())

    def kill_workers(self, number: int, kind: signal.Signals = signal.SIGKILL) -> None:
        for pid in self.worker_pids()[:number]:
            os.kill(pid, kind)


def kill_scheduler(scene: Scene) -> None:
    if scene.kind == "gateway":
        for pid in scene.world.gateway.processes("dask_scheduler"):
            os.kill(pid, signal.SIGKILL)
    else:  # it lives in this process
        cluster = scene.client.cluster
        cluster.loop.add_callback(cluster.scheduler.close)


def kill_for_long(scene: Scene, number: int) -> None:
    """Kill workers that come back late, as they do from a file system on the network or on a busy node."""
    scene.world.slow_start.touch()
    scene.kill_workers(number)


def storm(scene: Scene, kind: str, seconds: float = 3.0, **options: object) -> None:
    scene.world.replica.inject(kind, BUCKET, **options)
    time.sleep(seconds)
    scene.world.replica.reset()


def spoil(scene: Scene, kind: str) -> None:
    path = scene.world.cube_path(scene.victim)
    content = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "corrupted":
        path.write_bytes(content.replace(b"NAXIS3  =                  120", b"NAXIS3  =                   no"))
    else:
        write_uniform_cube(path, HOG)


def fill_disk(_scene: Scene) -> None:
    """Let this process write no file beyond a few bytes, as a full disk would, until the run has ended."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))


def retire_a_worker(scene: Scene) -> None:
    """Take one away as adaptive scaling does: politely, with what it holds."""
    scene.client.retire_workers([next(iter(scene.client.nthreads()))])


def stop_scheduler(scene: Scene, seconds: float) -> None:
    """Stop the scheduler's process for a while, as a machine that swaps does."""
    pids = scene.world.scheduler_pids(scene.kind)
    for number, pause in ((signal.SIGSTOP, seconds), (signal.SIGCONT, 0.0)):
        for pid in pids:
            os.kill(pid, number)
        time.sleep(pause)


def trickle(scene: Scene, bytes_per_s: float, seconds: float) -> None:
    """Slow all connections down."""
    scene.world.replica.slow_down(bytes_per_s=bytes_per_s)
    time.sleep(seconds)
    scene.world.replica.slow_down()


def lose_names(scene: Scene, seconds: float) -> None:
    """Let workers find no host by its name, as without a name server; they need one now, to reach the proxy."""
    scene.client.run(break_names, scene.world.replica.port, seconds)


def break_names(port: int, seconds: float) -> None:
    """Break the resolution of names in this process."""
    found: Callable[..., Any] = socket.getaddrinfo
    until = time.monotonic() + seconds

    def find(host: Any, *words: Any, **options: Any) -> Any:
        if host in ("localhost", b"localhost") and time.monotonic() < until:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return found(host, *words, **options)

    socket.getaddrinfo = find
    os.environ |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), f"http://localhost:{port}")

"""An object store on this machine that is as far away, and as slow, as one wishes.

It speaks as much of S3 over plain HTTP as s3fs and boto3 need to read objects. It is a process of its own and costs
little: the pages of a file go from the page cache to the socket, so that the two cores belong to those who read.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from urllib.request import ProxyHandler, build_opener

__all__ = ["ObjectStore"]

ROOT = Path(__file__).resolve().parents[2]
PIECE_S = 0.01  # a connection's share of time that is sent at once
CONTROL = "/-/"


class Store:
    """What is served, and what it has cost."""

    def __init__(self, directory: Path) -> None:
        self.paths = {path.name: path for path in directory.rglob("*.fits")}
        self.latency_s, self.bytes_per_s = 0.0, 0.0
        self.requests, self.bytes, self.seen = 0, 0, {"connections": 0}
        self._maps: dict[Path, mmap.mmap] = {}

    def content(self, name: str) -> mmap.mmap | None:
        """Return an object by its name; many names may be links to one file."""
        if name not in self.paths:
            return None
        path = self.paths[name].resolve()
        if path not in self._maps:
            with path.open("rb") as file:
                self._maps[path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._maps[path]

    def control(self, target: str) -> dict[str, float]:
        """Set the network, and return what was counted since the last time."""
        for key, values in parse_qs(urlsplit(target).query).items():
            setattr(self, key, float(values[0]))
        counted = {"requests": self.requests, "bytes": self.bytes}
        self.requests = self.bytes = 0
        return counted


class Connection(asyncio.Protocol):
    """Answers one request after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.received = b""
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if end:
            self.received = rest
            self.answer(head.decode("latin-1"))

    def answer(self, head: str) -> None:
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        if target.startswith(CONTROL):
            self.reply("200 OK", json.dumps(self.store.control(target)).encode())
            return
        self.store.requests += 1
        self.loop.call_later(self.store.latency_s, self.send, method, urlsplit(target).path, head)

    def send(self, method: str, path: str, head: str) -> None:
        content = self.store.content(path.rpartition("/")[2])
        if content is None:
            self.reply("404 Not Found", b"" if method == "HEAD" else b"<Error><Code>NoSuchKey</Code></Error>")
            return
        size = len(content)
        asked = re.search(r"^range: *bytes=(\d+)-(\d*)", head, re.IGNORECASE | re.MULTILINE)
        start = int(asked[1]) if asked else 0
        stop = min(int(asked[2]) + 1, size) if asked and asked[2] else size
        if start >= size:
            self.reply("416 Requested Range Not Satisfiable", b"")
            return
        extra = f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n" if asked else ""
        self.head("206 Partial Content" if asked else "200 OK", stop - start, extra)
        if method != "HEAD":
            self.store.bytes += stop - start
            self.pour(memoryview(content)[start:stop], self.loop.time())

    def pour(self, rest: memoryview, due: float) -> None:
        """Send a piece now, and the others when the connection's speed allows."""
        rate = self.store.bytes_per_s
        piece = int(rate * PIECE_S) if rate else len(rest)
        if self.transport.is_closing():
            return
        self.transport.write(rest[:piece])
        if piece < len(rest):
            due += PIECE_S
            self.loop.call_at(due, self.pour, rest[piece:], due)

    def reply(self, status: str, body: bytes) -> None:
        self.head(status, len(body))
        self.transport.write(body)

    def head(self, status: str, length: int, extra: str = "") -> None:
        lines = f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{extra}Accept-Ranges: bytes\r\n"
        lines += 'ETag: "1"\r\nLast-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Type: application/fits\r\n\r\n'
        self.transport.write(lines.encode())


async def serve(directory: Path) -> None:
    """Serve until standard input ends; print the port when ready."""
    store, loop = Store(directory), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(store), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


class ObjectStore:
    """The store, seen from the benchmark that runs it.

    Parameters
    ----------
    directory : Path
        Every FITS file below it is an object, by its name, in any bucket and under any prefix.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.benchmarks.speed_store", str(self.directory)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe)
        assert self._process.stdout is not None
        self.address = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def network(self, latency_s: float = 0.0, bytes_per_s: float = 0.0) -> None:
        """Let every request wait, and every connection be slow; 0 is as fast as the machine."""
        self._control(f"?latency_s={latency_s}&bytes_per_s={bytes_per_s}")

    def counted(self) -> dict[str, int]:
        """Return requests and bytes since the last time."""
        return self._control("")

    @contextmanager
    def found(self) -> Iterator[None]:
        """Lead boto3 and s3fs of this process, and of those it starts, to the store."""
        here = {
            "AWS_ENDPOINT_URL_S3": self.address,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
        before = {name: os.environ.get(name) for name in here}
        os.environ.update(here)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value

    def _control(self, query: str) -> Any:
        with build_opener(ProxyHandler({})).open(f"{self.address}{CONTROL}{query}", timeout=10) as answer:
            return json.load(answer)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))

"""A web server, good enough for an object store too, that misbehaves on demand."""

from __future__ import annotations

import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_LINGER, SOL_SOCKET
from urllib.parse import urlsplit


@dataclass
class FaultyServer:
    """Serves byte ranges of ``files``; each request uses up one of ``faults``, the last of which stays if ``for_ever``.

    `retry_after`, if any, is what answers with a status ask for; `etag` is that of all files. A fault is a status code,
    or ``"stall"``, ``"trickle"``, ``"reset"``, ``"cut"`` (half of the body) ``"whole"`` (Range ignored), ``"shifted"``
    (another part, and called so), ``"grown"`` (a part of a longer file) or ``"unlabelled"`` (nothing said of which part
    it is).
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[int | str] = field(default_factory=list)
    for_ever: bool = False
    retry_after: str = ""
    etag: str = ""
    log: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, Range
    port: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def behave(self) -> None:
        self.files, self.faults, self.for_ever, self.log = {}, [], False, []
        self.retry_after = self.etag = ""

    def next_fault(self) -> int | str | None:
        if not self.faults:
            return None
        return self.faults[0] if self.for_ever else self.faults.pop(0)


def make_handler(server: FaultyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            server.log.append(("HEAD", self.path, ""))
            self.send_error(405)

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            server.log.append(("GET", self.path, wanted))
            body = server.files.get(urlsplit(self.path).path)  # a proxy is asked for whole addresses
            fault = server.next_fault()
            if isinstance(fault, int) or body is None:
                self.answer(fault if isinstance(fault, int) else 404, b"")
            elif fault == "stall":
                server.stopped.wait(30)
            elif fault == "reset":
                self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
            elif fault == "whole" or not wanted:
                self.answer(200, body)
            else:
                self.send_range(body, wanted, str(fault))

        def send_range(self, body: bytes, wanted: str, fault: str) -> None:
            first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
            part = body[first : last + 1]
            if not part:
                self.answer(416, b"")
                return
            if fault == "shifted":
                first = max(0, first - 80) or first + 80
                part = body[first : first + len(part)]
            self.send_response(206)
            if fault != "unlabelled":
                size = len(body) + (fault == "grown")
                self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{size}")
            self.send_header("Content-Length", str(len(part)))
            self.send_etag()
            self.end_headers()
            if fault == "trickle":
                while not server.stopped.wait(0.05):
                    self.wfile.write(b" ")
            self.wfile.write(part[: len(part) // 2] if fault == "cut" else part)
            self.close_connection = fault == "cut"

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if server.retry_after and status >= 400:
                self.send_header("Retry-After", server.retry_after)
            self.send_etag()
            self.end_headers()
            self.wfile.write(body)

        def send_etag(self) -> None:
            if server.etag:
                self.send_header("ETag", server.etag)

    return Handler


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[FaultyServer]:
    """Run a server until the end of the block."""
    server = FaultyServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), make_handler(server)) as httpd:
        httpd.daemon_threads = True
        httpd.handle_error = lambda *_: None  # clients that give up are part of the game
        if context is not None:
            httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        server.port = httpd.server_port
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.stopped.set()
        httpd.shutdown()
        thread.join()

"""The proxy: tunnels, certificates, faults, and a log of what was asked."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web

from .bucket import Bucket
from .contents import Contents
from .faults import ANYWHERE, Fault, Faults
from .irsa import Irsa
from .mast import Mast
from .simbad import Simbad
from .sites import Answer, Question, Site

__all__ = ["serve"]

CHUNK = 65_536
PIECE_S = 1.0  # a slow connection sends something this often
BLOCK = 2880  # of a FITS file
SILENCE_S = 3600.0
CONTROL_HOST = "127.0.0.1"


@dataclass
class Network:
    """What every request costs: seconds before an answer, and bytes per second on each connection."""

    latency_s: float = 0.0
    bytes_per_s: float | None = None


@dataclass
class World:
    """All that the proxy knows."""

    sites: dict[str, Site]
    contexts: dict[str, ssl.SSLContext]
    faults: Faults
    network: Network = field(default_factory=Network)
    log: list[dict[str, Any]] = field(default_factory=list)


class Tunnel(asyncio.Protocol):
    """Reads the first lines of a connection, and hands it over: to TLS for CONNECT, as it is otherwise."""

    def __init__(self, world: World, server: web.Server) -> None:
        self.world = world
        self.server = server
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.head += data
        if b"\r\n\r\n" not in self.head:
            return
        method, target, _ = self.head.split(b"\r\n", 1)[0].decode().split(" ")
        protocol = self.server()
        if method != "CONNECT":
            self.transport.set_protocol(protocol)
            protocol.connection_made(self.transport)
            protocol.data_received(self.head)
            return
        host = target.rpartition(":")[0]
        if host not in self.world.sites:
            self.world.log.append({"time": time.time(), "host": host, "method": method, "path": "", "status": 502})
            self.transport.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()
        elif self.world.faults.take(("refuse",), host, ""):
            self.world.log.append({"time": time.time(), "host": host, "method": method, "path": "", "status": 0})
            self.transport.abort()
        else:
            self.transport.pause_reading()
            self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.task = asyncio.ensure_future(self.encrypt(host, protocol))

    async def encrypt(self, host: str, protocol: Any) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self.transport, protocol, self.world.contexts[host], server_side=True)
        except (OSError, ssl.SSLError):  # a client that does not trust us, or left
            return
        if transport is not None:
            protocol.connection_made(transport)


async def handle(world: World, request: web.BaseRequest) -> web.StreamResponse:
    """Answer one request, with the faults and the slowness that were asked for."""
    host = request.headers.get("Host", "").partition(":")[0]
    body = await request.read()
    headers = {name.lower(): value for name, value in request.headers.items()}
    question = Question(request.method, host, request.raw_path, headers, body)
    if host == CONTROL_HOST:
        return control(world, question)
    site = world.sites.get(host)
    if site is None:
        return web.Response(status=502, text="the replica does not know this host")
    label = site.label(question)
    entry = {"time": time.time(), "host": host, "method": question.method, "path": label, "status": 0, "bytes": 0}
    entry |= {"range": headers.get("range", ""), "agent": headers.get("user-agent", "")}
    world.log.append(entry)
    await asyncio.sleep(world.network.latency_s)
    fault = world.faults.take(ANYWHERE[1:], host, label)
    if fault and fault.kind == "stall":
        await asyncio.sleep(SILENCE_S)
    if fault and fault.kind == "reset":
        return broken(request)
    if fault and fault.kind == "status":
        answer = site.error(fault.status, question)
        answer.headers.update({"Retry-After": fault.retry_after} if fault.retry_after else {})
    else:
        answer = site.answer(mistaken(question, fault.kind) if fault else question)
    if fault and fault.kind == "replaced" and "ETag" in answer.headers:
        answer.headers["ETag"] = '"of another file"'
    entry |= {"status": answer.status, "bytes": len(answer.body)}
    half = fault.kind if fault and fault.kind in ("cut", "hang") else ""
    return await send(world, request, answer, half)


def mistaken(question: Question, kind: str) -> Question:
    """Return a question as it is answered: without its range, or with another."""
    headers = dict(question.headers)
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
    if kind == "whole":
        headers.pop("range", None)
    elif kind == "shifted" and asked:
        headers["range"] = f"bytes={int(asked[1]) + BLOCK}-{int(asked[2]) + BLOCK}"
    return replace(question, headers=headers)


async def send(world: World, request: web.BaseRequest, answer: Answer, half: str = "") -> web.StreamResponse:
    """Send an answer at the speed of the network, or half of it and then break off or fall silent."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_type = answer.content_type
    response.content_length = len(answer.body) if answer.length is None else answer.length
    await response.prepare(request)
    rate, start = world.network.bytes_per_s, time.monotonic()
    body = answer.body[: len(answer.body) // 2] if half else answer.body
    if request.method != "HEAD":
        piece = min(CHUNK, int(rate * PIECE_S) + 1) if rate else CHUNK
        for first in range(0, len(body), piece):
            await response.write(body[first : first + piece])
            if rate:
                await asyncio.sleep(max(0.0, start + (first + piece) / rate - time.monotonic()))
    if half == "hang":
        await asyncio.sleep(SILENCE_S)
    if half:
        return broken(request, response)
    await response.write_eof()
    return response


def broken(request: web.BaseRequest, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Break the connection off."""
    if request.transport is not None:
        request.transport.abort()
    return response or web.Response()


def control(world: World, question: Question) -> web.StreamResponse:
    """Obey the test that runs the replica."""
    content = json.loads(question.body) if question.body else {}
    match question.method, question.path:
        case "POST", "/fault":
            world.faults.append(Fault(**content))
        case "POST", "/network":
            world.network = Network(**content)
        case "POST", "/reset":
            world.faults.clear()
            world.log.clear()
            world.network = Network()
        case "GET", "/log":
            return web.json_response(world.log)
        case _:
            return web.Response(status=404)
    return web.json_response({})


async def serve(directory: Path, certificate: Path, serialization: str, page_rows: int) -> None:
    """Serve a directory until standard input ends; print the port when ready."""
    contents = Contents(directory)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(certificate))
    sites: dict[str, Site] = {}
    faults = Faults()
    simbad, mast = Simbad(contents, faults, serialization), Mast(contents, faults, page_rows)
    for site in (simbad, mast, Bucket(contents, faults), Irsa(contents, faults)):
        sites |= dict.fromkeys(site.hosts, site)
    world = World(sites, {host: context_for(host, authority) for host in sites}, faults)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return await handle(world, request)

    http = web.Server(handler, handler_cancellation=True, access_log=None)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Tunnel(world, http), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": listener.sockets[0].getsockname()[1]}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    listener.close()


def context_for(host: str, authority: trustme.CA) -> ssl.SSLContext:
    """Return a context with a certificate for one host."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    return context

"""Byte ranges of a file in an object store, on a web server or on disk.

A file that was compressed with gzip cannot be read in part: it is read whole, decompressed, and kept.
"""

from __future__ import annotations

import errno
import os
import random
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import aiohttp
import fsspec
import s3fs  # noqa: F401 - imported here, as other packages of file systems: see `make_filesystem`
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import get_protocol, tokenize

from feii_dask._version import __version__
from feii_dask.addresses import shown
from feii_dask.cubes.awaited import awaiting
from feii_dask.cubes.byte_ranges import AskedRange, HTTPRanges, KnownFile, asking, s3_session
from feii_dask.cubes.inflate import inflate, is_gzip
from feii_dask.cubes.throttling import SPREAD, keep_away, retry_after_s, wait_until_welcome
from feii_dask.errors import CubeChangedError, CubeError, CubeMissingError, CubeReadError, CubeTimeoutError

__all__ = ["RangeReader", "is_special"]

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 15.0  # silence on an open connection
DEADLINE_S = 120.0  # all ranges of one file together, with all attempts,
SLOWEST_BYTES_PER_S = 200_000  # and for each byte that is asked for a little more
ATTEMPTS = 6  # absorbs five errors in a row, in about six seconds
ATTEMPTS_IF_SILENT = 2
FIRST_PAUSE_S = 0.2  # doubled after each attempt, times a random 0.5 to 1.5
CONNECTIONS = 64
LONGEST_KEPT = 256 * 1024
MOST_INFLATED = 4 * 1024**3  # where nobody says how much memory there is
CHUNK = 16 * 1024**2  # of a compressed file

CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
# What a connection depends on: a file system is made anew when one of these has changed.
ENVIRONMENT = (
    *CA_VARIABLES,
    *("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"),
)

TRANSIENT = (
    aiohttp.ClientConnectionError,
    aiohttp.ClientPayloadError,
    BotoConnectionError,
    HTTPClientError,
    ResponseParserError,  # S3 may answer a throttled request with broken XML
    ConnectionError,
)
TRANSIENT_ERRNO = frozenset({errno.EIO, errno.EBUSY, errno.EREMOTEIO})
THROTTLING = frozenset({429, 503})
TIMEOUTS = (TimeoutError, ConnectTimeoutError, ReadTimeoutError)

filesystems: dict[tuple[object, ...], Any] = {}
filesystem_lock = Lock()


class RangeReader:
    """Reads byte ranges of one file, with retries, and counts bytes and requests.

    All attempts are made here: the libraries below are configured to try once, because layers of retries multiply.
    No ``HEAD`` is sent.

    Parameters
    ----------
    uri : str
        ``s3://``, ``https://`` or another address that fsspec knows, or a path.
    storage_options : mapping, optional
        Options of the file system, as fsspec takes them; they override ours (S3 is anonymous, for one). A key
        that is the name of a protocol holds the options of that protocol only, as in ``{"s3": {"anon": False}}``.

    Attributes
    ----------
    name : str
        Its address as messages have it, without a query, which may hold a token.
    bytes_read : int
        Bytes received.
    requests : int
        Requests sent, failed ones included.
    held_bytes : int
        Bytes of a file that came whole, decompressed if need be, and are kept in memory.
    may_pass : bool
        Whether a range could not be read for a reason that may pass.
    """

    def __init__(
        self, uri: str, storage_options: Mapping[str, Any] | None = None, most_inflated: int | None = None
    ) -> None:
        self.uri = str(uri)
        self.name = shown(self.uri)
        self.held_bytes = 0
        self.may_pass = False
        self._patience_s = DEADLINE_S
        self._most_inflated = MOST_INFLATED if most_inflated is None else most_inflated
        self.bytes_read = 0
        self.requests = 0
        self._options = storage_options or {}
        self._size = sys.maxsize  # of the file; smaller once its end was seen
        self._file = KnownFile(self.name)
        self._kept: list[tuple[int, bytes]] = []  # short ranges: headers are read more than once

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes ``[start, stop)``, fewer only where the file ends.

        Raises
        ------
        CubeError
            One of its subclasses; the message names the file.
        """
        stop = min(stop, self._size)
        if start >= stop:
            return b""
        for first, data in self._kept:
            if first <= start and stop <= first + len(data):
                return data[start - first : stop - first]
        data = self._read_with_retries(start, stop)
        if start == 0 and is_gzip(data):
            return self._keep_inflated(data, stop)[:stop]
        if self._file.came_whole or len(data) > stop - start:  # a server that ignores ranges sends all of it
            self._size, self._kept, self.held_bytes = len(data), [(0, data)], len(data)
            return data[start:stop]
        if len(data) < stop - start:
            self._size = start + len(data)
        if len(data) <= LONGEST_KEPT:
            self._kept.append((start, data))
        return data

    def _keep_inflated(self, start: bytes, stop: int) -> bytes:
        """Return what a compressed file holds, after keeping it; ``[0, stop)`` of the file has been read."""
        try:
            whole = inflate(self._chunks(start, stop), self._most_inflated)
        except CubeReadError as error:
            raise CubeReadError(f"{self.name} {error}") from error
        self._size, self._kept, self.held_bytes = len(whole), [(0, whole)], len(whole)
        return whole

    def _chunks(self, data: bytes, stop: int) -> Iterator[bytes]:
        """Yield the file as it is stored, in pieces; the first, of the bytes up to ``stop``, has been read."""
        yield data
        asked = stop
        while len(data) == asked:  # less at the file's end, more if the server ignores ranges
            asked = stop if self._file.skipped else CHUNK  # what is skipped is sent again each time
            data = self._read_with_retries(stop, stop + asked)
            stop += asked
            yield data

    def _read_with_retries(self, start: int, stop: int) -> bytes:
        patience_s = self._patience_s + (stop - start) / SLOWEST_BYTES_PER_S
        deadline = time.monotonic() + patience_s
        try:
            with awaiting(deadline + SPREAD * patience_s):
                return self._read_until(deadline, start, stop)
        finally:
            self._patience_s = deadline - time.monotonic()

    def _read_until(self, deadline: float, start: int, stop: int) -> bytes:
        attempt = 0
        while True:
            attempt += 1
            wait_until_welcome(self.uri, deadline)
            try:
                return self._request(start, stop, deadline - time.monotonic())
            except Exception as error:  # the libraries under fsspec have no base class in common
                if http_status(error) == 416 and start >= (self._file.size or 0):  # behind the file's end
                    return b""
                failure, attempts = classify_error(error, self.uri)
                pause = FIRST_PAUSE_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret
                if http_status(error) in THROTTLING:
                    pause = max(pause, retry_after_s(error))
                    keep_away(self.uri, pause)
                if attempt >= attempts or time.monotonic() + pause > deadline:
                    self.may_pass = attempts > 1 or isinstance(failure, CubeChangedError)
                    raise failure from error
            time.sleep(pause)

    def _request(self, start: int, stop: int, timeout: float) -> bytes:
        if is_special(self.uri):
            raise CubeReadError(f"{self.uri} is no regular file")
        filesystem = find_filesystem(protocol_of(self.uri), self._options)
        self.requests += 1
        limit = {"timeout": timeout} if filesystem.async_impl else {}
        is_path = isinstance(filesystem, LocalFileSystem)
        if is_path:
            self._file.note(None, path_version(filesystem, self.uri))
        with asking(AskedRange(start, stop, self._file)):
            data: bytes = filesystem.cat_file(self.uri, start=start, end=stop, **limit)
        if is_path:
            self._file.note(None, path_version(filesystem, self.uri))
        self.bytes_read += self._file.skipped + len(data)
        return data


def path_version(filesystem: LocalFileSystem, path: str) -> str:
    """Return what changes when the file of a path is written to, or replaced."""
    known = filesystem.info(path)
    return f"{known['ino']} {known['mtime']} {known['size']}"


def is_special(uri: str) -> bool:
    """Whether an address is the path of a pipe or a device, which may have no end, or never answer."""
    return "://" not in uri and os.path.exists(uri) and not os.path.isfile(uri)  # noqa: PTH110, PTH113 - no name is too long


def protocol_of(uri: str) -> str:
    """Return the protocol of an address; a file's path may hold the ``::`` by which fsspec chains addresses."""
    path = Path(uri)
    return "file" if path.is_absolute() and path.is_file() else get_protocol(uri)


def find_filesystem(protocol: str, options: Mapping[str, Any]) -> Any:
    """Return this process's file system for a protocol, made at first use."""
    key = (os.getpid(), protocol, tokenize(options), *map(os.environ.get, ENVIRONMENT))
    with filesystem_lock:
        if key not in filesystems:
            filesystems[key] = make_filesystem(protocol, options)
        return filesystems[key]


def make_filesystem(protocol: str, options: Mapping[str, Any]) -> Any:
    """Make a file system, one at a time: two threads that import its package at once can break each other's import.

    While a package's import ends in one thread, it is missing from ``sys.modules`` for a moment; the other thread
    then ends with a ``KeyError`` ('fsspec.implementations' was seen, Python 3.11, once in some fifty fresh workers).
    """
    merged = merge_options(default_options(protocol), options_of(protocol, options))
    kind = HTTPRanges if protocol in {"http", "https"} else fsspec.get_filesystem_class(protocol)
    filesystem = kind(skip_instance_cache=True, **merged)
    if hasattr(filesystem, "retries"):
        filesystem.retries = 1  # s3fs tries five times, twice over
    return filesystem


def default_options(protocol: str) -> dict[str, Any]:
    """Return the options of a protocol's file system: anonymous, with time-outs, one attempt each."""
    bundle = ca_bundle() if protocol in {"s3", "https"} else None
    if protocol == "s3":
        return {
            "anon": True,
            "session": s3_session(),
            "client_kwargs": {"verify": bundle} if bundle else {},
            "config_kwargs": {
                "connect_timeout": CONNECT_TIMEOUT_S,
                "read_timeout": READ_TIMEOUT_S,
                "retries": {"total_max_attempts": 1},
                "max_pool_connections": CONNECTIONS,
            },
        }
    if protocol in {"http", "https"}:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S)
        # Ranges of a compressed transfer would be ranges of something else.
        headers = {"Accept-Encoding": "identity", "User-Agent": f"feii_dask/{__version__}"}
        return {
            "get_client": http_client,
            "client_kwargs": {"trust_env": True, "timeout": timeout, "headers": headers},
        }
    return {}


async def http_client(*, loop: object, **options: Any) -> aiohttp.ClientSession:  # noqa: ARG001 - fsspec passes it
    """Open a session that trusts the certificates which the environment names, as S3 does."""
    context = ssl.create_default_context(cafile=ca_bundle())
    connector = aiohttp.TCPConnector(ssl=context, limit=CONNECTIONS)
    return aiohttp.ClientSession(**{"connector": connector, **options})


def ca_bundle() -> str | None:
    """Return the file of certificates that the environment names, or None."""
    for variable in CA_VARIABLES:
        path = os.environ.get(variable)
        if path and not Path(path).is_file():
            raise CubeReadError(f"{variable} names a certificate file that does not exist: {path}")
        if path:
            return path
    return None


def options_of(protocol: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a user's options that are for a protocol."""
    protocols = set(fsspec.available_protocols())
    common = {key: value for key, value in options.items() if key not in protocols}
    return {**common, **options.get(protocol, {})}


def merge_options(defaults: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return options over their defaults, mappings merged one level deep."""
    merged = {**defaults, **options}
    for key, value in options.items():
        if isinstance(value, Mapping) and isinstance(defaults.get(key), Mapping):
            merged[key] = {**defaults[key], **value}
    return merged


def classify_error(error: Exception, uri: str) -> tuple[CubeError, int]:
    """Return what to raise for an error, and how many attempts such an error deserves."""
    if isinstance(error, CubeError):
        return error, 1
    status = http_status(error)
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    # fsspec reports hosts that do not resolve as missing files too; their cause tells them apart.
    no_such_file = isinstance(error, FileNotFoundError) and not isinstance(error.__cause__, (OSError, *TRANSIENT))
    if status in {404, 410} or (status is None and no_such_file):
        return CubeMissingError(f"{uri} does not exist"), 1
    if status in {401, 403} or isinstance(error, PermissionError):
        return CubeReadError(f"{uri} may not be read (access denied): {detail}"), 1
    if isinstance(error, TIMEOUTS):
        return CubeTimeoutError(f"{uri} did not answer in time: {detail}"), ATTEMPTS_IF_SILENT
    if status is not None:
        is_transient = status in {408, 416, 429} or status >= 500
        return CubeReadError(f"{uri} could not be read (HTTP {status}): {detail}"), ATTEMPTS if is_transient else 1
    is_transient = isinstance(error, TRANSIENT) or isinstance(error.__cause__, TRANSIENT)
    is_transient = is_transient or getattr(error, "errno", None) in TRANSIENT_ERRNO
    return CubeReadError(f"{uri} could not be read: {detail}"), ATTEMPTS if is_transient else 1


def http_status(error: Exception) -> int | None:
    """Return the server's answer behind an error: aiohttp keeps it there, s3fs in the error's cause."""
    status = getattr(error, "status", None)
    response = getattr(error.__cause__, "response", None)
    if status is None and isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status if isinstance(status, int) else None

"""The replica in a process of its own, seen from the test that runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import ProxyHandler, build_opener
from urllib.request import Request as UrlRequest

from .faults import Fault

__all__ = ["Replica", "Request"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Request:
    """A request that the replica got; `path` is what faults are compared with."""

    time: float
    host: str
    method: str
    path: str
    status: int
    bytes: int = 0
    range: str = ""
    agent: str = ""


class Replica:
    """Serves a directory as the archives would.

    Parameters
    ----------
    directory : path
        Holds ``observations``, ``ysos`` and ``irsa`` (``.ecsv`` or ``.parquet``, each optional), and FITS files.
    scratch : path
        Where the certificate goes.
    serialization : str
        Of SIMBAD's tables, ``tabledata`` or ``binary2``.
    page_rows : int
        Most rows that MAST puts on a page.
    """

    def __init__(
        self, directory: Path, scratch: Path, *, serialization: str = "tabledata", page_rows: int = 50_000
    ) -> None:
        self.directory = Path(directory)
        self.certificate = Path(scratch) / "replica-ca.pem"
        self.options = [serialization, str(page_rows)]
        self._opener = build_opener(ProxyHandler({}))

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.replica", "--serve"]
        command += [str(self.directory.resolve()), str(self.certificate.resolve()), *self.options]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, start_new_session=True)
        ready = self._process.stdout.readline() if self._process.stdout else b""
        if not ready:
            raise RuntimeError(f"the replica did not start (exit code {self._process.wait()})")
        self.port = int(json.loads(ready)["port"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=300)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that lead a process, and those it starts, to the replica."""
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), self.address)
        bundles = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE")
        return {
            **proxies,
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
            **dict.fromkeys(bundles, str(self.certificate.resolve())),
            "FSSPEC_HTTPS": json.dumps({"client_kwargs": {"trust_env": True}}),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def inject(self, kind: str, host: str, path: str = "", **options: Any) -> None:
        """Let something go wrong; the arguments are those of `Fault`."""
        self._control("POST", "/fault", asdict(Fault(kind, host, path, **options)))

    def slow_down(self, latency_s: float = 0.0, bytes_per_s: float | None = None) -> None:
        """Let every request take this long, and every connection be this slow."""
        self._control("POST", "/network", {"latency_s": latency_s, "bytes_per_s": bytes_per_s})

    def reset(self) -> None:
        """Forget faults, slowness and log."""
        self._control("POST", "/reset")

    def requests(self, host: str = "", path: str = "") -> list[Request]:
        """Return the requests to a host whose path contains a text, in order."""
        log = [Request(**entry) for entry in self._control("GET", "/log")]
        return [request for request in log if host in request.host and path in request.path]

    def _control(self, method: str, path: str, content: object = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        with self._opener.open(UrlRequest(self.address + path, data=body, method=method), timeout=30) as answer:
            return json.load(answer)

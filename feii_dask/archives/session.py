"""Sessions with time-outs, retries and a User-Agent for all requests to archives.

astroquery has none of these. A stalled connection would hang for ever, one HTTP 500 would end a search, and
MAST's *still executing* is answered by asking again at once, as fast as the network allows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Self

import requests
from astroquery.exceptions import InvalidQueryError, RemoteServiceError
from pyvo.dal.exceptions import DALAccessError, DALServiceError
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError, ResponseError
from urllib3.util import Retry

from feii_dask._version import __version__
from feii_dask.errors import ArchiveError

__all__ = ["DEFAULT_POLICY", "RequestPolicy", "apply_policy", "archive_errors", "new_session"]

TRANSIENT_STATUS = (429, 500, 502, 503, 504)
LONGEST_WAIT_S = 120.0  # an archive that asks for more is not going to answer this run
SHORT_ANSWER = 10_000  # bytes; "still executing" is never longer
CONNECTIONS = 16
USER_AGENT = f"feii_dask/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPolicy:
    """Time-outs and retries of the requests to an archive.

    Attributes
    ----------
    connect_s, read_s : float
        How long to wait for a connection, and for the next byte. SIMBAD takes up to a minute before its first.
    retries : int
        How often a request with a transient failure (HTTP 429 and 5xx, a refused or broken connection) is repeated.
    silent_retries : int
        How often one that was not answered in time is.
    pause_s : float
        The second pause between repetitions and the first while MAST executes a query; each later one is twice as
        long.
    longest_pause_s : float
        The longest of these pauses.
    executing_s : float
        How long to wait for MAST to execute a query; astroquery refuses any answer that took 600 s.
    """

    connect_s: float = 10.0
    read_s: float = 120.0
    retries: int = 5
    silent_retries: int = 2
    pause_s: float = 1.0
    longest_pause_s: float = 15.0
    executing_s: float = 500.0

    def pauses(self) -> Iterator[float]:
        """Yield the pauses between requests to a server that is still executing the query."""
        pause, total = self.pause_s, 0.0
        while total < self.executing_s:
            yield pause
            total += pause
            pause = min(2 * pause, self.longest_pause_s)


DEFAULT_POLICY = RequestPolicy()


class BoundedRetry(Retry):
    """Retries after the pause that a server asks for, and none at all if that is too long."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Self:
        if response is not None and (self.get_retry_after(response) or 0.0) > LONGEST_WAIT_S:
            raise MaxRetryError(_pool, str(url), ResponseError("asked to wait for too long"))
        return super().increment(method, url, response, error, _pool, _stacktrace)


class PolicyAdapter(HTTPAdapter):
    """Sends a request until it is answered, within the limits of a `RequestPolicy`."""

    def __init__(self, policy: RequestPolicy) -> None:
        self._policy = policy
        retry = BoundedRetry(
            total=policy.retries,
            read=policy.silent_retries,
            other=2,  # a proxy that refuses, a certificate that is not trusted
            allowed_methods=None,  # POST too: all requests are queries, which may be sent twice
            status_forcelist=TRANSIENT_STATUS,
            backoff_factor=policy.pause_s / 2,
            backoff_max=policy.longest_pause_s,
            backoff_jitter=policy.pause_s / 2,
            raise_on_status=False,  # the last answer says more than "too many retries"
        )
        super().__init__(max_retries=retry, pool_maxsize=CONNECTIONS)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send a request, and send it again while MAST is still executing the query."""
        options["timeout"] = options.get("timeout") or (self._policy.connect_s, self._policy.read_s)
        for pause in self._policy.pauses():
            response = self._send_whole(1 + self._policy.silent_retries, request, *args, **options)
            if not is_executing(response.content):
                return response
            time.sleep(pause)
        raise requests.ReadTimeout(f"still executing after {self._policy.executing_s:g} s", request=request)

    def _send_whole(
        self, attempts: int, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Send, and read all of the answer: one that breaks off in the middle can only be asked for again here."""
        response = super().send(request, *args, **options)
        try:
            content = response.content
        except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError):
            if attempts == 1:
                raise
            time.sleep(self._policy.pause_s)
            return self._send_whole(attempts - 1, request, *args, **options)
        if options.get("stream"):  # pyvo reads from the connection, which is at its end: give it the same bytes again
            response.raw = HTTPResponse(BytesIO(content), preload_content=False)
        return response


def is_executing(content: bytes) -> bool:
    """Whether MAST answers that the query is still being executed."""
    return len(content) < SHORT_ANSWER and re.search(rb'"status"\s*:\s*"EXECUTING"', content) is not None


def apply_policy(client: Any, policy: RequestPolicy) -> None:
    """Mount the policy on the session of one of astroquery's clients, which MAST's portal and pyvo share."""
    mount_policy(client._session, policy)  # noqa: SLF001 - astroquery offers no other way to its session


def new_session(policy: RequestPolicy) -> requests.Session:
    """Return a session outside of astroquery that follows the policy."""
    session = requests.Session()
    mount_policy(session, policy)
    return session


def mount_policy(session: requests.Session, policy: RequestPolicy) -> None:
    """Mount the policy on a session, and put this package into its User-Agent."""
    adapter = PolicyAdapter(policy)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["User-Agent"] = " ".join([USER_AGENT, str(session.headers["User-Agent"])])


@contextmanager
def archive_errors(service: str) -> Iterator[None]:
    """Turn every error of a request to a service into an `ArchiveError`.

    Raises
    ------
    ArchiveError
        Says who was asked, what happened, and what to do.
    """
    try:
        yield
    # astroquery raises KeyError, IndexError or ValueError for an answer that MAST should not send.
    except (
        requests.RequestException,
        DALAccessError,
        RemoteServiceError,
        InvalidQueryError,
        HTTPError,
        OSError,
        LookupError,
        ValueError,
    ) as error:
        raise ArchiveError(
            f"{service} {describe_error(error)}; try again later, or search a directory of your own with --archive DIR"
        ) from error


def describe_error(error: Exception) -> str:
    """Return in a few words what happened."""
    cause = getattr(error, "cause", None)  # what pyvo met
    if isinstance(cause, requests.RequestException):
        return describe_error(cause)
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.HTTPError) and error.response is not None:
        wait = error.response.headers.get("Retry-After")
        asked = f" and asks to be left alone for {wait} s" if wait else ""
        return f"answered HTTP {error.response.status_code}{asked}"
    if isinstance(error, requests.Timeout | TimeoutError) or isinstance(reason, ReadTimeoutError):
        return "did not answer in time"
    if isinstance(error, requests.ConnectionError | DALServiceError):
        return f"cannot be reached ({shorten(reason or error)})"
    return f"gave an answer that cannot be used ({type(error).__name__}: {shorten(error)})"


def shorten(error: object) -> str:
    """Return an error's message on one line of at most 200 characters."""
    line = " ".join(str(error).split())
    return line if len(line) <= 200 else f"{line[:197]}..."

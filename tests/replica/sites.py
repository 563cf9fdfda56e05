"""What a site takes and gives: requests and answers, and files by byte range."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from mmap import ACCESS_READ, mmap
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .contents import Contents
from .faults import Faults

__all__ = ["Answer", "Question", "Site", "file_range"]


@dataclass(frozen=True)
class Question:
    """One HTTP request."""

    method: str
    host: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode())


@dataclass(frozen=True)
class Answer:
    """One HTTP response; `length` counts where only the headers are sent."""

    body: bytes | mmap = b""
    status: int = 200
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


class Site:
    """A host, or several that are one.

    Parameters
    ----------
    contents : Contents
        What it serves.
    faults : Faults
        What is to go wrong.
    """

    hosts: tuple[str, ...] = ()

    def __init__(self, contents: Contents, faults: Faults) -> None:
        self.contents = contents
        self.faults = faults

    def label(self, question: Question) -> str:
        """Say what is asked, for the log and for faults."""
        return question.path

    def answer(self, question: Question) -> Answer:
        """Answer a request."""
        return self.error(404, question)

    def error(self, status: int, question: Question) -> Answer:
        """Answer with an HTTP error, as web servers do."""
        page = f"<html><body><h1>{status} {HTTPStatus(status).phrase}</h1>{question.path}</body></html>"
        return Answer(page.encode(), status, "text/html")

    def file(self, name: str, question: Question) -> Answer:
        """Answer with a file of that name, if there is one."""
        path = self.contents.files.get(name)
        return file_range(path, question) if path else self.error(404, question)


def file_range(path: Path, question: Question) -> Answer:
    """Return a file, or the part of it that the request asks for."""
    stat = path.stat()
    etag = hashlib.md5(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{etag}"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
    if question.method == "HEAD":
        return Answer(headers=headers, length=stat.st_size)
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", question.headers.get("range", ""))
    if not asked or not any(asked.groups()):
        with path.open("rb") as file:
            return Answer(mmap(file.fileno(), 0, access=ACCESS_READ) if stat.st_size else b"", headers=headers)
    first, last = asked.groups()
    start = int(first) if first else max(0, stat.st_size - int(last))
    stop = min(int(last) + 1, stat.st_size) if first and last else stat.st_size
    if start >= stop:
        return Answer(status=416, headers={"Content-Range": f"bytes */{stat.st_size}"})
    with path.open("rb") as file:
        file.seek(start)
        body = file.read(stop - start)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{stat.st_size}"
    return Answer(body, 206, headers=headers)

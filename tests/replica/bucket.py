"""stpubdata.s3.amazonaws.com: the public bucket."""

from __future__ import annotations

from .mast import bucket_key
from .sites import Answer, Question, Site

__all__ = ["Bucket"]

ERRORS = {
    403: ("AccessDenied", "Access Denied"),
    404: ("NoSuchKey", "The specified key does not exist."),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("SlowDown", "Please reduce your request rate."),
}


class Bucket(Site):
    """Serves the files under their keys, whole or by range, to anyone."""

    hosts = ("stpubdata.s3.amazonaws.com", "stpubdata.s3.us-east-1.amazonaws.com")

    def answer(self, question: Question) -> Answer:
        name = question.path.rpartition("/")[2]
        if question.path != f"/{bucket_key(name)}":
            return self.error(404, question)
        return self.file(name, question)

    def error(self, status: int, question: Question) -> Answer:
        code, message = ERRORS.get(status, ERRORS[500])
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
            f"<Key>{question.path.lstrip('/')}</Key><RequestId>0123456789ABCDEF</RequestId></Error>"
        )
        return Answer(body.encode(), status, "application/xml")

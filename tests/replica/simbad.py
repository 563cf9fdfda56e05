"""simbad.cds.unistra.fr: the TAP service, on SQLite."""

from __future__ import annotations

import re
import sqlite3
from email import message_from_bytes
from io import BytesIO

import pandas as pd
from astropy.table import Table

from .contents import Contents
from .faults import Faults
from .sites import Answer, Question, Site
from .votable import votable, votable_error

__all__ = ["Simbad"]

HARD_LIMIT = 2_000_000
SUBTYPES = {"Y*O": ("Y*O", "Or*", "TT*", "Y*?")}  # whether SIMBAD takes candidates in is not known to us
BASIC = (
    "oid",
    "main_id",
    "ra",
    "dec",
    "coo_err_maj",
    "coo_err_min",
    "coo_err_angle",
    "coo_wavelength",
    "coo_bibcode",
    "otype",
    "rvz_radvel",
    "pmra",
    "pmdec",
)
CAPABILITIES = f"""<?xml version="1.0" encoding="UTF-8"?>
<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
    xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0" xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
    <interface role="std" xsi:type="vs:ParamHTTP">
      <accessURL use="base">https://simbad.cds.unistra.fr/simbad/sim-tap</accessURL>
    </interface>
    <language><name>ADQL</name><version ivo-id="ivo://ivoa.net/std/ADQL#v2.0">2.0</version></language>
    <outputFormat><mime>application/x-votable+xml</mime></outputFormat>
    <executionDuration><default>1080</default><hard>1080</hard></executionDuration>
    <outputLimit><default unit="row">50000</default><hard unit="row">{HARD_LIMIT}</hard></outputLimit>
  </capability>
</vosi:capabilities>
"""


class Simbad(Site):
    """Runs the part of ADQL that is SQL, and SIMBAD's comparisons of types and names."""

    hosts = ("simbad.cds.unistra.fr",)

    def __init__(self, contents: Contents, faults: Faults, serialization: str = "tabledata") -> None:
        super().__init__(contents, faults)
        self.serialization = serialization
        self.database = sqlite3.connect(":memory:")
        self.database.execute("PRAGMA automatic_index = OFF")  # which compares texts by their bytes
        self.database.create_function("is_type", 2, is_type)
        self.database.create_collation("NAME", lambda a, b: (plain(a) > plain(b)) - (plain(a) < plain(b)))
        basic = contents.ysos.assign(oid=range(1, len(contents.ysos) + 1)).reindex(columns=BASIC)
        basic.to_sql("basic", self.database, index=False)
        self.database.execute("CREATE TABLE ident (oidref INTEGER, id TEXT COLLATE NAME)")
        self.database.execute("INSERT INTO ident SELECT oid, main_id FROM basic")
        self.database.commit()

    def uploaded(self, question: Question) -> dict[str, list[str]]:
        """Take the table of names that comes with a question, and return the rest of the question."""
        parts = multipart(question)
        if not parts:
            return {}
        name, _, place = parts["UPLOAD"].decode().partition(",param:")
        table = Table.read(BytesIO(parts.pop(place)), format="votable")
        self.database.execute(f"DROP TABLE IF EXISTS upload_{name}")
        self.database.execute(f"CREATE TABLE upload_{name} (asked TEXT COLLATE NAME)")
        self.database.executemany(f"INSERT INTO upload_{name} VALUES (?)", [(str(row["asked"]),) for row in table])
        return {key: [text.decode()] for key, text in parts.items()}

    def answer(self, question: Question) -> Answer:
        if question.path.endswith("/sim-tap/capabilities"):
            return Answer(CAPABILITIES.encode(), content_type="text/xml")
        if not question.path.endswith("/sim-tap/sync"):
            return self.error(404, question)
        asked = {**question.query, **(self.uploaded(question) or question.form)}
        limit = min(int(asked.get("MAXREC", ["50000"])[0]), HARD_LIMIT)
        overflow = self.faults.take(("overflow",), question.host, question.path)
        if overflow:
            limit = min(limit, overflow.rows)
        try:
            rows = pd.read_sql(as_sql(asked["QUERY"][0]), self.database)
        except (pd.errors.DatabaseError, KeyError) as error:
            return votable_error(f"Incorrect ADQL query: {type(error).__name__}")
        return votable(rows.head(limit), overflow=len(rows) > limit, serialization=self.serialization)


def multipart(question: Question) -> dict[str, bytes]:
    """Return the parts of a form with files; nothing of other forms."""
    kind = next((value for name, value in question.headers.items() if name.lower() == "content-type"), "")
    if not kind.startswith("multipart/"):
        return {}
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + question.body)
    parts = message.get_payload()
    assert isinstance(parts, list)
    return {str(p.get_param("name", header="content-disposition")): bytes(p.get_payload(decode=True)) for p in parts}


def as_sql(adql: str) -> str:
    """Translate what SQLite does not know."""
    sql = re.sub(r"\bTAP_UPLOAD\.(\w+)", r"upload_\1", adql)
    sql = re.sub(r"otype\s*=\s*('[^']*')", r"is_type(otype, \1)", sql)
    top = re.search(r"\bTOP\s+(\d+)\b", sql)
    return re.sub(r"\bTOP\s+\d+\b", "", sql) + (f" LIMIT {top.group(1)}" if top else "")


def is_type(otype: str, asked: str) -> bool:
    """Compare object types; two dots take in the subtypes."""
    if asked.endswith(".."):
        return otype in SUBTYPES.get(asked[:-2], (asked[:-2],))
    return otype == asked


def plain(name: str) -> str:
    """Return a name without the differences that SIMBAD overlooks."""
    return "".join(name.split()).casefold().removeprefix("name")

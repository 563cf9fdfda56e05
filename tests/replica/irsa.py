"""irsa.ipac.caltech.edu: the image service, and its files."""

from __future__ import annotations

from .sites import Answer, Question, Site
from .votable import votable

__all__ = ["Irsa"]

CAPABILITIES = """<?xml version="1.0" encoding="UTF-8"?>
<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
    xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <capability standardID="ivo://ivoa.net/std/SIA#query-2.0">
    <interface role="std" version="2.0" xsi:type="vs:ParamHTTP">
      <accessURL use="base">https://irsa.ipac.caltech.edu/SIA</accessURL>
    </interface>
  </capability>
</vosi:capabilities>
"""
# Query parameter and column, of those that can be asked by.
PARAMETERS = {
    "FACILITY": "facility_name",
    "DPTYPE": "dataproduct_type",
    "CALIB": "calib_level",
    "FORMAT": "access_format",
    "INSTRUMENT": "instrument_name",
}


class Irsa(Site):
    """Answers image queries with rows of one table."""

    hosts = ("irsa.ipac.caltech.edu",)

    def answer(self, question: Question) -> Answer:
        if question.path == "/SIA/capabilities":
            return Answer(CAPABILITIES.encode(), content_type="text/xml")
        if question.path != "/SIA":
            return self.file(question.path.rpartition("/")[2], question)
        rows = self.contents.irsa
        for name, values in question.query.items():
            if name.upper() in PARAMETERS:
                rows = rows[rows[PARAMETERS[name.upper()]].astype(str).isin(values)]
        overflow = self.faults.take(("overflow",), question.host, question.path)
        return votable(rows.head(overflow.rows) if overflow else rows, overflow=bool(overflow))

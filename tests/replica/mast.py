"""mast.stsci.edu: the portal's tables, the places of files, and downloads."""

from __future__ import annotations

import json
import re
from typing import Any

from .contents import Contents, records
from .faults import OF_TABLES, Fault, Faults
from .sites import Answer, Question, Site

__all__ = ["Mast", "bucket_key"]

JSON = "application/json"
# Name and type of MAST's 33 columns, in its order.
OBSERVATION_FIELDS = {
    "intentType": "string",
    "obs_collection": "string",
    "provenance_name": "string",
    "instrument_name": "string",
    "project": "string",
    "filters": "string",
    "wavelength_region": "string",
    "target_name": "string",
    "target_classification": "string",
    "obs_id": "string",
    "s_ra": "float",
    "s_dec": "float",
    "dataproduct_type": "string",
    "proposal_pi": "string",
    "calib_level": "int",
    "t_min": "float",
    "t_max": "float",
    "t_exptime": "float",
    "em_min": "float",
    "em_max": "float",
    "obs_title": "string",
    "t_obs_release": "float",
    "proposal_id": "string",
    "proposal_type": "string",
    "sequence_number": "int",
    "s_region": "string",
    "jpegURL": "string",
    "dataURL": "string",
    "dataRights": "string",
    "mtFlag": "boolean",
    "srcDen": "float",
    "obsid": "string",
    "objID": "string",
}
PRODUCT_FIELDS = {
    "obsID": "string",
    "obs_collection": "string",
    "dataproduct_type": "string",
    "obs_id": "string",
    "description": "string",
    "type": "string",
    "dataURI": "string",
    "productType": "string",
    "productGroupDescription": "string",
    "productSubGroupDescription": "string",
    "productDocumentationURL": "string",
    "project": "string",
    "prvversion": "string",
    "proposal_id": "string",
    "productFilename": "string",
    "size": "int",
    "parent_obsid": "string",
    "dataRights": "string",
    "calib_level": "int",
    "filters": "string",
}
SEPARATED = ("obs_collection", "project", "filters", "wavelength_region", "target_classification")
SPLIT = ("filters", "wavelength_region")
DATATYPES = {"string": "char", "float": "double", "int": "int", "boolean": "boolean"}


class Mast(Site):
    """Answers as the portal does: in pages, with a status of its own beside HTTP's."""

    hosts = ("mast.stsci.edu",)

    def __init__(self, contents: Contents, faults: Faults, page_rows: int) -> None:
        super().__init__(contents, faults)
        self.page_rows = page_rows
        defaults = {"obs_collection": "JWST", "dataproduct_type": "cube", "dataRights": "PUBLIC", "calib_level": 3}
        self.observations = [
            dict.fromkeys(OBSERVATION_FIELDS) | defaults | {"obsid": str(number)} | row
            for number, row in enumerate(records(contents.observations), start=90_000_001)
        ]
        self.known = {row["dataURL"]: row for row in self.observations if row["dataURL"]}

    def label(self, question: Question) -> str:
        if question.path != "/api/v0/invoke":
            return question.path
        asked = invoked(question)
        return f"{question.path} {asked['service']} {asked['params'].get('columns', '')} page {asked.get('page', 1)}"

    def answer(self, question: Question) -> Answer:
        if question.path == "/api/v0/invoke":
            fault = self.faults.take(OF_TABLES, question.host, self.label(question))
            return self.invoke(invoked(question), fault)
        if question.path == "/portal/Mashup/Mashup.asmx/columnsconfig":
            products = question.form["colConfigId"] == ["Mast.Caom.Products"]
            return as_json(columns_config(PRODUCT_FIELDS if products else OBSERVATION_FIELDS))
        if question.path.rstrip("/") == "/api/v0.1/path_lookup":
            return as_json({uri: self.path_of(uri) for uri in question.query.get("uri", [])})
        if question.path == "/api/v0.1/Download/file":
            return self.file(question.query["uri"][0].rpartition("/")[2], question)
        return self.error(404, question)

    def invoke(self, asked: dict[str, Any], fault: Fault | None) -> Answer:
        if fault and fault.kind == "executing":
            return as_json({"status": "EXECUTING", "msg": "", "data": [], "fields": []})
        asked["pagesize"] = min(asked["pagesize"], self.page_rows)
        if asked["service"] == "Mast.Caom.Filtered":
            rows = [row for row in self.observations if all(passes(row, entry) for entry in asked["params"]["filters"])]
            if fault and fault.kind == "overflow":
                rows = rows[: fault.rows]
            if asked["params"]["columns"] == "COUNT_BIG(*)":
                return page_of([{"Column1": len(rows)}], {"Column1": "string"}, asked, fault)
            return page_of(rows, OBSERVATION_FIELDS, asked, fault)
        if asked["service"] == "Mast.Caom.Products":
            obsids = asked["params"]["obsid"].split(",")
            chosen = [row for row in self.observations if row["obsid"] in obsids]
            return page_of([product for row in chosen for product in products_of(row)], PRODUCT_FIELDS, asked, fault)
        return as_json({"status": "ERROR", "msg": f"unknown service {asked['service']}"})

    def path_of(self, uri: str) -> dict[str, Any]:
        name = uri.rpartition("/")[2]
        if uri not in self.known and name not in self.contents.files:
            return {"status_code": 404, "path": None}
        return {"status_code": 200, "path": f"/{bucket_key(name)}"}


def bucket_key(name: str) -> str:
    """Return where in the bucket a product is, as its name tells."""
    level_3 = re.match(r"jw(\d{5})-([oc]\d+)", name)
    if level_3:
        return f"jwst/public/jw{level_3[1]}/L3/t/{level_3[2]}/{name}"
    return f"jwst/public/{name[:7]}/{name[:13]}/{name}"


def invoked(question: Question) -> dict[str, Any]:
    """Return the request inside the request."""
    return json.loads(question.form["request"][0])


def as_json(content: object) -> Answer:
    return Answer(json.dumps(content).encode(), content_type=JSON)


def columns_config(fields: dict[str, str]) -> dict[str, dict[str, str]]:
    """Describe columns, as far as a client decides by it how to send a filter."""
    config = {}
    for name, kind in fields.items():
        config[name] = {"text": name, "vot.name": name, "vot.datatype": DATATYPES[kind]}
        if name in SEPARATED:
            config[name]["separator"] = ";"
        if name in SPLIT:
            config[name]["separatorType"] = "split"
    return config


def passes(row: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether a row passes one filter; a missing value passes none."""
    value = row[entry["paramName"]]
    if value is None:
        return False
    if any(isinstance(accepted, dict) for accepted in entry["values"]):
        return any(accepted["min"] <= value <= accepted["max"] for accepted in entry["values"])
    elements = {str(value).casefold()}
    if entry["paramName"] in SPLIT:
        elements |= set(str(value).casefold().split(";"))
    if elements & {str(accepted).casefold() for accepted in entry["values"]}:
        return True
    like = re.escape(entry.get("freeText", "")).replace("%", ".*").casefold()
    return bool(like) and any(re.fullmatch(like, element) for element in elements)


def page_of(rows: list[dict[str, Any]], fields: dict[str, str], asked: dict[str, Any], fault: Fault | None) -> Answer:
    """Return one page of rows, with its place among the pages."""
    size, page = asked["pagesize"], asked["page"]
    shown = rows[(page - 1) * size : page * size]
    return as_json(
        {
            "status": "WARNING" if fault and fault.kind == "incomplete" else "COMPLETE",
            "msg": "",
            "data": [] if fault and fault.kind == "incomplete" else shown,
            "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
            "paging": {
                "page": page,
                "pageSize": size,
                "pagesFiltered": max(1, -(-len(rows) // size)),
                "rows": len(shown),
                "rowsFiltered": len(rows),
                "rowsTotal": len(rows),
            },
        }
    )


def products_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files of an observation: the cube, its spectrum, and the raw data of the exposure."""
    if not row["dataURL"]:
        return []
    common = {name: row.get(name) for name in PRODUCT_FIELDS} | {"obsID": row["obsid"], "parent_obsid": row["obsid"]}
    folder, _, cube = row["dataURL"].rpartition("/")
    stem = cube.removesuffix("_s3d.fits").removesuffix(".fits")
    kinds = (
        (cube, "S3D", "Minimum Recommended Products", "SCIENCE"),
        (f"{stem}_x1d.fits", "X1D", "Minimum Recommended Products", "SCIENCE"),
        (f"{stem}_uncal.fits", "UNCAL", None, "SCIENCE"),
    )
    return [
        common
        | {
            "dataURI": f"{folder}/{name}",
            "productFilename": name,
            "productSubGroupDescription": subgroup,
            "productGroupDescription": group,
            "productType": kind,
            "size": 1_000_000,
        }
        for name, subgroup, group, kind in kinds
    ]

"""Tables of locations and deployments: which columns they have, under whichever of their names. A parser."""

import io
import re
from typing import Any

from app.errors import Unreadable
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.tables.csv_files import Table
from app.settings import settings

# By the name of the field: its names in Camtrap DP and in others' tables, without case and signs.
LOCATIONS = {
    "location_id": ("locationid",),
    "name": ("locationname", "name"),
    "description": ("description",),
    "latitude": ("latitude", "lat", "y"),
    "longitude": ("longitude", "lon", "lng", "x"),
    "timezone": ("timezone", "tz"),
    "ignore_dst": ("ignoredst",),
    "coordinate_uncertainty": ("coordinateuncertainty",),
    "habitat": ("habitat",),
    "is_public": ("ispublic", "public"),
    "country": ("country",),
    "state": ("state", "province", "stateprovince"),
    "county": ("county", "district"),
    "city": ("city", "municipality"),
}
DEPLOYMENTS = {
    "deployment_code": ("deploymentcode",),
    "location_id": ("locationid",),
    "starts_at": ("deploymentstart", "startsat", "start", "startdate"),
    "ends_at": ("deploymentend", "endsat", "end", "enddate"),
    "setup_by": ("setupby",),
    "camera_id": ("cameraid",),
    "camera_model": ("cameramodel",),
    "camera_delay": ("cameradelay", "camerainterval"),
    "camera_height": ("cameraheight",),
    "camera_depth": ("cameradepth",),
    "camera_tilt": ("cameratilt",),
    "camera_heading": ("cameraheading",),
    "detection_distance": ("detectiondistance",),
    "timestamp_issues": ("timestampissues",),
    "correct_setup": ("correctsetup",),
    "correct_tstamp": ("correcttstamp",),
    "view_quality": ("viewquality",),
    "bait_use": ("baituse",),
    "bait_type": ("baittype",),
    "feature_type": ("featuretype",),
    "habitat": ("habitat",),
    "session": ("session",),
    "array": ("array",),
    "deployment_groups": ("deploymentgroups",),
    "deployment_tags": ("deploymenttags", "tags"),
    "comments": ("deploymentcomments", "comments"),
    "sequence_gap_s": ("sequencegaps", "sequencegap"),
    "file_name_pattern": ("filenamepattern",),
}
KINDS = {"locations": LOCATIONS, "deployments": DEPLOYMENTS}
NEEDED = {
    "locations": ("location_id", "latitude", "longitude", "timezone"),
    "deployments": ("deployment_code", "location_id", "starts_at"),
}
# What people write for nothing.
NOTHING = {"na", "n/a", "null", "none", "nan"}


def read(content: bytes, kind: str) -> dict[str, Any]:
    """The rows as {line, values} by field, each value with its column; and the problems of the table itself."""
    problems = Problems()
    table = Table(io.BytesIO(content), kind, problems)
    named = _named(table.columns, KINDS[kind])
    if missing := [field for field in NEEDED[kind] if field not in named.values()]:
        columns = ", ".join(KINDS[kind][field][0] for field in missing)
        raise Unreadable(f"The table of {kind} lacks the columns {columns}, whatever their case.")
    for column in table.columns:
        if column not in named:
            problems.warn(kind, 1, column, "This column is not known; it is left out.")
    rows: list[tuple[int, dict[str, tuple[str, str]]]] = []
    for row in table.rows():
        if len(rows) >= settings.table_rows_max:
            raise Unreadable(f"A table may have at most {settings.table_rows_max:,} rows.")
        values = {named[column]: (column, text) for column, text in row.values.items() if column in named}
        rows.append((row.line, {field: value for field, value in values.items() if not _is_nothing(value[1])}))
    return {"rows": rows, "problems": [list(problem) for problem in problems.listed], "columns": named}


def _named(columns: list[str], known: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """The field of each column that is known; of two for one field the first."""
    plain = {column: re.sub(r"[^a-z0-9]", "", column.casefold()) for column in columns}
    values: dict[str, str] = {}
    for column, name in plain.items():
        field = next((field for field, names in known.items() if name in names), None)
        if field is not None and field not in values.values():
            values[column] = field
    return values


def _is_nothing(text: str) -> bool:
    return text.casefold() in NOTHING

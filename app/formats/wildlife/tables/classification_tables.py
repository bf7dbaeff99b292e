"""Tables of classifications as CSV: our own export, and Trapper's. Columns are known by several names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from app.errors import Unreadable
from app.formats.wildlife import folders
from app.formats.wildlife.detections import boxes
from app.formats.wildlife.observations import AGES, BEHAVIOURS, SEXES, TYPES, Oddities, observation
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Record, Summary
from app.formats.wildlife.tables import tags, values
from app.formats.wildlife.tables.csv_files import Row, Table

FILE = "classifications.csv"
NULLS = frozenset({"None", "NA", "null", "NULL", "nan"})
# Our name of each column, with those of others.
NAMES = {
    "classification_id": ("classificationID", "_id", "classification_id"),
    "resource_id": ("resourceID", "resource_id", "resource"),
    "media_id": ("mediaID", "media_id"),
    "file": ("filePath", "file_path", "file", "fileName"),
    "deployment_id": ("deploymentID", "deployment_id", "deployment"),
    "type": ("observationType", "observation_type"),
    "level": ("observationLevel", "observation_level"),
    "species": ("scientificName", "species", "latin_name"),
    "sex": ("sex",),
    "age": ("age", "lifeStage"),
    "behaviour": ("behaviour", "behavior"),
    "count": ("count",),
    "count_new": ("countNew", "count_new"),
    "individual_id": ("individualID", "individual_id"),
    "confidence": ("classificationConfidence", "classification_confidence", "classificationProbability"),
    "bbox": ("bboxes", "bbox"),
    "first_frame_index": ("firstFrameIndex", "first_frame_index"),
    "distance": ("distance", "individualPositionRadius"),
    "attrs": ("attrs",),
    "attr_confidence": ("attrConfidence", "attr_confidence"),
    "method": ("classificationMethod", "classification_method"),
    "by": ("classifiedBy", "classified_by"),
    "is_setup": ("isSetup", "is_setup", "cameraSetup"),
    "approved": ("approved", "status", "isApproved"),
    "event_id": ("eventID", "sequenceID", "event_id"),
    "tags": ("observationTags",),
    "comments": ("observationComments", "comments"),
}
PLACES = ("classification_id", "resource_id", "media_id", "file")


def read(path: Path, problems: Problems, summary: Summary) -> Iterator[Record]:
    """One record for each row, with what tells its medium."""
    with folders.opened(path, FILE) as folder:
        folder.at(FILE, f"This archive has no {FILE}.")
        with folder.opened(FILE) as file:
            table = Table(file, FILE, problems)
            yield from _Reading(table, problems, summary).records()


class _Reading:
    def __init__(self, table: Table, problems: Problems, summary: Summary) -> None:
        self._table = table
        self._problems = problems
        self._summary = summary
        self._columns = {
            ours: theirs[0] for ours, names in NAMES.items() if (theirs := [n for n in names if n in table.columns])
        }
        self._odd = Oddities(problems, FILE)
        if not any(place in self._columns for place in PLACES):
            raise Unreadable(
                "This table has no column that tells the medium. It needs one of classificationID, resourceID, mediaID "
                "or filePath."
            )
        if "type" not in self._columns:
            raise Unreadable("This table lacks the column observationType.")
        known = set(self._columns.values())
        for column in table.columns:
            if column not in known and column not in IGNORED:
                problems.warn(FILE, 1, column, "This column is not known; it is ignored.")

    def records(self) -> Iterator[Record]:
        self._summary.version = "1"
        for row in self._table.rows():
            self._summary.rows["observation"] += 1
            observed = self._seen(row)
            if observed is not None:
                self._summary.counts["observations"] += 1
                yield Record("observation", FILE, row.line, observed)

    def _seen(self, row: Row) -> dict[str, Any] | None:
        before = self._problems.errors
        fields = {ours: row.values[name] for ours, name in self._columns.items() if name in row.values}
        fields = {ours: text for ours, text in fields.items() if text not in NULLS}
        places = {place: fields[place] for place in (*PLACES, "deployment_id") if place in fields}
        if not places.keys() & set(PLACES):
            self._problems.add(FILE, row.line, None, "This row does not tell its medium.")
        type_ = fields.get("type", "").lower()
        if type_ not in TYPES:
            self._problems.add(FILE, row.line, self._columns["type"], f"This must be one of {', '.join(TYPES)}.")
        observed = self._read(row.line, type_, fields)
        if self._problems.errors > before:
            return None
        self._summary.tally("types", type_)
        self._summary.tally("species", fields.get("species"))
        self._summary.tally("methods", observed["method"])
        return observed | places

    def _read(self, line: int, type_: str, fields: dict[str, str]) -> dict[str, Any]:
        count = self._number(line, fields, "count", least=1, whole=True)
        box = self._box(line, fields)
        level = fields.get("level", "").lower()
        is_group = level == "group" or (level not in {"object", "media"} and count is not None and count > 1)
        attrs = self._object(line, fields, "attrs")
        for key, value in tags.parted(fields.get("tags", "")):
            attrs.setdefault(key, value or True)
        return observation(
            type_,
            level="group" if is_group and box is None else "object",
            names=[fields["species"]] if "species" in fields else [],
            sex=self._odd.choice(line, "sex", fields.get("sex"), SEXES),
            age=self._odd.choice(line, "age", fields.get("age"), AGES),
            behaviour=self._odd.choice(line, "behaviour", fields.get("behaviour"), BEHAVIOURS),
            count=int(count or 1),
            count_new=self._number(line, fields, "count_new", least=0, whole=True),
            individual_id=fields.get("individual_id"),
            confidence=self._number(line, fields, "confidence", least=0, most=1),
            bbox=box,
            first_frame_index=self._number(line, fields, "first_frame_index", least=0, whole=True),
            distance=self._number(line, fields, "distance", least=0),
            attrs=attrs,
            attr_confidence=self._object(line, fields, "attr_confidence"),
            method=fields.get("method", "human").lower(),
            by=fields.get("by"),
            is_setup=fields.get("is_setup", "").lower() in values.TRUE,
            event_id=fields.get("event_id"),
            comments=fields.get("comments"),
        ) | {"approved": fields.get("approved", "").lower() in values.TRUE}

    def _number(
        self,
        line: int,
        fields: dict[str, str],
        name: str,
        *,
        least: float,
        most: float | None = None,
        whole: bool = False,
    ) -> Any:
        if name not in fields:
            return None
        try:
            value = values.integer(fields[name])[0] if whole else values.number(fields[name])
        except values.Odd as error:
            self._problems.add(FILE, line, self._columns[name], str(error))
            return None
        if value < least or (most is not None and value > most):
            bound = f"at least {least:g}" if value < least else f"at most {most:g}"
            self._problems.add(FILE, line, self._columns[name], f"This must be {bound}.")
            return None
        return value

    def _box(self, line: int, fields: dict[str, str]) -> list[float] | None:
        """One box; a list of boxes, as Trapper writes it, has that of the first occurrence first."""
        if fields.get("bbox", "[]") in {"[]", "[[]]", ""}:
            return None
        try:
            corners = orjson.loads(fields["bbox"])
            corners = orjson.loads(corners) if isinstance(corners, str) else corners
            return boxes.box(corners[0] if corners and isinstance(corners[0], list) else corners)
        except (orjson.JSONDecodeError, TypeError, KeyError, boxes.NoBox) as error:
            what = str(error) if isinstance(error, boxes.NoBox) else "This is not a box as JSON, such as [0,0,0.5,1]."
            self._problems.add(FILE, line, self._columns["bbox"], what)
            return None

    def _object(self, line: int, fields: dict[str, str], name: str) -> dict[str, Any]:
        if name not in fields:
            return {}
        try:
            return values.json_object(fields[name])
        except values.Odd as error:
            self._problems.add(FILE, line, self._columns[name], str(error))
            return {}


# What our own export says beside, and an import does not need.
IGNORED = frozenset({"timestamp", "locationID", "classificationTimestamp", "isBlank", "taxonID", "classificationType"})

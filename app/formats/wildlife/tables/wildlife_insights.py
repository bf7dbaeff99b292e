"""Exports of Wildlife Insights: images.csv and deployments.csv, with cameras.csv if it is there.

Times have no offset; they are in the zone of the place. The text NA is no value. `spp.` means that only the genus is
known.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.errors import Unreadable, quoted
from app.formats.wildlife import folders
from app.formats.wildlife.folders import Folder
from app.formats.wildlife.keys import Keys
from app.formats.wildlife.observations import AGES, SEXES, Oddities, observation
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Record, Summary
from app.formats.wildlife.tables import values
from app.formats.wildlife.tables.csv_files import Row, Table

IMAGES = "images.csv"
DEPLOYMENTS = "deployments.csv"
CAMERAS = "cameras.csv"
NULLS = frozenset({"NA", "N/A", "NULL", "None", "nan"})
BLANK = frozenset({"1", "1.0", "true", "True", "TRUE", "yes", "Yes"})
GENUS_ONLY = frozenset({"spp.", "spp", "sp.", "sp", "species"})
NO_TAXON = frozenset({"unknown", "no cv result", "blank"})
RANKS = ("genus", "family", "order", "class")
FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M:%S", "%Y-%m-%d")
MACHINES = ("computer vision", "cv", "ai", "speciesnet")


def read(path: Path, problems: Problems, summary: Summary, zone: ZoneInfo) -> Iterator[Record]:
    """Deployments, then media with what was seen in them."""
    with folders.opened(path) as folder:
        yield from _Reading(folder, problems, summary, zone).records()


class _Reading:
    def __init__(self, folder: Folder, problems: Problems, summary: Summary, zone: ZoneInfo) -> None:
        self._folder = folder
        self._problems = problems
        self._summary = summary
        self._zone = zone
        self._deployments: set[str] = set()
        self._cameras: set[str] = set()
        self._odd = Oddities(problems, IMAGES)

    def records(self) -> Iterator[Record]:
        self._summary.version = "2"
        for name in (DEPLOYMENTS, IMAGES):
            if not self._folder.has(name):
                raise Unreadable(f"This export has no {name}. Send the files of Wildlife Insights together.")
        with ExitStack() as stack:
            if self._folder.has(CAMERAS):
                table = Table(stack.enter_context(self._folder.opened(CAMERAS)), CAMERAS, self._problems)
                table.require(["camera_id"])
                self._cameras = {row.values["camera_id"] for row in table.rows() if "camera_id" in row.values}
            self._summary.counts["cameras"] = len(self._cameras)
            table = Table(stack.enter_context(self._folder.opened(DEPLOYMENTS)), DEPLOYMENTS, self._problems)
            table.require(["deployment_id", "longitude", "latitude", "start_date", "end_date"])
            yield from self._read_deployments(table)
            table = Table(stack.enter_context(self._folder.opened(IMAGES)), IMAGES, self._problems)
            table.require(["deployment_id", "image_id", "timestamp"])
            yield from self._read_images(table)

    def _read_deployments(self, table: Table) -> Iterator[Record]:
        for row in table.rows():
            fields = _filled_cells(row)
            self._summary.rows["deployment"] += 1
            deployment = self._deployment(row.line, fields, bait=row.values.get("bait_type"))
            if deployment is None:
                continue
            if deployment["deploymentID"] in self._deployments:
                self._problems.add(DEPLOYMENTS, row.line, "deployment_id", "This deployment is listed twice.")
                continue
            self._deployments.add(deployment["deploymentID"])
            self._summary.count("deployment", deployment)
            self._summary.counts["deployments"] += 1
            yield Record("deployment", DEPLOYMENTS, row.line, deployment)

    def _deployment(self, line: int, fields: dict[str, str], *, bait: str | None) -> dict[str, Any] | None:
        before = self._problems.errors
        if "deployment_id" not in fields:
            self._problems.add(DEPLOYMENTS, line, "deployment_id", "This field is required.")
        longitude = self._coordinate(line, fields, "longitude", 180)
        latitude = self._coordinate(line, fields, "latitude", 90)
        start = self._time(DEPLOYMENTS, line, "start_date", fields)
        end = self._time(DEPLOYMENTS, line, "end_date", fields, is_end=True)
        if start and end and end < start:
            self._problems.add(DEPLOYMENTS, line, "end_date", "This deployment ends before it starts.")
        if self._problems.errors > before or start is None or end is None:
            return None
        camera = fields.get("camera_id")
        if camera is None or camera not in self._cameras:
            self._summary.counts["cameras_unknown"] += 1
            note = "No camera_id is given." if camera is None else f"{quoted(camera)} is not in {CAMERAS}."
            self._problems.warn(DEPLOYMENTS, line, "camera_id", note)
        place = fields.get("placename")
        return {
            "deploymentID": fields["deployment_id"],
            "locationID": place,
            "locationName": place,
            "longitude": longitude,
            "latitude": latitude,
            "deploymentStart": start.isoformat(),
            "deploymentEnd": end.isoformat(),
            "cameraID": camera,
            "baitUse": None if bait is None else bait.lower() not in {"none", "no"},
            "deploymentTags": fields.get("feature_type"),
            "deploymentComments": fields.get("event_description"),
        }

    def _coordinate(self, line: int, fields: dict[str, str], name: str, most: int) -> float:
        try:
            value = values.number(fields.get(name, ""))
        except values.Odd as error:
            self._problems.add(DEPLOYMENTS, line, name, str(error))
            return 0.0
        if abs(value) > most:
            self._problems.add(DEPLOYMENTS, line, name, f"This must be between -{most} and {most}.")
        return value

    def _time(
        self, file: str, line: int, name: str, fields: dict[str, str], *, is_end: bool = False
    ) -> datetime | None:
        text = fields.get(name, "")
        for form in FORMATS:
            try:
                value = datetime.strptime(text, form)  # noqa: DTZ007 -- it gets the zone of the place below
            except ValueError:
                continue
            if is_end and form == "%Y-%m-%d":
                # The day of the end belongs to the deployment.
                value = datetime.combine(value, time(23, 59, 59))
            return value.replace(tzinfo=self._zone)
        self._problems.add(file, line, name, f"{quoted(text)} is not a time such as 2018-11-16 05:01:45.")
        return None

    def _read_images(self, table: Table) -> Iterator[Record]:
        images = Keys()
        last: str | None = None
        for row in table.rows():
            self._summary.rows["observation"] += 1
            fields = _filled_cells(row)
            medium = self._medium(row.line, fields)
            if medium is None:
                continue
            if medium["mediaID"] != last:
                # The rows of a picture follow each other; what comes again later is the same medium.
                last = medium["mediaID"]
                images.add(last, row.line)
                self._summary.rows["media"] += 1
                yield Record("media", IMAGES, row.line, medium)
            seen = self._seen(row.line, fields) | {"media_id": last, "deployment_id": medium["deploymentID"]}
            self._summary.counts["observations"] += 1
            yield Record("observation", IMAGES, row.line, seen)
        self._summary.counts["media"] = images.distinct

    def _medium(self, line: int, fields: dict[str, str]) -> dict[str, Any] | None:
        before = self._problems.errors
        for name in ("deployment_id", "image_id"):
            if name not in fields:
                self._problems.add(IMAGES, line, name, "This field is required.")
        key = fields.get("deployment_id")
        if key is not None and key not in self._deployments:
            place = f"There is no deployment {quoted(key)} among the good rows of {DEPLOYMENTS}."
            self._problems.add(IMAGES, line, "deployment_id", place)
        at = self._time(IMAGES, line, "timestamp", fields)
        if self._problems.errors > before or at is None:
            return None
        name = fields.get("filename") or fields["image_id"]
        return {
            "mediaID": fields["image_id"],
            "deploymentID": key,
            "timestamp": at.isoformat(),
            "filePath": fields.get("location") or name,
            "fileName": name.replace("\\", "/").rsplit("/", 1)[-1],
            "filePublic": False,
            "fileMediatype": None,
            "favorite": fields.get("highlighted") in BLANK,
        }

    def _seen(self, line: int, fields: dict[str, str]) -> dict[str, Any]:
        type_, names = self._taxon(fields)
        self._summary.tally("types", type_)
        for name in names[:1]:
            self._summary.tally("species", name)
        self._summary.tally("classes", fields.get("class"))
        count = self._count(line, fields)
        by = fields.get("identified_by")
        is_machine = by is not None and by.lower().startswith(MACHINES)
        tags = {name: fields[name] for name in ("uncertainty", "markings") if name in fields}
        return observation(
            type_,
            level="group" if count > 1 else "object",
            names=names,
            count=count,
            age=self._odd.choice(line, "age", fields.get("age"), AGES),
            sex=self._odd.choice(line, "sex", fields.get("sex"), SEXES),
            individual_id=fields.get("individual_id") if count == 1 else None,
            confidence=self._confidence(line, fields),
            method="machine" if is_machine else "human",
            by=by,
            attrs=tags,
            comments=fields.get("individual_animal_notes"),
        )

    def _taxon(self, fields: dict[str, str]) -> tuple[str, list[str]]:
        """The type of a row, and the most exact name of its taxon."""
        if fields.get("is_blank") in BLANK:
            return "blank", []
        genus, species = fields.get("genus"), fields.get("species")
        common = (fields.get("common_name") or "").lower()
        if genus and genus.lower() == "homo":
            return "human", ["Homo sapiens"]
        if "vehicle" in common:
            return "vehicle", []
        if (genus or "").lower() in NO_TAXON or common in NO_TAXON:
            return "unknown", []
        if genus and species and species.lower() not in GENUS_ONLY | NO_TAXON:
            return "animal", [f"{genus} {species}"]
        name = next((fields[rank] for rank in RANKS if rank in fields and fields[rank].lower() not in NO_TAXON), None)
        return ("animal", [name]) if name else ("unknown", [])

    def _count(self, line: int, fields: dict[str, str]) -> int:
        try:
            count, _ = values.integer(fields.get("number_of_objects") or fields.get("group_size") or "1")
        except values.Odd as error:
            self._problems.warn(IMAGES, line, "number_of_objects", f"{error} It is read as 1.")
            return 1
        return max(1, count)

    def _confidence(self, line: int, fields: dict[str, str]) -> float | None:
        if "cv_confidence" not in fields:
            return None
        try:
            value = values.number(fields["cv_confidence"])
        except values.Odd as error:
            self._problems.warn(IMAGES, line, "cv_confidence", str(error))
            return None
        return value if 0 <= value <= 1 else None


def _filled_cells(row: Row) -> dict[str, str]:
    return {name: value for name, value in row.values.items() if value not in NULLS}

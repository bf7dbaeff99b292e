"""Locations and deployments from tables: all rows or none, with a problem for each value that cannot be."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from shapely import Point
from sqlalchemy import ColumnElement, select

from app import parsing
from app.database import WriteSession
from app.errors import Invalid
from app.formats.wildlife.tables import place_tables, values
from app.identifiers import cleaned
from app.models.wildlife.deployments import Deployment, FeatureType, Location
from app.models.wildlife.projects import ResearchProject
from app.policies import Viewer, signed_in
from app.policies.wildlife.projects import WORKERS
from app.services.system import audit
from app.services.wildlife.media import timing
from app.services.wildlife.places import deployments, locations
from app.services.wildlife.places import fields as rules
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings

Cells = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class TableProblem:
    """What is wrong with a value of a table: its row as editors count them, its column, and what to do."""

    row: int
    column: str | None
    message: str
    is_error: bool = True


@dataclass
class TableImport:
    """What came of a table. With an error, or as a dry run, nothing was changed."""

    is_dry_run: bool
    rows: int = 0
    created: int = 0
    updated: int = 0
    problems: list[TableProblem] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether the rows were imported."""
        return not self.is_dry_run and not self.has_errors

    @property
    def has_errors(self) -> bool:
        """Whether a value cannot be."""
        return any(problem.is_error for problem in self.problems)


@dataclass(frozen=True)
class Parsed:
    """A table as texts."""

    rows: list[tuple[int, Cells]]
    problems: list[TableProblem]


async def parsed(csv: str | bytes, kind: str, *, argument: str = "csv") -> Parsed:
    """Reads a table of locations or deployments, in a child."""
    content = csv.encode() if isinstance(csv, str) else csv
    if len(content) > settings.table_bytes_max:
        raise Invalid(argument, f"A table may have at most {settings.table_bytes_max:,} bytes.")
    report = await parsing.run(place_tables.read, content, kind, field=argument)
    problems = [
        TableProblem(line or 1, column, problem, severity == "ERROR")
        for _, line, column, problem, severity in report["problems"]
    ]
    rows = [(line, {name: (cell[0], cell[1]) for name, cell in cells.items()}) for line, cells in report["rows"]]
    return Parsed(rows, problems)


class Row:
    """A row while its values are read; what cannot be is reported with its column."""

    def __init__(self, line: int, cells: Cells, done: TableImport) -> None:
        self.line = line
        self._cells = cells
        self._done = done

    def text(self, name: str) -> str | None:
        """The text of a field; None if there is none."""
        return self._cells[name][1] if name in self._cells else None

    def tell(self, name: str | None, message: str) -> None:
        """Names a problem."""
        column = self._cells[name][0] if name in self._cells else name
        self._done.problems.append(TableProblem(self.line, column, message))

    def value(self, name: str, read: Callable[[str], Any], check: Callable[[Any], Any]) -> Any:
        """A field's value; None if there is none, or if it cannot be read, which is reported."""
        text = self.text(name)
        if text is None:
            return None
        try:
            value_read = read(text)
            return check(value_read[0] if isinstance(value_read, tuple) else value_read)
        except (values.Odd, Invalid) as error:
            self.tell(name, str(error))
        return None

    def require(self, *names: str) -> bool:
        """Whether the row has these; what it lacks is reported."""
        missing = [name for name in names if name not in self._cells]
        for name in missing:
            self.tell(name, "This is empty. Every row needs it.")
        return not missing


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split("|") if each.strip()]


def _feature(text: str) -> FeatureType:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|[ -]+", "_", text).upper()
    try:
        return FeatureType[name]
    except KeyError:
        raise values.Odd("This is not a feature type. Use one of Camtrap DP's, such as trailGame.") from None


def _rounded(text: str) -> int:
    return values.integer(text)[0]


BOOLEANS = {"ignore_dst", "is_public", "timestamp_issues", "correct_setup", "correct_tstamp", "bait_use"}
INTEGERS = {"camera_delay", "camera_tilt", "camera_heading", "sequence_gap_s"}
NUMBERS = {"coordinate_uncertainty", "camera_height", "camera_depth", "detection_distance"}
LISTS = {"deployment_groups", "deployment_tags"}


def _reader(name: str) -> Callable[[str], Any]:
    if name in BOOLEANS:
        return values.boolean
    if name in INTEGERS:
        return _rounded
    if name in NUMBERS:
        return values.number
    if name == "feature_type":
        return _feature
    return _listed if name in LISTS else str


async def import_locations(
    session: WriteSession, viewer: Viewer, project_id: int, table: Parsed, *, is_dry_run: bool = False
) -> TableImport:
    """Creates and updates the locations of a table, by their location ids."""
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    done = TableImport(is_dry_run, len(table.rows), problems=list(table.problems))
    known = {
        row.location_id.lower(): row
        for row in await session.scalars(select(Location).where(Location.research_project_id == project.id))
    }
    wanted: dict[str, dict[str, Any]] = {}
    for line, cells in table.rows:
        row = Row(line, cells, done)
        fields = _location(row, cells)
        if (location_id := (fields.get("location_id") or f"row {line}").lower()) in wanted:
            row.tell("location_id", "Another row has this location id.")
        wanted[location_id] = fields
    done.created = sum(location_id not in known for location_id in wanted)
    done.updated = len(wanted) - done.created
    if not done.is_done:
        return _untouched(done)
    await locations.room_for_locations(session, project.id, done.created)
    redated = [known[each].id for each, fields in wanted.items() if each in known and _is_redated(known[each], fields)]
    for location_id, fields in wanted.items():
        place = known.get(location_id) or Location(research_project_id=project.id, owner_id=signed_in(viewer))
        for name, value in fields.items():
            setattr(place, name, value)
        session.add(place)
    await session.flush()
    await _settle(session, Deployment.location_id.in_(redated))
    _record(session, viewer, project, "importLocations", done)
    return done


def _location(row: Row, cells: Cells) -> dict[str, Any]:
    fields = {
        name: row.value(name, _reader(name), rules.LOCATION[name])
        for name in cells
        if name not in {"latitude", "longitude"}
    }
    row.require(*place_tables.NEEDED["locations"])
    latitude = row.value("latitude", values.number, _within("latitude", 90))
    longitude = row.value("longitude", values.number, _within("longitude", 180))
    if latitude is not None and longitude is not None:
        fields["point"] = rules.place(Point(longitude, latitude))
    return fields


def _within(name: str, most: float) -> Callable[[float], float]:
    def check(value: float) -> float:
        if abs(value) > most:
            raise Invalid(name, f"Use degrees from -{most:g} to {most:g}.")
        return value

    return check


def _is_redated(place: Location, fields: dict[str, Any]) -> bool:
    return any(name in fields and fields[name] != getattr(place, name) for name in ("timezone", "ignore_dst"))


async def import_deployments(
    session: WriteSession, viewer: Viewer, project_id: int, table: Parsed, *, is_dry_run: bool = False
) -> TableImport:
    """Creates and updates the deployments of a table, by their codes at their locations."""
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    done = TableImport(is_dry_run, len(table.rows), problems=list(table.problems))
    of_project = select(Location).where(Location.research_project_id == project.id)
    places = {row.location_id.lower(): row for row in await session.scalars(of_project)}
    listed = await session.scalars(select(Deployment).where(Deployment.research_project_id == project.id))
    known = {row.deployment_id.lower(): row for row in listed}
    wanted: dict[str, dict[str, Any]] = {}
    for line, cells in table.rows:
        row = Row(line, cells, done)
        fields = _deployment(row, cells, places)
        key = fields.get("deployment_id", f"row {line}").lower()
        if key in wanted:
            row.tell("deployment_code", "Another row has this code at this location.")
        wanted[key] = fields | {"line": row}
    _check_cameras(wanted, known)
    done.created = sum(key not in known for key in wanted)
    done.updated = len(wanted) - done.created
    if not done.is_done:
        return _untouched(done)
    await deployments.room_for_deployments(session, project.id, done.created)
    for key, fields in wanted.items():
        deployment = known.get(key) or Deployment(research_project_id=project.id, owner_id=signed_in(viewer))
        for name, value in fields.items():
            if name != "line":
                setattr(deployment, name, value)
        session.add(deployment)
    await session.flush()
    await _settle(session, Deployment.id.in_([known[key].id for key in wanted if key in known]))
    _record(session, viewer, project, "importDeployments", done)
    return done


def _deployment(row: Row, cells: Cells, places: Mapping[str, Location]) -> dict[str, Any]:
    row.require(*place_tables.NEEDED["deployments"])
    plain = cells.keys() - {"location_id", "starts_at", "ends_at"}
    fields = {name: row.value(name, _reader(name), rules.DEPLOYMENT[name]) for name in plain}
    place = places.get(cleaned(row.text("location_id") or "").lower())
    if place is None:
        if row.text("location_id"):
            row.tell("location_id", "The research project has no location with this id. Import the locations first.")
        return fields
    fields["location_id"] = place.id
    for name in ("starts_at", "ends_at"):
        fields[name] = row.value(name, lambda text: moment(text, place), rules.DEPLOYMENT[name])
    if fields["starts_at"] and fields["ends_at"] and fields["ends_at"] <= fields["starts_at"]:
        row.tell("ends_at", "The end must come after the start.")
    if fields.get("deployment_code"):
        fields["deployment_id"] = deployments.derived_id(fields["deployment_code"], place)
    return fields


def moment(text: str, place: Location) -> datetime:
    """A time with its offset; one without is in the zone of its place, as the cameras there keep time."""
    if not place.ignore_dst:
        return values.moment(text, ZoneInfo(place.timezone))[0]
    moment_read = values.moment(text, ZoneInfo("UTC"))
    if moment_read[0].tzinfo != ZoneInfo("UTC"):
        return moment_read[0]
    zone, year = ZoneInfo(place.timezone), moment_read[0].year
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() or timedelta() for month in (1, 7)]
    return moment_read[0].replace(tzinfo=timezone(min(offsets)))


def _check_cameras(wanted: Mapping[str, dict[str, Any]], known: Mapping[str, Deployment]) -> None:
    """Tells of each row whose camera is elsewhere at its time; the database refuses it, too, but names no row."""
    taken: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for key, deployment in known.items():
        if key not in wanted and deployment.camera_id:
            taken.setdefault(deployment.camera_id, []).append((deployment.starts_at, deployment.ends_at))
    for fields in wanted.values():
        camera, begin, end = fields.get("camera_id"), fields.get("starts_at"), fields.get("ends_at")
        if not camera or begin is None:
            continue
        others = taken.get(camera, [])
        if any((other is None or begin < other) and (end is None or start < end) for start, other in others):
            fields["line"].tell("camera_id", "The same camera is in another deployment at that time.")
        taken.setdefault(camera, []).append((begin, end))


def _untouched(done: TableImport) -> TableImport:
    if done.has_errors:
        done.created = done.updated = 0
    return done


async def _settle(session: WriteSession, which: ColumnElement[bool]) -> None:
    query = select(Deployment.id).where(which).order_by(Deployment.id)
    for deployment_id in (await session.scalars(query)).all():
        await timing.settle(session, deployment_id)


def _record(session: WriteSession, viewer: Viewer, project: ResearchProject, action: str, done: TableImport) -> None:
    audit.record(
        session, signed_in(viewer), action, about=project, rows=done.rows, created=done.created, updated=done.updated
    )

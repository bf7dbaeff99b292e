"""Writes a Camtrap DP 1.0.2 package of a classification project: tables by COPY, checked before they are kept."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import orjson

from app import checks
from app.database import ReadSession, copy_out, driver_of
from app.errors import Conflict
from app.formats.harmless import harmless_line
from app.formats.wildlife.camtrap_dp import descriptor, details, frame_files
from app.formats.wildlife.camtrap_dp.fields import RANKS, RESOURCES
from app.formats.wildlife.problems import Problems
from app.gateways import storage
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.projects import ResearchProject
from app.policies.wildlife.places import COARSE_DEGREES
from app.security import private_files
from app.services.wildlife.exchange.exports import detail_statements, disclosure, event_statements
from app.services.wildlife.exchange.exports import package_statements as statements
from app.services.wildlife.exchange.exports.lifecycle import nothing_to_export
from app.services.wildlife.frames import storing
from app.telemetry.metering import in_thread

BASE = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
PIECE_BYTES = 1_048_576
# Our own tables, by the column that leads to those of the standard.
OWN = {"frames": "observationID"} | dict(details.RESOURCES.values())
TABLES = (*RESOURCES, *OWN)
RANK_NAMES = ("kingdom", "phylum", "class", "order", "family", "genus")


async def write_package(
    session: ReadSession, project_id: int, options: Mapping[str, Any], folder: Path, target: Path
) -> dict[str, int]:
    """Writes the package as a ZIP archive; how many rows its tables have. Refused if there is nothing to publish."""
    values = {**options, "project_id": project_id}
    connection = await driver_of(session)
    for statement in statements.PREPARED:
        await connection.execute(statement, values)
    await _check(connection)
    tables = {name: list(of_table) for name, of_table in (statements.TABLES | detail_statements.TABLES).items()}
    if options["include_events"]:
        for statement in event_statements.PREPARED:
            await connection.execute(statement, values)
        tables["observations"].append(event_statements.OBSERVATIONS)
        tables["frames"].append(event_statements.DERIVED)
    counts = {}
    for name, of_table in tables.items():
        counts[name] = await _write_table(session, of_table, values, folder / _file_name(name, options), options)
    await _fetch_frames(connection, folder / frame_files.FOLDER)
    described = await _descriptor(session, connection, project_id, options)
    await in_thread(_pack, folder, target, orjson.dumps(described, option=orjson.OPT_INDENT_2), options)
    return counts


async def write_observations(
    session: ReadSession, project_id: int, options: Mapping[str, Any], _: Path, target: Path
) -> dict[str, int]:
    """Writes all observations as one table; how many there are."""
    values = {**options, "project_id": project_id}
    connection = await driver_of(session)
    for statement in statements.PREPARED:
        await connection.execute(statement, values)
    return {"observations": await _write_table(session, [statements.PLAIN], values, target, options)}


async def _fetch_frames(connection: Any, folder: Path) -> None:
    """Fetches the files with the frames of what is shown."""
    private_files.folder(folder)
    for (digest,) in await (await connection.execute(statements.FRAMES)).fetchall():
        await storage.download(storing.key_of(digest), folder / frame_files.name_of(digest))


async def _check(connection: Any) -> None:
    """Refuses what must not be published; validators of the standard would not find it."""
    [(media,)] = await (await connection.execute("SELECT count(*) FROM export_finals")).fetchall()
    if not media:
        raise nothing_to_export()
    for what, statement in statements.CHECKS.items():
        [(count,)] = await (await connection.execute(statement)).fetchall()
        if count:
            raise Conflict(f"This cannot be published: {count} {what}. Correct them first.")


def _file_name(name: str, options: Mapping[str, Any]) -> str:
    return f"{name}.csv.gz" if options["gzip"] else f"{name}.csv"


async def _write_table(
    session: ReadSession,
    table: Sequence[str],
    values: Mapping[str, Any],
    path: Path,
    options: Mapping[str, Any],
) -> int:
    """Writes what statements answer, one below the other; how many rows."""
    rows, waiting, size = -1, list[bytes](), 0
    with ExitStack() as stack:
        plain = stack.enter_context(path.open("wb"))
        write: Callable[[bytes], int] = plain.write
        if options["gzip"]:
            write = stack.enter_context(gzip.GzipFile(fileobj=plain, mode="wb", compresslevel=3)).write
        for number, statement in enumerate(table):
            copy = f"COPY ({statement}) TO STDOUT (FORMAT csv, HEADER {not number})"
            async for piece in copy_out(session, copy, values):
                rows += 1
                waiting.append(harmless_line(piece))
                size += len(piece)
                if size > PIECE_BYTES:
                    await in_thread(write, b"".join(waiting))
                    waiting, size = [], 0
        await in_thread(write, b"".join(waiting))
    return rows


async def _descriptor(
    session: ReadSession, connection: Any, project_id: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    project = await session.get_one(ClassificationProject, project_id)
    research = await session.get_one(ResearchProject, project.research_project_id)
    span = await connection.execute(statements.SPAN, options)
    [(start, end, west, south, east, north, hidden)] = await span.fetchall()
    taxa = [_taxon(*row) for row in await (await connection.execute(statements.TAXA)).fetchall()]
    decimals = options["decimals"]
    west, south, east, north = (round(side, decimals) for side in (west, south, east, north))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    described = {
        "resources": [_resource(name, options) for name in TABLES],
        "profile": f"{BASE}/camtrap-dp-profile.json",
        "name": f"classification-project-{project_id}",
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "title": project.name,
        "contributors": [{"title": research.name, "role": "rightsHolder"}],
        "project": {
            "title": research.name,
            "acronym": research.acronym,
            "samplingDesign": checks.camel_case(getattr(research.sampling_design, "value", None) or "OPPORTUNISTIC"),
            "captureMethod": ["activityDetection"],
            "individualAnimals": bool(research.individual_animals),
            "observationLevel": ["media", "event"] if options["include_events"] else ["media"],
        },
        "coordinatePrecision": max(10.0**-decimals, COARSE_DEGREES if hidden else 0),
        "spatial": {"type": "Polygon", "bbox": [west, south, east, north], "coordinates": [ring]},
        "temporal": {"start": start, "end": end},
        "taxonomic": taxa,
    }
    if hidden:
        described["dataGeneralizations"] = f"{hidden} deployments: {disclosure.GENERALIZATION}"
    problems = Problems()
    descriptor.read(orjson.dumps(described), problems)
    if problems.counts["WARNING"] or problems.errors:
        problem = problems.listed[0]
        raise Conflict(f"This cannot be published: {problem.field}: {problem.message}")
    return described


def _taxon(name: str, rank: str, *higher: str | None) -> dict[str, str]:
    taxon = {"scientificName": name, "taxonRank": rank if rank in RANKS else None}
    return {key: value for key, value in {**taxon, **dict(zip(RANK_NAMES, higher, strict=True))}.items() if value}


def _resource(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    own = [{"name": OWN.get(name), "type": "string"}, {"name": "values", "type": "object"}]
    schema: Any = {"fields": own} if name in OWN else f"{BASE}/{name}-table-schema.json"
    resource = {"name": name, "path": _file_name(name, options), "profile": "tabular-data-resource", "format": "csv"}
    packed = {"compression": "gz"} if options["gzip"] else {}
    return {**resource, **packed, "mediatype": "text/csv", "encoding": "utf-8", "schema": schema}


def _pack(folder: Path, target: Path, described: bytes, options: Mapping[str, Any]) -> None:
    with ZipFile(target, "w", ZIP_STORED if options["gzip"] else ZIP_DEFLATED, compresslevel=3) as archive:
        archive.writestr(descriptor.NAME, described, ZIP_DEFLATED)
        for name in TABLES:
            archive.write(folder / _file_name(name, options), _file_name(name, options))
        for path in sorted((folder / frame_files.FOLDER).iterdir()):
            archive.write(path, f"{frame_files.FOLDER}/{path.name}", ZIP_STORED)

"""Detections of a project for other programs: results as MegaDetector writes them, and COCO for training elsewhere.

A temporary table takes what is shown of each medium as of one moment; a cursor reads it as often as a format needs, so
that memory stays flat.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import orjson

from app.database import ReadSession, driver_of
from app.errors import Conflict
from app.formats.wildlife.detections import entries
from app.formats.wildlife.detections.coco import CocoWriter
from app.formats.wildlife.detections.entries import Classes, Medium, Seen
from app.formats.wildlife.detections.megadetector import MegaDetectorWriter
from app.models.wildlife.classification_projects import ClassificationProject
from app.services.wildlife.exchange.exports.lifecycle import nothing_to_export
from app.services.wildlife.exchange.exports.package_statements import MEDIUM_MINUTES
from app.telemetry.metering import in_thread

BATCH = 2_000
# Media with the same path in several deployments get a folder each.
MEDIA = f"""
CREATE TEMPORARY TABLE export_media ON COMMIT DROP AS
SELECT final.id AS final_id, resource.id AS resource_id,
    CASE WHEN count(*) OVER (PARTITION BY resource.file_path) > 1
        THEN coalesce(deployment.deployment_id, 'r' || resource.id) || '/' || resource.file_path
        ELSE resource.file_path END AS path,
    resource.resource_type = 'VIDEO' IS TRUE AS is_video, resource.width, resource.height, resource.fps,
    to_char(timezone('UTC', resource.recorded_at) + make_interval(mins => coalesce({MEDIUM_MINUTES}, 0)),
        'YYYY-MM-DD HH24:MI:SS') AS taken,
    'l' || deployment.location_id AS place, sequence.sequence_id AS sequence,
    row_number() OVER (PARTITION BY resource.sequence_id ORDER BY resource.recorded_at, resource.id) - 1 AS number,
    coalesce(sequence.resource_count, 1) AS sequence_length, resource.read_error AS failure
FROM classifications AS final JOIN resources AS resource ON resource.id = final.resource_id
LEFT JOIN deployments AS deployment ON deployment.id = resource.deployment_id
LEFT JOIN locations AS location ON location.id = deployment.location_id
LEFT JOIN sequences AS sequence ON sequence.id = resource.sequence_id
WHERE final.project_id = %(project_id)s AND final.classification_type = 'FINAL'
    AND (final.is_approved OR NOT %(approved_only)s AND (final.is_classified OR final.is_classified_ai
        OR resource.status = 'UNREADABLE'))
    AND (CAST(%(deployment_ids)s AS bigint[]) IS NULL OR deployment.id = ANY (%(deployment_ids)s))
"""
# What is seen in each medium, as JSON; blank observations are an empty list.
SEEN = """
CREATE TEMPORARY TABLE export_seen ON COMMIT DROP AS
SELECT media.resource_id, media.path, media.is_video, media.width, media.height, media.fps, media.taken, media.place,
    media.sequence, media.number, media.sequence_length, media.failure, coalesce(found.seen, '[]') AS seen
FROM export_media AS media LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(attrs.observation_type, attrs.species_id, attrs.classification_confidence,
        CASE WHEN jsonb_typeof(attrs.bboxes) = 'array' AND attrs.bboxes <> '[]' THEN attrs.bboxes END,
        coalesce(attrs.first_frame_index, 0)) ORDER BY attrs.id)::text AS seen
    FROM classification_attrs AS attrs
    WHERE attrs.shown_by_id = media.final_id AND attrs.observation_type <> 'BLANK'
) AS found ON true
WHERE NOT %(exclude_blank)s OR found.seen IS NOT NULL OR media.failure IS NOT NULL
"""
NAMES = """
SELECT id, scientific_name, rank, vernacular_name, class_name, order_name, family, genus FROM species
WHERE id = ANY (%(ids)s)
"""
ALL = "SELECT * FROM export_seen ORDER BY resource_id"


async def write_megadetector(
    session: ReadSession, project_id: int, options: Mapping[str, Any], _: Path, target: Path
) -> dict[str, int]:
    """Writes results in MegaDetector's format, which Timelapse and AddaxAI open; how many there are."""
    await _prepare(session, project_id, options)
    project = await session.get_one(ClassificationProject, project_id)
    classes, named = Classes(0), dict[str, str]()
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    writer = MegaDetectorWriter(
        {"detector": f"Fieldgraph: {project.name}", "detection_completion_time": now}, entries.TYPES, named
    )
    counts = {"media": 0, "observations": 0}

    def piece(media: list[Medium]) -> bytes:
        images = [entries.megadetector_image(medium, classes) for medium in media]
        counts["media"] += len(images)
        counts["observations"] += sum(len(image["detections"] or ()) for image in images)
        return writer.write(images)

    with target.open("wb") as file:
        await _each(session, piece, file)
        meanings = {}
        for row in await _names(session, classes):
            key = str(classes.number(row[0]))
            named[key] = row[1]
            meanings[key] = entries.description(row[4:], row[1], row[2], row[3])
        file.write(writer.finish(meanings))
    return counts


async def write_coco(
    session: ReadSession, project_id: int, options: Mapping[str, Any], _: Path, target: Path
) -> dict[str, int]:
    """Writes pictures and boxes as COCO Camera Traps; how many there are."""
    await _prepare(session, project_id, options)
    project = await session.get_one(ClassificationProject, project_id)
    now = datetime.now(UTC)
    writer = CocoWriter({"description": project.name, "year": now.year, "date_created": f"{now:%Y-%m-%d}"})
    classes = Classes(len(entries.COCO_TYPES) + 1)
    counts = {"media": 0, "observations": 0}

    def pictures(media: list[Medium]) -> bytes:
        images = [picture for medium in media if (picture := entries.coco_picture(medium)) is not None]
        counts["media"] += len(images)
        return writer.write(images)

    def boxes(media: list[Medium]) -> bytes:
        images: list[dict[str, Any]] = []
        for medium in media:
            if entries.coco_picture(medium) is not None:
                images += entries.coco_boxes(medium, classes, counts["observations"] + len(images) + 1)
        counts["observations"] += len(images)
        return writer.write(images)

    with target.open("wb") as file:
        file.write(writer.begin())
        await _each(session, pictures, file)
        file.write(writer.boxes())
        await _each(session, boxes, file)
        names = {classes.number(row[0]): row[1] for row in await _names(session, classes)}
        file.write(writer.finish(entries.COCO_TYPES | names))
    if not counts["media"]:
        raise Conflict(
            "There is nothing to export. COCO takes pictures of known size whose observations have boxes, and blanks. "
            "Approve such classifications, or set approvedOnly to false."
        )
    return counts


async def _prepare(session: ReadSession, project_id: int, options: Mapping[str, Any]) -> None:
    connection = await driver_of(session)
    values = {**options, "project_id": project_id}
    for statement in (MEDIA, "ANALYZE export_media", SEEN):
        await connection.execute(statement, values)
    [(count,)] = await (await connection.execute("SELECT count(*) FROM export_seen")).fetchall()
    if not count:
        raise nothing_to_export()


async def _each(session: ReadSession, piece: Callable[[list[Medium]], bytes], file: IO[bytes]) -> None:
    async with aclosing(_media(session)) as batches:
        async for media in batches:
            await in_thread(_write, piece, media, file)


def _write(piece: Callable[[list[Medium]], bytes], rows: list[tuple[Any, ...]], file: IO[bytes]) -> None:
    file.write(piece([_medium(row) for row in rows]))


def _medium(row: tuple[Any, ...]) -> Medium:
    return Medium._make((*row[:-1], [Seen(*each) for each in orjson.loads(row[-1])]))


async def _media(session: ReadSession) -> AsyncGenerator[list[tuple[Any, ...]], None]:
    async with (await driver_of(session)).cursor(name="export_seen") as cursor:
        await cursor.execute(ALL)
        while rows := await cursor.fetchmany(BATCH):
            yield rows


async def _names(session: ReadSession, classes: Classes) -> list[tuple[Any, ...]]:
    connection = await driver_of(session)
    return await (await connection.execute(NAMES, {"ids": list(classes.numbers)})).fetchall()

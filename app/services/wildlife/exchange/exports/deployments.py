"""Deployments of a project as GeoJSON, with how long they watched and what was seen there."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import orjson
from shapely import Point

from app.database import ReadSession, driver_of
from app.errors import Conflict
from app.formats import Feature, streamed
from app.formats.features.geojson import GeoJson
from app.services.wildlife.exchange.exports import disclosure
from app.telemetry.metering import in_thread

BATCH = 500
DEPLOYMENTS = f"""
SELECT round(ST_X({disclosure.POINT})::numeric, %(decimals)s)::float8,
    round(ST_Y({disclosure.POINT})::numeric, %(decimals)s)::float8, jsonb_strip_nulls(jsonb_build_object(
    'deploymentID', {disclosure.DEPLOYMENT_ID}, 'locationID', {disclosure.LOCATION_ID},
    'locationName', {disclosure.unless_hidden("location.name")}, 'coordinateUncertainty', {disclosure.UNCERTAINTY},
    'dataGeneralizations', {disclosure.GENERALIZED}, 'deploymentStart', deployment.starts_at,
    'deploymentEnd', deployment.ends_at, 'cameraID', deployment.camera_id, 'cameraModel', deployment.camera_model,
    'effortDays', round(((EXTRACT(epoch FROM coalesce(deployment.ends_at, now()) - deployment.starts_at)
        - coalesce(failed.seconds, 0)) / 86400)::numeric, 6), 'media', media.media, 'approvedMedia', media.approved,
    'observations', coalesce(seen.observations, 0), 'species', coalesce(seen.species, '[]')))::text
FROM (
    SELECT deployment_id, count(*) AS media, count(*) FILTER (WHERE is_approved) AS approved FROM classifications
    WHERE project_id = %(project_id)s AND classification_type = 'FINAL' AND deployment_id IS NOT NULL
    GROUP BY deployment_id
) AS media JOIN deployments AS deployment ON deployment.id = media.deployment_id
JOIN locations AS location ON location.id = deployment.location_id
LEFT JOIN LATERAL (
    SELECT sum(EXTRACT(epoch FROM least(ends_at, coalesce(deployment.ends_at, now()))
        - greatest(starts_at, deployment.starts_at))) AS seconds FROM deployment_failures AS failure
    WHERE failure.deployment_id = deployment.id AND failure.ends_at > deployment.starts_at
        AND failure.starts_at < coalesce(deployment.ends_at, now())
) AS failed ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS observations, jsonb_agg(DISTINCT species.scientific_name) FILTER (WHERE species.id IS NOT NULL)
        AS species
    FROM classifications AS final JOIN classification_attrs AS attrs ON attrs.shown_by_id = final.id
    LEFT JOIN species ON species.id = attrs.species_id
    WHERE final.project_id = %(project_id)s AND final.classification_type = 'FINAL'
        AND final.deployment_id = deployment.id AND attrs.observation_type <> 'BLANK' AND NOT final.is_setup
        AND (final.is_approved OR NOT %(approved_only)s)
) AS seen ON true
WHERE CAST(%(deployment_ids)s AS bigint[]) IS NULL OR deployment.id = ANY (%(deployment_ids)s)
ORDER BY deployment.id
"""


async def write_deployments(
    session: ReadSession, project_id: int, options: Mapping[str, Any], _: Path, target: Path
) -> dict[str, int]:
    """Writes the deployments that have media in the project; how many there are."""
    counts = {"deployments": 0}
    with target.open("wb") as file:
        features = _features(session, {**options, "project_id": project_id}, counts)
        async with aclosing(streamed(GeoJson(), features)) as pieces:
            async for piece in pieces:
                await in_thread(file.write, piece)
    if not counts["deployments"]:
        raise Conflict("There is nothing to export: the project has no media of a deployment.")
    return counts


async def _features(
    session: ReadSession, values: Mapping[str, Any], counts: dict[str, int]
) -> AsyncGenerator[Sequence[Feature], None]:
    async with (await driver_of(session)).cursor(name="export_deployments") as cursor:
        await cursor.execute(DEPLOYMENTS, values)
        while rows := await cursor.fetchmany(BATCH):
            counts["deployments"] += len(rows)
            yield [Feature(Point(x, y), properties) for x, y, properties in map(_read, rows)]


def _read(row: tuple[float, float, str]) -> tuple[float, float, dict[str, Any]]:
    return row[0], row[1], orjson.loads(row[2])

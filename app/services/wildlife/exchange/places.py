"""Locations, deployments and media of an imported package: those that are there stay as they are."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from app.database import WriteSession
from app.formats.wildlife.problems import Problems
from app.models.limits import wildlife as limits
from app.services.wildlife.exchange.staging import ask

# A location that a package does not name is named by where it is.
PLACE = (
    "coalesce(said ->> 'locationID', said ->> 'locationName', "
    "concat_ws(',', said ->> 'latitude', said ->> 'longitude'))"
)
CHECK_LENGTHS = f"""
SELECT file, line, field FROM import_records CROSS JOIN LATERAL (VALUES
    ('deploymentID', said ->> 'deploymentID', {limits.CODE_LENGTH_MAX}),
    ('locationID', said ->> 'locationID', {limits.CODE_LENGTH_MAX}),
    ('locationName', said ->> 'locationName', {limits.CODE_LENGTH_MAX}),
    ('cameraID', said ->> 'cameraID', {limits.CODE_LENGTH_MAX}),
    ('mediaID', said ->> 'mediaID', {limits.FILE_NAME_LENGTH_MAX}),
    ('filePath', said ->> 'filePath', {limits.FILE_PATH_LENGTH_MAX}),
    ('fileName', said ->> 'fileName', {limits.FILE_NAME_LENGTH_MAX})
) AS checked (field, value, most) WHERE kind IN ('deployment', 'media') AND length(value) > most
ORDER BY place LIMIT 1000
"""
DROP_LONG = f"""
DELETE FROM import_records AS dropped WHERE kind IN ('deployment', 'media') AND (
    greatest(length(said ->> 'deploymentID'), length(said ->> 'locationID'), length(said ->> 'locationName'),
        length(said ->> 'cameraID')) > {limits.CODE_LENGTH_MAX}
    OR greatest(length(said ->> 'mediaID'), length(said ->> 'fileName')) > {limits.FILE_NAME_LENGTH_MAX}
    OR length(said ->> 'filePath') > {limits.FILE_PATH_LENGTH_MAX})
"""
LOCATIONS = f"""
INSERT INTO locations (research_project_id, location_id, name, point, timezone, coordinate_uncertainty, habitat,
    owner_id)
SELECT DISTINCT ON (lower({PLACE})) :research_id, {PLACE}, said ->> 'locationName',
    ST_SetSRID(ST_MakePoint(CAST(said ->> 'longitude' AS float8), CAST(said ->> 'latitude' AS float8)), 4326),
    CAST(:zone AS text), CAST(said ->> 'coordinateUncertainty' AS float8), left(said ->> 'habitat', 500), :user_id
FROM import_records WHERE kind = 'deployment' ORDER BY lower({PLACE}), place
ON CONFLICT (research_project_id, lower(location_id)) DO NOTHING
"""
MOVED = f"""
SELECT file, line FROM import_records
JOIN locations ON research_project_id = :research_id AND lower(location_id) = lower({PLACE})
WHERE kind = 'deployment' AND (abs(ST_X(point) - CAST(said ->> 'longitude' AS float8)) > 0.0001
    OR abs(ST_Y(point) - CAST(said ->> 'latitude' AS float8)) > 0.0001) ORDER BY place
"""
# Names are compared ignoring case, so of these two only one could be kept.
ALIKE = """
SELECT place, file, line, key IS NULL AS is_blank FROM (
    SELECT place, file, line, key, row_number() OVER (PARTITION BY key ORDER BY place) AS number
    FROM import_records CROSS JOIN LATERAL (SELECT lower(said ->> 'deploymentID') AS key) AS named
    WHERE kind = 'deployment'
) AS deployment WHERE number > 1 OR key IS NULL ORDER BY place
"""
BACKWARDS = """
SELECT file, line FROM import_records
WHERE kind = 'deployment' AND CAST(said ->> 'deploymentEnd' AS timestamptz)
    <= CAST(said ->> 'deploymentStart' AS timestamptz) ORDER BY place
"""
# The same camera cannot be in two deployments at a time.
OVERLAPPING = """
WITH given AS (
    SELECT place, file, line, lower(said ->> 'deploymentID') AS key, said ->> 'cameraID' AS camera,
        tstzrange(CAST(said ->> 'deploymentStart' AS timestamptz),
            CAST(said ->> 'deploymentEnd' AS timestamptz)) AS time
    FROM import_records WHERE kind = 'deployment' AND said ->> 'cameraID' IS NOT NULL
)
SELECT DISTINCT given.place, given.file, given.line FROM given JOIN (
    SELECT place, key, camera, time FROM given
    UNION ALL SELECT -1, lower(deployment_id), camera_id, tstzrange(starts_at, ends_at)
    FROM deployments WHERE research_project_id = :research_id AND camera_id IS NOT NULL
) AS other ON other.camera = given.camera AND other.time && given.time AND other.key <> given.key
    AND other.place < given.place
ORDER BY given.place
"""
OFFSET = (
    "CAST(EXTRACT(epoch FROM CAST(left({0}, 19) AS timestamp) - CAST({0} AS timestamptz) AT TIME ZONE 'UTC') / 60 "
    "AS int)"
)
# Parts of a list with bars in between.
LISTED = (
    "coalesce((SELECT array_agg(left(trim(part), 100)) FROM unnest(string_to_array(said ->> '{0}', '|')) AS part "
    "WHERE trim(part) <> ''), ARRAY[]::varchar[])"
)
DEPLOYMENTS = f"""
INSERT INTO deployments (research_project_id, location_id, owner_id, deployment_code, deployment_id, starts_at, ends_at,
    utc_offset_minutes, setup_by, camera_id, camera_model, camera_delay, camera_height, camera_depth, camera_tilt,
    camera_heading, detection_distance, timestamp_issues, bait_use, feature_type, habitat, deployment_groups,
    deployment_tags, comments)
SELECT DISTINCT ON (lower(said ->> 'deploymentID')) :research_id, locations.id, :user_id, said ->> 'deploymentID',
    said ->> 'deploymentID', CAST(said ->> 'deploymentStart' AS timestamptz),
    CAST(said ->> 'deploymentEnd' AS timestamptz), {OFFSET.format("(said ->> 'deploymentStart')")},
    left(said ->> 'setupBy', 100), said ->> 'cameraID', left(said ->> 'cameraModel', 100),
    CAST(said ->> 'cameraDelay' AS int), CAST(said ->> 'cameraHeight' AS float8),
    CAST(said ->> 'cameraDepth' AS float8), CAST(said ->> 'cameraTilt' AS int), CAST(said ->> 'cameraHeading' AS int),
    CAST(said ->> 'detectionDistance' AS float8), CAST(said ->> 'timestampIssues' AS bool),
    CAST(said ->> 'baitUse' AS bool),
    upper(regexp_replace(said ->> 'featureType', '([a-z])([A-Z])', '\\1_\\2', 'g')),
    left(said ->> 'habitat', 500),
    {LISTED.format("deploymentGroups")}, {LISTED.format("deploymentTags")},
    left(said ->> 'deploymentComments', 4000)
FROM import_records
JOIN locations ON research_project_id = :research_id AND lower(locations.location_id) = lower({PLACE})
WHERE kind = 'deployment' ORDER BY lower(said ->> 'deploymentID'), place
ON CONFLICT (research_project_id, lower(deployment_id)) DO NOTHING
"""
# A medium is there if its id is, or its path in its deployment, or its name there if only one medium has that.
FOUND = """
CREATE TEMPORARY TABLE import_resources ON COMMIT DROP AS
WITH given AS (
    SELECT place, said, deployments.id AS deployment_id FROM import_records JOIN deployments
        ON research_project_id = :research_id AND lower(deployments.deployment_id) = lower(said ->> 'deploymentID')
    WHERE kind = 'media'
)
SELECT DISTINCT ON (given.place) given.place, given.deployment_id, given.said, known.id AS resource_id
FROM given LEFT JOIN LATERAL (
    SELECT id, 1 AS rank FROM resources WHERE research_project_id = :research_id AND media_id = given.said ->> 'mediaID'
    UNION ALL
    SELECT id, 2 FROM resources WHERE research_project_id = :research_id AND coalesce(deployment_id, 0)
        = given.deployment_id AND file_path = given.said ->> 'filePath'
    UNION ALL
    SELECT min(id), 3 FROM resources WHERE deployment_id = given.deployment_id
        AND name = coalesce(given.said ->> 'fileName', regexp_replace(given.said ->> 'filePath', '^.*/', ''))
    HAVING count(*) = 1
) AS known ON true
ORDER BY given.place, known.rank
"""
MEDIA = f"""
WITH made AS (
    INSERT INTO resources (research_project_id, deployment_id, owner_id, media_id, name, file_path, status,
        resource_type, mime_type, exif, camera_time, camera_utc_offset_minutes, time_source, recorded_at,
        date_recorded_correct, description, tags)
    SELECT DISTINCT ON (said ->> 'mediaID') :research_id, deployment_id, :user_id, said ->> 'mediaID',
        coalesce(said ->> 'fileName', left(regexp_replace(said ->> 'filePath', '^.*/', ''), 255)), said ->> 'filePath',
        'ADDRESS', upper(split_part(said ->> 'fileMediatype', '/', 1)), left(said ->> 'fileMediatype', 100),
        said -> 'exifData', left(said ->> 'timestamp', 19), {OFFSET.format("(said ->> 'timestamp')")}, 'TABLE',
        CAST(said ->> 'timestamp' AS timestamptz), NULL, left(said ->> 'mediaComments', 4000),
        CASE WHEN CAST(said ->> 'favorite' AS bool) THEN ARRAY['favorite'] ELSE ARRAY[]::varchar[] END
    FROM import_resources WHERE resource_id IS NULL ORDER BY said ->> 'mediaID', place
    ON CONFLICT DO NOTHING
    RETURNING id, media_id
)
UPDATE import_resources SET resource_id = made.id FROM made WHERE made.media_id = said ->> 'mediaID'
    AND resource_id IS NULL
"""
NOTED = """
UPDATE resources SET media_id = said ->> 'mediaID' FROM import_resources
WHERE resources.id = resource_id AND media_id IS NULL AND research_project_id = :research_id
    AND NOT EXISTS (SELECT FROM resources AS other WHERE other.research_project_id = :research_id
        AND other.media_id = said ->> 'mediaID')
"""
CORRECT = """
UPDATE resources SET date_recorded_correct = recorded_at >= starts_at AND recorded_at <= coalesce(ends_at, 'infinity')
FROM import_resources, deployments
WHERE resources.id = import_resources.resource_id AND deployments.id = resources.deployment_id
    AND date_recorded_correct IS NULL AND recorded_at IS NOT NULL
"""
CLASHING = """
SELECT file, line FROM import_resources JOIN import_records USING (place) WHERE resource_id IS NULL ORDER BY place
"""


async def check_deployments(session: WriteSession, problems: Problems, research_id: int) -> None:
    """Names what the database would refuse of deployments and media, and leaves it out."""
    for row in await ask(session, CHECK_LENGTHS):
        problems.add(row.file, row.line, row.field, "This text is too long.")
    await ask(session, DROP_LONG)
    alike = await ask(session, ALIKE)
    for row in alike:
        said = "This id shows nothing." if row.is_blank else "Another deployment has this id, ignoring case."
        problems.add(row.file, row.line, "deploymentID", said)
    await _leave_out(session, alike)
    for row in await ask(session, BACKWARDS):
        problems.add(row.file, row.line, "deploymentEnd", "This deployment ends when it starts.")
    clashing = await ask(session, OVERLAPPING, research_id=research_id)
    for row in clashing:
        said = "The same camera is in another deployment at that time."
        problems.add(row.file, row.line, "cameraID", said)
    await _leave_out(session, clashing)
    await ask(
        session,
        "DELETE FROM import_records WHERE kind = 'deployment' AND CAST(said ->> 'deploymentEnd' AS timestamptz) "
        "<= CAST(said ->> 'deploymentStart' AS timestamptz)",
    )


async def _leave_out(session: WriteSession, rows: Sequence[Row[Any]]) -> None:
    await ask(session, "DELETE FROM import_records WHERE place = ANY (:places)", places=[row.place for row in rows])


async def write_places(session: WriteSession, problems: Problems, *, research_id: int, user_id: int, zone: str) -> None:
    """Adds the locations and deployments that are not there."""
    given = {"research_id": research_id, "user_id": user_id}
    await ask(session, LOCATIONS, zone=zone, **given)
    for row in await ask(session, MOVED, research_id=research_id):
        problems.warn(row.file, row.line, "locationID", "The location is there with another position, which stays.")
    await ask(session, DEPLOYMENTS, **given)


async def write_media(session: WriteSession, problems: Problems, *, research_id: int, user_id: int) -> tuple[int, int]:
    """Adds the media that are not there; how many were found, and how many are new."""
    await ask(session, FOUND, research_id=research_id)
    [(found,)] = await ask(session, "SELECT count(*) FROM import_resources WHERE resource_id IS NOT NULL")
    await ask(session, NOTED, research_id=research_id)
    await ask(session, MEDIA, research_id=research_id, user_id=user_id)
    await ask(session, CORRECT)
    for row in await ask(session, CLASHING):
        problems.add(row.file, row.line, "filePath", "The deployment has another medium with this path.")
    [(total,)] = await ask(session, "SELECT count(*) FROM import_resources WHERE resource_id IS NOT NULL")
    return found, total - found

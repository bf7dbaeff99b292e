"""Locations, deployments and media of an imported package: those that are there stay as they are."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from app.database import WriteSession
from app.formats.wildlife.problems import Problems
from app.limits import wildlife as limits
from app.services.wildlife.exchange.imports.staging import ask
from app.services.wildlife.media import sequences


# A package of ours says in `details` what the columns of the standard do not; null there says that a field is empty.
def exact(name: str, kind: str, otherwise: str, of: str = "record -> 'details'") -> str:
    """What a detail says, as a type of PostgreSQL; something else if the package has no such detail."""
    return f"CASE WHEN {of} ? '{name}' THEN CAST({of} ->> '{name}' AS {kind}) ELSE {otherwise} END"


def exact_list(name: str, otherwise: str, column: str | None = None) -> str:
    """The texts of a detail, unless somebody has changed the column that says the same."""
    each = f"SELECT array_agg(value ORDER BY place) FROM jsonb_array_elements_text(record -> 'details' -> '{name}')"
    listed = f"coalesce(({each} WITH ORDINALITY AS listed (value, place)), ARRAY[]::varchar[])"
    same = f"AND array_to_string({listed}, ' | ') = coalesce(record ->> '{column}', '')" if column else ""
    return (
        f"CASE WHEN jsonb_typeof(record -> 'details' -> '{name}') = 'array' {same} THEN {listed} ELSE {otherwise} END"
    )


def of_place(name: str, kind: str, otherwise: str) -> str:
    """What a detail of a location says."""
    return exact(name, kind, otherwise, "record -> 'details' -> 'location'")


# A location that a package does not name is named by where it is.
PLACE = (
    "left(coalesce(record ->> 'locationID', record ->> 'locationName', "
    f"concat_ws(',', record ->> 'latitude', record ->> 'longitude')), {limits.CODE_LENGTH_MAX})"
)
DEPLOYMENT_ID_LENGTH_MAX = 2 * limits.CODE_LENGTH_MAX + 1
CHECK_LENGTHS = f"""
SELECT file, line, field FROM import_records CROSS JOIN LATERAL (VALUES
    ('deploymentID', record ->> 'deploymentID', {DEPLOYMENT_ID_LENGTH_MAX}),
    ('locationID', record ->> 'locationID', {limits.CODE_LENGTH_MAX}),
    ('locationName', record ->> 'locationName', {limits.PROJECT_NAME_LENGTH_MAX}),
    ('cameraID', record ->> 'cameraID', {limits.CODE_LENGTH_MAX}),
    ('mediaID', record ->> 'mediaID', {limits.FILE_NAME_LENGTH_MAX}),
    ('filePath', record ->> 'filePath', {limits.FILE_PATH_LENGTH_MAX}),
    ('fileName', record ->> 'fileName', {limits.FILE_NAME_LENGTH_MAX})
) AS checked (field, value, most) WHERE kind IN ('deployment', 'media') AND length(value) > most
ORDER BY place LIMIT 1000
"""
DROP_LONG = f"""
DELETE FROM import_records AS dropped WHERE kind IN ('deployment', 'media') AND (
    greatest(length(record ->> 'locationID'), length(record ->> 'cameraID')) > {limits.CODE_LENGTH_MAX}
    OR length(record ->> 'deploymentID') > {DEPLOYMENT_ID_LENGTH_MAX}
    OR length(record ->> 'locationName') > {limits.PROJECT_NAME_LENGTH_MAX}
    OR greatest(length(record ->> 'mediaID'), length(record ->> 'fileName')) > {limits.FILE_NAME_LENGTH_MAX}
    OR length(record ->> 'filePath') > {limits.FILE_PATH_LENGTH_MAX})
"""
# A detail counts as long as the column says the same less exactly: somebody may have corrected that.
EAST, NORTH = (
    f"CASE WHEN abs(CAST(record -> 'details' -> 'location' ->> '{name}' AS float8) "
    f"- CAST(record ->> '{name}' AS float8)) < 0.000001 "
    f"THEN CAST(record -> 'details' -> 'location' ->> '{name}' AS float8) "
    f"ELSE CAST(record ->> '{name}' AS float8) END"
    for name in ("longitude", "latitude")
)
SAME_HABITAT = (
    "(record -> 'details' ? 'habitat' AND coalesce(record -> 'details' ->> 'habitat', "
    "record -> 'details' -> 'location' ->> 'habitat') IS NOT DISTINCT FROM (record ->> 'habitat'))"
)
LOCATIONS = f"""
INSERT INTO locations (research_project_id, location_id, name, point, timezone, ignore_dst, coordinate_uncertainty,
    habitat, description, is_public, country, state, county, city, owner_id)
SELECT DISTINCT ON (lower({PLACE})) :research_id, {PLACE}, record ->> 'locationName',
    ST_SetSRID(ST_MakePoint({EAST}, {NORTH}), 4326),
    coalesce(record -> 'details' -> 'location' ->> 'timezone', CAST(:zone AS text)),
    coalesce(CAST(record -> 'details' -> 'location' ->> 'ignore_dst' AS bool), false),
    {of_place("coordinate_uncertainty", "float8", "CAST(record ->> 'coordinateUncertainty' AS float8)")},
    CASE WHEN {SAME_HABITAT} THEN record -> 'details' -> 'location' ->> 'habitat'
        ELSE left(record ->> 'habitat', 500) END, {of_place("description", "text", "NULL")},
    coalesce(CAST(record -> 'details' -> 'location' ->> 'is_public' AS bool), false),
    {of_place("country", "text", "NULL")}, {of_place("state", "text", "NULL")}, {of_place("county", "text", "NULL")},
    {of_place("city", "text", "NULL")}, :user_id
FROM import_records WHERE kind = 'deployment' ORDER BY lower({PLACE}), place
ON CONFLICT (research_project_id, lower(location_id)) DO NOTHING
"""
MOVED = f"""
SELECT file, line FROM import_records
JOIN locations ON research_project_id = :research_id AND lower(location_id) = lower({PLACE})
WHERE kind = 'deployment' AND (abs(ST_X(point) - CAST(record ->> 'longitude' AS float8)) > 0.0001
    OR abs(ST_Y(point) - CAST(record ->> 'latitude' AS float8)) > 0.0001) ORDER BY place
"""
# Names are compared ignoring case, so of these two only one could be kept.
ALIKE = """
SELECT place, file, line, key IS NULL AS is_blank FROM (
    SELECT place, file, line, key, row_number() OVER (PARTITION BY key ORDER BY place) AS number
    FROM import_records CROSS JOIN LATERAL (SELECT lower(record ->> 'deploymentID') AS key) AS named
    WHERE kind = 'deployment'
) AS deployment WHERE number > 1 OR key IS NULL ORDER BY place
"""
BACKWARDS = """
SELECT file, line FROM import_records
WHERE kind = 'deployment' AND CAST(record ->> 'deploymentEnd' AS timestamptz)
    <= CAST(record ->> 'deploymentStart' AS timestamptz) ORDER BY place
"""
# The same camera cannot be in two deployments at a time.
OVERLAPPING = """
WITH given AS (
    SELECT place, file, line, lower(record ->> 'deploymentID') AS key, record ->> 'cameraID' AS camera,
        tstzrange(CAST(record ->> 'deploymentStart' AS timestamptz),
            CAST(record ->> 'deploymentEnd' AS timestamptz)) AS time
    FROM import_records WHERE kind = 'deployment' AND record ->> 'cameraID' IS NOT NULL
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
    "coalesce((SELECT array_agg(left(trim(part), 100)) FROM unnest(string_to_array(record ->> '{0}', '|')) AS part "
    "WHERE trim(part) <> ''), ARRAY[]::varchar[])"
)
# A detail is the same time to the second; what a column says, counts.
SAME_START, SAME_END, SAME_TIME = (
    f"CASE WHEN date_trunc('second', CAST(record -> 'details' ->> '{detail}' AS timestamptz)) "
    f"= CAST(record ->> '{column}' AS timestamptz) THEN record -> 'details' ->> '{detail}' END"
    for detail, column in (
        ("starts_at", "deploymentStart"),
        ("ends_at", "deploymentEnd"),
        ("recorded_at", "timestamp"),
    )
)
DEPLOYMENTS = f"""
INSERT INTO deployments (research_project_id, location_id, owner_id, deployment_code, deployment_id, starts_at, ends_at,
    utc_offset_minutes, setup_by, camera_id, camera_model, camera_delay, camera_height, camera_depth, camera_tilt,
    camera_heading, detection_distance, timestamp_issues, bait_use, feature_type, habitat, deployment_groups,
    deployment_tags, comments, correct_setup, correct_tstamp, view_quality, bait_type, session, "array",
    clock_correction_s, clock_correction_note, clock_corrected_at, sequence_gap_s, file_name_pattern)
SELECT DISTINCT ON (lower(record ->> 'deploymentID')) :research_id, locations.id, :user_id,
    coalesce(record -> 'details' ->> 'deployment_code', left(record ->> 'deploymentID', {limits.CODE_LENGTH_MAX})),
    record ->> 'deploymentID',
    coalesce(CAST({SAME_START} AS timestamptz), CAST(record ->> 'deploymentStart' AS timestamptz)),
    coalesce(CAST({SAME_END} AS timestamptz), CAST(record ->> 'deploymentEnd' AS timestamptz)),
    {exact("utc_offset_minutes", "int", OFFSET.format("(record ->> 'deploymentStart')"))},
    left(record ->> 'setupBy', 100), record ->> 'cameraID', left(record ->> 'cameraModel', 100),
    CAST(record ->> 'cameraDelay' AS int), CAST(record ->> 'cameraHeight' AS float8),
    CAST(record ->> 'cameraDepth' AS float8), CAST(record ->> 'cameraTilt' AS int),
    CAST(record ->> 'cameraHeading' AS int), CAST(record ->> 'detectionDistance' AS float8),
    CAST(record ->> 'timestampIssues' AS bool),
    CAST(record ->> 'baitUse' AS bool),
    upper(regexp_replace(record ->> 'featureType', '([a-z])([A-Z])', '\\1_\\2', 'g')),
    CASE WHEN {SAME_HABITAT} THEN record -> 'details' ->> 'habitat' ELSE left(record ->> 'habitat', 500) END,
    {exact_list("deployment_groups", LISTED.format("deploymentGroups"), "deploymentGroups")},
    {exact_list("deployment_tags", LISTED.format("deploymentTags"), "deploymentTags")},
    left(record ->> 'deploymentComments', 4000),
    {exact("correct_setup", "bool", "NULL")}, {exact("correct_tstamp", "bool", "NULL")},
    {exact("view_quality", "text", "NULL")}, {exact("bait_type", "text", "NULL")}, {exact("session", "text", "NULL")},
    {exact("array", "text", "NULL")}, coalesce(CAST(record -> 'details' ->> 'clock_correction_s' AS int), 0),
    {exact("clock_correction_note", "text", "NULL")}, {exact("clock_corrected_at", "timestamptz", "NULL")},
    {exact("sequence_gap_s", "int", "NULL")}, {exact("file_name_pattern", "text", "NULL")}
FROM import_records
JOIN locations ON research_project_id = :research_id AND lower(locations.location_id) = lower({PLACE})
WHERE kind = 'deployment' ORDER BY lower(record ->> 'deploymentID'), place
ON CONFLICT (research_project_id, lower(deployment_id)) DO NOTHING
RETURNING id
"""
FAILURES = """
INSERT INTO deployment_failures (deployment_id, starts_at, ends_at, reason)
SELECT deployments.id, CAST(failure ->> 'starts_at' AS timestamptz), CAST(failure ->> 'ends_at' AS timestamptz),
    failure ->> 'reason'
FROM import_records JOIN deployments ON research_project_id = :research_id
    AND lower(deployments.deployment_id) = lower(record ->> 'deploymentID')
CROSS JOIN LATERAL jsonb_array_elements(record -> 'details' -> 'failures') AS failure
WHERE kind = 'deployment' AND jsonb_typeof(record -> 'details' -> 'failures') = 'array'
    AND deployments.id = ANY (:deployment_ids) ORDER BY place
"""
# A medium is there if its id is, or its path in its deployment, or its name there if only one medium has that.
FOUND = """
CREATE TEMPORARY TABLE import_resources ON COMMIT DROP AS
WITH given AS (
    SELECT place, record, deployments.id AS deployment_id FROM import_records JOIN deployments
        ON research_project_id = :research_id AND lower(deployments.deployment_id) = lower(record ->> 'deploymentID')
    WHERE kind = 'media'
)
SELECT DISTINCT ON (given.place) given.place, given.deployment_id, given.record, known.id AS resource_id
FROM given LEFT JOIN LATERAL (
    SELECT id, 1 AS rank FROM resources
    WHERE research_project_id = :research_id AND media_id = given.record ->> 'mediaID'
    UNION ALL
    SELECT id, 2 FROM resources WHERE research_project_id = :research_id AND coalesce(deployment_id, 0)
        = given.deployment_id AND file_path = given.record ->> 'filePath'
    UNION ALL
    SELECT min(id), 3 FROM resources WHERE deployment_id = given.deployment_id
        AND name = coalesce(given.record ->> 'fileName', regexp_replace(given.record ->> 'filePath', '^.*/', ''))
    HAVING count(*) = 1
) AS known ON true
ORDER BY given.place, known.rank
"""
MEDIA = f"""
WITH made AS (
    INSERT INTO resources (research_project_id, deployment_id, owner_id, media_id, name, file_path, status,
        resource_type, mime_type, exif, camera_time, camera_utc_offset_minutes, time_source, recorded_at,
        date_recorded_correct, description, tags, size_bytes, width, height, brightness, fps, duration_s, frame_count,
        declared_frame_count, camera_make, camera_model, serial_number)
    SELECT DISTINCT ON (record ->> 'mediaID') :research_id, deployment_id, :user_id, record ->> 'mediaID',
        coalesce(record ->> 'fileName', left(regexp_replace(record ->> 'filePath', '^.*/', ''), 255)),
        record ->> 'filePath', 'ADDRESS',
        {exact("resource_type", "text", "upper(split_part(record ->> 'fileMediatype', '/', 1))")},
        {exact("mime_type", "text", "left(record ->> 'fileMediatype', 100)")}, record -> 'exifData',
        {exact("camera_time", "text", "left(record ->> 'timestamp', 19)")},
        {exact("camera_utc_offset_minutes", "int", OFFSET.format("(record ->> 'timestamp')"))},
        {exact("time_source", "text", "'TABLE'")},
        coalesce(CAST({SAME_TIME} AS timestamptz), CAST(record ->> 'timestamp' AS timestamptz)), NULL,
        left(record ->> 'mediaComments', 4000),
        {
    exact_list(
        "tags",
        "CASE WHEN CAST(record ->> 'favorite' AS bool) THEN ARRAY['favorite']::varchar[] ELSE ARRAY[]::varchar[] END",
    )
}, {exact("size_bytes", "bigint", "NULL")},
        {exact("width", "int", "NULL")}, {exact("height", "int", "NULL")}, {exact("brightness", "float8", "NULL")},
        {exact("fps", "float8", "NULL")}, {exact("duration_s", "float8", "NULL")},
        {exact("frame_count", "int", "NULL")}, {exact("declared_frame_count", "int", "NULL")},
        {exact("camera_make", "text", "NULL")}, {exact("camera_model", "text", "NULL")},
        {exact("serial_number", "text", "NULL")}
    FROM import_resources WHERE resource_id IS NULL ORDER BY record ->> 'mediaID', place
    ON CONFLICT DO NOTHING
    RETURNING id, media_id
)
UPDATE import_resources SET resource_id = made.id FROM made WHERE made.media_id = record ->> 'mediaID'
    AND resource_id IS NULL
"""
NOTED = """
UPDATE resources SET media_id = record ->> 'mediaID' FROM import_resources
WHERE resources.id = resource_id AND media_id IS NULL AND research_project_id = :research_id
    AND NOT EXISTS (SELECT FROM resources AS other WHERE other.research_project_id = :research_id
        AND other.media_id = record ->> 'mediaID')
"""
CORRECT = """
UPDATE resources SET date_recorded_correct = recorded_at >= starts_at AND recorded_at <= coalesce(ends_at, 'infinity')
FROM import_resources, deployments
WHERE resources.id = import_resources.resource_id AND deployments.id = resources.deployment_id
    AND date_recorded_correct IS NULL AND recorded_at IS NOT NULL
"""
# The events of a package that are UUIDs are sequences here, unless another project has them.
SEQUENCES = """
WITH listed AS (
    SELECT resource.id, resource.deployment_id, resource.recorded_at,
        coalesce(own.record -> 'details' ->> 'sequence', event.event_id) AS sequence_id
    FROM import_resources AS own JOIN resources AS resource ON resource.id = own.resource_id
    LEFT JOIN (
        SELECT record ->> 'media_id' AS media_id, min(record ->> 'event_id') AS event_id FROM import_records
        WHERE kind = 'observation' GROUP BY 1
    ) AS event ON event.media_id = own.record ->> 'mediaID'
    WHERE resource.sequence_id IS NULL AND resource.recorded_at IS NOT NULL AND resource.deployment_id IS NOT NULL
), made AS (
    INSERT INTO sequences (sequence_id, research_project_id, deployment_id, starts_at, ends_at, resource_count)
    SELECT sequence_id, CAST(:research_id AS bigint), deployment_id, min(recorded_at), max(recorded_at), count(*)
    FROM listed WHERE sequence_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' GROUP BY sequence_id, deployment_id
    ON CONFLICT (sequence_id) DO NOTHING RETURNING id, sequence_id, deployment_id
)
UPDATE resources SET sequence_id = made.id FROM listed JOIN made USING (sequence_id, deployment_id)
WHERE resources.id = listed.id
"""
LOCKED = """
SELECT id FROM deployments WHERE id IN (SELECT deployment_id FROM import_resources) ORDER BY id FOR NO KEY UPDATE
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
        message = "This id shows nothing." if row.is_blank else "Another deployment has this id, ignoring case."
        problems.add(row.file, row.line, "deploymentID", message)
    await _leave_out(session, alike)
    for row in await ask(session, BACKWARDS):
        problems.add(row.file, row.line, "deploymentEnd", "This deployment ends when it starts.")
    clashing = await ask(session, OVERLAPPING, research_id=research_id)
    for row in clashing:
        message = "The same camera is in another deployment at that time."
        problems.add(row.file, row.line, "cameraID", message)
    await _leave_out(session, clashing)
    await ask(
        session,
        "DELETE FROM import_records WHERE kind = 'deployment' AND CAST(record ->> 'deploymentEnd' AS timestamptz) "
        "<= CAST(record ->> 'deploymentStart' AS timestamptz)",
    )


async def _leave_out(session: WriteSession, rows: Sequence[Row[Any]]) -> None:
    await ask(session, "DELETE FROM import_records WHERE place = ANY (:places)", places=[row.place for row in rows])


async def write_places(session: WriteSession, problems: Problems, *, research_id: int, user_id: int, zone: str) -> None:
    """Adds the locations and deployments that are not there."""
    parameters = {"research_id": research_id, "user_id": user_id}
    await ask(session, LOCATIONS, zone=zone, **parameters)
    for row in await ask(session, MOVED, research_id=research_id):
        problems.warn(row.file, row.line, "locationID", "The location is there with another position, which stays.")
    made = [row.id for row in await ask(session, DEPLOYMENTS, **parameters)]
    await ask(session, FAILURES, research_id=research_id, deployment_ids=made)


async def write_media(session: WriteSession, problems: Problems, *, research_id: int, user_id: int) -> tuple[int, int]:
    """Adds the media that are not there; how many were found, and how many are new."""
    await ask(session, FOUND, research_id=research_id)
    [(counted,)] = await ask(session, "SELECT count(*) FROM import_resources WHERE resource_id IS NOT NULL")
    await ask(session, NOTED, research_id=research_id)
    await ask(session, MEDIA, research_id=research_id, user_id=user_id)
    await ask(session, CORRECT)
    await ask(session, SEQUENCES, research_id=research_id)
    for row in await ask(session, LOCKED):
        await sequences.rebuild(session, row.id)
    for row in await ask(session, CLASHING):
        problems.add(row.file, row.line, "filePath", "The deployment has another medium with this path.")
    [(total,)] = await ask(session, "SELECT count(*) FROM import_resources WHERE resource_id IS NOT NULL")
    return counted, total - counted

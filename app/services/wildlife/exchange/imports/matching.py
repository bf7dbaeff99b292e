"""Finds the media that files of results are about: by their paths below a declared base, else by a unique name."""

from app.database import WriteSession
from app.formats.wildlife.problems import Problems
from app.services.wildlife.exchange.imports.staging import ask

# The media of the classification project, with all paths by which a file may name one.
MEDIA = """
CREATE TEMPORARY TABLE import_media ON COMMIT DROP AS
SELECT final.id AS final_id, resource.id AS resource_id, resource.name, resource.file_path, resource.media_id,
    deployment.deployment_id, deployment.deployment_code,
    rtrim(encode(convert_to('Resource:' || resource.id, 'UTF8'), 'base64'), '=') AS resource_key,
    rtrim(encode(convert_to('Classification:' || final.id, 'UTF8'), 'base64'), '=') AS final_key
FROM classifications AS final
JOIN resources AS resource ON resource.id = final.resource_id
LEFT JOIN deployments AS deployment ON deployment.id = resource.deployment_id
WHERE final.project_id = :project_id AND final.classification_type = 'FINAL'
    AND (CAST(:deployment_id AS bigint) IS NULL OR resource.deployment_id = :deployment_id)
"""
# Of a project with a million media, those alone that a file can mean: a path ends with a name.
NAMED = """    AND (resource.name IN (SELECT name FROM import_paths)
        OR regexp_replace(resource.file_path, '^.*/', '') IN (SELECT name FROM import_paths))
"""
# Each place with its path below the base. Paths of Windows begin with a drive.
PATHS = """
CREATE TEMPORARY TABLE import_paths ON COMMIT DROP AS
SELECT place, file, line, path, regexp_replace(path, '^.*/', '') AS name
FROM (
    SELECT place, file, line, CASE WHEN :base <> '' AND starts_with(record ->> 'file', :base)
        THEN substr(record ->> 'file', length(:base) + 1) ELSE record ->> 'file' END AS path
    FROM import_records WHERE kind = :kind AND record ->> 'file' IS NOT NULL
) AS given
"""
BY_PATH = """
INSERT INTO import_matches (place, resource_id, final_id)
SELECT given.place, min(known.resource_id), min(known.final_id)
FROM import_paths AS given JOIN (
    SELECT file_path AS path, resource_id, final_id FROM import_media
    UNION SELECT deployment_id || '/' || file_path, resource_id, final_id FROM import_media
    UNION SELECT deployment_code || '/' || file_path, resource_id, final_id FROM import_media
) AS known ON known.path = ltrim(given.path, '/')
GROUP BY given.place HAVING count(DISTINCT known.resource_id) = 1
"""
# A name counts within the deployment whose id is a folder of the path, or else if no other medium has it.
BY_NAME = """
INSERT INTO import_matches (place, resource_id, final_id)
SELECT place, resource_id, final_id FROM (
    SELECT given.place, known.resource_id, known.final_id, count(*) OVER same AS named, within.is_within,
        count(*) FILTER (WHERE within.is_within) OVER same AS named_within
    FROM import_paths AS given JOIN import_media AS known ON known.name = given.name
    CROSS JOIN LATERAL (
        SELECT coalesce(known.deployment_id = ANY (folders.all) OR known.deployment_code = ANY (folders.all), false)
            AS is_within FROM (SELECT string_to_array(given.path, '/') AS all) AS folders
    ) AS within
    WHERE NOT EXISTS (SELECT FROM import_matches AS matched WHERE matched.place = given.place)
    WINDOW same AS (PARTITION BY given.place)
) AS named WHERE named_within = 1 AND is_within OR named_within = 0 AND named = 1
"""
# Two files that are the same medium: the first counts.
AGAIN = """
DELETE FROM import_matches AS later USING import_matches AS earlier
WHERE later.resource_id = earlier.resource_id AND later.place > earlier.place
RETURNING later.place
"""
TWICE = "SELECT place, file, line, path FROM import_paths WHERE place = ANY (:places) ORDER BY place LIMIT :most"
UNMATCHED = """
SELECT given.file, given.line, given.path, EXISTS (
    SELECT FROM import_media AS known WHERE known.name = given.name
) AS is_ambiguous
FROM import_paths AS given
WHERE NOT EXISTS (SELECT FROM import_matches AS matched WHERE matched.place = given.place)
    AND given.place <> ALL (:twice)
ORDER BY given.place
"""
BY_KEY = """
INSERT INTO import_matches (place, resource_id, final_id)
SELECT DISTINCT ON (given.place) given.place, known.resource_id, known.final_id
FROM import_records AS given JOIN (
    SELECT 'media_id' AS field, media_id AS key, resource_id, final_id FROM import_media WHERE media_id IS NOT NULL
    UNION ALL SELECT 'resource_id', resource_key, resource_id, final_id FROM import_media
    UNION ALL SELECT 'resource_id', resource_id::text, resource_id, final_id FROM import_media
    UNION ALL SELECT 'classification_id', final_key, resource_id, final_id FROM import_media
    UNION ALL SELECT 'classification_id', final_id::text, resource_id, final_id FROM import_media
) AS known ON known.key = given.record ->> known.field
WHERE given.kind = :kind ORDER BY given.place, known.field
"""


async def match_files(
    session: WriteSession, problems: Problems, *, project_id: int, deployment_id: int | None, base: str
) -> tuple[int, int]:
    """Matches files of results with media of a project; how many were found, and how many were not."""
    await ask(session, PATHS, kind="file", base=base)
    await ask(session, "CREATE INDEX ON import_paths (place)")
    await ask(session, MEDIA + NAMED, project_id=project_id, deployment_id=deployment_id)
    await ask(session, "ANALYZE import_media")
    await ask(session, BY_PATH)
    await ask(session, BY_NAME)
    return await _reckoned(session, problems, is_one_for_each=True)


async def match_rows(session: WriteSession, problems: Problems, *, project_id: int) -> tuple[int, int]:
    """Matches rows of a table with media of a project, by id or by path: several rows may be about one medium."""
    await ask(session, MEDIA, project_id=project_id, deployment_id=None)
    await ask(session, BY_KEY, kind="observation")
    await ask(session, PATHS, kind="observation", base="")
    await ask(session, "DELETE FROM import_paths WHERE place IN (SELECT place FROM import_matches)")
    await ask(session, BY_PATH)
    await ask(session, BY_NAME)
    return await _rows_reckoned(session, problems)


async def _reckoned(session: WriteSession, problems: Problems, *, is_one_for_each: bool) -> tuple[int, int]:
    twice = [row.place for row in await ask(session, AGAIN)] if is_one_for_each else []
    for row in await ask(session, TWICE, places=twice, most=1_000):
        problems.warn(row.file, row.line, "file", "An earlier file is the same medium. Only the earlier one counts.")
    unmatched = await ask(session, UNMATCHED, twice=twice)
    for row in unmatched:
        message = (
            "Several media have this name. Give the base path, or the deployment." if row.is_ambiguous else NOT_FOUND
        )
        problems.warn(row.file, row.line, "file", message)
    [(matches,)] = await ask(session, "SELECT count(*) FROM import_matches")
    return matches, len(unmatched) + len(twice)


NOT_FOUND = "The classification project has no medium with this path or name."
ROWS_UNMATCHED = """
SELECT file, line FROM import_records AS given
WHERE kind = 'observation' AND NOT EXISTS (SELECT FROM import_matches AS matched WHERE matched.place = given.place)
ORDER BY place
"""


async def _rows_reckoned(session: WriteSession, problems: Problems) -> tuple[int, int]:
    unmatched = await ask(session, ROWS_UNMATCHED)
    for row in unmatched:
        problems.add(row.file, row.line, None, "The classification project has no such medium.")
    [(matches,)] = await ask(session, "SELECT count(DISTINCT resource_id) FROM import_matches")
    return matches, len(unmatched)

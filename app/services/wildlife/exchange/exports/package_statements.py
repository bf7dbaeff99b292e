"""The tables of a Camtrap DP package as statements that PostgreSQL answers with CSV, many rows at a time."""

from app.services.wildlife.exchange.exports import disclosure
from app.services.wildlife.exchange.exports.disclosure import HIDDEN, unless_hidden

# The zone's offset at a time, in minutes; of cameras that stay on standard time, the smaller of winter and summer.
ZONE_MINUTES = """CAST(EXTRACT(epoch FROM CASE WHEN location.ignore_dst THEN least(
    timezone(location.timezone, date_trunc('year', {0})) - timezone('UTC', date_trunc('year', {0})),
    timezone(location.timezone, date_trunc('year', {0}) + interval '6 months')
        - timezone('UTC', date_trunc('year', {0}) + interval '6 months'))
    ELSE timezone(location.timezone, {0}) - timezone('UTC', {0}) END) / 60 AS int)"""


def stamp(moment: str, minutes: str) -> str:
    """A time with its offset, as Camtrap DP writes it."""
    sign = f"CASE WHEN {minutes} < 0 THEN '-' ELSE '+' END"
    clock = f"lpad((abs({minutes}) / 60)::text, 2, '0') || ':' || lpad(mod(abs({minutes}), 60)::text, 2, '0')"
    local = f"to_char(timezone('UTC', {moment}) + make_interval(mins => {minutes}), 'YYYY-MM-DD\"T\"HH24:MI:SS')"
    return f"{local} || CASE WHEN {minutes} = 0 THEN 'Z' ELSE {sign} || {clock} END"


MEDIUM_MINUTES = (
    f"coalesce(resource.camera_utc_offset_minutes, deployment.utc_offset_minutes, "
    f"{ZONE_MINUTES.format('resource.recorded_at')})"
)
# The media of a project that are published: those with a place and a time.
FINALS = f"""
CREATE TEMPORARY TABLE export_finals ON COMMIT DROP AS
SELECT final.id AS final_id, final.resource_id, final.is_blank, final.is_setup, final.source_id,
    resource.deployment_id, {MEDIUM_MINUTES} AS minutes, {HIDDEN} AS is_hidden,
    {disclosure.DEPLOYMENT_ID} AS deployment_key,
    coalesce({unless_hidden("resource.media_id")}, 'r' || resource.id) AS media_id,
    resource.recorded_at AS starts_at,
    resource.recorded_at + make_interval(secs => ceil(coalesce(greatest(resource.duration_s, 0), 0))) AS ends_at,
    resource.fps, resource.duration_s, {stamp("resource.recorded_at", MEDIUM_MINUTES)} AS started,
    coalesce(sequence.sequence_id, CASE WHEN %(include_events)s THEN 'r' || resource.id END) AS event_id,
    EXISTS (SELECT FROM classification_attrs AS attrs WHERE attrs.shown_by_id = final.id
        AND (%(private_humans)s AND attrs.observation_type = 'HUMAN'
            OR %(private_vehicles)s AND attrs.observation_type = 'VEHICLE'
            OR attrs.species_id = ANY (CAST(%(private_species)s AS bigint[])))) AS is_private
FROM classifications AS final JOIN resources AS resource ON resource.id = final.resource_id
JOIN deployments AS deployment ON deployment.id = resource.deployment_id
JOIN locations AS location ON location.id = deployment.location_id
LEFT JOIN sequences AS sequence ON sequence.id = resource.sequence_id
WHERE final.project_id = %(project_id)s AND final.classification_type = 'FINAL'
    AND resource.recorded_at IS NOT NULL AND deployment.ends_at IS NOT NULL
    AND (NOT %(approved_only)s OR final.is_approved) AND NOT (%(exclude_blank)s AND final.is_blank)
    AND (CAST(%(deployment_ids)s AS bigint[]) IS NULL OR deployment.id = ANY (%(deployment_ids)s))
"""
# The observations that are shown, put together once and in one order for all tables.
OBSERVED = """
CREATE TEMPORARY TABLE export_observations ON COMMIT DROP AS
SELECT shown.final_id, attrs.id, attrs.observation_type, attrs.observation_level, attrs.species_id, attrs.count,
    attrs.count_new, attrs.age, attrs.sex, attrs.behaviour, attrs.individual_id, attrs.distance, attrs.bboxes,
    attrs.classification_confidence, attrs.attrs, attrs.attr_confidence, attrs.first_frame_index, attrs.raw_label,
    row.id AS row_id, row.classification_type, row.created_at, row.comments, row.frames_sha256, row.static_attrs,
    coalesce(trim(provider.name || ' ' || provider.version), 'person ' || row.user_id) AS classified_by
FROM export_finals AS shown LEFT JOIN classification_attrs AS attrs ON attrs.shown_by_id = shown.final_id
LEFT JOIN classifications AS row ON row.id = coalesce(attrs.classification_id, shown.source_id)
LEFT JOIN ai_providers AS provider ON provider.id = row.model_id
WHERE (attrs.id IS NOT NULL OR shown.is_blank) AND NOT (%(exclude_blank)s AND attrs.observation_type = 'BLANK')
ORDER BY shown.final_id, attrs.id
"""
PREPARED = (
    FINALS,
    "CREATE INDEX ON export_finals (final_id)",
    "ANALYZE export_finals",
    OBSERVED,
    "ANALYZE export_observations",
)
DEPLOYED_MINUTES = f"coalesce(deployment.utc_offset_minutes, {ZONE_MINUTES.format('deployment.starts_at')})"
DEPLOYMENTS = f"""
SELECT {disclosure.DEPLOYMENT_ID} AS "deploymentID", {disclosure.LOCATION_ID} AS "locationID",
    {unless_hidden("location.name")} AS "locationName",
    round(ST_Y({disclosure.POINT})::numeric, %(decimals)s) AS latitude,
    round(ST_X({disclosure.POINT})::numeric, %(decimals)s) AS longitude,
    {disclosure.UNCERTAINTY} AS "coordinateUncertainty",
    {stamp("deployment.starts_at", DEPLOYED_MINUTES)} AS "deploymentStart",
    {stamp("deployment.ends_at", DEPLOYED_MINUTES)} AS "deploymentEnd", deployment.setup_by AS "setupBy",
    deployment.camera_id AS "cameraID", deployment.camera_model AS "cameraModel",
    deployment.camera_delay AS "cameraDelay", deployment.camera_height AS "cameraHeight",
    deployment.camera_depth AS "cameraDepth", deployment.camera_tilt AS "cameraTilt",
    deployment.camera_heading AS "cameraHeading", deployment.detection_distance AS "detectionDistance",
    CASE WHEN deployment.timestamp_issues THEN 'true' WHEN NOT deployment.timestamp_issues THEN 'false' END
        AS "timestampIssues",
    CASE WHEN deployment.bait_use THEN 'true' WHEN NOT deployment.bait_use THEN 'false' END AS "baitUse",
    lower(left(initcap(deployment.feature_type), 1))
        || substr(replace(initcap(replace(deployment.feature_type, '_', ' ')), ' ', ''), 2) AS "featureType",
    {unless_hidden("coalesce(deployment.habitat, location.habitat)")} AS habitat,
    {unless_hidden("nullif(array_to_string(deployment.deployment_groups, ' | '), '')")} AS "deploymentGroups",
    CASE WHEN {HIDDEN} THEN 'dataGeneralizations:{disclosure.GENERALIZATION}'
        ELSE nullif(array_to_string(deployment.deployment_tags, ' | '), '') END AS "deploymentTags",
    {unless_hidden("deployment.comments")} AS "deploymentComments"
FROM deployments AS deployment JOIN locations AS location ON location.id = deployment.location_id
WHERE deployment.id IN (SELECT deployment_id FROM export_finals) ORDER BY deployment.id
"""
# A path of the standard neither begins with one of these signs nor has two dots in a row.
PATH = "regexp_replace(regexp_replace(resource.file_path, '\\.{2,}', '_', 'g'), '^[./~]+', '')"
MEDIA = f"""
SELECT shown.media_id AS "mediaID", shown.deployment_key AS "deploymentID", NULL AS "captureMethod",
    shown.started AS timestamp,
    CASE WHEN shown.is_private THEN 'private/' || shown.media_id
        WHEN shown.is_hidden THEN 'sensitive/' || shown.media_id
        ELSE coalesce(nullif({PATH}, ''), shown.media_id) END AS "filePath",
    CASE WHEN resource.status = 'ADDRESS' AND resource.file_path ~ '^https?://' AND NOT shown.is_private
        AND NOT shown.is_hidden THEN 'true' ELSE 'false' END AS "filePublic",
    CASE WHEN NOT shown.is_private AND NOT shown.is_hidden THEN resource.name END AS "fileName",
    CASE WHEN resource.mime_type ~ '^(image|video|audio)/' THEN resource.mime_type
        ELSE lower(coalesce(resource.resource_type, 'IMAGE')) || '/*' END AS "fileMediatype",
    NULL AS "exifData", CASE WHEN 'favorite' = ANY (resource.tags) THEN 'true' END AS favorite,
    CASE WHEN NOT shown.is_hidden THEN resource.description END AS "mediaComments"
FROM export_finals AS shown JOIN resources AS resource ON resource.id = shown.resource_id ORDER BY shown.final_id
"""
# The tags of an observation: what the standard has no column for. Bars and colons in them get a backslash.
ESCAPED = "regexp_replace({0}, '([\\\\|:])', '\\\\\\1', 'g')"
TAGS = f"""nullif(concat_ws(' | ',
    CASE WHEN attrs.age = 'OFFSPRING' THEN 'age:offspring' END, 'countNew:' || attrs.count_new,
    CASE WHEN attrs.attrs <> '{{}}' AND NOT shown.is_hidden THEN (
        SELECT string_agg({ESCAPED.format("key")} || ':' || {ESCAPED.format("value")}, ' | ' ORDER BY key)
        FROM jsonb_each_text(attrs.attrs) WHERE value <> '') END), '')"""
# Who made an observation.
CLASSIFIED = """CASE attrs.classification_type WHEN 'AI' THEN 'machine' WHEN 'USER' THEN 'human' END
        AS "classificationMethod", attrs.classified_by AS "classifiedBy","""
FROM_OBSERVATIONS = """
FROM export_observations AS attrs JOIN export_finals AS shown ON shown.final_id = attrs.final_id
LEFT JOIN species ON species.id = attrs.species_id"""
IN_ORDER = "ORDER BY attrs.final_id, attrs.id"
VIDEO_START = "shown.starts_at + make_interval(secs => floor(attrs.first_frame_index / shown.fps))"
STARTS_LATER = "shown.fps > 0 AND attrs.first_frame_index > 0"
# Frames may lie behind the duration that a file declares: an event does not end before it starts.
END = (
    f"greatest(CASE WHEN {STARTS_LATER} THEN {VIDEO_START} ELSE shown.starts_at END, CASE WHEN shown.duration_s > 0 "
    "THEN shown.starts_at + make_interval(secs => ceil(shown.duration_s)) END)"
)
# Of a picture, both are the time of the medium, which is written already.
STARTED = f"CASE WHEN {STARTS_LATER} THEN {stamp(VIDEO_START, 'shown.minutes')} ELSE shown.started END"
ENDED = f"CASE WHEN {STARTS_LATER} OR shown.duration_s > 0 THEN {stamp(END, 'shown.minutes')} ELSE shown.started END"
OBSERVATIONS = f"""
SELECT CASE WHEN attrs.id IS NULL THEN 'b' || shown.final_id ELSE 'o' || attrs.id END AS "observationID",
    shown.deployment_key AS "deploymentID", shown.media_id AS "mediaID", shown.event_id AS "eventID",
    {STARTED} AS "eventStart", {ENDED} AS "eventEnd",
    'media' AS "observationLevel", lower(coalesce(attrs.observation_type, 'BLANK')) AS "observationType",
    CASE WHEN shown.is_setup THEN 'setup' END AS "cameraSetupType", species.scientific_name AS "scientificName",
    CASE WHEN attrs.observation_type <> 'BLANK' THEN attrs.count END AS count,
    CASE attrs.age WHEN 'UNKNOWN' THEN NULL WHEN 'OFFSPRING' THEN 'juvenile' ELSE lower(attrs.age) END AS "lifeStage",
    lower(nullif(attrs.sex, 'UNKNOWN')) AS sex, lower(nullif(attrs.behaviour, 'UNDEFINED')) AS behavior,
    attrs.individual_id AS "individualID", attrs.distance AS "individualPositionRadius",
    NULL AS "individualPositionAngle", NULL AS "individualSpeed", (attrs.bboxes ->> 0) AS "bboxX",
    (attrs.bboxes ->> 1) AS "bboxY", (attrs.bboxes ->> 2) AS "bboxWidth", (attrs.bboxes ->> 3) AS "bboxHeight",
    {CLASSIFIED}
    to_char(timezone('UTC', attrs.created_at), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "classificationTimestamp",
    CASE WHEN attrs.classification_type = 'AI' THEN attrs.classification_confidence END AS "classificationProbability",
    {TAGS} AS "observationTags",
    CASE WHEN NOT shown.is_hidden THEN attrs.comments END AS "observationComments"
{FROM_OBSERVATIONS} {IN_ORDER}
"""
# What Camtrap DP has no columns for, exactly as it is here; in the order of the observations.
EXACT = """
SELECT 'o' || attrs.id AS "observationID", json_build_object('type', lower(attrs.observation_type),
    'level', lower(attrs.observation_level), 'sex', lower(attrs.sex), 'age', lower(attrs.age),
    'behaviour', lower(attrs.behaviour), 'count', attrs.count, 'count_new', attrs.count_new,
    'individual_id', attrs.individual_id, 'confidence', attrs.classification_confidence, 'bbox', attrs.bboxes,
    'first_frame_index', attrs.first_frame_index, 'distance', attrs.distance,
    'frames', attrs.frames_sha256, 'object_id', attrs.id, 'raw_label', attrs.raw_label,
    'static_attrs', CASE WHEN shown.is_hidden THEN '{}' ELSE attrs.static_attrs END,
    'attrs', CASE WHEN shown.is_hidden THEN '{}' ELSE attrs.attrs END, 'attr_confidence', attrs.attr_confidence,
    'comments', CASE WHEN NOT shown.is_hidden THEN attrs.comments END) AS values
FROM export_observations AS attrs JOIN export_finals AS shown ON shown.final_id = attrs.final_id
WHERE attrs.id IS NOT NULL ORDER BY attrs.final_id, attrs.id
"""
FRAMES = """
SELECT DISTINCT frames_sha256 FROM export_observations WHERE id IS NOT NULL AND frames_sha256 IS NOT NULL ORDER BY 1
"""
# All observations in our own words; `importClassifications` reads them again.
PLAIN = f"""
SELECT rtrim(encode(convert_to('Classification:' || shown.final_id, 'UTF8'), 'base64'), '=') AS "classificationID",
    rtrim(encode(convert_to('Resource:' || shown.resource_id, 'UTF8'), 'base64'), '=') AS "resourceID",
    shown.media_id AS "mediaID",
    CASE WHEN NOT shown.is_private AND NOT shown.is_hidden THEN resource.file_path END AS "filePath",
    shown.deployment_key AS "deploymentID", shown.started AS timestamp,
    shown.event_id AS "eventID",
    {CLASSIFIED}
    lower(coalesce(attrs.observation_type, 'BLANK')) AS "observationType",
    lower(coalesce(attrs.observation_level, 'OBJECT')) AS "observationLevel",
    species.scientific_name AS "scientificName", coalesce(attrs.count, 1) AS count, attrs.count_new AS "countNew",
    lower(attrs.sex) AS sex, lower(attrs.age) AS age, lower(attrs.behaviour) AS behaviour,
    attrs.individual_id AS "individualID", attrs.classification_confidence AS "classificationConfidence",
    attrs.bboxes AS bboxes, attrs.first_frame_index AS "firstFrameIndex", attrs.distance AS distance,
    CASE WHEN NOT shown.is_hidden THEN attrs.attrs END AS attrs, attrs.attr_confidence AS "attrConfidence",
    shown.is_setup AS "isSetup"
{FROM_OBSERVATIONS} JOIN resources AS resource ON resource.id = shown.resource_id {IN_ORDER}
"""
# What no row of a package may be; it is asked before a package is kept.
CHECKS = {
    "deployments end before they start": "SELECT count(*) FROM deployments WHERE ends_at < starts_at "
    "AND id IN (SELECT deployment_id FROM export_finals)",
    "boxes reach beyond the picture": "SELECT count(*) FROM export_observations WHERE CAST(bboxes ->> 0 AS float8) "
    "+ CAST(bboxes ->> 2 AS float8) > 1.000001 "
    "OR CAST(bboxes ->> 1 AS float8) + CAST(bboxes ->> 3 AS float8) > 1.000001",
    "media share an id": "SELECT count(*) - count(DISTINCT media_id) FROM export_finals",
    "deployments share an id": "SELECT count(DISTINCT deployment_id) - count(DISTINCT deployment_key) "
    "FROM export_finals",
}
TAXA = """
SELECT DISTINCT species.scientific_name, lower(species.rank) AS rank, species.kingdom, species.phylum,
    species.class_name, species.order_name, species.family, species.genus
FROM species WHERE id IN (SELECT species_id FROM export_observations) ORDER BY 1
"""
SPAN = f"""
SELECT min(starts_at)::date::text, max(ends_at)::date::text, min(ST_X(point)), min(ST_Y(point)), max(ST_X(point)),
    max(ST_Y(point)), count(*) FILTER (WHERE is_hidden)
FROM (
    SELECT deployment.starts_at, deployment.ends_at, {disclosure.POINT} AS point, {HIDDEN} AS is_hidden
    FROM deployments AS deployment JOIN locations AS location ON location.id = deployment.location_id
    WHERE deployment.id IN (SELECT deployment_id FROM export_finals)
) AS placed
"""
TABLES = {"deployments": [DEPLOYMENTS], "media": [MEDIA], "observations": [OBSERVATIONS], "frames": [EXACT]}

"""Observations of events: what the media of a sequence show together, for a Camtrap DP package.

For each event there is a row for each type and taxon, so that counts can be summed over rows. How many there were is
the largest number that one medium shows, or the sum of what was new in each. Sex, life stage, behaviour and the like
are given where all observations agree.
"""

from app.services.wildlife.exchange.exports.package_statements import stamp

EVENTS = """
CREATE TEMPORARY TABLE export_events ON COMMIT DROP AS
WITH event AS (
    SELECT event_id, deployment_key, min(starts_at) AS starts_at, max(ends_at) AS ends_at,
        (array_agg(minutes ORDER BY starts_at))[1] AS minutes, bool_and(is_setup) AS is_setup
    FROM export_finals GROUP BY event_id, deployment_key
), seen AS (
    -- What is of no known taxon has the taxon 0, so that it can be joined by it.
    SELECT shown.event_id, shown.final_id, attrs.observation_type AS type, coalesce(attrs.species_id, 0) AS species_id,
        attrs.observation_level, attrs.count, attrs.count_new, attrs.sex, attrs.age, attrs.behaviour,
        attrs.individual_id, attrs.classification_confidence AS confidence, attrs.row_id,
        attrs.classification_type AS method, attrs.created_at, attrs.classified_by AS by
    FROM export_observations AS attrs JOIN export_finals AS shown ON shown.final_id = attrs.final_id
    WHERE attrs.observation_type <> 'BLANK'
), in_row AS (
    -- Where somebody counted a group, its members are not counted again.
    SELECT event_id, final_id, row_id, type, species_id,
        coalesce(sum(count) FILTER (WHERE observation_level = 'GROUP'), sum(count)) AS count,
        sum(count_new) AS count_new
    FROM seen GROUP BY event_id, final_id, row_id, type, species_id
), in_medium AS (
    SELECT event_id, type, species_id, max(count) AS count, max(count_new) AS count_new
    FROM in_row GROUP BY event_id, final_id, type, species_id
), counted AS (
    SELECT event_id, type, species_id, CASE WHEN %(events_count)s = 'COUNT_NEW' AND sum(count_new) > 0
        THEN sum(count_new) ELSE max(count) END AS count
    FROM in_medium GROUP BY event_id, type, species_id
), agreed AS (
    SELECT event_id, type, species_id,
        CASE WHEN count(DISTINCT sex) = 1 THEN nullif(min(sex), 'UNKNOWN') END AS sex,
        CASE WHEN count(DISTINCT age) = 1 THEN nullif(min(age), 'UNKNOWN') END AS age,
        CASE WHEN count(DISTINCT behaviour) = 1 THEN nullif(min(behaviour), 'UNDEFINED') END AS behaviour,
        CASE WHEN count(DISTINCT individual_id) = 1 AND bool_and(individual_id IS NOT NULL)
            THEN min(individual_id) END AS individual_id,
        CASE WHEN bool_and(method = 'AI') THEN 'machine' WHEN bool_and(method = 'USER') THEN 'human' END AS method,
        CASE WHEN count(DISTINCT by) = 1 THEN min(by) END AS by, max(created_at) AS classified_at,
        CASE WHEN bool_and(method = 'AI') THEN max(confidence) END AS confidence
    FROM seen GROUP BY event_id, type, species_id
)
SELECT 'e' || event.event_id || '-' || row_number() OVER (
        PARTITION BY event.event_id ORDER BY counted.type, nullif(counted.species_id, 0)) AS observation_id, event.*,
    coalesce(counted.type, 'BLANK') AS type, nullif(counted.species_id, 0) AS species_id, counted.count,
    agreed.sex, agreed.age, agreed.behaviour,
    CASE WHEN counted.count = 1 THEN agreed.individual_id END AS individual_id, agreed.method,
    agreed.by, agreed.classified_at, agreed.confidence
FROM event LEFT JOIN counted ON counted.event_id = event.event_id
LEFT JOIN agreed ON agreed.event_id = counted.event_id AND agreed.type = counted.type
    AND agreed.species_id = counted.species_id
WHERE counted.event_id IS NOT NULL OR NOT %(exclude_blank)s AND event.event_id IN (
    SELECT shown.event_id FROM export_finals AS shown GROUP BY shown.event_id
    HAVING bool_and(shown.is_blank OR EXISTS (SELECT FROM export_observations AS attrs
        WHERE attrs.final_id = shown.final_id AND attrs.observation_type = 'BLANK')))
"""
PREPARED = (EVENTS, "CREATE INDEX ON export_events (observation_id)", "ANALYZE export_events")
OBSERVATIONS = f"""
SELECT event.observation_id AS "observationID", event.deployment_key AS "deploymentID", NULL AS "mediaID",
    event.event_id AS "eventID", {stamp("event.starts_at", "event.minutes")} AS "eventStart",
    {stamp("event.ends_at", "event.minutes")} AS "eventEnd", 'event' AS "observationLevel",
    lower(event.type) AS "observationType", CASE WHEN event.is_setup THEN 'setup' END AS "cameraSetupType",
    species.scientific_name AS "scientificName", event.count,
    CASE event.age WHEN 'OFFSPRING' THEN 'juvenile' ELSE lower(event.age) END AS "lifeStage", lower(event.sex) AS sex,
    lower(event.behaviour) AS behavior, event.individual_id AS "individualID", NULL AS "individualPositionRadius",
    NULL AS "individualPositionAngle", NULL AS "individualSpeed", NULL AS "bboxX", NULL AS "bboxY", NULL AS "bboxWidth",
    NULL AS "bboxHeight", event.method AS "classificationMethod", event.by AS "classifiedBy",
    to_char(timezone('UTC', event.classified_at), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "classificationTimestamp",
    event.confidence AS "classificationProbability", NULL AS "observationTags", NULL AS "observationComments"
FROM export_events AS event LEFT JOIN species ON species.id = event.species_id
ORDER BY event.starts_at, event.observation_id
"""
# They say nothing that the media do not, so an import leaves them out.
DERIVED = """
SELECT event.observation_id AS "observationID", jsonb_build_object('derived', true) AS values
FROM export_events AS event ORDER BY event.starts_at, event.observation_id
"""

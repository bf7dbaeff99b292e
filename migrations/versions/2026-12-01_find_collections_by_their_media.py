"""Find collections by their media"""

from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None

# A medium is in few collections, and a collection has many media. Without statistics, as on a new installation, the
# planner looked through all media of a collection for each of them: for 6 000 at once, 18 million rows, 2.6 seconds. A
# subquery with an OFFSET stays one: it runs for each medium, by the index of media.
ITEMS = """CROSS JOIN LATERAL (
            SELECT collection_id FROM collection_resources WHERE resource_id = {medium}.resource_id OFFSET 0
        ) AS item"""
JOINED = "JOIN collection_resources AS item ON item.resource_id = {medium}.resource_id"
OF_CLASSIFICATIONS = """CROSS JOIN LATERAL (
            SELECT FROM classification_attrs
            WHERE classification_id = one.id AND observation_type IN ('HUMAN', 'ANIMAL', 'VEHICLE') OFFSET 0
        ) AS attr
        WHERE one.id = ANY (touched) AND one.is_blank"""
JOINED_CLASSIFICATIONS = """JOIN classification_attrs AS attr ON attr.classification_id = one.id
        WHERE one.id = ANY (touched) AND one.is_blank AND attr.observation_type IN ('HUMAN', 'ANIMAL', 'VEHICLE')"""

LISTED = """
CREATE OR REPLACE FUNCTION list_made_finals() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$ BEGIN
    INSERT INTO classifications_in_collections (project_collection_id, classification_id)
    SELECT link.id, change.id
    FROM changes AS change
    {items}
    JOIN classification_project_collections AS link
        ON link.collection_id = item.collection_id AND link.project_id = change.project_id
    WHERE change.classification_type = 'FINAL'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""
COUNTED = """
CREATE OR REPLACE FUNCTION count_finals(changes final_change[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off AS $$ BEGIN
    IF coalesce(cardinality(changes), 0) = 0 THEN RETURN; END IF;
    PERFORM FROM classification_projects WHERE id IN (SELECT project_id FROM unnest(changes)) ORDER BY id
        FOR NO KEY UPDATE;
    UPDATE classification_projects AS project SET resource_count = resource_count + total,
        approved_count = approved_count + approved, classified_count = classified_count + classified,
        classified_ai_count = classified_ai_count + classified_ai
    FROM (
        SELECT project_id, sum(total) AS total, sum(approved) AS approved, sum(classified) AS classified,
            sum(classified_ai) AS classified_ai
        FROM unnest(changes) GROUP BY project_id
    -- What is deleted with its research project or its collection needs no counts, and may not refer to them again.
    ) AS change WHERE project.id = change.project_id
        AND EXISTS (SELECT FROM research_projects WHERE id = project.research_project_id);
    UPDATE classification_project_collections AS link SET total_count = total_count + total,
        approved_count = approved_count + approved, classified_count = classified_count + classified,
        classified_ai_count = classified_ai_count + classified_ai
    FROM (
        SELECT link.id, sum(total) AS total, sum(approved) AS approved, sum(classified) AS classified,
            sum(classified_ai) AS classified_ai
        FROM unnest(changes) AS change
        {items}
        JOIN classification_project_collections AS link
            ON link.collection_id = item.collection_id AND link.project_id = change.project_id
        JOIN collections ON collections.id = link.collection_id
        GROUP BY link.id
    ) AS change WHERE link.id = change.id;
END $$
"""
SETTLED = """
CREATE OR REPLACE FUNCTION settle_finals(projects bigint[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off AS $$ BEGIN
    UPDATE classifications AS final SET project_collection_id = home.id
    FROM (
        SELECT lost.id AS final_id, min(link.id) AS id
        FROM classifications AS lost
        {items}
        JOIN classification_project_collections AS link
            ON link.collection_id = item.collection_id AND link.project_id = lost.project_id
        WHERE lost.project_id = ANY (projects) AND lost.project_collection_id IS NULL
            AND lost.classification_type = 'FINAL'
        GROUP BY lost.id
    ) AS home WHERE final.id = home.final_id;
    DELETE FROM classifications AS final
    WHERE project_id = ANY (projects) AND project_collection_id IS NULL AND classification_type = 'FINAL'
        AND NOT (is_approved OR is_blank OR is_setup)
        AND NOT EXISTS (SELECT FROM classifications AS one WHERE one.final_id = final.id);
END $$
"""
CHECKED = """
CREATE OR REPLACE FUNCTION check_observations_of(touched bigint[], is_change boolean) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE finals bigint[]; BEGIN
    finals := ARRAY(SELECT DISTINCT coalesce(final_id, id) FROM classifications WHERE id = ANY (touched) ORDER BY 1);
    IF cardinality(finals) = 0 THEN RETURN; END IF;
    PERFORM FROM classifications WHERE id = ANY (finals) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM classifications WHERE id = ANY (touched) AND classification_type = 'FINAL') THEN
        PERFORM refuse_classification('classification_final_attrs', 'a FINAL has no observations of its own');
    END IF;
    IF EXISTS (SELECT FROM classifications WHERE source_id = ANY (touched) AND classification_type = 'FINAL') THEN
        PERFORM refuse_classification('classification_approved', 'an approved classification never changes');
    END IF;
    IF EXISTS (
        SELECT FROM classifications AS one {of_classifications}
    ) THEN
        PERFORM refuse_classification('classification_blank', 'a blank medium has no animals, people or vehicles');
    END IF;
    IF is_change THEN
        UPDATE classifications SET version = version + 1 WHERE id = ANY (finals);
    END IF;
    PERFORM refresh_finals(finals);
END $$
"""


def _replace(items: str, of_classifications: str) -> None:
    for function, medium in ((LISTED, "change"), (COUNTED, "change"), (SETTLED, "lost")):
        op.execute(function.replace("{items}", items.replace("{medium}", medium)))
    op.execute(CHECKED.replace("{of_classifications}", of_classifications))


def upgrade() -> None:
    _replace(ITEMS, OF_CLASSIFICATIONS)


def downgrade() -> None:
    _replace(JOINED, JOINED_CLASSIFICATIONS)

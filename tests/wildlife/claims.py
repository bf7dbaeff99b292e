"""What holds of classifications at every moment: each claim with the rows that would break it."""

import psycopg

CLAIMS = {
    "Each medium of a linked collection has exactly one FINAL in the project.": """
        SELECT link.project_id, item.resource_id FROM classification_project_collections AS link
        JOIN collection_resources AS item USING (collection_id)
        LEFT JOIN classifications AS final ON final.project_id = link.project_id
            AND final.resource_id = item.resource_id AND final.classification_type = 'FINAL'
        WHERE link.filled_at IS NOT NULL GROUP BY link.project_id, item.resource_id
        HAVING count(DISTINCT final.id) <> 1""",
    "A FINAL is approved if and only if it has a source, which is a row of AI or a person below it.": """
        SELECT final.id FROM classifications AS final LEFT JOIN classifications AS source ON source.id = final.source_id
        WHERE final.classification_type = 'FINAL' AND (final.is_approved <> (final.source_id IS NOT NULL)
            OR source.classification_type NOT IN ('AI', 'USER') OR source.final_id <> final.id)""",
    "Only a FINAL is approved or gold, and only a person's row makes gold.": """
        SELECT row.id FROM classifications AS row LEFT JOIN classifications AS source ON source.id = row.source_id
        WHERE (row.is_approved OR row.is_gold_standard) AND row.classification_type <> 'FINAL'
            OR row.is_gold_standard AND (NOT row.is_approved OR source.classification_type <> 'USER')""",
    "All rows below a FINAL are about its medium.": """
        SELECT row.id FROM classifications AS row JOIN classifications AS final ON final.id = row.final_id
        WHERE (row.project_id, row.resource_id) <> (final.project_id, final.resource_id)
            OR final.classification_type <> 'FINAL'""",
    "A person and a model have at most one current row of a medium.": """
        SELECT final_id, user_id, model_id FROM classifications
        WHERE superseded_at IS NULL AND classification_type IN ('AI', 'USER')
        GROUP BY final_id, user_id, model_id HAVING count(*) > 1""",
    "Feedback corrects a row of AI or a person.": """
        SELECT row.id FROM classifications AS row JOIN classifications AS source ON source.id = row.source_id
        WHERE row.classification_type = 'FEEDBACK' AND source.classification_type NOT IN ('AI', 'USER')""",
    "A FINAL has no observations, and what is blank shows nothing.": """
        SELECT attr.id FROM classification_attrs AS attr JOIN classifications AS row ON row.id = attr.classification_id
        WHERE row.classification_type = 'FINAL'
            OR row.is_blank AND attr.observation_type IN ('HUMAN', 'ANIMAL', 'VEHICLE')""",
    "An approved FINAL says of blank what its source says.": """
        SELECT final.id FROM classifications AS final JOIN classifications AS source ON source.id = final.source_id
        WHERE final.classification_type = 'FINAL' AND source.is_blank AND NOT final.is_blank""",
    "A FINAL shows the observations of the approved row, or of all current rows.": """
        SELECT attr.id FROM classification_attrs AS attr
        JOIN classifications AS row ON row.id = attr.classification_id
        JOIN classifications AS final ON final.id = row.final_id
        WHERE attr.shown_by_id IS DISTINCT FROM CASE
            WHEN row.classification_type = 'FEEDBACK' THEN NULL
            WHEN final.source_id IS NULL AND row.superseded_at IS NULL THEN final.id
            WHEN final.source_id = row.id THEN final.id END""",
    "The flags of a FINAL are what its rows say.": """
        SELECT final.id FROM classifications AS final LEFT JOIN classifications AS row ON row.final_id = final.id
            AND (row.superseded_at IS NULL OR row.id = final.source_id)
        WHERE final.classification_type = 'FINAL' GROUP BY final.id
        HAVING (final.is_classified, final.is_classified_ai, final.has_feedback) IS DISTINCT FROM (
            coalesce(bool_or(row.classification_type = 'USER'), false),
            coalesce(bool_or(row.classification_type = 'AI'), false),
            coalesce(bool_or(row.classification_type = 'FEEDBACK' AND row.source_id = final.source_id), false))""",
    "The counts of a project are those of its FINALs.": """
        SELECT project.id FROM classification_projects AS project
        LEFT JOIN classifications AS final ON final.project_id = project.id AND final.classification_type = 'FINAL'
        GROUP BY project.id
        HAVING (resource_count, approved_count, classified_count, classified_ai_count) IS DISTINCT FROM (
            count(final.id)::int, (count(*) FILTER (WHERE final.is_approved))::int,
            (count(*) FILTER (WHERE final.is_classified))::int,
            (count(*) FILTER (WHERE final.is_classified_ai))::int)""",
    "The counts of a collection are those of the FINALs of its media.": """
        SELECT link.id FROM classification_project_collections AS link
        LEFT JOIN collection_resources AS item USING (collection_id)
        LEFT JOIN classifications AS final ON final.project_id = link.project_id
            AND final.resource_id = item.resource_id AND final.classification_type = 'FINAL'
        GROUP BY link.id
        HAVING (total_count, approved_count, classified_count, classified_ai_count) IS DISTINCT FROM (
            count(final.id)::int, (count(*) FILTER (WHERE final.is_approved))::int,
            (count(*) FILTER (WHERE final.is_classified))::int,
            (count(*) FILTER (WHERE final.is_classified_ai))::int)""",
    "The history of a FINAL ends with what it says.": """
        SELECT final.id FROM classifications AS final
        LEFT JOIN LATERAL (
            SELECT source_id FROM classification_approvals WHERE final_id = final.id ORDER BY id DESC LIMIT 1
        ) AS last ON true
        WHERE final.classification_type = 'FINAL' AND final.source_id IS DISTINCT FROM last.source_id""",
    "What a bulk approval approved is approved by it, or somebody did something since.": """
        SELECT final.id FROM classifications AS final JOIN bulk_approvals AS bulk ON bulk.id = final.bulk_approval_id
        WHERE bulk.reverted_at IS NOT NULL OR NOT final.is_approved""",
}


def broken(connection: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """The claims that do not hold, each with the rows that say so."""
    found = {claim: connection.execute(rows).fetchall() for claim, rows in CLAIMS.items()}
    return {claim: rows for claim, rows in found.items() if rows}

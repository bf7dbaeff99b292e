-- A season of a large project and of a small one: 1 050 000 media, each with what AI saw on it, 3 150 000 observations.
-- What the database keeps (counts, flags, what a FINAL shows) is what the rows say.
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';

CREATE FUNCTION spread(i bigint, salt bigint) RETURNS double precision IMMUTABLE PARALLEL SAFE LANGUAGE sql
    RETURN ((i * 2654435761 + salt * 40503) % 4294967296) / 4294967296.0;

INSERT INTO users (username, email, email_verified, first_name, last_name, is_active, is_staff, is_super_admin,
                   notifications_delivery_methods, notifications_declined, newsletter_subscription, account_deletion_requested, security_stamp)
SELECT 'person-' || i, 'person-' || i || '@fieldgraph.test', true, 'Person', 'Number ' || i, true, false, false,
       '{WEB}', '{}', false, false, 0
FROM generate_series(1, 20) AS i;

-- A tree of 10 families, 50 genera and 500 species.
INSERT INTO species (id, checklist, key, scientific_name, rank, parent_id)
SELECT i, 'BENCH', i::text, 'Taxon ' || i,
       CASE WHEN i <= 10 THEN 'FAMILY' WHEN i <= 60 THEN 'GENUS' ELSE 'SPECIES' END,
       CASE WHEN i <= 10 THEN NULL WHEN i <= 60 THEN 1 + i % 10 ELSE 11 + i % 50 END
FROM generate_series(1, 560) AS i;

INSERT INTO research_projects (id, name, acronym, owner_id, status)
VALUES (1, 'Large', 'L', 1, 'APPROVED'), (2, 'Small', 'S', 2, 'APPROVED');
INSERT INTO research_project_members (project_id, user_id, role) VALUES (1, 1, 'OWNER'), (2, 2, 'OWNER'), (1, 3, 'MEMBER');
INSERT INTO locations (id, research_project_id, location_id, point, timezone, ignore_dst)
SELECT i, 1 + i / 191, 'loc' || i, ST_SetSRID(ST_MakePoint(20 + i / 100.0, 50), 4326), 'Europe/Warsaw', i % 2 = 0
FROM generate_series(1, 200) AS i;
INSERT INTO deployments (id, research_project_id, location_id, deployment_code, deployment_id, starts_at, ends_at)
SELECT i, 1 + i / 191, i, 'r' || i, 'r' || i || '-loc' || i, '2025-01-01Z', '2026-01-01Z' FROM generate_series(1, 200) AS i;
INSERT INTO collections (id, research_project_id, name, owner_id)
SELECT i, 1 + i / 11, 'Collection ' || i, 1 FROM generate_series(1, 11) AS i;
INSERT INTO ai_providers (id, kind, user_id, name, provider_type)
VALUES (101, 'EXTERNAL', 1, 'Detector', 'DETECTION'), (102, 'EXTERNAL', 1, 'Classifier', 'CLASSIFICATION');

UPDATE pg_index SET indisready = false WHERE indrelid IN
    ('resources'::regclass, 'collection_resources'::regclass, 'classifications'::regclass, 'classification_attrs'::regclass);

INSERT INTO resources (id, research_project_id, deployment_id, owner_id, name, file_path, storage_key, thumbnail_key, status,
                       resource_type, mime_type, size_bytes, sha256, width, height, recorded_at)
SELECT i, 1 + i / 1000001, CASE WHEN i <= 1000000 THEN 1 + i % 190 ELSE 191 + i % 10 END, 1, 'IMG_' || i || '.JPG',
       'card/' || i % 190 || '/IMG_' || i || '.JPG', 'media/' || i, 'thumbnails/' || i, 'READ', 'IMAGE', 'image/jpeg', 2000000,
       md5(i::text) || md5((-i)::text), 1920, 1080, timestamptz '2025-01-01Z' + i * interval '30 seconds'
FROM generate_series(1, 1050000) AS i;
INSERT INTO collection_resources (collection_id, resource_id, research_project_id)
SELECT 1 + (i - 1) / 100000, i, 1 + i / 1000001 FROM generate_series(1, 1050000) AS i;

INSERT INTO classification_projects (id, research_project_id, name, owner_id) VALUES (1, 1, 'Large', 1), (2, 2, 'Small', 2);
INSERT INTO classification_project_members (project_id, user_id, role) VALUES (1, 3, 'ANNOTATOR');
INSERT INTO classification_project_collections (id, project_id, collection_id, research_project_id)
SELECT i, 1 + i / 11, i, 1 + i / 11 FROM generate_series(1, 11) AS i;

-- Of ten media three are approved. Of twenty one was classified by a person, and of a hundred one otherwise than by AI.
INSERT INTO classifications (id, project_id, research_project_id, project_collection_id, resource_id, classification_type,
    source_id, is_approved, approved_by_id, approved_at, deployment_id, recorded_at, is_classified, is_classified_ai, disagrees)
SELECT id, 1 + id / 1000001, 1 + id / 1000001, 1 + (id - 1) / 100000, id, 'FINAL',
    CASE WHEN id % 10 < 3 THEN 2000000 + id END, id % 10 < 3, CASE WHEN id % 10 < 3 THEN 1 END,
    CASE WHEN id % 10 < 3 THEN now() END, deployment_id, recorded_at, id % 20 = 7, true, id % 100 = 7
FROM resources;
INSERT INTO classifications (id, project_id, research_project_id, resource_id, classification_type, model_id, final_id, is_blank)
SELECT 2000000 + id, 1 + id / 1000001, 1 + id / 1000001, id, 'AI', 102, id, false FROM resources;
INSERT INTO classifications (id, project_id, research_project_id, resource_id, classification_type, user_id, final_id)
SELECT 4000000 + id, 1 + id / 1000001, 1 + id / 1000001, id, 'USER', 3, id FROM resources WHERE id % 20 = 7;

-- What follows reads them, so their indexes come first.
UPDATE pg_index SET indisready = true WHERE indrelid IN ('resources'::regclass, 'classifications'::regclass);
REINDEX TABLE resources;
REINDEX TABLE classifications;
ANALYZE classifications;
INSERT INTO classifications_in_collections (project_collection_id, classification_id)
SELECT project_collection_id, id FROM classifications WHERE classification_type = 'FINAL';

-- Some species are in every tenth medium, and others in a few of a million.
INSERT INTO classification_attrs (classification_id, project_id, resource_id, shown_by_id, observation_type, species_id,
    classification_confidence, bboxes)
SELECT one.id, one.project_id, one.resource_id, CASE WHEN one.id > 4000000 AND one.resource_id % 10 < 3 THEN NULL ELSE one.final_id END,
    CASE WHEN n = 2 AND one.resource_id % 50 = 0 THEN 'HUMAN' ELSE 'ANIMAL' END,
    CASE WHEN n = 2 AND one.resource_id % 50 = 0 THEN NULL ELSE 61 + (499 * spread(one.resource_id + n, 3) ^ 4)::int END,
    round((0.3 + 0.7 * spread(one.id, n))::numeric, 4), '[0.1, 0.2, 0.3, 0.4]'
FROM classifications AS one, generate_series(1, 3) AS n
WHERE one.classification_type = 'AI' OR (one.classification_type = 'USER' AND n = 1);

UPDATE pg_index SET indisready = true WHERE indrelid IN ('collection_resources'::regclass, 'classification_attrs'::regclass);
REINDEX TABLE collection_resources;
REINDEX TABLE classification_attrs;

UPDATE classification_projects AS project SET resource_count = said.total, approved_count = said.approved,
    classified_count = said.classified, classified_ai_count = said.total
FROM (
    SELECT project_id, count(*) AS total, count(*) FILTER (WHERE is_approved) AS approved,
        count(*) FILTER (WHERE is_classified) AS classified
    FROM classifications WHERE classification_type = 'FINAL' GROUP BY project_id
) AS said WHERE said.project_id = project.id;
UPDATE classification_project_collections AS link SET total_count = said.total, approved_count = said.approved,
    classified_count = said.classified, classified_ai_count = said.total
FROM (
    SELECT project_collection_id, count(*) AS total, count(*) FILTER (WHERE is_approved) AS approved,
        count(*) FILTER (WHERE is_classified) AS classified
    FROM classifications WHERE classification_type = 'FINAL' GROUP BY project_collection_id
) AS said WHERE said.project_collection_id = link.id;
SELECT setval(pg_get_serial_sequence(name, 'id'), 10000000) FROM unnest(ARRAY[
    'species', 'research_projects', 'locations', 'deployments', 'collections', 'ai_providers', 'resources',
    'collection_resources', 'classification_projects', 'classification_project_collections', 'classifications',
    'classification_attrs']) AS name;

-- `bench.grow` adds rows of every table that is asked about; newer children belong to newer parents.
CREATE SCHEMA bench;

CREATE FUNCTION bench.grow(
    users_more bigint, datasets_more bigint, aois_more bigint, labels_more bigint, models_more bigint, trainings_more bigint,
    labels_each bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    users_now bigint := (SELECT coalesce(max(id), 0) FROM users) + users_more;
    datasets_now bigint := (SELECT coalesce(max(id), 0) FROM datasets) + datasets_more;
    aois_now bigint := (SELECT coalesce(max(id), 0) FROM aois) + aois_more;
    models_now bigint := (SELECT coalesce(max(id), 0) FROM models) + models_more;
    shapes text[] := (SELECT array_agg(pg_get_indexdef(indexrelid)) FROM pg_index JOIN pg_class ON oid = indexrelid
                      WHERE relnamespace = 'public'::regnamespace AND NOT indisexclusion
                      AND relam = (SELECT oid FROM pg_am WHERE amname = 'gist'));
    shape text;
BEGIN
    -- What follows is right by construction; and an index over shapes is made at once in a tenth of the time.
    SET LOCAL session_replication_role = replica;
    FOREACH shape IN ARRAY shapes LOOP
        EXECUTE 'DROP INDEX ' || substring(shape FROM 'INDEX (\S+) ON');
    END LOOP;

    INSERT INTO users (username, email, email_verified, first_name, last_name, is_active, is_staff, is_super_admin,
                       notifications_delivery_methods, notifications_declined, newsletter_subscription, account_deletion_requested, security_stamp)
    SELECT 'mapper-' || i, 'mapper-' || i || '@fieldgraph.test', true, 'Mapper', 'Number ' || i, true, false, false,
           '{WEB}', '{}', false, false, 0
    FROM generate_series(users_now - users_more + 1, users_now) AS i;

    INSERT INTO sessions (user_id, token_hash, expires_at, last_used_at, client, address)
    SELECT i, sha256(('another session of ' || i)::bytea), now() + interval '1 day', now(), '', ''
    FROM generate_series(users_now - users_more + 1, users_now) AS i;

    INSERT INTO datasets (user_id, name, source_imagery, status, "offset")
    SELECT 1 + i % users_now, 'Village ' || i, 'https://tiles.example.org/{z}/{x}/{y}.png', 'ACTIVE', '{0.5,-1.5}'
    FROM generate_series(datasets_now - datasets_more + 1, datasets_now) AS i;

    INSERT INTO aois (dataset_id, user_id, geom, label_status, label_fetched)
    SELECT datasets_now - i / 10, 1 + i % users_now, ST_MakeEnvelope(x, y, x + 0.009, y + 0.009, 4326), 'DOWNLOADED', now()
    FROM generate_series(aois_more - 1, 0, -1) AS i,
         LATERAL (SELECT 10 + i % 1000 * 0.01 AS x, 40 + i / 1000 * 0.01 AS y) AS corner;

    INSERT INTO labels (aoi_id, geom, origin, osm_id, osm_type, tags)
    SELECT aois_now - i / labels_each,
           ST_SnapToGrid(ST_Rotate(ST_MakeEnvelope(x, y, x + 0.0001, y + 0.00008, 4326), i, x, y), 0.0000001), 'OSM', i, 'way',
           jsonb_build_object('building', 'house', 'building:levels', (1 + i % 4)::text, 'height', '7.5')
    FROM generate_series(labels_more - 1, 0, -1) AS i,
         LATERAL (SELECT 10 + i % 1000 * 0.0002 AS x, 40 + i / 1000 * 0.0002 AS y) AS corner;

    INSERT INTO models (dataset_id, user_id, name, description, base_model, status)
    SELECT 1 + i % datasets_now, 1 + i % users_now, 'Roofs ' || i, 'Finds roofs.', 'RAMP', 'PUBLISHED'
    FROM generate_series(models_now - models_more + 1, models_now) AS i;

    -- Of a model's trainings the newest still runs.
    INSERT INTO trainings (model_id, user_id, source_imagery, status, zoom_level, epochs, batch_size, freeze_layers,
                           started_at, finished_at, chips_length, accuracy)
    SELECT models_now - i / 10, 1 + i % users_now, 'https://tiles.example.org/{z}/{x}/{y}.png',
           CASE WHEN i % 10 = 0 THEN 'RUNNING' ELSE 'FINISHED' END, '{19,20}', 20, 8, false,
           now(), CASE WHEN i % 10 = 0 THEN NULL ELSE now() END, 640, CASE WHEN i % 10 = 0 THEN NULL ELSE 60 + i % 30 END
    FROM generate_series(trainings_more - 1, 0, -1) AS i;

    FOREACH shape IN ARRAY shapes LOOP
        EXECUTE shape;
    END LOOP;
END
$$;

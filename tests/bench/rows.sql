-- A middling installation: 50 people, 500 datasets, 5 000 AOIs, 50 000 labels, 2 000 trainings with their jobs and files.
INSERT INTO users (username, email, email_verified, first_name, last_name, is_active, is_staff, is_super_admin,
                   notifications_delivery_methods, notifications_declined, newsletter_subscription, account_deletion_requested, security_stamp)
SELECT 'mapper-' || i, 'mapper-' || i || '@fieldgraph.test', true, 'Mapper', 'Number ' || i, true, false, false,
       '{WEB}', '{}', false, false, 0
FROM generate_series(1, 50) AS i;

INSERT INTO datasets (user_id, name, source_imagery, status, "offset")
SELECT 1 + i % 50, 'Village ' || i, 'https://tiles.example.org/{z}/{x}/{y}.png', 'ACTIVE', '{0.5,-1.5}'
FROM generate_series(1, 500) AS i;

INSERT INTO aois (dataset_id, user_id, geom, label_status, label_fetched)
SELECT 1 + i / 10, 1 + (1 + i / 10) % 50, ST_MakeEnvelope(x, y, x + 0.009, y + 0.009, 4326), 'DOWNLOADED', now()
FROM generate_series(0, 4999) AS i, LATERAL (SELECT 10 + i % 100 * 0.01 AS x, 40 + i / 100 * 0.01 AS y) AS corner;

-- The first AOI is a town of 1 000 buildings; the others share what is left.
INSERT INTO labels (aoi_id, geom, origin, osm_id, osm_type, tags)
SELECT CASE WHEN i < 1000 THEN 1 ELSE 2 + i % 4999 END, ST_MakeEnvelope(x, y, x + 0.0001, y + 0.0001, 4326),
       'OSM', i, 'way', jsonb_build_object('building', 'house', 'building:levels', (1 + i % 4)::text, 'height', '7.5')
FROM generate_series(0, 49999) AS i, LATERAL (SELECT 10 + i % 40 * 0.0002 AS x, 40 + i % 1000 / 40 * 0.0002 AS y) AS corner;

INSERT INTO models (dataset_id, user_id, name, description, base_model, status)
SELECT i, 1 + i % 50, 'Roofs ' || i, 'Finds roofs.', 'RAMP', 'PUBLISHED' FROM generate_series(1, 500) AS i;

INSERT INTO jobs (kind, subject_id, user_id, state, attempt, attempts_max, fence, cancel_requested, progress,
                  stage, message, started_at, finished_at)
SELECT 'TRAIN', i, 1 + (1 + (i - 1) / 4) % 50, 'DONE', 1, 3, 1, false, 1, 'training', 'Epoch 20 of 20', now(), now()
FROM generate_series(1, 2000) AS i;

INSERT INTO trainings (model_id, user_id, job_id, source_imagery, status, zoom_level, epochs, batch_size, freeze_layers,
                       started_at, finished_at, chips_length, centroid, accuracy, pixel_accuracy, precision, recall, f1, object_f1)
SELECT model, 1 + model % 50, i, 'https://tiles.example.org/{z}/{x}/{y}.png', 'FINISHED', '{19,20}', 20, 8, false,
       now(), now(), 640, ST_Point(10.5, 40.5, 4326), 60 + i % 30, 0.97, 0.83, 0.81, 0.82, 0.74
FROM generate_series(1, 2000) AS i, LATERAL (SELECT 1 + (i - 1) / 4 AS model) AS trained;

UPDATE models SET published_training_id = 4 * id;

-- The one that is watched.
UPDATE trainings SET status = 'RUNNING', finished_at = NULL WHERE id = 1;

INSERT INTO artifacts (training_id, name, media_type, size_bytes, storage_key)
SELECT i, name, 'application/octet-stream', 500000, 'trainings/' || i || '/1/' || name
FROM generate_series(1, 2000) AS i,
     unnest('{checkpoint.safetensors,training_curve.png,training_curve.json,labels.geojson,aois.geojson}'::text[]) AS name;

INSERT INTO user_notifications (user_id, kind, message, is_read, actors_count, mail_due, training_id, subject_type, subject_key)
SELECT 1 + i % 50, 'WORK', 'Your training ' || i || ' has finished.', i % 4 > 0, 0, false, i, 'Training', i
FROM generate_series(1, 2000) AS i, generate_series(1, 10);

ANALYZE;

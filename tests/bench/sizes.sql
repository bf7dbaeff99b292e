-- 20 000 rows of what grows, as we write them; after `rows.sql`, which has labels, jobs and notifications.
SET session_replication_role = replica;

INSERT INTO events (xid, topic, payload)
SELECT i, 'training:' || i % 2000, jsonb_build_object('progress', 0.35, 'stage', 'training', 'message', 'Epoch 7 of 20.',
    'eta_s', 312.5, 'epoch', jsonb_build_object('number', 7, 'loss', 0.412345, 'validation_loss', 0.431234,
    'validation_iou', 0.712345, 'seconds', 12.345))
FROM generate_series(1, 20000) AS i;

INSERT INTO idempotency_keys (user_id, key, field, request, outcome)
SELECT 1 + i % 50, gen_random_uuid()::text, 'createPost', sha256(i::text::bytea), jsonb_build_object('type', 'Post', 'key', i)
FROM generate_series(1, 20000) AS i;

INSERT INTO predicted_features (prediction_id, geom, confidence, area_m2, part)
SELECT 1 + i / 5000, ST_Buffer(ST_Point(10 + i % 250 * 0.0002, 40 + i / 250 * 0.0002, 4326), 0.00005, 2), 0.87, 96.5, i / 500
FROM generate_series(0, 19999) AS i;

INSERT INTO posts (author_id, content, type, depth, likes_count, comment_count, shares_count)
SELECT 1 + i % 50, 'The river left its bed again near village ' || i || ', two roofs of the map are gone. #flood', 'THOUGHTS', 0, 0, 0, 0
FROM generate_series(1, 20000) AS i;

INSERT INTO likes (user_id, post_id) SELECT 1 + i % 50, 1 + (i * 7919) % 20000 FROM generate_series(1, 20000) AS i
ON CONFLICT DO NOTHING;

INSERT INTO messages (sender_id, receiver_id, content, is_read)
SELECT 1 + i % 50, 1 + (i + 7) % 50, 'Did you see the labels of area ' || i || '? Half of them lie beside the roofs.', true
FROM generate_series(1, 20000) AS i;

SET session_replication_role = origin;
INSERT INTO audit_entries (action, actor_id, user_id, subject_type, subject_key, details)
SELECT 'publishTraining', 1 + i % 50, 1 + i % 50, 'Training', i, '{"accuracy": 71.5}' FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE;

-- A large community: 20 000 people, 1 000 000 posts, 10 000 000 likes. Its counters are what the rows say.
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';

INSERT INTO users (username, email, email_verified, first_name, last_name, is_active, is_staff, is_super_admin,
                   notifications_delivery_methods, notifications_declined, newsletter_subscription, account_deletion_requested, security_stamp)
SELECT 'person-' || i, 'person-' || i || '@fieldgraph.test', true, 'Person', 'Number ' || i, i <= 6000 OR i % 100 <> 99, false, false,
       '{WEB}', '{}', false, false, 0
FROM generate_series(1, 20000) AS i;

CREATE FUNCTION spread(i bigint, salt bigint) RETURNS double precision IMMUTABLE PARALLEL SAFE LANGUAGE sql
    RETURN ((i * 2654435761 + salt * 40503) % 4294967296) / 4294967296.0;

-- Some words are in half of all posts, and one is in a hundred.
CREATE TEMPORARY TABLE texts AS
SELECT i AS number, string_agg('word' || (4000 * spread(i + n * 7919, n) ^ 3)::int, ' ') AS content
FROM generate_series(0, 9999) AS i, generate_series(1, 12) AS n GROUP BY i;
ALTER TABLE texts ADD PRIMARY KEY (number);

-- 1 001 to 11 000 write, some far more than others; who comes after them wrote long ago. Of every five posts the last
-- replies to the one before it.
INSERT INTO posts (author_id, content, type, parent_id, root_id, depth, created_at, updated_at, deleted_at, likes_count,
                   comment_count, shares_count)
SELECT CASE WHEN i <= 18000 THEN 11001 + i % 9000 ELSE 1001 + (9999 * spread(i, 1) ^ 2)::int END,
       CASE WHEN is_deleted THEN '' ELSE content || CASE WHEN i % 10000 = 7 THEN ' heron' ELSE '' END
           || CASE WHEN i % 3 = 0 THEN ' #tag' || i % 500 ELSE '' END END,
       'THOUGHTS', answered, answered, (answered IS NOT NULL)::int, written, written, CASE WHEN is_deleted THEN written END,
       10, (i % 5 = 4 AND (i + 1) % 97 <> 0)::int, 0
FROM generate_series(1, 1000000) AS i JOIN texts ON number = i % 10000, LATERAL (
    SELECT CASE WHEN i % 5 = 0 THEN i - 1 END AS answered, i % 97 = 0 AS is_deleted,
           timestamptz '2024-01-01 00:00Z' + i * interval '1 minute' AS written
) AS facts
ORDER BY i;

INSERT INTO post_hashtags (post_id, name)
SELECT i, 'tag' || i % 500 FROM generate_series(3, 1000000, 3) AS i WHERE i % 97 <> 0;

-- Ten for each post. Indexes are filled faster afterwards.
UPDATE pg_index SET indisready = false WHERE indrelid = 'likes'::regclass;
INSERT INTO likes (post_id, user_id)
SELECT 1 + i / 10, 1 + (31 * (i / 10) + 1999 * (i % 10)) % 20000 FROM generate_series(0, 9999999) AS i;
UPDATE pg_index SET indisready = true WHERE indrelid = 'likes'::regclass;
REINDEX TABLE likes;

-- Twenty viewers of each kind: how many friends they have, who these are, and whom they keep away: who writes most.
CREATE TEMPORARY TABLE kinds (kind, friends, first, step, kept_away) AS VALUES
    (0, 0, 1001, 1, ''), (1, 10, 1001, 900, ''), (2, 300, 1001, 30, ''), (3, 2000, 1001, 5, ''), (4, 10, 11001, 801, ''),
    (5, 2000, 11001, 4, ''), (6, 300, 1001, 30, 'blocks'), (7, 300, 1001, 30, 'mutes');
CREATE TEMPORARY TABLE viewers AS
SELECT 1 + kind * 20 + n AS id, kinds.*, n FROM kinds, generate_series(0, 19) AS n;
INSERT INTO friendships (user_id, friend_id)
SELECT id, first + n % step + i * step FROM viewers, LATERAL generate_series(0, friends - 1) AS i;
INSERT INTO friendships (user_id, friend_id) SELECT friend_id, user_id FROM friendships;
INSERT INTO blocks (user_id, blocked_id, username)
SELECT id, 1000 + 2 * i, 'person-' || 1000 + 2 * i FROM viewers, generate_series(1, 300) AS i WHERE kept_away = 'blocks';
INSERT INTO mutes (user_id, muted_id)
SELECT id, 1000 + 2 * i FROM viewers, generate_series(1, 300) AS i WHERE kept_away = 'mutes';

DROP TABLE texts, kinds, viewers;
DROP FUNCTION spread;
SET session_replication_role = DEFAULT;

-- What mutations are measured with, besides a middling installation: posts to like, and money to spend.
INSERT INTO posts (author_id, content, type, depth, likes_count, comment_count, shares_count)
SELECT 1 + i % 50, 'The roofs of village ' || i || ' are mapped.', 'THOUGHTS', 0, 0, 0, 0
FROM generate_series(1, 32000) AS i;

INSERT INTO ledger_accounts (kind, currency, stripe) VALUES ('EXTERNAL', 'USD', 0);
INSERT INTO ledger_accounts (kind, currency, user_id) SELECT 'WALLET', 'USD', id FROM users ORDER BY id;
WITH made AS (
    INSERT INTO operations (uuid, kind, cause) VALUES (gen_random_uuid(), 'CREDIT_FROM_USER', 'TOP_UP') RETURNING id
), wallets AS (SELECT id FROM ledger_accounts WHERE kind = 'WALLET')
INSERT INTO ledger_entries (operation_id, account_id, change)
SELECT made.id, wallets.id, 1000000 FROM made, wallets
UNION ALL SELECT made.id, account.id, -1000000 * (SELECT count(*) FROM wallets) FROM made, ledger_accounts AS account
    WHERE account.kind = 'EXTERNAL';

CREATE TABLE bench_floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint, content text);
VACUUM ANALYZE;

"""Counting anew what triggers count: the bytes of all files of each account."""

from typing import NamedTuple

import psycopg
from psycopg import sql

from app.operations.database.migrate import plain_url
from app.settings import settings

# Every table with files of accounts: the account, and the bytes of a row. The triggers have the same expressions.
SOURCES = {
    "file_uploads": ("user_id", "size_bytes"),
    "media_uploads": ("user_id", "size_bytes"),
    "resources": ("owner_id", "CASE WHEN storage_key IS NULL THEN 0 ELSE coalesce(size_bytes, 0) + previews_bytes END"),
    "artifacts": ("user_id", "size_bytes"),
    "data_exports": ("user_id", "CASE WHEN storage_key IS NULL THEN 0 ELSE coalesce(size_bytes, 0) END"),
    "wildlife_exports": ("user_id", "CASE WHEN storage_key IS NULL THEN 0 ELSE coalesce(size_bytes, 0) END"),
    "species_classifier_trainings": ("user_id", "weights_bytes"),
    "nn_models": ("user_id", "size_bytes"),
    "consulting_files": ("user_id", "size_bytes"),
    "bulk_queries": ("user_id", "size_bytes"),
    "profiles": ("id", "avatar_bytes"),
    "posts": ("author_id", "media_bytes"),
}
_ROWS = " UNION ALL ".join(
    f"SELECT {account} AS user_id, {bytes} AS bytes FROM {table}"  # noqa: S608 -- constants
    for table, (account, bytes) in SOURCES.items()
)
_WRONG = f"""
SELECT id, coalesce(kept.used_bytes, 0), coalesce(counted.bytes, 0)
FROM (SELECT user_id AS id, sum(bytes)::bigint AS bytes FROM ({_ROWS}) AS rows WHERE user_id IS NOT NULL GROUP BY 1)
    AS counted FULL JOIN storage_usage AS kept USING (id)
WHERE coalesce(kept.used_bytes, 0) <> coalesce(counted.bytes, 0) ORDER BY id
"""  # noqa: S608 -- constants
_ADD = "INSERT INTO storage_usage (id, used_bytes) VALUES (%s, 0) ON CONFLICT DO NOTHING"
_LOCK = "SELECT used_bytes FROM storage_usage WHERE id = %s FOR UPDATE"
_COUNT = f"""
UPDATE storage_usage
SET used_bytes = (SELECT coalesce(sum(bytes), 0) FROM ({_ROWS}) AS rows WHERE user_id = %(account)s)
WHERE id = %(account)s RETURNING used_bytes
"""  # noqa: S608 -- constants


class Miscount(NamedTuple):
    """An account whose figure differs from the sum of its files."""

    user_id: int
    was: int
    is_now: int


def miscounts(connection: psycopg.Connection) -> list[Miscount]:
    """The accounts whose figure is wrong."""
    return [Miscount(*row) for row in connection.execute(sql.SQL(_WRONG)).fetchall()]


def repair() -> list[Miscount]:
    """Puts wrong figures right, each in its own transaction: whoever changes one waits until it is counted."""
    repaired = []
    with psycopg.connect(plain_url(str(settings.database_url)), autocommit=True) as connection:
        for wrong in miscounts(connection):
            with connection.transaction():
                connection.execute(_ADD, [wrong.user_id])
                [was] = connection.execute(_LOCK, [wrong.user_id]).fetchone() or (0,)
                # A statement of its own, so that it sees what the lock waited for.
                counted = connection.execute(sql.SQL(_COUNT), {"account": wrong.user_id}).fetchone()
                [now] = counted or (0,)
            if was != now:
                repaired.append(Miscount(wrong.user_id, was, now))
    return repaired

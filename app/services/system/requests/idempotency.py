"""Idempotency keys: a request repeated with its key gets the stored outcome and does not run again."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import text

from app.database import WriteSession
from app.errors import BadRequest, Conflict, InProgress, LimitReached
from app.models.base import Json
from app.policies import Viewer, signed_in
from app.postgres import last_statement
from app.postgres.last_statement import Part
from app.postgres.reader import Reader
from app.settings import settings

KEY_LENGTH_MAX = 200
FIELD_LENGTH_MAX = 100
# Our own keys begin with the last visible character, and do not count.
OURS = "~"
OUTCOMES = Part(
    "outcomes_kept AS (INSERT INTO idempotency_keys (user_id, key, field, request, outcome) "
    "SELECT user_id, key, field, request, outcome FROM {rows})",
    user_id="bigint",
    key="text",
    field="text",
    request="bytea",
    outcome="jsonb",
)


def new_key() -> str:
    """A key for a request that came without one: a client that misses the answer can ask for it."""
    return f"{OURS}{uuid4()}"


def name_of(field: str) -> str:
    """The storage key of a field: its name in the answer, or a digest of a long one."""
    return field if len(field) <= FIELD_LENGTH_MAX else sha256(field.encode()).hexdigest()


def checked_key(key: object) -> str:
    """A key as clients may choose it; also in quotation marks, as the header's standard requires."""
    if isinstance(key, str):
        key = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
        if 0 < len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable() and " " not in key:
            return key
    raise BadRequest(f"An idempotency key must have 1 to {KEY_LENGTH_MAX} visible ASCII characters. Use a random UUID.")


def _done(user_id: str, key: str, most: str) -> str:
    """What was stored under a key, and a row for that there are too many of them."""
    return f"""SELECT true AS is_there, field, request, outcome::text FROM idempotency_keys
        WHERE user_id = CAST({user_id} AS bigint) AND key = CAST({key} AS text)
        UNION ALL SELECT false, NULL, NULL, NULL FROM (SELECT FROM idempotency_keys
            WHERE user_id = CAST({user_id} AS bigint) AND key COLLATE "C" < '{OURS}'
            OFFSET CAST({most} AS bigint) LIMIT 1) AS one_more"""  # noqa: S608 -- constants


# One statement, and no transaction: most keys are new.
_LOOK = _done("$1", "$2", "$3").encode()
_CLAIM = text(f"""
    WITH claim AS (SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0)) AS is_ours)
    SELECT is_ours, done.* FROM claim LEFT JOIN ({_done(":user_id", ":key", ":most")}) AS done ON true
""")  # noqa: S608 -- constants


async def outcomes(reader: Reader, viewer: Viewer, key: str, *, request: bytes) -> dict[str, Json]:
    """The stored outcomes of the viewer's request with this key, by field. Conflict if it is another request's."""
    most = settings.idempotency_keys_per_viewer_max
    rows = await reader.rows(_LOOK, [b"%d" % signed_in(viewer), key.encode(), b"%d" % most])
    return _of_this_request(rows, request, most)


async def claim(session: WriteSession, viewer: Viewer, key: str, *, request: bytes) -> dict[str, Json]:
    """Reserves the key until this transaction ends; returns as `outcomes`, InProgress to concurrent requests.

    An outcome that is committed while this asks may be missing. Then this transaction cannot `keep` its own.
    """
    user_id, most = signed_in(viewer), settings.idempotency_keys_per_viewer_max
    name = f"idempotency key {user_id} {key}"
    given = {"name": name, "user_id": user_id, "key": key, "most": most}
    [(is_ours, *first), *more] = (await session.execute(_CLAIM, given)).all()
    if not is_ours:
        raise InProgress
    return _of_this_request([first, *(row[1:] for row in more)], request, most)


def _of_this_request(rows: Sequence[Sequence[Any]], request: bytes, most: int) -> dict[str, Json]:
    done = {field: (digest, outcome) for is_there, field, digest, outcome in rows if is_there}
    if not done and any(is_there is False for is_there, *_ in rows):
        raise LimitReached(
            f"You have reached the limit of {most} idempotency keys in "
            f"{settings.idempotency_keys_kept_hours} hours. Try later, or send the request "
            "without a key.",
            limit=most,
        )
    if any(digest != request for digest, _ in done.values()):
        raise Conflict("This idempotency key was already used for another request. Use a new key for each request.")
    return {field: orjson.loads(outcome) for field, (_, outcome) in done.items()}


def keep(session: WriteSession, viewer: Viewer, key: str, *, request: bytes, field: str, outcome: Json) -> None:
    """Has the transaction of a change write the field's outcome; a Conflict if there is one already."""
    written = orjson.dumps(outcome).decode()
    last_statement.of(session).add(OUTCOMES, signed_in(viewer), key, field, request, written)

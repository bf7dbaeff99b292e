"""Idempotency keys: a request that is sent again with its key is answered with what it came to, and not done again."""

from collections.abc import Mapping
from hashlib import sha256
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.database import ReadSession, WriteSession, part
from app.errors import BadRequest, Conflict, InProgress, LimitReached
from app.models.base import Json
from app.models.system import IdempotencyKey
from app.policies import Viewer, signed_in
from app.settings import settings

KEY_LENGTH_MAX = 200
FIELD_LENGTH_MAX = 100
# Keys of our own begin with the last visible character, and do not count.
OURS = "~"


def new_key() -> str:
    """A key for a request that came without one: whoever does not learn its outcome can ask by it."""
    return f"{OURS}{uuid4()}"


def name_of(field: str) -> str:
    """What a field is kept by: its name in the answer, or a digest of a long one."""
    return field if len(field) <= FIELD_LENGTH_MAX else sha256(field.encode()).hexdigest()


def checked_key(key: object) -> str:
    """A key as a client may choose it, also in the quotation marks that the header's standard wants."""
    if isinstance(key, str):
        key = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
        if 0 < len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable() and " " not in key:
            return key
    raise BadRequest(f"An idempotency key has 1 to {KEY_LENGTH_MAX} visible ASCII characters. A random UUID is one.")


async def outcomes(session: ReadSession, viewer: Viewer, key: str, *, request: bytes) -> dict[str, Json]:
    """What the viewer's request with this key came to so far, by field. Conflict if the key was another request's."""
    user_id = signed_in(viewer)
    kept = select(IdempotencyKey.field, IdempotencyKey.request, IdempotencyKey.outcome)
    rows = (await session.execute(kept.where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == key))).all()
    if any(row.request != request for row in rows):
        raise Conflict("This idempotency key was sent with another request. Each request takes a new one.")
    most = settings.idempotency_keys_per_viewer_max
    if not rows:
        is_theirs = IdempotencyKey.key.collate("C") < OURS
        theirs = select(IdempotencyKey.id).where(IdempotencyKey.user_id == user_id, is_theirs)
        if await session.scalar(theirs.offset(most).limit(1)) is not None:
            raise LimitReached(
                f"Requests of one account are kept up to {most} in {settings.idempotency_keys_kept_hours} hours. "
                "Send this one later, or without an idempotency key.",
                limit=most,
            )
    return {row.field: row.outcome for row in rows}


async def claim(session: WriteSession, viewer: Viewer, key: str, *, request: bytes) -> dict[str, Json]:
    """Keeps others from using the key until this transaction ends; answers as `outcomes`, InProgress to the others."""
    name = f"idempotency key {signed_in(viewer)} {key}"
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))):
        raise InProgress
    return await outcomes(session, viewer, key, request=request)


async def keep(session: WriteSession, viewer: Viewer, key: str, *, request: bytes, came_to: Mapping[str, Json]) -> None:
    """Writes what fields came to, in the transaction of their change."""
    user_id = signed_in(viewer)
    rows = [
        IdempotencyKey(user_id=user_id, key=key, field=field, request=request, outcome=outcome)
        for field, outcome in came_to.items()
    ]
    try:
        async with part(session):
            session.add_all(rows)
    except IntegrityError:
        # Its outcome was unknown to who sent it first, and is known now.
        raise InProgress from None

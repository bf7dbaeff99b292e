"""Idempotency keys: a request repeated with its key gets the stored outcome and does not run again."""

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
# Our own keys begin with the last visible character, and do not count.
OURS = "~"


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


async def outcomes(session: ReadSession, viewer: Viewer, key: str, *, request: bytes) -> dict[str, Json]:
    """The stored outcomes of the viewer's request with this key, by field. Conflict if it is another request's."""
    user_id = signed_in(viewer)
    query = select(IdempotencyKey.field, IdempotencyKey.request, IdempotencyKey.outcome)
    rows = (await session.execute(query.where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == key))).all()
    if any(row.request != request for row in rows):
        raise Conflict("This idempotency key was already used for another request. Use a new key for each request.")
    most = settings.idempotency_keys_per_viewer_max
    if not rows:
        is_theirs = IdempotencyKey.key.collate("C") < OURS
        theirs = select(IdempotencyKey.id).where(IdempotencyKey.user_id == user_id, is_theirs)
        if await session.scalar(theirs.offset(most).limit(1)) is not None:
            raise LimitReached(
                f"You have reached the limit of {most} idempotency keys in "
                f"{settings.idempotency_keys_kept_hours} hours. Try later, or send the request "
                "without a key.",
                limit=most,
            )
    return {row.field: row.outcome for row in rows}


async def claim(session: WriteSession, viewer: Viewer, key: str, *, request: bytes) -> dict[str, Json]:
    """Reserves the key until this transaction ends; returns as `outcomes`, InProgress to concurrent requests."""
    name = f"idempotency key {signed_in(viewer)} {key}"
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))):
        raise InProgress
    return await outcomes(session, viewer, key, request=request)


async def keep(session: WriteSession, viewer: Viewer, key: str, *, request: bytes, came_to: Mapping[str, Json]) -> None:
    """Writes the outcomes of fields, in the transaction of their change."""
    user_id = signed_in(viewer)
    rows = [
        IdempotencyKey(user_id=user_id, key=key, field=field, request=request, outcome=outcome)
        for field, outcome in came_to.items()
    ]
    try:
        async with part(session):
            session.add_all(rows)
    except IntegrityError:
        # Its outcome was unknown to the first sender, and is known now.
        raise InProgress from None

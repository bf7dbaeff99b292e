"""API keys: credentials for programs."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from limits import RateLimitItemPerHour
from sqlalchemy import DateTime, LargeBinary, delete, func, select, update

from app import checks
from app.database import Database, ReadSession, WriteSession
from app.errors import Invalid, LimitReached, NotFound, OutcomeUnknown, Unauthenticated
from app.models.accounts import ApiKey, User
from app.models.choices import Scope
from app.policies import Viewer, signed_in, visible
from app.postgres.prepared import compiled, dumped, parameter
from app.rates import Rates, Share
from app.security import credentials
from app.services import viewers
from app.services.system import audit
from app.settings import settings


@dataclass(frozen=True)
class ApiKeySecret:
    """A new API key and its token, which is shown only once."""

    token: str
    api_key: ApiKey


def limit_api_key(rates: Rates, viewer: Viewer) -> AbstractAsyncContextManager[None]:
    """A block that counts if it succeeds; refused if the viewer created too many keys."""
    limit = RateLimitItemPerHour(settings.api_keys_per_hour_max)
    return rates.spending(Share(limit, f"api-key:{signed_in(viewer)}", "You created too many API keys."))


async def create_api_key(
    session: WriteSession, viewer: Viewer, *, name: str, scopes: Iterable[Scope], expires_in_days: int | None
) -> ApiKeySecret:
    """A new key of the viewer's."""
    user_id, token = signed_in(viewer), credentials.new_key()
    key = ApiKey(user_id=user_id, name=name, scopes=_scopes(viewer, scopes), hint=token[: credentials.HINT_LENGTH])
    key.token_hash = credentials.token_hash(token)
    if expires_in_days is not None:
        checks.within("expiresInDays", expires_in_days, 1, settings.api_key_days_max)
        key.expires_at = datetime.now(UTC) + timedelta(days=expires_in_days)
    await _room_for_another(session, user_id)
    session.add(key)
    await session.flush()
    audit.record(session, user_id, "createApiKey", about=key, scopes=[scope.value for scope in key.scopes])
    return ApiKeySecret(token, key)


def _scopes(viewer: Viewer, scopes: Iterable[Scope]) -> list[Scope]:
    chosen = set(scopes)
    if not chosen:
        raise Invalid("scopes", "Choose at least one scope.")
    if Scope.ADMIN in chosen and not viewer.is_staff:
        raise Invalid("scopes", "Only staff can have API keys with the scope ADMIN.")
    return [scope for scope in Scope if scope in chosen]


async def _room_for_another(session: ReadSession, user_id: int) -> None:
    # The account is locked first, so that parallel requests cannot exceed the limit.
    await session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    opens = func.coalesce(ApiKey.expires_at > func.now(), True)
    count = await session.scalar(select(func.count()).where(ApiKey.user_id == user_id, opens))
    if (count or 0) >= settings.api_keys_max:
        raise LimitReached("You have reached the limit for API keys. Revoke one first.", limit=settings.api_keys_max)


async def rename_api_key(session: WriteSession, viewer: Viewer, key_id: int, *, name: str) -> ApiKey:
    """The key under its new name."""
    key = await session.scalar(visible(ApiKey, viewer).where(ApiKey.id == key_id).with_for_update())
    if key is None:
        raise _no_such_key()
    key.name = name
    await session.flush()
    return key


async def revoke_api_key(session: WriteSession, viewer: Viewer, key_id: int) -> User:
    """Deletes the key; its token is invalid from then on."""
    user_id = signed_in(viewer)
    gone = delete(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id).returning(ApiKey)
    key = await session.scalar(gone)
    if key is None:
        raise _no_such_key()
    audit.record(session, user_id, "revokeApiKey", about=key)
    viewers.invalidate(session, user_id)
    return (await session.scalars(select(User).where(User.id == user_id))).one()


def _no_such_key() -> NotFound:
    return NotFound("There is no such API key.")


_OWNER = compiled(
    select(ApiKey.id, ApiKey.last_used_at, ApiKey.expires_at, ApiKey.scopes, User.id, User.is_staff)
    .join(User, ApiKey.user_id == User.id)
    .where(
        ApiKey.token_hash == parameter("token_hash", LargeBinary()),
        func.coalesce(ApiKey.expires_at > parameter("now", DateTime(timezone=True)), True),
        User.is_active,
    )
)


async def viewer_by_key(database: Database, token: str) -> tuple[Viewer, datetime | None]:
    """The owner of a key, limited to its scopes, and when it expires."""
    now = datetime.now(UTC)
    asked = _OWNER.bind({"token_hash": dumped(credentials.token_hash(token)), "now": dumped(now)})
    rows = await database.reader.rows_by_key(_OWNER.sql, asked)
    if not rows:
        raise Unauthenticated("This API key is not valid: it is wrong, expired or revoked.")
    [(key_id, last_used_at, expires_at, granted, user_id, is_staff)] = rows
    if last_used_at is None or now - last_used_at > timedelta(hours=1):
        with suppress(OutcomeUnknown):  # either way, the key is valid
            async with database.writing() as writing:
                # A statement, not the row: it may have been revoked by now.
                await writing.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now))
    # One that a newer version gave grants nothing here.
    scopes = frozenset(scope for scope in Scope if scope.value in granted)
    return Viewer(user_id, is_staff and Scope.ADMIN in scopes, key_id=key_id, scopes=scopes), expires_at

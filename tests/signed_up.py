"""Accounts as the application makes them, copied: each process signs one up by its services, and copies its rows.

Most tests begin with people. Their four rows take the services ten statements, and one statement to copy.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from app.database import Database
from app.identifiers import skeleton
from app.models.accounts import User
from app.security import credentials
from app.services.accounts.sign_in import sessions, sign_ups
from app.services.accounts.sign_in.rate_limits import device_token
from app.services.accounts.sign_in.sessions import SignedIn
from app.settings import settings

_READ = text("""
    SELECT json_build_object('user', users, 'profile', profiles, 'preferences', user_preferences, 'session', sessions)
    FROM users JOIN profiles USING (id) JOIN user_preferences USING (id) JOIN sessions ON sessions.user_id = users.id
    WHERE users.id = :id
""")
_COPY = text("""
    WITH given AS (
        SELECT CAST(:rows AS jsonb) AS rows, jsonb_build_object('created_at', now(), 'updated_at', now()) AS now
    ), made AS (
        INSERT INTO users SELECT each.* FROM given, jsonb_populate_record(NULL::users, rows->'user' || now
            || jsonb_build_object('id', nextval('users_id_seq'))) AS each RETURNING *
    ), profile AS (
        INSERT INTO profiles SELECT each.* FROM given, made, jsonb_populate_record(NULL::profiles, rows->'profile'
            || now || jsonb_build_object('id', made.id)) AS each
    ), preferences AS (
        INSERT INTO user_preferences SELECT each.* FROM given, made, jsonb_populate_record(NULL::user_preferences,
            rows->'preferences' || now || jsonb_build_object('id', made.id)) AS each
    ), session AS (
        INSERT INTO sessions SELECT each.* FROM given, made, jsonb_populate_record(NULL::sessions, rows->'session'
            || now || jsonb_build_object('id', nextval('sessions_id_seq'), 'user_id', made.id)) AS each
    )
    SELECT * FROM made
""")
_rows: dict[str, dict[str, Any]] = {}


async def signed_up(database: Database, name: str, *, password_hash: str, **fields: Any) -> SignedIn:
    """An account of this username with an open session."""
    if not _rows:
        _rows.update(await _rows_of_one(database))
    token, now, email = credentials.new_token(), datetime.now(UTC), f"{name}@fieldgraph.test"
    expires_at = now + timedelta(days=settings.session_days)
    username = sign_ups.checked_username(name, is_reserved_too=True)
    user = {"username": username, "username_key": skeleton(username), "email": email, "password_hash": password_hash}
    session_row = {"token_hash": rf"\x{credentials.token_hash(token).hex()}", "expires_at": str(expires_at)}
    rows = {
        **_rows,
        "user": _rows["user"] | user | {"last_login": str(now)},
        "session": _rows["session"] | session_row | {"last_used_at": str(now)},
    }
    async with database.writing() as session:
        made = (await session.scalars(select(User).from_statement(_COPY), {"rows": json.dumps(rows)})).one()
        for field, value in fields.items():
            setattr(made, field, value)
    return SignedIn(token, expires_at, made, device_token(email))


async def _rows_of_one(database: Database) -> dict[str, dict[str, Any]]:
    """The rows of an account that the services have made; it is not kept."""
    async with database.writing() as session, session.begin_nested() as nested:
        made = await sign_ups.create_account(session, email="first@fieldgraph.test", username="first", password_hash="")
        await sessions.open_session(session, made)
        rows: dict[str, dict[str, Any]] = await session.scalar(_READ, {"id": made.id})
        await nested.rollback()
    return rows

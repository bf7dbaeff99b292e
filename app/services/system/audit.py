"""The audit log: written in the transaction of the change, and never changed."""

from typing import Any

import orjson

from app.database import WriteSession
from app.models.base import Record
from app.postgres import last_statement
from app.postgres.last_statement import Part

ENTRIES = Part(
    "audit_entries_made AS (INSERT INTO audit_entries (action, actor_id, user_id, subject_type, subject_key, details) "
    "SELECT action, actor_id, user_id, subject_type, subject_key, details FROM {rows} ORDER BY place)",
    action="text",
    actor_id="bigint",
    user_id="bigint",
    subject_type="text",
    subject_key="bigint",
    details="jsonb",
)


def record(
    session: WriteSession,
    actor_id: int | None,
    action: str,
    *,
    about: Record | None = None,
    user_id: int | None = None,
    **details: Any,
) -> None:
    """Records an action; None as the actor is an operator at the command line.

    `action` is the mutation's name, `about` the changed row, `user_id` the user concerned, if not only the actor, and
    `details` what a reader needs to understand it; never a secret, an address or a user's text.
    """
    last_statement.of(session).add(
        ENTRIES,
        action,
        actor_id,
        user_id if user_id is not None else actor_id,
        None if about is None else type(about).__name__,
        None if about is None else about.id,
        orjson.dumps(details).decode(),
    )

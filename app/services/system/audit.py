"""The audit log: written in the transaction of the change, and never changed."""

from typing import Any

from app.database import WriteSession
from app.models.base import Record
from app.models.system import AuditEntry


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
    session.add(
        AuditEntry(
            action=action,
            actor_id=actor_id,
            user_id=user_id if user_id is not None else actor_id,
            subject_type=None if about is None else type(about).__name__,
            subject_key=None if about is None else about.id,
            details=details,
        )
    )

"""The audit log."""

from datetime import datetime

import strawberry
from sqlalchemy import Select

from app import checks
from app.limits.texts import NAME_LENGTH_MAX
from app.models.accounts import User
from app.models.system import AuditEntry
from app.policies import signed_in, visible
from app.policies.accounts import is_by
from resolvers import ids
from resolvers.context import Info
from resolvers.time_ranges import created_within


def audit_entries(
    info: Info,
    action: str | None = None,
    actor_id: strawberry.ID | None = None,
    user_id: strawberry.ID | None = None,
    subject: strawberry.ID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[AuditEntry]:
    """The audit log. Staff see all of it; other users see what they did and what concerns them.

    action: Only this action, such as `suspendUser`.
    actor_id: Only actions by this user.
    user_id: Only actions that concern this user.
    subject: Only actions on this object, of any type.
    since: Only entries at or after this time.
    until: Only entries before this time.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(AuditEntry, viewer)
    if sought := checks.optional_text("action", action, length_max=NAME_LENGTH_MAX):
        query = query.where(AuditEntry.action == sought)
    if actor_id is not None:
        query = query.where(is_by(viewer, AuditEntry.actor_id, ids.key(actor_id, User)))
    if user_id is not None:
        query = query.where(is_by(viewer, AuditEntry.user_id, ids.key(user_id, User)))
    if subject is not None:
        kind, key = ids.decode(subject)
        query = query.where(AuditEntry.subject_type == kind, AuditEntry.subject_key == key)
    return created_within(query, AuditEntry, since, until)

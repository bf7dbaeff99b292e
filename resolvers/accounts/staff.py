"""What staff do about accounts."""

import strawberry

from app.models.accounts import User
from app.services.accounts.users import staff
from resolvers import ids
from resolvers.context import Info


async def suspend_user(info: Info, id: strawberry.ID, reason: str) -> User:
    """Closes another's account until it is restored: its sessions, API keys and jobs end at once. Staff may.

    id: Whose; accounts of staff only super admins may close.
    reason: Why; it is kept, and they may read it once the account is restored.
    """
    async with info.context.writing() as session:
        return await staff.suspend_user(session, info.context.viewer, ids.key(id, User), reason=reason)


async def restore_user(info: Info, id: strawberry.ID) -> User:
    """Opens a suspended account again; its owner signs in anew.

    id: Whose.
    """
    async with info.context.writing() as session:
        return await staff.restore_user(session, info.context.viewer, ids.key(id, User))


async def change_staff(info: Info, id: strawberry.ID, is_staff: bool) -> User:
    """Makes somebody staff, or takes that away, and with it being a super admin. Super admins may.

    id: Whom.
    is_staff: Whether they are to be staff.
    """
    async with info.context.writing() as session:
        return await staff.change_staff(session, info.context.viewer, ids.key(id, User), is_staff=is_staff)

"""What staff do with accounts."""

import strawberry

from app.models.accounts import User
from app.services.accounts.users import staff
from resolvers import ids
from resolvers.context import Info


async def suspend_user(info: Info, id: strawberry.ID, reason: str) -> User:
    """Suspends an account until it is restored. Its sessions, API keys and jobs end at once. For staff.

    id: The account. Only super admins may suspend staff.
    reason: The reason. It is stored, and the user can read it after the account is restored.
    """
    async with info.context.writing() as session:
        return await staff.suspend_user(session, info.context.viewer, ids.key(id, User), reason=reason)


async def restore_user(info: Info, id: strawberry.ID) -> User:
    """Restores a suspended account. Its owner has to sign in again.

    id: The account.
    """
    async with info.context.writing() as session:
        return await staff.restore_user(session, info.context.viewer, ids.key(id, User))


async def change_staff(info: Info, id: strawberry.ID, is_staff: bool) -> User:
    """Grants or removes staff rights; removing them also removes super admin rights. For super admins.

    id: The account.
    is_staff: Whether the user is to be staff.
    """
    async with info.context.writing() as session:
        return await staff.change_staff(session, info.context.viewer, ids.key(id, User), is_staff=is_staff)

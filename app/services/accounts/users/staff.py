"""What staff, and operators at the command line, do with accounts."""

from sqlalchemy import ColumnElement, delete, select, update

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import ApiKey, Session, User
from app.models.kinds import JobKind
from app.models.system import Job, JobState
from app.policies import Viewer, require, signed_in, visible
from app.policies.accounts import may_change_who_is_staff, may_restore_this_account, may_suspend_this_account
from app.services import viewers
from app.services.system import audit
from app.services.system.notification_groups import remove_actor


def ends_with_account() -> ColumnElement[bool]:
    """Whether a job ends when the account is closed that asked for it."""
    return Job.kind.in_([kind for kind in JobKind if not kind.outlives_account])


async def suspend_user(session: WriteSession, viewer: Viewer, user_id: int, *, reason: str) -> User:
    """Suspends an account until it is restored."""
    user = await _seen(session, viewer, user_id)
    require(may_suspend_this_account, viewer, user)
    return await suspend(session, user.id, actor_id=signed_in(viewer), reason=reason)


async def restore_user(session: WriteSession, viewer: Viewer, user_id: int) -> User:
    """Restores a suspended account."""
    user = await _seen(session, viewer, user_id)
    require(may_restore_this_account, viewer, user)
    return await restore(session, user.id, actor_id=signed_in(viewer))


async def change_staff(session: WriteSession, viewer: Viewer, user_id: int, *, is_staff: bool) -> User:
    """Grants or removes staff rights."""
    user = await _seen(session, viewer, user_id)
    require(may_change_who_is_staff, viewer, user)
    return await promote(session, user.id, actor_id=signed_in(viewer), is_staff=is_staff)


async def suspend(session: WriteSession, user_id: int, *, actor_id: int | None, reason: str) -> User:
    """Ends an account's sessions, keys, links and jobs. The user has to sign in again and create new keys."""
    reason = checks.text("reason", reason, length_max=NOTE_LENGTH_MAX, is_one_line=False)
    await keep_a_super_admin(session, user_id)
    user = await _locked(session, user_id)
    if not user.is_active:
        raise Conflict("This account is already suspended.")
    await close(session, user)
    await _changed(session, user, "suspendUser", actor_id, reason=reason)
    return user


async def close(session: WriteSession, user: User) -> None:
    """Ends an account's sessions, keys, links and jobs, and refuses sign-in; notifications no longer name it."""
    user.is_active, user.security_stamp = False, user.security_stamp + 1
    for table in (Session, ApiKey):
        await session.execute(delete(table).where(table.user_id == user.id))
    # Their jobs stop: workers see the request, and the sweep ends the others.
    theirs = Job.user_id == user.id, ends_with_account(), Job.state.in_([JobState.QUEUED, JobState.RUNNING])
    await session.execute(update(Job).where(*theirs).values(cancel_requested=True))
    await remove_actor(session, user.id)
    viewers.invalidate(session, user.id)


async def restore(session: WriteSession, user_id: int, *, actor_id: int | None) -> User:
    """Restores a suspended account."""
    user = await _locked(session, user_id)
    if user.anonymised_at is not None:
        raise Conflict("This account was deleted.")
    if user.is_active:
        raise Conflict("This account is not suspended.")
    user.is_active = True
    await _changed(session, user, "restoreUser", actor_id)
    return user


async def promote(
    session: WriteSession, user_id: int, *, actor_id: int | None, is_staff: bool, is_super_admin: bool = False
) -> User:
    """Changes an account's rights. Removing staff rights also removes super admin rights."""
    if not is_super_admin:
        await keep_a_super_admin(session, user_id)
    user = await _locked(session, user_id)
    if not user.is_active:
        raise Conflict("This account is suspended.")
    may = is_staff, is_staff and (is_super_admin or user.is_super_admin)
    if may == (user.is_staff, user.is_super_admin):
        raise Conflict("This user is already staff." if is_staff else "This user is not staff.")
    user.is_staff, user.is_super_admin = may
    await _changed(session, user, "changeStaff", actor_id, is_staff=user.is_staff, is_super_admin=user.is_super_admin)
    return user


async def keep_a_super_admin(session: WriteSession, user_id: int) -> None:
    """Refused if this is the only super admin with an open account; there must always be one."""
    # All of them are locked, in one order: of two who demote each other at once one is refused.
    admins = select(User.id).where(User.is_super_admin, User.is_active).order_by(User.id)
    if list(await session.scalars(admins.with_for_update(key_share=True))) == [user_id]:
        raise Conflict("This is the last super admin. Make another user a super admin first.")


async def _seen(session: ReadSession, viewer: Viewer, user_id: int) -> User:
    signed_in(viewer)
    user = await session.scalar(visible(User, viewer).where(User.id == user_id))
    if user is None:
        raise NotFound("There is no such account.")
    return user


async def _locked(session: WriteSession, user_id: int) -> User:
    return await session.get_one(User, user_id, with_for_update={"key_share": True}, populate_existing=True)


async def _changed(session: WriteSession, user: User, action: str, actor_id: int | None, **details: str | bool) -> None:
    await session.flush()
    audit.record(session, actor_id, action, about=user, user_id=user.id, **details)
    viewers.invalidate(session, user.id)

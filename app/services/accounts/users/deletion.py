"""Account deletion: requested, cancellable for a while, then carried out so that shared work stays.

When the time has come, the account is closed and its jobs are asked to stop. Once none of them runs, its private data
is deleted. Its row stays without a name, since datasets, models and audit entries point at it.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, exists, func, or_, select

from app.database import Database, WriteSession
from app.errors import Conflict
from app.limits.accounts import TEAM_NAME_LENGTH_MAX
from app.models.accounts import OsmAccount, Profile, Team, TeamMembership, User, UserPreferences
from app.models.kinds.accounts import AccountsMail
from app.models.system import Job, JobState, Mail, UserNotification
from app.models.usernames import FormerUsername
from app.policies import Viewer, signed_in
from app.services.accounts.sign_in.sign_ups import DELETED
from app.services.accounts.users.staff import close, ends_with_account
from app.services.system import audit, mail
from app.services.system.notifications import notify
from app.settings import settings

Parting = Callable[[WriteSession, int], Awaitable[None]]
_partings: list[Parting] = []


def on_parting(parting: Parting) -> Parting:
    """Registers what another domain deletes with an account, in the transaction that removes its name."""
    _partings.append(parting)
    return parting


async def request_account_deletion(session: WriteSession, viewer: Viewer) -> User:
    """Schedules the deletion of the viewer's account."""
    user_id = signed_in(viewer)
    user = await _locked(session, user_id)
    if user.is_super_admin:
        raise Conflict("Super admins cannot delete their account. Ask another super admin to remove your rights first.")
    if user.account_deletion_due_at is not None:
        raise Conflict("You have already requested the deletion of your account.")
    now = (await session.scalars(select(func.now()))).one()
    user.account_deletion_requested = True
    user.account_deletion_due_at = now + timedelta(days=settings.account_deletion_days)
    audit.record(session, user_id, "requestAccountDeletion", about=user)
    if user.email is not None:
        await mail.post(session, AccountsMail.ACCOUNT_DELETION, address=user.email, user_id=user_id)
    return user


async def cancel_account_deletion(session: WriteSession, viewer: Viewer) -> User:
    """Cancels the deletion of the viewer's account."""
    user = await _locked(session, signed_in(viewer))
    if user.account_deletion_due_at is None:
        raise Conflict("You have not requested the deletion of your account.")
    if user.account_deletion_due_at <= datetime.now(UTC):
        raise Conflict("It is too late to cancel: your account is being deleted.")
    user.account_deletion_requested, user.account_deletion_due_at = False, None
    audit.record(session, user.id, "cancelAccountDeletion", about=user)
    return user


async def _locked(session: WriteSession, user_id: int) -> User:
    return await session.get_one(User, user_id, with_for_update={"key_share": True}, populate_existing=True)


async def delete_due_accounts(database: Database) -> None:
    """Deletes the accounts that are due, one by one; those with running jobs wait for the next turn."""
    is_due = User.account_deletion_due_at <= func.now()
    async with database.reading() as reading:
        ids = (await reading.scalars(select(User.id).where(is_due).order_by(User.id).limit(100))).all()
    for id in ids:
        async with database.writing() as session:
            await _close(session, id)
        async with database.writing(s_max=settings.long_transaction_s_max) as session:
            await _delete(session, id)


async def _close(session: WriteSession, user_id: int) -> None:
    """Closes the account: no sign-in, nothing new starts."""
    user = await _due(session, user_id)
    if user is not None and user.is_active:
        await close(session, user)


async def _due(session: WriteSession, user_id: int) -> User | None:
    """The account, locked, if it is still due and no other worker has it."""
    due = select(User).where(User.id == user_id, User.account_deletion_due_at <= func.now())
    return await session.scalar(due.with_for_update(key_share=True, skip_locked=True))


async def _delete(session: WriteSession, user_id: int) -> None:
    """Deletes its private data, and removes the name from the rest."""
    # Teams are locked before accounts everywhere.
    led = select(Team).where(Team.admin_user_id == user_id).order_by(Team.id).with_for_update(key_share=True)
    teams = (await session.scalars(led)).all()
    user = await _due(session, user_id)
    if user is None or await _is_at_work(session, user_id):
        return
    for team in teams:
        await _hand_over(session, team)
    for parting in _partings:
        await parting(session, user_id)
    await _take_away(session, user)
    _take_name(user)
    audit.record(session, user.id, "deleteAccount", about=user)
    await session.flush()


async def _is_at_work(session: WriteSession, user_id: int) -> bool:
    unfinished = Job.state.in_([JobState.QUEUED, JobState.RUNNING]), ends_with_account()
    return bool(await session.scalar(select(exists().where(Job.user_id == user_id, *unfinished))))


async def _hand_over(session: WriteSession, team: Team) -> None:
    """A team goes to the longest-standing member who can be its admin; without one it is deleted."""
    member = select(User).join(TeamMembership, TeamMembership.user_id == User.id)
    may = TeamMembership.team_id == team.id, User.is_active, User.account_deletion_due_at.is_(None)
    heir = await session.scalar(member.where(*may).order_by(TeamMembership.id).limit(1))
    if heir is None:
        await session.execute(delete(Team).where(Team.id == team.id))
        return
    if await session.scalar(
        select(exists().where(Team.admin_user_id == heir.id, func.lower(Team.name) == func.lower(team.name)))
    ):
        suffix = f" ({team.id})"
        team.name = team.name[: TEAM_NAME_LENGTH_MAX - len(suffix)] + suffix
    team.admin_user_id = heir.id
    await session.flush()
    notify(session, heir.id, f"You are now the admin of the team {team.name}.", about=team)


async def _take_away(session: WriteSession, user: User) -> None:
    own = or_(Mail.user_id == user.id, func.lower(Mail.address) == func.lower(user.email or ""))
    await session.execute(delete(Mail).where(own))
    for table in (TeamMembership, UserNotification, FormerUsername):
        await session.execute(delete(table).where(table.user_id == user.id))
    for row in (OsmAccount, Profile, UserPreferences):
        await session.execute(delete(row).where(row.id == user.id))
    # Every account has both; neither says anything about the user.
    session.add_all([Profile(id=user.id), UserPreferences(id=user.id)])


def _take_name(user: User) -> None:
    user.username, user.email, user.email_verified = f"{DELETED}{user.id}", None, False
    user.password_hash = user.user_profile = user.last_login = None
    user.first_name = user.last_name = ""
    user.notifications_delivery_methods, user.newsletter_subscription = [], False
    user.is_staff = user.is_super_admin = False
    user.account_deletion_due_at, user.anonymised_at = None, datetime.now(UTC)

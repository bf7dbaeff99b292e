"""Relations between two users: changes affect both at once."""

from sqlalchemy import BigInteger, delete, literal_column

from app.database import ReadSession, WriteSession, lock
from app.errors import Invalid
from app.models.accounts import User
from app.models.base import Record
from app.models.kinds import NotificationKind
from app.models.social import Friendship
from app.policies import SQLId, SQLViewer, Viewer, signed_in, visible
from app.policies.social import is_kept_from
from app.services.system import notification_groups


def _is_shown() -> str:
    """Whether the user of a `given` row is notified of an action of the `doer`."""
    receiver, doer = (literal_column(name, BigInteger) for name in ("given.user_id", "doer.id"))
    return str(~is_kept_from(SQLViewer(SQLId(receiver)), doer))


# What others do, unless one of the two has blocked or muted the other by the end of the transaction.
ACTIONS = notification_groups.actions("actions_of_people_told", f"doer.is_active AND {_is_shown()}")


async def somebody_else(session: WriteSession, viewer: Viewer, user_id: int, *, field: str = "userId") -> User:
    """Another user whom the viewer sees, with the relations of both locked until this transaction ends."""
    await lock_with_somebody_else(session, viewer, user_id, field=field)
    return await anybody(session, viewer, user_id, field=field)


async def lock_with_somebody_else(
    session: WriteSession, viewer: Viewer, user_id: int, *, field: str = "userId"
) -> None:
    """Locks the relations of the viewer and another user until this transaction ends."""
    if user_id == signed_in(viewer):
        raise Invalid(field, "This is your own account. Choose another user.")
    await lock_pair(session, signed_in(viewer), user_id)


async def anybody(session: ReadSession, viewer: Viewer, user_id: int, *, field: str = "userId") -> User:
    """A user whom the viewer sees."""
    user = await session.scalar(visible(User, viewer).where(User.id == user_id))
    if user is None or not user.is_active:
        raise nobody(field)
    return user


def nobody(field: str = "userId") -> Invalid:
    """The error about a user whom the viewer does not see."""
    return Invalid(field, "There is no user with this id.")


async def lock_pair(session: WriteSession, one: int, other: int) -> None:
    """Waits until no other transaction changes the relations of two users."""
    low, high = sorted((one, other))
    await lock(session, f"people {low} {high}")


async def end_friendship(session: WriteSession, one: int, other: int) -> bool:
    """Ends a friendship on both sides; returns whether there was one."""
    sides = delete(Friendship).where(Friendship.user_id.in_((one, other)), Friendship.friend_id.in_((one, other)))
    ended = (await session.execute(sides.returning(Friendship.id, Friendship.friend_id))).all()
    for id, actor_user_id in ended:
        await notification_groups.withdraw_action(session, actor_user_id, Friendship, id)
    return bool(ended)


async def tell(
    session: WriteSession,
    user_id: int,
    actor_user_id: int,
    kind: NotificationKind,
    *,
    about: Record,
    within: int | None = None,
) -> None:
    """Notifies a user of another's action, unless it is their own or one has blocked or muted the other.

    Similar actions are grouped, `within` the same object if one is given. Several receivers are notified in the order
    of their ids.
    """
    if user_id == actor_user_id:
        return
    await lock_pair(session, user_id, actor_user_id)
    notification_groups.notify_grouped(session, user_id, actor_user_id, kind, about=about, within=within, part=ACTIONS)

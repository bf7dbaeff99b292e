"""Two people at a time: what is between them changes for both at once."""

from sqlalchemy import delete, literal, select

from app.database import ReadSession, WriteSession, lock
from app.errors import Invalid
from app.models import Friendship, Record, User
from app.policies import Viewer, signed_in, visible
from app.policies.social import is_kept_from
from app.services.accounts import name_of
from app.services.system import notify


async def somebody_else(session: WriteSession, viewer: Viewer, user_id: int, *, field: str = "userId") -> User:
    """Another whom the viewer sees, with all that is between the two locked until this transaction ends."""
    if user_id == signed_in(viewer):
        raise Invalid(field, "This is your own account.")
    await lock_pair(session, signed_in(viewer), user_id)
    return await anybody(session, viewer, user_id, field=field)


async def anybody(session: ReadSession, viewer: Viewer, user_id: int, *, field: str = "userId") -> User:
    """Somebody whom the viewer sees."""
    user = await session.scalar(visible(User, viewer).where(User.id == user_id))
    if user is None or not user.is_active:
        raise Invalid(field, "There is nobody with this id.")
    return user


async def lock_pair(session: WriteSession, one: int, other: int) -> None:
    """Waits until nobody else changes what is between two people, whichever of them asks."""
    low, high = sorted((one, other))
    await lock(session, f"people {low} {high}")


async def end_friendship(session: WriteSession, one: int, other: int) -> bool:
    """Ends a friendship on both sides; answers whether there was one."""
    sides = delete(Friendship).where(Friendship.user_id.in_((one, other)), Friendship.friend_id.in_((one, other)))
    return (await session.scalars(sides.returning(Friendship.id))).first() is not None


async def tell(session: WriteSession, user_id: int, doer_id: int, deed: str, *, about: Record) -> None:
    """Notifies somebody of what another has done, whose name begins the sentence, unless the two keep apart."""
    if not await session.scalar(select(is_kept_from(Viewer(user_id), literal(doer_id)))):
        await notify(session, user_id, f"{await name_of(session, doer_id)} {deed}", about=about)

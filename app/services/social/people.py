"""Two people at a time: what is between them changes for both at once."""

from sqlalchemy import delete, func, select

from app.database import WriteSession
from app.errors import Invalid
from app.models import Block, Friendship, Mute, User
from app.policies import Viewer, signed_in, visible


async def somebody_else(session: WriteSession, viewer: Viewer, user_id: int, *, field: str = "userId") -> User:
    """Another whom the viewer sees, with all that is between the two locked until this transaction ends."""
    if user_id == signed_in(viewer):
        raise Invalid(field, "This is your own account.")
    await lock_pair(session, signed_in(viewer), user_id)
    return await anybody(session, viewer, user_id, field=field)


async def anybody(session: WriteSession, viewer: Viewer, user_id: int, *, field: str = "userId") -> User:
    """Somebody whom the viewer sees."""
    user = await session.scalar(visible(User, viewer).where(User.id == user_id))
    if user is None or not user.is_active:
        raise Invalid(field, "There is nobody with this id.")
    return user


async def lock_pair(session: WriteSession, one: int, other: int) -> None:
    """Waits until nobody else changes what is between two people, whichever of them asks."""
    low, high = sorted((one, other))
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"people:{low}:{high}", 0))))


async def part(session: WriteSession, one: int, other: int) -> bool:
    """Ends a friendship on both sides; answers whether there was one."""
    sides = delete(Friendship).where(Friendship.user_id.in_((one, other)), Friendship.friend_id.in_((one, other)))
    return (await session.scalars(sides.returning(Friendship.id))).first() is not None


async def is_kept_away(session: WriteSession, user_id: int, *, source: int) -> bool:
    """Whether somebody is not to be told of what another does: either has blocked the other, or it is muted."""
    blocks = select(Block.id).where(Block.user_id.in_((user_id, source)), Block.blocked_id.in_((user_id, source)))
    holds = Mute.expires_at.is_(None) | (Mute.expires_at > func.now())
    mutes = select(Mute.id).where(Mute.user_id == user_id, Mute.muted_id == source, holds)
    return bool(await session.scalar(select(blocks.exists() | mutes.exists())))

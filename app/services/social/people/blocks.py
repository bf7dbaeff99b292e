"""Blocks and mutes."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select

from app import checks
from app.database import WriteSession
from app.errors import LimitReached, NotFound
from app.models.social import Block, FriendRequest, Mute
from app.policies import Viewer, signed_in, visible
from app.services.social.people.friends import FriendshipChange, between, record_change
from app.services.social.people.pairs import end_friendship, lock_pair, somebody_else
from app.services.system import notification_groups
from app.settings import settings


async def block_user(session: WriteSession, viewer: Viewer, user_id: int) -> Block:
    """Blocks a user: neither sees the other, and their friendship or request ends. Repeating it has no effect."""
    own = signed_in(viewer)
    await lock_pair(session, own, user_id)
    existing = await session.scalar(visible(Block, viewer).where(Block.blocked_id == user_id))
    if existing is not None:
        return existing
    await _room(session, Block, own)
    other = await somebody_else(session, viewer, user_id)
    was_friend = await end_friendship(session, own, user_id)
    await session.execute(delete(FriendRequest).where(between(own, user_id)))
    for doer_id, told_id in ((own, user_id), (user_id, own)):
        await notification_groups.remove_actor(session, doer_id, user_id=told_id)
    block = Block(user_id=own, blocked_id=user_id, username=other.username)
    session.add(block)
    await session.flush()
    if was_friend:  # sent to both; neither can see the other any more
        await record_change(session, own, user_id, FriendshipChange.ENDED)
    return block


async def unblock_user(session: WriteSession, viewer: Viewer, chosen: ColumnElement[bool]) -> str:
    """Removes a block, unless the other has blocked, too; returns the other's username."""
    block = await session.scalar(visible(Block, viewer).where(chosen).with_for_update())
    if block is None:
        raise NotFound("You have no such block. Look it up in `blocks`.")
    await session.delete(block)
    await session.flush()
    return block.username


async def mute_user(session: WriteSession, viewer: Viewer, user_id: int, *, hours: int | None) -> Mute:
    """Mutes a user for some hours or permanently; repeating it sets the time again."""
    own = signed_in(viewer)
    if hours is not None:
        checks.within("hours", hours, 1, settings.mute_hours_max)
    await somebody_else(session, viewer, user_id)
    mute = await session.scalar(visible(Mute, viewer).where(Mute.muted_id == user_id))
    if mute is None:
        await _room(session, Mute, own)
        mute = Mute(user_id=own, muted_id=user_id)
        session.add(mute)
    mute.expires_at = None if hours is None else datetime.now(UTC) + timedelta(hours=hours)
    await session.flush()
    return mute


async def unmute_user(session: WriteSession, viewer: Viewer, chosen: ColumnElement[bool]) -> bool:
    """Removes a mute."""
    mute = await session.scalar(visible(Mute, viewer).where(chosen).with_for_update())
    if mute is None:
        raise NotFound("You have no such mute. Look it up in `mutes`.")
    await session.delete(mute)
    await session.flush()
    return True


async def _room(session: WriteSession, table: type[Block | Mute], user_id: int) -> None:
    count = await session.scalar(select(func.count()).where(table.user_id == user_id))
    if (count or 0) >= settings.kept_away_max:
        raise LimitReached(
            "You have reached the limit for blocks or mutes. Remove some first.", limit=settings.kept_away_max
        )

"""Likes and shares, each once per user. The author learns of them, unless they turned that off."""

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.attributes import set_committed_value

from app.database import WriteSession
from app.models.kinds.social import SocialNotification
from app.models.social import Like, Post, Share
from app.policies import Viewer, signed_in
from app.services.social.people.pairs import tell
from app.services.social.posts.editing import post_of_others
from app.services.system import notification_groups

DEEDS: dict[type[Like | Share], SocialNotification] = {Like: SocialNotification.LIKE, Share: SocialNotification.SHARE}

COUNTERS: dict[type[Like | Share], InstrumentedAttribute[int]] = {Like: Post.likes_count, Share: Post.shares_count}


async def like_post(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    """Likes a post; repeating it has no effect."""
    return await _add(session, viewer, Like, post_id)


async def unlike_post(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    """Removes the viewer's like; repeating it has no effect."""
    return await _remove(session, viewer, Like, post_id)


async def share_post(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    """Records that the viewer shared a post; repeating it has no effect."""
    return await _add(session, viewer, Share, post_id)


async def unshare_post(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    """Removes the viewer's share; repeating it has no effect."""
    return await _remove(session, viewer, Share, post_id)


async def _add(session: WriteSession, viewer: Viewer, table: type[Like | Share], post_id: int) -> Post:
    own = signed_in(viewer)
    post = await post_of_others(session, viewer, post_id)
    added = insert(table).values(user_id=own, post_id=post_id).on_conflict_do_nothing().returning(table.id)
    if await session.scalar(added) is not None:
        _count(post, table, 1)
        await tell(session, post.author_id, own, DEEDS[table], about=post, within=post_id)
    return post


async def _remove(session: WriteSession, viewer: Viewer, table: type[Like | Share], post_id: int) -> Post:
    own = signed_in(viewer)
    post = await post_of_others(session, viewer, post_id)
    removed = delete(table).where(table.user_id == own, table.post_id == post_id).returning(table.id)
    if await session.scalar(removed) is not None:
        _count(post, table, -1)
        await notification_groups.withdraw_action(session, own, Post, post_id, kind=DEEDS[table])
    return post


def _count(post: Post, table: type[Like | Share], change: int) -> None:
    """What the trigger counts: the post is locked, so nobody else counts meanwhile, and it need not be read again."""
    column = COUNTERS[table]
    set_committed_value(post, column.key, getattr(post, column.key) + change)

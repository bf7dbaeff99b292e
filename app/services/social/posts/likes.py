"""Likes and shares, each once per user."""

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from app.database import WriteSession
from app.models.social import Like, Post, Share
from app.policies import Viewer, signed_in
from app.services.social.posts.editing import post_of_others


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
    await session.execute(insert(table).values(user_id=own, post_id=post_id).on_conflict_do_nothing())
    await session.refresh(post)
    return post


async def _remove(session: WriteSession, viewer: Viewer, table: type[Like | Share], post_id: int) -> Post:
    own = signed_in(viewer)
    post = await post_of_others(session, viewer, post_id)
    await session.execute(delete(table).where(table.user_id == own, table.post_id == post_id))
    await session.refresh(post)
    return post

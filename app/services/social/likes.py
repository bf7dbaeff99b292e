"""What people think of posts."""

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from app.database import WriteSession
from app.models import Like, Post
from app.policies import Viewer, signed_in
from app.services.social.posts import post_of


async def like_post(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    """A post, which the viewer likes from now on; a second time changes nothing."""
    own = signed_in(viewer)
    post = await post_of(session, viewer, post_id)
    await session.execute(insert(Like).values(user_id=own, post_id=post_id).on_conflict_do_nothing())
    await session.refresh(post)
    return post


async def unlike_post(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    """A post, which the viewer likes no longer; a second time changes nothing."""
    own = signed_in(viewer)
    post = await post_of(session, viewer, post_id)
    await session.execute(delete(Like).where(Like.user_id == own, Like.post_id == post_id))
    await session.refresh(post)
    return post

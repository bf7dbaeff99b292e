"""Removing posts: those without replies are deleted, others stay as an empty post."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningDelete

from app.database import WriteSession
from app.errors import NotFound
from app.models.social import Like, Post, PostHashtag, PostMention, PostRevision, Share
from app.policies import Viewer, is_viewer, require, visible
from app.policies.social import may_delete_this_post
from app.services.social.posts.editing import GONE, PostChange, record_post
from app.services.social.posts.likes import DEEDS
from app.services.social.posts.pictures import discard_picture
from app.services.system import audit, notification_groups

OF_POSTS = (Like, Share, PostMention, PostHashtag, PostRevision)
SHOWN = (Post.media_url, Post.media_key, Post.media_type, Post.media_width, Post.media_height, Post.alt_text)
NOTHING: dict[Any, Any] = {
    Post.content: "",
    **dict.fromkeys((*SHOWN, Post.subject_type, Post.subject_key)),
    **dict.fromkeys((Post.updated_at, Post.deleted_at), func.now()),
}
"""The content of a deleted post."""


async def delete_post(session: WriteSession, viewer: Viewer, post_id: int) -> Post | None:
    """Deletes a post; returns the empty post that stays if it has replies, otherwise None."""
    query = visible(Post, viewer).where(Post.id == post_id, Post.deleted_at.is_(None))
    post = await session.scalar(query)
    if post is not None:
        require(may_delete_this_post, viewer, post)
    if post is None or not await remove_posts(session, [post_id]):
        raise NotFound(GONE)
    if not is_viewer(viewer, post.author_id):
        audit.record(session, viewer.user_id, "deletePost", about=post, user_id=post.author_id)
    await notification_groups.withdraw_action(session, post.author_id, Post, post_id)
    return await session.get(Post, post_id, populate_existing=True)


async def remove_posts(session: WriteSession, ids: Collection[int]) -> Sequence[Post]:
    """Deletes posts that are not yet deleted; concurrent replies and likes come either before or too late."""
    # Two deletions in one thread run one after the other, so that the second sees the result of the first.
    roots = select(func.coalesce(Post.root_id, Post.id)).where(Post.id.in_(ids))
    await session.execute(locked(select(Post.id).where(Post.id.in_(roots))))
    theirs = select(Post).where(Post.id.in_(ids), Post.deleted_at.is_(None))
    posts = (await session.scalars(locked(theirs).execution_options(populate_existing=True))).all()
    removed = [post.id for post in posts]
    for table in OF_POSTS:
        await session.execute(delete(table).where(table.post_id.in_(removed)))
    for post in posts:
        await record_post(session, post, PostChange.DELETED)
        await discard_picture(session, post)
    emptied = update(Post).where(Post.id.in_(removed)).values(NOTHING)
    await session.execute(emptied.execution_options(synchronize_session=False))
    hollow = set(removed)
    while hollow:
        hollow = {parent for parent in await session.scalars(_clear(hollow)) if parent is not None}
    # Last: replying locks the post before the receiver of the notification.
    for post in posts:
        await notification_groups.withdraw_action(session, post.author_id, Post, post.id)
        await notification_groups.withdraw_groups(session, post.author_id, DEEDS.values(), within=post.id)
    return posts


def locked(posts: Select[Any]) -> Select[Any]:
    """Posts locked against replies, likes and deletion until this transaction ends, in a fixed order."""
    return posts.order_by(Post.id).with_for_update(of=Post, key_share=True)


def _clear(ids: Collection[int]) -> ReturningDelete[Any]:
    """Deletes empty posts without replies, and empty parents that stayed only for them; returns remaining parents."""
    reply = aliased(Post)
    bare = Post.deleted_at.is_not(None), ~exists().where(reply.parent_id == Post.id)
    chain = select(Post.id, Post.parent_id).where(Post.id.in_(ids), *bare).cte("chain", recursive=True)
    others = exists().where(reply.parent_id == Post.id, reply.id != chain.c.id)
    above = select(Post.id, Post.parent_id).join(chain, chain.c.parent_id == Post.id)
    chain = chain.union_all(above.where(Post.deleted_at.is_not(None), ~others))
    gone = delete(Post).where(Post.id.in_(select(chain.c.id))).returning(Post.parent_id)
    return gone.execution_options(synchronize_session=False)

"""Posts, and what people think of them."""

import strawberry

from app.models import Post, PostType
from app.services import social
from resolvers import ids
from resolvers.context import Info


async def create_post(
    info: Info,
    content: str | None = None,
    type: PostType = PostType.THOUGHTS,
    parent_id: strawberry.ID | None = None,
    media_url: str | None = None,
) -> Post:
    """Says something to everybody, or in reply to a post.

    content: What, in at most 500 characters; it may be left out where something is shown.
    type: What kind of post it is; one of type MEDIA shows something.
    parent_id: What it replies to.
    media_url: The address of a picture or film elsewhere on the web.
    """
    viewer = info.context.viewer
    await social.pace_posts(info.context.rates, viewer)
    async with info.context.writing() as session:
        return await social.create_post(
            session,
            viewer,
            content=content,
            type=type,
            parent_id=None if parent_id is None else ids.key(parent_id, Post),
            media_url=media_url,
        )


async def like_post(info: Info, id: strawberry.ID) -> Post:
    """Likes a post; a second time changes nothing.

    id: Which.
    """
    async with info.context.writing() as session:
        return await social.like_post(session, info.context.viewer, ids.key(id, Post))


async def unlike_post(info: Info, id: strawberry.ID) -> Post:
    """Likes a post no longer; a second time changes nothing.

    id: Which.
    """
    async with info.context.writing() as session:
        return await social.unlike_post(session, info.context.viewer, ids.key(id, Post))

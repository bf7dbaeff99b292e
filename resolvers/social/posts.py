"""Posts, and what people think of them."""

from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import ARRAY, ColumnElement, Select, String, func, select

from app.models.accounts import User
from app.models.social import Like, Post, PostHashtag, PostMention, PostType, Share
from app.policies import AnyViewer, visible
from app.policies.social import did_this, is_muted
from app.services.social.posts import editing, likes, mentions, pictures, removal
from app.services.social.posts.pictures import PictureSize
from app.services.system import uploads
from app.services.system.uploads import UploadLink
from resolvers import ids
from resolvers.context import Info
from resolvers.optional_arguments import given


@dataclass(frozen=True)
class FormerPost:
    """That a post was deleted."""

    deleted_id: strawberry.ID
    post: Post | None


@dataclass(frozen=True)
class PostMedia:
    """A picture of a post's own."""

    post: Post
    alt_text: str | None
    width: int | None
    height: int | None


def media(root: strawberry.Parent[Post]) -> PostMedia | None:
    """The picture of its own that it shows; null if it shows none, or one elsewhere on the web."""
    return None if root.media_key is None else PostMedia(root, root.alt_text, root.media_width, root.media_height)


def picture_url(root: strawberry.Parent[PostMedia], size: PictureSize = PictureSize.LARGE) -> str:
    """Where to find it as WebP; good for an hour.

    size: How long its longer side may be.
    """
    return pictures.picture_url(root.post, size)


def is_liked(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer likes it."""
    return did_this(viewer, Like)


def is_shared(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer has shared it."""
    return did_this(viewer, Share)


def hashtags(viewer: AnyViewer) -> ColumnElement[list[str]]:
    """Its hashtags without their `#`, in small letters, in the order of the alphabet."""
    del viewer
    names = select(PostHashtag.name).where(PostHashtag.post_id == Post.id).order_by(PostHashtag.name)
    return func.array(names.scalar_subquery(), type_=ARRAY(String))


def posts(info: Info, hashtag: str | None = None, mentioned_user_id: strawberry.ID | None = None) -> Select[Post]:
    """Posts and replies, but for those of people whom the viewer has muted.

    hashtag: Only those with this hashtag, with or without its `#`, in capitals or not.
    mentioned_user_id: Only those that mention this person by their username.
    """
    viewer = info.context.viewer
    found = visible(Post, viewer).where(Post.deleted_at.is_(None), ~is_muted(viewer, Post.author_id))
    # Joined and not sought in: by that PostgreSQL knows that their index has them in the order of the posts.
    if hashtag is not None:
        names = mentions.hashtags(f"#{hashtag.removeprefix('#')}")[:1]
        found = found.join(PostHashtag, (PostHashtag.post_id == Post.id) & PostHashtag.name.in_(names))
    if mentioned_user_id is not None:
        key = ids.key(mentioned_user_id, User)
        found = found.join(PostMention, (PostMention.post_id == Post.id) & (PostMention.user_id == key))
    return found


async def request_post_upload(info: Info, media_type: str, bytes: int) -> UploadLink:
    """A link to send a picture for a post to; `createPost` takes it into use.

    media_type: Its type: image/jpeg, image/png, image/webp or image/gif.
    bytes: How many bytes it has, at most ten million.
    """
    async with uploads.pace_bytes(info.context.rates, info.context.viewer, bytes=bytes):
        return pictures.post_upload_link(info.context.viewer, media_type=media_type, bytes=bytes)


async def create_post(
    info: Info,
    content: str | None = None,
    type: PostType = PostType.THOUGHTS,
    parent_id: strawberry.ID | None = None,
    media_url: str | None = None,
    upload: str | None = None,
    alt_text: str | None = None,
    about: strawberry.ID | None = None,
) -> Post:
    """Says something to everybody, or in reply to a post.

    content: What, in at most 500 characters; it may be left out where something is shown.
    type: What kind of post it is; one of type MEDIA shows something.
    parent_id: What it replies to.
    media_url: The address of a picture or film elsewhere on the web.
    upload: The `upload` of the link that a picture of its own was sent to.
    alt_text: What is seen there, for who cannot see, in at most 1 000 characters; better said than not.
    about: What it is about: a model, a training or a dataset that the viewer sees.
    """
    viewer = info.context.viewer
    parent = None if parent_id is None else ids.key(parent_id, Post)
    subject = None if about is None else ids.decode(about)
    fields: dict[str, Any] = {"content": content, "type": type, "media_url": media_url, "alt_text": alt_text}
    async with (
        editing.pace_posts(info.context.rates, viewer),
        pictures.drawn_picture(viewer, upload) as picture,
        info.context.writing() as session,
    ):
        fields |= {"picture": picture}
        return await editing.create_post(session, viewer, parent_id=parent, fields=fields, about=subject)


async def edit_post(
    info: Info,
    id: strawberry.ID,
    content: strawberry.Maybe[str | None] = None,
    type: strawberry.Maybe[PostType] = None,
    media_url: strawberry.Maybe[str | None] = None,
    upload: strawberry.Maybe[str | None] = None,
    alt_text: strawberry.Maybe[str | None] = None,
) -> Post:
    """Changes what is given of a post of the viewer's and leaves the rest; what it said before is kept for all to see.

    id: Which.
    content: What it says; null or blank where it only shows something.
    type: What kind of post it is.
    media_url: The address of a picture or film elsewhere on the web; null takes it away.
    upload: The `upload` of the link that another picture was sent to; null takes the post's own picture away.
    alt_text: What is seen there; null takes it away.
    """
    viewer = info.context.viewer
    changes = given(content=content, type=type, media_url=media_url, alt_text=alt_text)
    key, sent = ids.key(id, Post), upload.value if upload else None
    async with (
        editing.pace_posts(info.context.rates, viewer),
        pictures.drawn_picture(viewer, sent) as picture,
        info.context.writing() as session,
    ):
        changes |= {"picture": picture} if upload else {}
        return await editing.edit_post(session, viewer, key, changes=changes)


async def delete_post(info: Info, id: strawberry.ID) -> FormerPost:
    """Deletes a post; where it has replies, it stays that there was one, until the last of them is deleted.

    id: Which; staff may delete anybody's.
    """
    async with info.context.writing() as session:
        return FormerPost(id, await removal.delete_post(session, info.context.viewer, ids.key(id, Post)))


async def like_post(info: Info, id: strawberry.ID) -> Post:
    """Likes a post; a second time changes nothing.

    id: Which.
    """
    async with info.context.writing() as session:
        return await likes.like_post(session, info.context.viewer, ids.key(id, Post))


async def unlike_post(info: Info, id: strawberry.ID) -> Post:
    """Likes a post no longer; a second time changes nothing.

    id: Which.
    """
    async with info.context.writing() as session:
        return await likes.unlike_post(session, info.context.viewer, ids.key(id, Post))


async def share_post(info: Info, id: strawberry.ID) -> Post:
    """Counts the viewer among those who have shared a post; a second time changes nothing.

    id: Which.
    """
    async with info.context.writing() as session:
        return await likes.share_post(session, info.context.viewer, ids.key(id, Post))


async def unshare_post(info: Info, id: strawberry.ID) -> Post:
    """Counts the viewer no longer among those who have shared a post; a second time changes nothing.

    id: Which.
    """
    async with info.context.writing() as session:
        return await likes.unshare_post(session, info.context.viewer, ids.key(id, Post))

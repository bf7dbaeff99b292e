"""Posts and likes."""

from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import ARRAY, ColumnElement, Select, String, func, select

from app.models.accounts import User
from app.models.social import Like, Post, PostHashtag, PostMention, PostType, Share
from app.pagination import Order
from app.policies import AnyViewer, visible
from app.policies.social import did_this, is_muted
from app.services.social.posts import editing, likes, mentions, pictures, removal
from app.services.social.posts.pictures import PictureSize
from app.services.system.files import uploads
from app.services.system.files.uploads import UploadLink
from resolvers import ids
from resolvers.context import Info
from resolvers.optional_arguments import provided


class ThreadOrder(Order):
    """By age.

    OLDEST: The oldest first.
    NEWEST: The newest first.
    """

    OLDEST = ("id", False)
    NEWEST = ("id", True)


@dataclass(frozen=True)
class FormerPost:
    """A deleted post."""

    deleted_id: strawberry.ID
    post: Post | None


@dataclass(frozen=True)
class PostMedia:
    """An uploaded picture of a post."""

    post: Post
    alt_text: str | None
    width: int | None
    height: int | None


def media(root: strawberry.Parent[Post]) -> PostMedia | None:
    """The post's uploaded picture; null without one, or if `mediaUrl` points elsewhere."""
    return None if root.media_key is None else PostMedia(root, root.alt_text, root.media_width, root.media_height)


def picture_url(root: strawberry.Parent[PostMedia], info: Info, size: PictureSize = PictureSize.LARGE) -> str:
    """The URL of the picture as WebP, valid for {settings.file_link_s}.

    size: The maximum length of the longer side.
    """
    return pictures.picture_url(info.context.viewer, root.post, size)


def is_liked(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer likes the post."""
    return did_this(viewer, Like)


def is_shared(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer has shared the post."""
    return did_this(viewer, Share)


def hashtags(viewer: AnyViewer) -> ColumnElement[list[str]]:
    """The hashtags of the post without `#`, lower case, in alphabetical order."""
    del viewer
    names = select(PostHashtag.name).where(PostHashtag.post_id == Post.id).order_by(PostHashtag.name)
    names = names.correlate(Post)  # the list may be joined with one hashtag, and all of them are shown
    return func.array(names.scalar_subquery(), type_=ARRAY(String))


def posts(
    info: Info,
    hashtag: str | None = None,
    mentioned_user_id: strawberry.ID | None = None,
    type: PostType | None = None,
    author_id: strawberry.ID | None = None,
) -> Select[Post]:
    """Posts and replies, without authors the viewer has muted, unless `authorId` asks for one.

    hashtag: Only posts with this hashtag, with or without `#`, ignoring case.
    mentioned_user_id: Only posts that mention this user by username.
    type: Only posts of this type.
    author_id: Only posts by this user.
    """
    viewer = info.context.viewer
    query = visible(Post, viewer).where(Post.deleted_at.is_(None))
    if author_id is None:
        query = query.where(~is_muted(viewer, Post.author_id))
    else:
        query = query.where(Post.author_id == ids.key(author_id, User))
    # Joined and not sought in: by that PostgreSQL knows that their index has them in the order of the posts.
    if hashtag is not None:
        names = mentions.hashtags(f"#{hashtag.removeprefix('#')}")[:1]
        query = query.join(PostHashtag, (PostHashtag.post_id == Post.id) & PostHashtag.name.in_(names))
    if mentioned_user_id is not None:
        key = ids.key(mentioned_user_id, User)
        query = query.join(PostMention, (PostMention.post_id == Post.id) & (PostMention.user_id == key))
    if type is not None:
        query = query.where(Post.type == type)
    return query


async def request_post_upload(info: Info, media_type: str, bytes: int) -> UploadLink:
    """Returns a link to upload a picture for a post to; `createPost` then uses it.

    media_type: The media type: image/jpeg, image/png, image/webp or image/gif.
    bytes: The size in bytes, at most {settings.picture_bytes_max}.
    """
    viewer = info.context.viewer
    async with uploads.pace_bytes(info.context.rates, viewer, bytes=bytes), info.context.writing() as session:
        return await pictures.post_upload_link(session, viewer, media_type=media_type, bytes=bytes)


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
    """Creates a post or a reply.

    content: The text, at most {social.POST_LENGTH_MAX} characters; optional if the post has media.
    type: The type of the post. MEDIA needs a media URL or an upload.
    parent_id: The post it replies to.
    media_url: The URL of a picture or video elsewhere on the web, at most {social.MEDIA_URL_LENGTH_MAX} characters.
    upload: The `upload` value of the link that a picture was uploaded to.
    alt_text: Alt text for people who cannot see the picture, at most {social.ALT_TEXT_LENGTH_MAX} characters.
        Recommended.
    about: What the post is about: a model, a training or a dataset that the viewer can see.
    """
    viewer = info.context.viewer
    parent = None if parent_id is None else ids.key(parent_id, Post)
    subject = None if about is None else ids.decode(about)
    fields: dict[str, Any] = {"content": content, "type": type, "media_url": media_url, "alt_text": alt_text}
    async with (
        editing.limit_posts(info.context.rates, viewer),
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
    """Updates the given fields of the viewer's post. Earlier versions stay visible in `revisions`.

    id: The post.
    content: The text; null or blank only if the post has media.
    type: The type of the post.
    media_url: The URL of a picture or video elsewhere on the web; null removes it.
    upload: The `upload` value of the link another picture was uploaded to; null removes the uploaded picture.
    alt_text: The alt text; null removes it.
    """
    viewer = info.context.viewer
    changes = provided(content=content, type=type, media_url=media_url, alt_text=alt_text)
    key, sent = ids.key(id, Post), upload.value if upload else None
    async with (
        editing.limit_posts(info.context.rates, viewer),
        pictures.drawn_picture(viewer, sent) as picture,
        info.context.writing() as session,
    ):
        changes |= {"picture": picture} if upload else {}
        return await editing.edit_post(session, viewer, key, changes=changes)


async def delete_post(info: Info, id: strawberry.ID) -> FormerPost:
    """Deletes a post. If it has replies, an empty post stays until the last reply is deleted.

    id: The post. Staff may delete any post.
    """
    async with info.context.writing() as session:
        return FormerPost(id, await removal.delete_post(session, info.context.viewer, ids.key(id, Post)))


async def like_post(info: Info, id: strawberry.ID) -> Post:
    """Likes a post. Repeating it has no effect.

    id: The post.
    """
    async with info.context.writing() as session:
        return await likes.like_post(session, info.context.viewer, ids.key(id, Post))


async def unlike_post(info: Info, id: strawberry.ID) -> Post:
    """Removes the viewer's like. Repeating it has no effect.

    id: The post.
    """
    async with info.context.writing() as session:
        return await likes.unlike_post(session, info.context.viewer, ids.key(id, Post))


async def share_post(info: Info, id: strawberry.ID) -> Post:
    """Records that the viewer has shared a post. Repeating it has no effect.

    id: The post.
    """
    async with info.context.writing() as session:
        return await likes.share_post(session, info.context.viewer, ids.key(id, Post))


async def unshare_post(info: Info, id: strawberry.ID) -> Post:
    """Removes the viewer's share of a post. Repeating it has no effect.

    id: The post.
    """
    async with info.context.writing() as session:
        return await likes.unshare_post(session, info.context.viewer, ids.key(id, Post))

"""Posts and replies."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Any

from limits import RateLimitItemPerMinute
from sqlalchemy import func

from app import checks, events
from app.database import WriteSession
from app.errors import Invalid, NotFound
from app.gateways.outside import check_url
from app.limits.social import ALT_TEXT_LENGTH_MAX, MEDIA_URL_LENGTH_MAX, POST_LENGTH_MAX
from app.models.kinds.social import SocialNotification
from app.models.social import Post, PostRevision, PostType
from app.models.subjects import subjects
from app.policies import Viewer, require, signed_in, visible
from app.policies.accounts import is_blocked
from app.policies.social import may_change_this_post
from app.rates import Rates, Share
from app.services.social.people.pairs import tell
from app.services.social.posts.mentions import keep_hashtags, keep_mentions
from app.services.social.posts.pictures import show_picture
from app.settings import settings

POSTS_TOPIC = "posts"
GONE = "There is no such post. It may have been deleted."


class PostChange(Enum):
    """What happened to a post.

    CREATED: It was created.
    EDITED: It was edited.
    DELETED: It was deleted.
    """

    CREATED = "CREATED"
    EDITED = "EDITED"
    DELETED = "DELETED"


def limit_posts(rates: Rates, viewer: Viewer) -> AbstractAsyncContextManager[None]:
    """A block that counts if it succeeds; refused if the viewer posted or edited too much."""
    limit = RateLimitItemPerMinute(settings.posts_per_minute_max)
    return rates.spending(Share(limit, f"post:{signed_in(viewer)}", "You posted or edited too much."))


async def create_post(
    session: WriteSession,
    viewer: Viewer,
    *,
    parent_id: int | None,
    about: tuple[str, int] | None,
    fields: Mapping[str, Any],
) -> Post:
    """A new post of the viewer's; `about` names a table and a key."""
    post = Post(author_id=signed_in(viewer), type=PostType.THOUGHTS, content="", depth=0)
    if about is not None:
        post.subject_type, post.subject_key = await _seen(session, viewer, *about)
    parent = None if parent_id is None else await _answered(session, viewer, parent_id)
    if parent is not None:
        post.parent_id, post.root_id, post.depth = parent.id, parent.root_id or parent.id, parent.depth + 1
    await _fill(session, post, fields)
    session.add(post)
    await session.flush()
    await _spread(session, viewer, post, PostChange.CREATED, answered=None if parent is None else parent.author_id)
    return post


async def edit_post(session: WriteSession, viewer: Viewer, post_id: int, *, changes: Mapping[str, Any]) -> Post:
    """Updates a post of the viewer's; the earlier version is kept."""
    query = visible(Post, viewer).where(Post.id == post_id, Post.deleted_at.is_(None)).add_columns(func.now())
    row = (await session.execute(query.with_for_update(of=Post, key_share=True))).one_or_none()
    if row is None:
        raise NotFound(GONE)
    post: Post = row[0]
    require(may_change_this_post, viewer, post)
    before = post.content
    await _fill(session, post, changes)
    if not session.is_modified(post):
        return post
    if post.content != before:
        session.add(PostRevision(post_id=post.id, content=before))
    post.edited_at = post.updated_at = row[1]
    await session.flush()
    await _spread(session, viewer, post, PostChange.EDITED)
    return post


async def _spread(
    session: WriteSession, viewer: Viewer, post: Post, change: PostChange, *, answered: int | None = None
) -> None:
    """Indexes a post for search, and notifies the author it replies to and newly mentioned users, each once."""
    is_new = change is PostChange.CREATED
    await keep_hashtags(session, post, is_new=is_new)
    named = await keep_mentions(session, viewer, post, is_new=is_new)
    for user_id in sorted({*named, *([] if answered is None else [answered])}):
        if user_id == answered:
            await tell(session, user_id, post.author_id, SocialNotification.REPLY, about=post, within=post.parent_id)
        else:
            await tell(session, user_id, post.author_id, SocialNotification.MENTION, about=post)
    await record_post(session, post, change)


async def _fill(session: WriteSession, post: Post, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name == "picture":
            await show_picture(session, post, value)
        else:
            setattr(post, name, _checked(name, value))
    shows = post.media_url is not None or post.media_key is not None
    if not post.content and not shows:
        raise Invalid("content", "Write something, or add a picture or video.")
    if post.type is PostType.MEDIA and not shows:
        raise Invalid("type", "A post of the type MEDIA needs a picture or video. Add one, or choose another type.")


def _checked(name: str, value: Any) -> Any:
    match name:
        case "content":
            return checks.optional_text("content", value, length_max=POST_LENGTH_MAX) or ""
        case "media_url":
            return None if value is None else check_url("mediaUrl", value, length_max=MEDIA_URL_LENGTH_MAX)
        case "alt_text":
            return checks.optional_text("altText", value, length_max=ALT_TEXT_LENGTH_MAX)
    return value


async def _seen(session: WriteSession, viewer: Viewer, name: str, key: int) -> tuple[str, int]:
    """The object a post is about, if its type is allowed and the author sees it."""
    table = {subject.__name__: subject for subject in subjects()}.get(name)
    if table is None or await session.scalar(visible(table, viewer).where(table.id == key)) is None:
        raise Invalid("about", "There is no object with this id that a post may be about.")
    return name, key


async def _answered(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    try:
        return await post_of_others(session, viewer, post_id)
    except NotFound as error:
        raise Invalid("parentId", error.message) from None


async def post_of_others(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    """A post the viewer may add something to, locked against other changes until this transaction ends.

    It is locked before anything points at it: two that first point and then count would deadlock.
    """
    # Staff see posts of users who have blocked them, but may not reply.
    open_to = ~is_blocked(viewer, Post.author_id), Post.deleted_at.is_(None)
    query = visible(Post, viewer).where(Post.id == post_id, *open_to)
    post = await session.scalar(query.with_for_update(of=Post, key_share=True))
    if post is None:
        raise NotFound(GONE)
    return post


async def record_post(session: WriteSession, post: Post, change: PostChange) -> None:
    """Publishes what happened to a post to subscriptions."""
    payload = {"post": post.id, "author": post.author_id, "parent": post.parent_id, "change": change.value}
    events.record(session, POSTS_TOPIC, payload)

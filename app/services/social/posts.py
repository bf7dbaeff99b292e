"""What people say to everybody, and in reply to each other."""

from limits import RateLimitItemPerMinute
from sqlalchemy import select

from app import checks
from app.database import WriteSession
from app.errors import Invalid, NotFound
from app.gateways.outside import check_url
from app.models import Post, PostType
from app.policies import Viewer, signed_in, visible
from app.policies.accounts import is_blocked
from app.rates import Rates
from app.settings import settings


async def pace_posts(rates: Rates, viewer: Viewer) -> None:
    """Passes while the viewer posts little."""
    limit = RateLimitItemPerMinute(settings.posts_per_minute_max)
    await rates.take(limit, f"post:{signed_in(viewer)}", what="You posted too much.")


async def create_post(
    session: WriteSession,
    viewer: Viewer,
    *,
    content: str | None,
    type: PostType,
    parent_id: int | None,
    media_url: str | None,
) -> Post:
    """A post of the viewer's."""
    author = signed_in(viewer)
    text = checks.optional_text("content", content, length_max=settings.post_length_max) or ""
    address = None if media_url is None else check_url("mediaUrl", media_url)
    if not text and address is None:
        raise Invalid("content", "Write something, or show a picture.")
    if type is PostType.MEDIA and address is None:
        raise Invalid("type", "A post of this type shows a picture or a film.")
    parent = None if parent_id is None else await _answered(session, viewer, parent_id)
    post = Post(author_id=author, content=text, type=type, media_url=address)
    if parent is not None:
        post.parent_id, post.root_id, post.depth = parent.id, parent.root_id or parent.id, parent.depth + 1
    session.add(post)
    await session.flush()
    await session.refresh(post)
    return post


async def _answered(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    try:
        parent = await post_of(session, viewer, post_id)
    except NotFound as error:
        raise Invalid("parentId", error.message) from None
    return parent


async def post_of(session: WriteSession, viewer: Viewer, post_id: int) -> Post:
    """A post to which the viewer may add something, which nobody else adds to or deletes until this transaction ends.

    It is locked before anything points at it: two who first point and then count would wait for each other.
    """
    kept_apart = await session.scalar(
        select(is_blocked(viewer, Post.author_id)).where(Post.id == post_id)
    )  # staff see what one who has blocked them says, and yet do not answer
    found = visible(Post, viewer).where(Post.id == post_id, Post.deleted_at.is_(None))
    post = None if kept_apart else await session.scalar(found.with_for_update(of=Post, key_share=True))
    if post is None:
        raise NotFound("There is no such post; perhaps it was deleted.")
    return post

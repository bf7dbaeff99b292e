"""Feeds: who sees which posts."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Select, distinct, func, select, true

from app.database import ReadSession
from app.models.accounts import User
from app.models.social import Post, PostHashtag
from app.pagination import parents
from app.policies import AnyViewer, SQLId, SQLViewer, Viewer, visible
from app.policies.social import is_friend, is_muted
from app.settings import settings


class FeedScope(Enum):
    """Whose posts: everybody's, or those of the viewer and the viewer's friends.

    EVERYONE: Everybody's posts.
    FRIENDS: Posts of the viewer and the viewer's friends.
    """

    EVERYONE = "EVERYONE"
    FRIENDS = "FRIENDS"


@dataclass(frozen=True)
class PopularHashtag:
    """A trending hashtag."""

    name: str
    people_count: int


async def find_feed_viewers(
    session: ReadSession, listeners: Collection[Viewer], author_id: int, scope: FeedScope
) -> set[Viewer]:
    """The subscribers whose feed shows a post, in one statement per kind of viewer."""
    recipients = {each for each in listeners if not each.is_signed_in and scope is FeedScope.EVERYONE}
    if recipients and not await session.scalar(_author_shown_to(Viewer(), author_id).with_only_columns(func.count())):
        recipients.clear()
    by_rights: defaultdict[bool, defaultdict[int, set[Viewer]]] = defaultdict(lambda: defaultdict(set))
    for each in listeners:
        if each.user_id is not None:
            by_rights[each.is_staff][each.user_id].add(each)
    for is_staff, accounts in by_rights.items():
        for user_id in await session.scalars(_accounts_that_see(list(accounts), author_id, scope, is_staff=is_staff)):
            recipients |= accounts[user_id]
    return recipients


def _accounts_that_see(ids: list[int], author_id: int, scope: FeedScope, *, is_staff: bool) -> Select[int]:
    """Those of many accounts who receive it: the policies are asked about the column of a table of them."""
    accounts = parents(ids)
    each = SQLViewer(SQLId(accounts.c.id), is_staff=is_staff)
    query = _author_shown_to(each, author_id).join(accounts, true())
    if scope is FeedScope.FRIENDS:
        query = query.where((User.id == accounts.c.id) | is_friend(each, User.id))
    return query.with_only_columns(accounts.c.id)


def _author_shown_to(viewer: AnyViewer, author_id: int) -> Select[User]:
    """The author, if the viewer sees and does not mute them."""
    return visible(User, viewer).where(User.id == author_id, ~is_muted(viewer, User.id))


async def find_feed_post(session: ReadSession, viewer: Viewer, post_id: int) -> Post | None:
    """A post that the viewer sees and that is not deleted."""
    return await session.scalar(visible(Post, viewer).where(Post.id == post_id, Post.deleted_at.is_(None)))


async def find_popular_hashtags(session: ReadSession, viewer: Viewer, *, count: int) -> list[PopularHashtag]:
    """The hashtags most people used recently: of a fixed number of latest uses, each user counts once."""
    posts = visible(Post, viewer).where(Post.deleted_at.is_(None), ~is_muted(viewer, Post.author_id))
    uses = posts.join(PostHashtag, PostHashtag.post_id == Post.id).order_by(PostHashtag.post_id.desc())
    last = uses.with_only_columns(PostHashtag.name, Post.author_id).limit(settings.hashtag_uses_counted_max).subquery()
    people = func.count(distinct(last.c.author_id))
    popular = select(last.c.name, people).group_by(last.c.name).order_by(people.desc(), last.c.name).limit(count)
    return [PopularHashtag(name, number) for name, number in await session.execute(popular)]

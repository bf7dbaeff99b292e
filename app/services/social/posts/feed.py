"""Who is shown what somebody says."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from sqlalchemy import distinct, func, select, true

from app.database import ReadSession
from app.models.accounts import User
from app.models.social import Post, PostHashtag
from app.pagination import parents
from app.policies import Viewer, visible
from app.policies.social import is_friend, is_muted
from app.settings import settings

STRANGER = 0


class FeedScope(Enum):
    """Whose posts: everybody's, or those of one's friends and one's own."""

    EVERYONE = "EVERYONE"
    FRIENDS = "FRIENDS"


@dataclass(frozen=True)
class PopularHashtag:
    """A hashtag that many people use."""

    name: str
    people_count: int


async def find_hearers(
    session: ReadSession, listeners: Collection[Viewer], author_id: int, scope: FeedScope
) -> set[Viewer]:
    """Of many who listen those whose feed shows what somebody says, in one statement for each kind of viewer.

    The policies say so of one viewer; here the column of a table of them stands in the place of that one.
    """
    hearers = set[Viewer]()
    for kind in {(each.is_staff, each.user_id is None) for each in listeners}:
        alike = {each.user_id or STRANGER: each for each in listeners if (each.is_staff, each.user_id is None) == kind}
        people = parents(list(alike))
        each = Viewer() if STRANGER in alike else Viewer(cast("Any", people.c.id), is_staff=kind[0])
        heard = visible(User, each).join(people, true()).where(User.id == author_id, ~is_muted(each, User.id))
        if scope is FeedScope.FRIENDS:
            heard = heard.where((User.id == people.c.id) | is_friend(each, User.id))
        hearers |= {alike[id] for id in await session.scalars(heard.with_only_columns(people.c.id))}
    return hearers


async def find_said(session: ReadSession, viewer: Viewer, post_id: int) -> Post | None:
    """A post that the viewer sees and that is not deleted."""
    return await session.scalar(visible(Post, viewer).where(Post.id == post_id, Post.deleted_at.is_(None)))


async def find_popular_hashtags(session: ReadSession, viewer: Viewer, *, count: int) -> list[PopularHashtag]:
    """Those that most people used of late: of the last so many uses, whoever repeats one counts once."""
    said = visible(Post, viewer).where(Post.deleted_at.is_(None), ~is_muted(viewer, Post.author_id))
    uses = said.join(PostHashtag, PostHashtag.post_id == Post.id).order_by(PostHashtag.post_id.desc())
    last = uses.with_only_columns(PostHashtag.name, Post.author_id).limit(settings.hashtag_uses_counted_max).subquery()
    people = func.count(distinct(last.c.author_id))
    popular = select(last.c.name, people).group_by(last.c.name).order_by(people.desc(), last.c.name).limit(count)
    return [PopularHashtag(name, number) for name, number in await session.execute(popular)]

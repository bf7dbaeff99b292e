"""Feeds."""

from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, select, true, union_all
from sqlalchemy.orm import aliased

from app import checks
from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.accounts import User
from app.models.social import Friendship, Post, PostType
from app.pagination import Cut, merged
from app.policies import Viewer, account_of, signed_in, visible
from app.policies.social import is_friend, is_muted
from app.services.social.posts import editing
from app.services.social.posts import feed as feed_service
from app.services.social.posts.editing import PostChange
from app.services.social.posts.feed import FeedScope, PopularHashtag
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.feed_delivery import FeedPost

AUTHORED = aliased(Post)


@dataclass(frozen=True)
class FeedEvent:
    """A change to a post in the viewer's feed."""

    cursor: str
    change: PostChange
    post_id: strawberry.ID
    post: Post | None


def feed(info: Info, scope: FeedScope = FeedScope.EVERYONE, type: PostType | None = None) -> Select[Post]:
    """All posts, without replies and without authors the viewer has muted.

    scope: Whose posts to include.
    type: Only posts of this type.
    """
    viewer = info.context.viewer
    begun = visible(Post, viewer).where(Post.parent_id.is_(None), Post.deleted_at.is_(None), *_of(Post, type))
    posts = begun.where(~is_muted(viewer, Post.author_id))
    if scope is FeedScope.EVERYONE:
        return posts
    return merged(
        posts.where((Post.author_id == account_of(viewer)) | is_friend(viewer, Post.author_id)),
        lambda cut: _by_friends(viewer, cut, type),
    )


def _of(post: Any, type: PostType | None) -> list[ColumnElement[bool]]:
    return [] if type is None else [post.type == type]


def _by_friends(viewer: Viewer, cut: Cut, type: PostType | None) -> ColumnElement[bool]:
    """A page takes that many posts of each person through an index, and of these the newest.

    Going post by post until there are enough by friends could read a million rows for a user with few or quiet friends.
    """
    own = account_of(viewer)
    friends = select(Friendship.friend_id.label("id")).where(Friendship.user_id == own)
    people = union_all(friends, select(own)).subquery("people")
    first = cut(_posts_by(people.c.id, type), AUTHORED, limit=1).lateral("first")
    firsts = select(people.c.id.label("author_id"), first.c.id).join_from(people, first, true())
    # The offset is a fence: who receives it is asked in this order, until there are enough, not of everybody before.
    ranked = cut(firsts, first.c, limit=None).offset(0).subquery("ranked")
    authors = visible(User, viewer).where(User.id == ranked.c.author_id, ~is_muted(viewer, User.id))
    author = cut(authors.with_only_columns(ranked.c.author_id), ranked.c).subquery("author")
    part = cut(_posts_by(author.c.author_id, type), AUTHORED).lateral("part")
    return Post.id.in_(cut(select(part.c.id).join_from(author, part, true()), part.c))


def _posts_by(author_id: ColumnElement[int], type: PostType | None) -> Select[int]:
    """A user's posts without replies; they have an index of their own."""
    return select(AUTHORED.id).where(
        AUTHORED.author_id == author_id,
        AUTHORED.parent_id.is_(None),
        AUTHORED.deleted_at.is_(None),
        *_of(AUTHORED, type),
    )


async def popular_hashtags(info: Info, first: int = min(10, settings.hashtags_popular_max)) -> list[PopularHashtag]:
    """The hashtags that most people used recently, in posts that the viewer can see and does not mute.

    first: How many to return, at most {settings.hashtags_popular_max}.
    """
    checks.within("first", first, 0, settings.hashtags_popular_max)
    async with info.context.reading() as session:
        return await feed_service.find_popular_hashtags(session, info.context.viewer, count=first)


async def feed_updated(
    info: Info, scope: FeedScope = FeedScope.EVERYONE, after: str | None = None
) -> SourceStream[FeedEvent]:
    """Posts in the viewer's feed as they are created, edited or deleted.

    scope: Whose posts to include.
    after: The cursor to continue after; missed events come first. Without it, only new events.
    """
    context = info.context
    if scope is FeedScope.FRIENDS:
        signed_in(context.viewer)

    async def read(event: StreamEvent) -> FeedEvent | None:
        payload, change = event.payload, PostChange(event.payload["change"])
        if payload["parent"] is not None:  # a reply is in no feed
            return None
        delivery = await context.feed_delivery.of(
            FeedPost(payload["post"], payload["author"], scope), context.authorisation
        )
        if delivery is None or (delivery.post is None) != (change is PostChange.DELETED):
            return None  # not for them, or deleted since, as the next event says
        return FeedEvent(event.position.cursor, change, ids.encode_key(Post, payload["post"]), delivery.post)

    return await SourceStream.since(after, context.events, editing.POSTS_TOPIC, read)

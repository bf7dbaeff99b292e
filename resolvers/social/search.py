"""Full-text search of posts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import strawberry

from app.models.accounts import User
from app.pagination import Page, PageArgs
from app.services.social.posts import search
from app.services.social.posts.search import Mark, PostMatch
from resolvers import ids
from resolvers.context import Info


@dataclass(frozen=True)
class PostMatchEdge:
    """An edge of a list: one match with its cursor."""

    cursor: str
    node: PostMatch


@dataclass(frozen=True)
class PostMatchConnection:
    """One page of search results."""

    page: Page[PostMatch]
    count: Callable[[], Awaitable[int]]

    @property
    def nodes(self) -> list[PostMatch]:
        """The matches."""
        return list(self.page.rows)

    @property
    def edges(self) -> list[PostMatchEdge]:
        """The matches with their cursors."""
        return [PostMatchEdge(match.mark.cursor, match) for match in self.page.rows]


async def search_posts(
    info: Info,
    query: str,
    author_id: strawberry.ID | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> PostMatchConnection:
    """Posts and replies that match the query, best first; if very many, of the newest {settings.posts_ranked_max}.

    query: Words, also in other forms and without accents, "a phrase", one or another, -excluded, #hashtags,
        @username or @"user name" of mentioned users.
    author_id: Only posts by this user.
    first: How many to return from the beginning, at most {settings.page_size_max}; {settings.page_size} by default.
    after: The cursor to continue after.
    last: How many to return from the end, at most {settings.page_size_max}; instead of `first`.
    before: The cursor to end before.
    """
    context, args = info.context, PageArgs(first, after, last=last, before=before)
    await search.limit_searches(context.rates, context.viewer, address=context.address)
    sought = search.Sought(query, None if author_id is None else ids.key(author_id, User))
    after_mark, before_mark = (
        None if text is None else Mark.parse(text, name) for text, name in ((after, "after"), (before, "before"))
    )
    async with context.reading() as session:
        matches = await search.search_posts(
            session,
            context.viewer,
            sought,
            size=args.size,
            after=after_mark,
            before=before_mark,
            is_backward=args.is_backward,
        )

    async def count() -> int:
        async with context.reading() as session:
            return await search.count_posts(session, context.viewer, sought)

    return PostMatchConnection(Page.cut(matches, args), count)

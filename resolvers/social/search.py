"""Full-text search of posts."""

from dataclasses import dataclass

import strawberry

from app.models.accounts import User
from app.pagination import PageArgs
from app.services.social.posts import search
from app.services.social.posts.search import Mark, PostMatch
from app.settings import settings
from resolvers import ids
from resolvers.context import Info


@dataclass(frozen=True)
class PostMatches:
    """A page of search results."""

    nodes: list[PostMatch]
    has_next_page: bool
    end_cursor: str | None


async def search_posts(
    info: Info,
    query: str,
    author_id: strawberry.ID | None = None,
    first: int = settings.page_size,
    after: str | None = None,
) -> PostMatches:
    """Posts and replies that match the query, best first; if very many, of the newest {settings.posts_ranked_max}.

    query: Words, also in other forms and without accents, "a phrase", one or another, -excluded, #hashtags,
        @username or @"user name" of mentioned users.
    author_id: Only posts by this user.
    first: How many to return, at most {settings.page_size_max}.
    after: The cursor to continue after.
    """
    context, args = info.context, PageArgs(first, after)
    await search.limit_searches(context.rates, context.viewer, address=context.address)
    async with context.reading() as session:
        hits = await search.search_posts(
            session,
            context.viewer,
            query=query,
            author_id=None if author_id is None else ids.key(author_id, User),
            first=args.first,
            after=None if after is None else Mark.parse(after),
        )
    nodes = hits[: args.first]
    return PostMatches(nodes, len(hits) > len(nodes), nodes[-1].mark.cursor if nodes else None)

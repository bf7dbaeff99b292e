"""Posts by their words."""

from dataclasses import dataclass

import strawberry

from app.models.accounts import User
from app.pagination import PageArgs
from app.services.social.posts import search
from app.services.social.posts.search import Mark, PostMatch
from resolvers import ids
from resolvers.context import Info


@dataclass(frozen=True)
class PostMatches:
    """A page of the posts that were found."""

    nodes: list[PostMatch]
    has_next_page: bool
    end_cursor: str | None


async def search_posts(
    info: Info,
    query: str,
    author_id: strawberry.ID | None = None,
    first: int = 25,
    after: str | None = None,
) -> PostMatches:
    """Posts and replies that say something, those that say most of it first; of very many, the newest 200.

    query: Words, "words in this order", one or another, -without; #hashtags; @names of who is mentioned, or @"a name".
    author_id: Only by this person.
    first: How many, at most 100.
    after: Continue after this cursor.
    """
    context, args = info.context, PageArgs(first, after)
    await search.pace_searches(context.rates, context.viewer, address=context.address)
    async with context.reading() as session:
        found = await search.search_posts(
            session,
            context.viewer,
            query=query,
            author_id=None if author_id is None else ids.key(author_id, User),
            first=args.first,
            after=None if after is None else Mark.parse(after),
        )
    nodes = found[: args.first]
    return PostMatches(nodes, len(found) > len(nodes), nodes[-1].mark.cursor if nodes else None)

"""GraphQL types for post search."""

import strawberry

from app.services.social.posts import search
from resolvers.social import search as resolve
from schema.fields import PageInfo, field
from schema.row import shows
from schema.social.posts import Post


@shows(search.TextPart)
class TextPart:
    text: str = strawberry.field(description="Plain text. Escape it before you insert it into HTML.")
    is_match: bool = strawberry.field(description="Whether to highlight this part.")


@shows(search.PostMatch)
class PostMatch:
    post: Post = strawberry.field(description="The post.")
    highlighted: list[TextPart] = strawberry.field(description="The whole content in parts; concatenate them in order.")


@shows(resolve.PostMatchEdge)
class PostMatchEdge:
    cursor: str = strawberry.field(description="The match's cursor, for use as `after` or `before`.")
    node: PostMatch = strawberry.field(description="The match.")


def _page_info(root: strawberry.Parent[resolve.PostMatchConnection]) -> PageInfo:
    edges = root.edges
    return PageInfo(
        has_next_page=root.page.has_next,
        has_previous_page=root.page.has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )


async def _total_count(root: strawberry.Parent[resolve.PostMatchConnection]) -> int:
    return await root.count()


@shows(resolve.PostMatchConnection)
class PostMatchConnection:
    edges: list[PostMatchEdge] = strawberry.field(description="The matches with their cursors.")
    nodes: list[PostMatch] = strawberry.field(description="The matches without cursors, best first.")
    page_info: PageInfo = strawberry.field(resolver=_page_info, description="Information about this page.")
    total_count: int = strawberry.field(
        resolver=_total_count, description="The number of matches, of those that are ranked; counted only if requested."
    )


@strawberry.type
class SearchingQuery:
    search_posts: PostMatchConnection = field(resolve.search_posts)

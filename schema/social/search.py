"""What clients see of searching posts."""

import strawberry

from app.services.social.posts import search
from resolvers.social import search as resolve
from schema.fields import field
from schema.row import shows
from schema.social.posts import Post


@shows(search.TextPart)
class TextPart:
    text: str = strawberry.field(description="What it says: plain text, which is no HTML until somebody escapes it.")
    is_match: bool = strawberry.field(description="Whether to highlight it.")


@shows(search.PostMatch)
class PostMatch:
    post: Post = strawberry.field(description="The post.")
    highlighted: list[TextPart] = strawberry.field(
        description="All that it says, in parts: put together they are its content."
    )


@shows(resolve.PostMatches)
class PostMatches:
    nodes: list[PostMatch] = strawberry.field(description="The posts, best first.")
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    end_cursor: str | None = strawberry.field(description="The place of the last, to continue from with `after`.")


@strawberry.type
class SearchingQuery:
    search_posts: PostMatches = field(resolve.search_posts)

"""GraphQL types for post search."""

import strawberry

from app.services.social.posts import search
from resolvers.social import search as resolve
from schema.fields import field
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


@shows(resolve.PostMatches)
class PostMatches:
    nodes: list[PostMatch] = strawberry.field(description="The matching posts, best first.")
    has_next_page: bool = strawberry.field(description="Whether more posts follow.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last post, for use as `after`.")


@strawberry.type
class SearchingQuery:
    search_posts: PostMatches = field(resolve.search_posts)

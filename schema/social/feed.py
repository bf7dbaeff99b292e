"""What clients see of whose posts somebody is shown."""

import strawberry

from resolvers import social as resolve
from schema.fields import Connection, connection
from schema.social.posts import Post

strawberry.enum(resolve.FeedScope, description=resolve.FeedScope.__doc__)


@strawberry.type
class FeedQuery:
    feed: Connection[Post] = connection(resolve.feed)
    posts: Connection[Post] = connection(resolve.posts)

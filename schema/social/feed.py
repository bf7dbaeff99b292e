"""GraphQL types for feeds."""

import strawberry

from app.services.social.posts import editing
from app.services.social.posts import feed as feed_service
from resolvers.enums import show_enum
from resolvers.social import feed as resolve_feed
from resolvers.social import posts as resolve_posts
from schema.fields import Connection, connection, cursor, field, subscription
from schema.row import shows
from schema.social.posts import Post

for enum in (feed_service.FeedScope, editing.PostChange):
    show_enum(enum)


@shows(resolve_feed.FeedEvent)
class FeedEvent:
    cursor: str = cursor()
    change: editing.PostChange = strawberry.field(description="What happened.")
    post_id: strawberry.ID = strawberry.field(description="The post's id.")
    post: Post | None = strawberry.field(description="The post as it is now; null once it is deleted.")


@shows(feed_service.PopularHashtag)
class PopularHashtag:
    name: str = strawberry.field(description="The hashtag, lower case, without `#`.")
    people_count: int = strawberry.field(description="How many people used it recently.")


@strawberry.type
class FeedQuery:
    feed: Connection[Post] = connection(resolve_feed.feed)
    posts: Connection[Post] = connection(resolve_posts.posts)
    popular_hashtags: list[PopularHashtag] = field(resolve_feed.popular_hashtags)


@strawberry.type
class FeedSubscription:
    feed_updated: FeedEvent = subscription(resolve_feed.feed_updated)

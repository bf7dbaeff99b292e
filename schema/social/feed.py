"""What clients see of whose posts somebody is shown."""

import strawberry

from app.services.social.posts import editing
from app.services.social.posts import feed as feed_service
from resolvers.social import feed as resolve_feed
from resolvers.social import posts as resolve_posts
from schema.fields import Connection, connection, cursor, field, subscription
from schema.row import shows
from schema.social.posts import Post

for enum in (feed_service.FeedScope, editing.PostChange):
    strawberry.enum(enum, description=enum.__doc__)


@shows(resolve_feed.FeedEvent)
class FeedEvent:
    cursor: str = cursor()
    change: editing.PostChange = strawberry.field(description="What has happened.")
    post_id: strawberry.ID = strawberry.field(description="Which post it is about.")
    post: Post | None = strawberry.field(description="As it is now; null once it is deleted.")


@shows(feed_service.PopularHashtag)
class PopularHashtag:
    name: str = strawberry.field(description="It, without the `#`, in small letters.")
    people_count: int = strawberry.field(description="How many people used it of late.")


@strawberry.type
class FeedQuery:
    feed: Connection[Post] = connection(resolve_feed.feed)
    posts: Connection[Post] = connection(resolve_posts.posts)
    popular_hashtags: list[PopularHashtag] = field(resolve_feed.popular_hashtags)


@strawberry.type
class FeedSubscription:
    feed_updated: FeedEvent = subscription(resolve_feed.feed_updated)

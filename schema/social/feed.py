"""What clients see of whose posts somebody is shown."""

import strawberry

from app.services import social
from resolvers import social as resolve
from schema.fields import Connection, connection, cursor, field, subscription
from schema.row import shows
from schema.social.posts import Post

for enum in (social.FeedScope, social.PostChange):
    strawberry.enum(enum, description=enum.__doc__)


@shows(resolve.FeedEvent)
class FeedEvent:
    cursor: str = cursor()
    change: social.PostChange = strawberry.field(description="What has happened.")
    post_id: strawberry.ID = strawberry.field(description="Which post it is about.")
    post: Post | None = strawberry.field(description="As it is now; null once it is deleted.")


@shows(social.PopularHashtag)
class PopularHashtag:
    name: str = strawberry.field(description="It, without the `#`, in small letters.")
    people_count: int = strawberry.field(description="How many people used it of late.")


@strawberry.type
class FeedQuery:
    feed: Connection[Post] = connection(resolve.feed)
    posts: Connection[Post] = connection(resolve.posts)
    popular_hashtags: list[PopularHashtag] = field(resolve.popular_hashtags)


@strawberry.type
class FeedSubscription:
    feed_updated: FeedEvent = subscription(resolve.feed_updated)

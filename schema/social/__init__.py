"""GraphQL types and fields for posts, messages and friends."""

import strawberry

from schema.social.feed import FeedQuery, FeedSubscription
from schema.social.friends import FriendsMutation, FriendsQuery, FriendsSubscription
from schema.social.messages import MessagesMutation, MessagesQuery, MessagesSubscription
from schema.social.posts import PostsMutation
from schema.social.reports import ReportsMutation, ReportsQuery
from schema.social.search import SearchingQuery


@strawberry.type
class SocialQuery(FeedQuery, FriendsQuery, MessagesQuery, ReportsQuery, SearchingQuery):
    """The domain's questions."""


@strawberry.type
class SocialMutation(FriendsMutation, MessagesMutation, PostsMutation, ReportsMutation):
    """The domain's changes."""


@strawberry.type
class SocialSubscription(FeedSubscription, FriendsSubscription, MessagesSubscription):
    """The domain's events."""

"""What clients see of the social layer."""

import strawberry

from schema.social.friends import FriendsMutation, FriendsQuery, FriendsSubscription


@strawberry.type
class SocialQuery(FriendsQuery):
    """The domain's questions."""


@strawberry.type
class SocialMutation(FriendsMutation):
    """The domain's changes."""


@strawberry.type
class SocialSubscription(FriendsSubscription):
    """The domain's events."""

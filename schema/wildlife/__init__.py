"""GraphQL types and fields for camera-trap projects, places, media and classifications."""

import strawberry

import app.policies.wildlife  # noqa: F401 -- registers who may see the tables


@strawberry.type
class WildlifeQuery:
    """The domain's questions."""


@strawberry.type
class WildlifeMutation:
    """The domain's changes."""


@strawberry.type
class WildlifeSubscription:
    """The domain's events."""

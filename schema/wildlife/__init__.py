"""GraphQL types and fields for camera-trap projects, places, media and classifications."""

import strawberry

from schema.wildlife.providers import ProvidersQuery
from schema.wildlife.statistics import StatisticsQuery


@strawberry.type
class WildlifeQuery(ProvidersQuery, StatisticsQuery):
    """The domain's questions."""


@strawberry.type
class WildlifeMutation:
    """The domain's changes."""


@strawberry.type
class WildlifeSubscription:
    """The domain's events."""

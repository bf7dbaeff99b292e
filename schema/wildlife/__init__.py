"""GraphQL types and fields for camera-trap projects, places, media and classifications."""

import strawberry

from schema.wildlife.ai_jobs import AIJobsMutation, AIJobsQuery, AIJobsSubscription
from schema.wildlife.providers import ProvidersMutation, ProvidersQuery
from schema.wildlife.statistics import StatisticsQuery


@strawberry.type
class WildlifeQuery(ProvidersQuery, AIJobsQuery, StatisticsQuery):
    """The domain's questions."""


@strawberry.type
class WildlifeMutation(ProvidersMutation, AIJobsMutation):
    """The domain's changes."""


@strawberry.type
class WildlifeSubscription(AIJobsSubscription):
    """The domain's events."""

"""GraphQL types and fields for consulting."""

import strawberry

from schema.consulting.changes import ConsultingChangesMutation
from schema.consulting.requests import ConsultingRequestsQuery, ConsultingRequestsSubscription


@strawberry.type
class ConsultingQuery(ConsultingRequestsQuery):
    """The domain's questions."""


@strawberry.type
class ConsultingMutation(ConsultingChangesMutation):
    """The domain's changes."""


@strawberry.type
class ConsultingSubscription(ConsultingRequestsSubscription):
    """The domain's events."""

"""GraphQL types and fields for tables and the machines that learn from them."""

import strawberry

from schema.automl.readings import ReadingsMutation, ReadingsQuery, ReadingsSubscription


@strawberry.type
class AutomlQuery(ReadingsQuery):
    """The domain's questions."""


@strawberry.type
class AutomlMutation(ReadingsMutation):
    """The domain's changes."""


@strawberry.type
class AutomlSubscription(ReadingsSubscription):
    """The domain's events."""

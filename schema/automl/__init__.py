"""GraphQL types and fields for tables and the machines that learn from them."""

import strawberry

from schema.automl.answers import AnswersMutation, AnswersQuery
from schema.automl.machine_changes import MachineChangesMutation
from schema.automl.machines import MachinesQuery
from schema.automl.readings import ReadingsMutation, ReadingsQuery, ReadingsSubscription


@strawberry.type
class AutomlQuery(ReadingsQuery, MachinesQuery, AnswersQuery):
    """The domain's questions."""


@strawberry.type
class AutomlMutation(ReadingsMutation, MachineChangesMutation, AnswersMutation):
    """The domain's changes."""


@strawberry.type
class AutomlSubscription(ReadingsSubscription):
    """The domain's events."""

"""GraphQL types and fields for tables and the machines that learn from them."""

import strawberry

from schema.automl.answers import AnswersMutation, AnswersQuery
from schema.automl.graphs import GraphsMutation, GraphsQuery
from schema.automl.machine_changes import MachineChangesMutation
from schema.automl.machines import MachinesQuery
from schema.automl.market import MarketMutation, MarketQuery
from schema.automl.readings import ReadingsMutation, ReadingsQuery, ReadingsSubscription
from schema.automl.trainings import TrainingsMutation, TrainingsQuery, TrainingsSubscription


@strawberry.type
class AutomlQuery(ReadingsQuery, MachinesQuery, AnswersQuery, TrainingsQuery, MarketQuery, GraphsQuery):
    """The domain's questions."""


@strawberry.type
class AutomlMutation(
    ReadingsMutation, MachineChangesMutation, AnswersMutation, TrainingsMutation, MarketMutation, GraphsMutation
):
    """The domain's changes."""


@strawberry.type
class AutomlSubscription(ReadingsSubscription, TrainingsSubscription):
    """The domain's events."""

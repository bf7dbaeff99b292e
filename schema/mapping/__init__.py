"""GraphQL types and fields for datasets, models, trainings and predictions."""

import strawberry

from schema.mapping.comparison import ComparisonQuery
from schema.mapping.datasets import DatasetsMutation, DatasetsQuery
from schema.mapping.feedback import FeedbackMutation, FeedbackQuery
from schema.mapping.imports import ImportsMutation, ImportsQuery
from schema.mapping.maps import MapsQuery
from schema.mapping.predictions import PredictionsMutation, PredictionsQuery, PredictionsSubscription
from schema.mapping.quality import QualityMutation, QualityQuery, QualitySubscription
from schema.mapping.trainings import TrainingsMutation, TrainingsQuery, TrainingsSubscription


@strawberry.type
class MappingQuery(
    DatasetsQuery,
    MapsQuery,
    ImportsQuery,
    TrainingsQuery,
    PredictionsQuery,
    FeedbackQuery,
    QualityQuery,
    ComparisonQuery,
):
    """The domain's questions."""


@strawberry.type
class MappingMutation(
    DatasetsMutation, ImportsMutation, TrainingsMutation, PredictionsMutation, FeedbackMutation, QualityMutation
):
    """The domain's changes."""


@strawberry.type
class MappingSubscription(QualitySubscription, TrainingsSubscription, PredictionsSubscription):
    """The domain's events."""

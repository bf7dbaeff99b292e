"""GraphQL types and fields for camera-trap projects, places, media and classifications."""

import strawberry

from schema.wildlife.classifications.classificators import ClassificatorsMutation, ClassificatorsQuery
from schema.wildlife.classifications.projects import ClassificationProjectsMutation, ClassificationProjectsQuery
from schema.wildlife.classifications.types import ClassificationsMutation, ClassificationsQuery
from schema.wildlife.exchange import ExchangeMutation, ExchangeQuery, ExchangeSubscription
from schema.wildlife.frames import FramesMutation, FramesQuery
from schema.wildlife.media.changes import MediaChangesQuery, MediaMutation, MediaSubscription
from schema.wildlife.media.types import MediaQuery
from schema.wildlife.places.calibrations import CalibrationsMutation, CalibrationsQuery
from schema.wildlife.places.tables import TablesMutation
from schema.wildlife.places.types import PlacesMutation, PlacesQuery
from schema.wildlife.projects import ProjectsMutation, ProjectsQuery
from schema.wildlife.providers.ai_jobs import AIJobsMutation, AIJobsQuery, AIJobsSubscription
from schema.wildlife.providers.species_classifiers import SpeciesClassifiersMutation, SpeciesClassifiersQuery
from schema.wildlife.providers.types import ProvidersMutation, ProvidersQuery
from schema.wildlife.species import SpeciesMutation, SpeciesQuery
from schema.wildlife.statistics import StatisticsQuery


@strawberry.type
class WildlifeQuery(
    ExchangeQuery,
    ProjectsQuery,
    PlacesQuery,
    MediaQuery,
    MediaChangesQuery,
    SpeciesQuery,
    ClassificationProjectsQuery,
    ClassificatorsQuery,
    ClassificationsQuery,
    ProvidersQuery,
    AIJobsQuery,
    FramesQuery,
    CalibrationsQuery,
    StatisticsQuery,
    SpeciesClassifiersQuery,
):
    """The domain's questions."""


@strawberry.type
class WildlifeMutation(
    ExchangeMutation,
    ProjectsMutation,
    PlacesMutation,
    MediaMutation,
    SpeciesMutation,
    TablesMutation,
    ClassificationProjectsMutation,
    ClassificatorsMutation,
    ClassificationsMutation,
    ProvidersMutation,
    AIJobsMutation,
    FramesMutation,
    CalibrationsMutation,
    SpeciesClassifiersMutation,
):
    """The domain's changes."""


@strawberry.type
class WildlifeSubscription(AIJobsSubscription, ExchangeSubscription, MediaSubscription):
    """The domain's events."""

"""What clients see on a map of everything, and the figures beside it."""

import strawberry

from app.geometry import FeatureCollection
from app.services.mapping.maps import overview
from resolvers.mapping import maps as resolve
from schema.fields import field
from schema.row import shows


@shows(overview.Statistics)
class Statistics:
    models_published: int = strawberry.field(description="Models that everybody may predict with.")
    datasets_active: int = strawberry.field(description="Datasets in use.")
    users_registered: int = strawberry.field(description="People with an account that is not suspended.")
    labels: int = strawberry.field(description="Features known to be there.")
    trainings_finished: int = strawberry.field(description="Trainings that ended well.")
    predictions_accepted: int = strawberry.field(description="Predicted features that people hold to be right.")
    feedback_labels: int = strawberry.field(description="Features drawn or fetched to correct predictions.")


@strawberry.type
class MapsQuery:
    model_centroids: FeatureCollection = field(resolve.model_centroids)
    dataset_centroids: FeatureCollection = field(resolve.dataset_centroids)
    statistics: Statistics = field(resolve.statistics)

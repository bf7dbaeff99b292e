"""GraphQL types for the overview map and its figures."""

import strawberry

from app.geometry.shapes import FeatureCollection
from app.services.mapping.maps import overview
from resolvers.mapping import maps as resolve
from schema.fields import field
from schema.row import shows


@shows(overview.Statistics)
class Statistics:
    models_published: int = strawberry.field(description="Published models.")
    datasets_active: int = strawberry.field(description="Active datasets.")
    users_registered: int = strawberry.field(description="Accounts that are not suspended.")
    labels: int = strawberry.field(description="Labels in all datasets.")
    trainings_finished: int = strawberry.field(description="Finished trainings.")
    predictions_accepted: int = strawberry.field(description="Predicted features that people hold to be right.")
    feedback_labels: int = strawberry.field(description="Labels drawn or fetched to correct predictions.")


@strawberry.type
class MapsQuery:
    model_centroids: FeatureCollection = field(resolve.model_centroids)
    dataset_centroids: FeatureCollection = field(resolve.dataset_centroids)
    statistics: Statistics = field(resolve.statistics)

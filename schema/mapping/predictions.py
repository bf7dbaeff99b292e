"""What clients see of predictions."""

import strawberry
from strawberry import auto

from app import models as tables
from app.settings import settings
from resolvers import mapping as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, many, mutation, one, subscription
from schema.mapping.trainings import Artifact, JobEvent, Training
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows
from schema.system.jobs import Job


class PredictedFeature(Row, of=tables.PredictedFeature):
    geom: auto
    confidence: auto
    area_m2: auto


class Prediction(Row, of=tables.Prediction):
    geom: auto
    description: auto
    status: auto
    task_id: auto
    config: auto
    created_at: auto
    started_at: auto
    finished_at: auto
    result_count: auto
    published: auto
    published_at: auto
    failure: auto
    user: User | None = one(tables.Prediction.user)
    training: Training = one(tables.Prediction.training)
    job: Job | None = one(tables.Prediction.job)
    features: Connection[PredictedFeature] = many(tables.Prediction.features, size_max=settings.labels_page_size_max)
    artifacts: Connection[Artifact] = many(tables.Prediction.artifacts)


@shows(resolve.PredictionEvent)
class PredictionEvent(JobEvent):
    prediction: Prediction = strawberry.field(description="The prediction as it is now.")


@strawberry.type
class PredictionsQuery:
    prediction: Prediction | None = field(resolve.prediction)
    predictions: Connection[Prediction] = connection(resolve.predictions)


@strawberry.type
class PredictionsMutation:
    start_prediction: Prediction | InvalidInput | Conflict | LimitReached = mutation(
        resolve.start_prediction, scope=tables.Scope.TRAIN
    )


@strawberry.type
class PredictionsSubscription:
    prediction_updated: PredictionEvent = subscription(resolve.prediction_updated)

"""What clients see of predictions."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app import models as tables
from app.services.system import Pace
from app.settings import settings
from resolvers import mapping as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, many, mutation, one, subscription
from schema.mapping.datasets import Deleted
from schema.mapping.trainings import Artifact, JobEvent, Training
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows
from schema.system.jobs import Job

if TYPE_CHECKING:
    from schema.accounts.teams import Team

for enum in (tables.Verdict, tables.Conflation):
    strawberry.enum(enum, description=enum.__doc__)


class PredictedFeature(Row, of=tables.PredictedFeature):
    geom: auto
    confidence: auto
    area_m2: auto
    verdict: auto
    conflation: auto
    osm_share: auto


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
    parts: auto
    parts_done: auto
    parts_without_imagery: auto
    conflating: auto
    conflated_at: auto
    conflation_error: auto
    team: Annotated["Team", strawberry.lazy("schema.accounts.teams")] | None = one(tables.Prediction.team)
    user: User | None = one(tables.Prediction.user)
    training: Training = one(tables.Prediction.training)
    job: Job | None = one(tables.Prediction.job)
    features: Connection[PredictedFeature] = many(tables.Prediction.features, size_max=settings.labels_page_size_max)
    artifacts: Connection[Artifact] = many(tables.Prediction.artifacts)
    download: str = field(resolve.download)


@shows(resolve.PredictionEvent)
class PredictionEvent(JobEvent):
    prediction: Prediction = strawberry.field(description="The prediction as it is now.")


@strawberry.type
class PredictionsQuery:
    prediction: Prediction | None = field(resolve.prediction)
    predictions: Connection[Prediction] = connection(resolve.predictions)
    predicted_features: Connection[PredictedFeature] = connection(
        resolve.predicted_features, size_max=settings.labels_page_size_max
    )


@strawberry.type
class PredictionsMutation:
    start_prediction: Prediction | InvalidInput | Conflict | LimitReached = mutation(
        resolve.start_prediction,
        scope=tables.Scope.TRAIN,
        pace=Pace.PREDICTIONS,
        request_bytes_max=settings.shape_request_bytes_max,
    )
    update_prediction: Prediction | InvalidInput = mutation(resolve.update_prediction)
    share_prediction: Prediction = mutation(resolve.share_prediction)
    publish_prediction: Prediction | Conflict = mutation(resolve.publish_prediction)
    unpublish_prediction: Prediction = mutation(resolve.unpublish_prediction)
    retry_prediction: Prediction | Conflict = mutation(
        resolve.retry_prediction, scope=tables.Scope.TRAIN, pace=Pace.PREDICTIONS
    )
    cancel_prediction: Prediction | Conflict = mutation(resolve.cancel_prediction)
    delete_prediction: Deleted | Conflict = mutation(resolve.delete_prediction)
    conflate_prediction: Prediction | Conflict = mutation(resolve.conflate_prediction, pace=Pace.JOBS)
    judge_features: Prediction | Conflict = mutation(resolve.judge_features)


@strawberry.type
class PredictionsSubscription:
    prediction_updated: PredictionEvent = subscription(resolve.prediction_updated)

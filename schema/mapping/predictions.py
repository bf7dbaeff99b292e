"""GraphQL types for predictions."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.models import choices as choice_tables
from app.models.billing.ledger import OperationCause
from app.models.kinds.mapping import MappingRateLimit
from app.models.kinds.system import SystemRateLimit
from app.models.mapping import predictions as prediction_tables
from app.services.billing import charges
from app.settings import settings
from resolvers.enums import show_enum
from resolvers.mapping import predictions as resolve_predictions
from resolvers.mapping import subscriptions
from schema.accounts import User
from schema.billing.problems import InsufficientFunds
from schema.billing.spending import CostEstimate
from schema.deleted import Deleted
from schema.fields import Connection, connection, field, many, mutation, one, subscription
from schema.mapping.trainings import Artifact, JobEvent, Training
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows
from schema.system.jobs import Job

if TYPE_CHECKING:
    from schema.accounts.teams import Team

for enum in (prediction_tables.Verdict, prediction_tables.Conflation):
    show_enum(enum)


class PredictedFeature(Row, of=prediction_tables.PredictedFeature):
    geom: auto
    confidence: auto
    area_m2: auto
    verdict: auto
    conflation: auto
    osm_share: auto


class Prediction(Row, of=prediction_tables.Prediction):
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
    tiles_without_imagery: auto
    ground_without_imagery: auto
    conflating: auto
    conflated_at: auto
    conflation_error: auto
    adaptation: "Adaptation | None" = field(resolve_predictions.adaptation)
    team: Annotated["Team", strawberry.lazy("schema.accounts.teams")] | None = one(prediction_tables.Prediction.team)
    user: User | None = one(prediction_tables.Prediction.user)
    training: Training = one(prediction_tables.Prediction.training)
    job: Job | None = one(prediction_tables.Prediction.job)
    features: Connection[PredictedFeature] = many(
        prediction_tables.Prediction.features, size_max=settings.labels_page_size_max
    )
    artifacts: Connection[Artifact] = many(prediction_tables.Prediction.artifacts)
    download: str = field(resolve_predictions.download)


@shows(resolve_predictions.Adaptation)
class Adaptation:
    features: int = strawberry.field(description="The number of features found after adapting.")
    plain_features: int = strawberry.field(description="The number of features found without adapting.")
    agreement: float = strawberry.field(description="Intersection over union of the ground of both, 0 to 1.")


@shows(subscriptions.PredictionEvent)
class PredictionEvent(JobEvent):
    prediction: Prediction = strawberry.field(description="The current state of the prediction.")


@strawberry.type
class PredictionsQuery:
    prediction: Prediction | None = field(resolve_predictions.prediction)
    predictions: Connection[Prediction] = connection(resolve_predictions.predictions)
    predicted_features: Connection[PredictedFeature] = connection(
        resolve_predictions.predicted_features, size_max=settings.labels_page_size_max
    )
    estimate_prediction: CostEstimate = field(resolve_predictions.estimate_prediction)


@strawberry.type
class PredictionsMutation:
    start_prediction: Prediction | InvalidInput | Conflict | LimitReached | InsufficientFunds = mutation(
        resolve_predictions.start_prediction,
        scope=choice_tables.Scope.TRAIN,
        rate_limit=MappingRateLimit.PREDICTIONS,
        needs_key=partial(charges.has_price, OperationCause.PREDICTION),
        request_bytes_max=settings.shape_request_bytes_max,
    )
    update_prediction: Prediction | InvalidInput = mutation(resolve_predictions.update_prediction)
    share_prediction: Prediction = mutation(resolve_predictions.share_prediction)
    publish_prediction: Prediction | Conflict = mutation(resolve_predictions.publish_prediction)
    unpublish_prediction: Prediction = mutation(resolve_predictions.unpublish_prediction)
    retry_prediction: Prediction | Conflict | InsufficientFunds = mutation(
        resolve_predictions.retry_prediction,
        scope=choice_tables.Scope.TRAIN,
        rate_limit=MappingRateLimit.PREDICTIONS,
        needs_key=partial(charges.has_price, OperationCause.PREDICTION),
    )
    cancel_prediction: Prediction | Conflict = mutation(resolve_predictions.cancel_prediction)
    delete_prediction: Deleted | Conflict = mutation(resolve_predictions.delete_prediction)
    conflate_prediction: Prediction | Conflict = mutation(
        resolve_predictions.conflate_prediction, rate_limit=SystemRateLimit.JOBS
    )
    judge_features: Prediction | Conflict = mutation(resolve_predictions.judge_features)


@strawberry.type
class PredictionsSubscription:
    prediction_updated: PredictionEvent = subscription(subscriptions.prediction_updated)

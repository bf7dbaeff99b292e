"""GraphQL types for models, trainings and their files."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.models import choices as choice_tables
from app.models.billing.ledger import OperationCause
from app.models.kinds.mapping import MappingRateLimit
from app.models.mapping import predictions as prediction_tables
from app.models.mapping import trainings as training_tables
from app.services.billing import charges
from app.training_options import TrainingOptions
from resolvers.enums import show_enum
from resolvers.mapping import changes, comparison, datasets, subscriptions
from resolvers.mapping import trainings as resolve_trainings
from schema.accounts import User
from schema.billing.problems import InsufficientFunds
from schema.billing.spending import CostEstimate
from schema.deleted import Deleted
from schema.fields import Connection, computed, connection, cursor, field, many, mutation, one, subscription
from schema.mapping.datasets import Dataset
from schema.mapping.problems import AccuracyTooLow
from schema.problems import Conflict, InvalidInput, LimitReached, Unavailable
from schema.row import Row, shows
from schema.system.jobs import Job

if TYPE_CHECKING:
    from schema.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI
    from schema.mapping.predictions import Prediction

for enum in (
    training_tables.BaseModel,
    training_tables.ModelStatus,
):
    show_enum(enum)


class Artifact(Row, of=prediction_tables.Artifact):
    name: auto
    media_type: auto
    size_bytes: auto
    created_at: auto
    link: str = field(resolve_trainings.link)


class Model(Row, of=training_tables.Model):
    name: auto
    description: auto
    base_model: auto
    status: auto
    thumbnail: auto
    created_at: auto
    last_modified: auto
    published_at: auto
    accuracy: float | None = computed(resolve_trainings.published_accuracy)
    user: User | None = one(training_tables.Model.user)
    dataset: Dataset = one(training_tables.Model.dataset)
    published_training: "Training | None" = one(training_tables.Model.published_training)
    trainings: Connection["Training"] = many(training_tables.Model.trainings, order=resolve_trainings.TrainingOrder)


class Training(Row, of=training_tables.Training, with_fields_of=TrainingOptions):
    source_imagery: auto
    description: auto
    status: auto
    task_id: auto
    created_at: auto
    started_at: auto
    finished_at: auto
    chips_length: auto
    centroid: auto
    tiles_without_imagery: auto
    ground_without_imagery: auto
    accuracy: auto
    pixel_accuracy: auto
    precision: auto
    recall: auto
    f1: auto
    object_f1: auto
    suggested_confidence: auto
    failure: auto
    artifacts_deleted_at: auto
    learning_curve: "LearningCurve | None" = field(comparison.learning_curve)
    user: User | None = one(training_tables.Training.user)
    model: Model = one(training_tables.Training.model)
    parent_training: "Training | None" = one(training_tables.Training.parent_training)
    job: Job | None = one(training_tables.Training.job)
    artifacts: Connection[Artifact] = many(training_tables.Training.artifacts)
    predictions: Connection[Annotated["Prediction", strawberry.lazy("schema.mapping.predictions")]] = many(
        training_tables.Training.predictions
    )
    feedbacks: Connection[Annotated["Feedback", strawberry.lazy("schema.mapping.feedback")]] = many(
        training_tables.Training.feedbacks
    )
    feedback_aois: Connection[Annotated["FeedbackAOI", strawberry.lazy("schema.mapping.feedback")]] = many(
        training_tables.Training.feedback_aois
    )
    approved_predictions: Connection[Annotated["ApprovedPrediction", strawberry.lazy("schema.mapping.feedback")]] = (
        many(training_tables.Training.approved_predictions)
    )


@shows(subscriptions.Epoch)
class Epoch:
    number: int = strawberry.field(description="The epoch, from 1.")
    loss: float = strawberry.field(description="The mean training loss over its batches.")
    validation_loss: float | None = strawberry.field(description="The loss on ground held back from training.")
    validation_iou: float | None = strawberry.field(
        description="Intersection over union on ground held back from training, 0 to 1."
    )
    seconds: float = strawberry.field(description="The duration in seconds.")


@shows(comparison.LearningCurve)
class LearningCurve:
    best_epoch: int = strawberry.field(description="The epoch whose weights were kept.")
    epochs: list[Epoch] = strawberry.field(description="All epochs in order.")


@strawberry.interface(description=subscriptions.JobEvent.__doc__)
class JobEvent:
    cursor: str = cursor()
    status: training_tables.TrainingStatus | None = strawberry.field(description="The new status, if it changed.")
    progress: float | None = strawberry.field(description="The progress, from 0 to 1.")
    stage: str | None = strawberry.field(description="The current stage, in one word.")
    message: str | None = strawberry.field(description="The current stage, in a sentence.")
    eta_s: float | None = strawberry.field(description="The estimated seconds until it ends.")
    epoch: Epoch | None = strawberry.field(
        description="The epoch that just ended, if one did; in the first event the last one."
    )


@shows(subscriptions.TrainingEvent)
class TrainingEvent(JobEvent):
    training: Training = strawberry.field(description="The current state of the training.")


@strawberry.type
class TrainingsQuery:
    model: Model | None = field(resolve_trainings.model)
    models: Connection[Model] = connection(resolve_trainings.models, order=datasets.NamedOrder)
    training: Training | None = field(resolve_trainings.training)
    trainings: Connection[Training] = connection(resolve_trainings.trainings, order=resolve_trainings.TrainingOrder)
    estimate_model_training: CostEstimate = field(resolve_trainings.estimate_model_training)


@strawberry.type
class TrainingsMutation:
    create_model: Model | InvalidInput = mutation(resolve_trainings.create_model)
    update_model: Model | InvalidInput = mutation(changes.update_model)
    delete_model: Deleted | Conflict = mutation(changes.delete_model)
    delete_training: Deleted | Conflict = mutation(changes.delete_training)
    start_training: Training | InvalidInput | Conflict | LimitReached | Unavailable | InsufficientFunds = mutation(
        resolve_trainings.start_training,
        scope=choice_tables.Scope.TRAIN,
        rate_limit=MappingRateLimit.TRAININGS,
        needs_key=partial(charges.has_price, OperationCause.TRAINING),
    )
    cancel_training: Training | Conflict = mutation(resolve_trainings.cancel_training)
    publish_training: Model | Conflict | AccuracyTooLow = mutation(resolve_trainings.publish_training)


@strawberry.type
class TrainingsSubscription:
    training_updated: TrainingEvent = subscription(subscriptions.training_updated)

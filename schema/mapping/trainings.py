"""What clients see of models, their trainings, and the files these leave."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app import models as tables
from app.services.system import Pace
from resolvers import mapping as resolve
from schema.accounts import User
from schema.fields import Connection, connection, cursor, field, many, mutation, one, subscription
from schema.mapping.datasets import Dataset, Deleted
from schema.problems import AccuracyTooLow, Conflict, InvalidInput, LimitReached, Unavailable
from schema.row import Row, shows
from schema.system.jobs import Job

if TYPE_CHECKING:
    from schema.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI
    from schema.mapping.predictions import Prediction
    from schema.social.posts import Post

for enum in (
    tables.BaseModel,
    tables.ModelStatus,
):
    strawberry.enum(enum, description=enum.__doc__)


class Artifact(Row, of=tables.Artifact):
    name: auto
    media_type: auto
    size_bytes: auto
    created_at: auto
    link: str = field(resolve.link)


class Model(Row, of=tables.Model):
    name: auto
    description: auto
    base_model: auto
    status: auto
    thumbnail: auto
    created_at: auto
    last_modified: auto
    published_at: auto
    user: User | None = one(tables.Model.user)
    dataset: Dataset = one(tables.Model.dataset)
    published_training: "Training | None" = one(tables.Model.published_training)
    trainings: Connection["Training"] = many(tables.Model.trainings, order=resolve.TrainingOrder)
    posts: Connection[Annotated["Post", strawberry.lazy("schema.social.posts")]] = many(tables.Model.posts)


class Training(Row, of=tables.Training):
    source_imagery: auto
    description: auto
    status: auto
    task_id: auto
    zoom_level: auto
    epochs: auto
    batch_size: auto
    freeze_layers: auto
    created_at: auto
    started_at: auto
    finished_at: auto
    chips_length: auto
    centroid: auto
    accuracy: auto
    pixel_accuracy: auto
    precision: auto
    recall: auto
    f1: auto
    object_f1: auto
    failure: auto
    artifacts_deleted_at: auto
    multimasks: auto
    input_contact_spacing: auto
    input_boundary_width: auto
    learning_curve: "LearningCurve | None" = field(resolve.learning_curve)
    user: User | None = one(tables.Training.user)
    model: Model = one(tables.Training.model)
    parent_training: "Training | None" = one(tables.Training.parent_training)
    job: Job | None = one(tables.Training.job)
    artifacts: Connection[Artifact] = many(tables.Training.artifacts)
    predictions: Connection[Annotated["Prediction", strawberry.lazy("schema.mapping.predictions")]] = many(
        tables.Training.predictions
    )
    posts: Connection[Annotated["Post", strawberry.lazy("schema.social.posts")]] = many(tables.Training.posts)
    feedbacks: Connection[Annotated["Feedback", strawberry.lazy("schema.mapping.feedback")]] = many(
        tables.Training.feedbacks
    )
    feedback_aois: Connection[Annotated["FeedbackAOI", strawberry.lazy("schema.mapping.feedback")]] = many(
        tables.Training.feedback_aois
    )
    approved_predictions: Connection[Annotated["ApprovedPrediction", strawberry.lazy("schema.mapping.feedback")]] = (
        many(tables.Training.approved_predictions)
    )


@shows(resolve.Epoch)
class Epoch:
    number: int = strawberry.field(description="Which pass it was, from 1.")
    loss: float = strawberry.field(description="The mean loss over its batches.")
    validation_loss: float | None = strawberry.field(description="The loss on ground held back.")
    validation_iou: float | None = strawberry.field(description="Intersection over union on ground held back, 0 to 1.")
    seconds: float = strawberry.field(description="How long it took.")


@shows(resolve.LearningCurve)
class LearningCurve:
    best_epoch: int = strawberry.field(description="The epoch whose weights were kept.")
    epochs: list[Epoch] = strawberry.field(description="All of them, in their order.")


@strawberry.interface(description=resolve.JobEvent.__doc__)
class JobEvent:
    cursor: str = cursor()
    status: tables.TrainingStatus | None = strawberry.field(description="The new status, if that has changed.")
    progress: float | None = strawberry.field(description="How much is done, from 0 to 1.")
    stage: str | None = strawberry.field(description="What it is busy with, in one word.")
    message: str | None = strawberry.field(description="What it is busy with, in a sentence.")
    eta_s: float | None = strawberry.field(description="Seconds it expects to need still.")
    epoch: Epoch | None = strawberry.field(description="The epoch that has just ended, if one has.")


@shows(resolve.TrainingEvent)
class TrainingEvent(JobEvent):
    training: Training = strawberry.field(description="The training as it is now.")


@strawberry.type
class TrainingsQuery:
    model: Model | None = field(resolve.model)
    models: Connection[Model] = connection(resolve.models, order=resolve.NamedOrder)
    training: Training | None = field(resolve.training)
    trainings: Connection[Training] = connection(resolve.trainings, order=resolve.TrainingOrder)


@strawberry.type
class TrainingsMutation:
    create_model: Model | InvalidInput = mutation(resolve.create_model)
    update_model: Model | InvalidInput = mutation(resolve.update_model)
    delete_model: Deleted | Conflict = mutation(resolve.delete_model)
    delete_training: Deleted | Conflict = mutation(resolve.delete_training)
    start_training: Training | InvalidInput | Conflict | LimitReached | Unavailable = mutation(
        resolve.start_training, scope=tables.Scope.TRAIN, pace=Pace.TRAININGS
    )
    cancel_training: Training | Conflict = mutation(resolve.cancel_training)
    publish_training: Model | Conflict | AccuracyTooLow = mutation(resolve.publish_training)


@strawberry.type
class TrainingsSubscription:
    training_updated: TrainingEvent = subscription(resolve.training_updated)

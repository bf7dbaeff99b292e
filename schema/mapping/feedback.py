"""What clients see of feedback, corrections, and what is made of them."""

import strawberry
from strawberry import auto

from app import models as tables
from app.services.system import Pace
from app.settings import settings
from resolvers import mapping as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, many, mutation, one
from schema.mapping.datasets import AOI, Dataset, Deleted
from schema.mapping.trainings import Model, Training
from schema.problems import Conflict, InvalidInput, LimitReached, Unavailable
from schema.row import Row

for enum in (tables.FeedbackType, tables.Review):
    strawberry.enum(enum, description=enum.__doc__)


class Feedback(Row, of=tables.Feedback):
    geom: auto
    feedback_type: auto
    zoom_level: auto
    comments: auto
    source_imagery: auto
    created_at: auto
    last_modified: auto
    user: User | None = one(tables.Feedback.user)
    training: Training = one(tables.Feedback.training)


class FeedbackLabel(Row, of=tables.FeedbackLabel):
    geom: auto
    origin: auto
    osm_id: auto
    osm_type: auto
    tags: auto
    created_at: auto
    user: User | None = one(tables.FeedbackLabel.user)
    feedback_aoi: "FeedbackAOI" = one(tables.FeedbackLabel.feedback_aoi)


class FeedbackAOI(Row, of=tables.FeedbackAOI):
    geom: auto
    source_imagery: auto
    label_status: auto
    label_fetched: auto
    label_error: auto
    review: auto
    reviewed_at: auto
    created_at: auto
    last_modified: auto
    user: User | None = one(tables.FeedbackAOI.user)
    reviewed_by: User | None = one(tables.FeedbackAOI.reviewed_by)
    training: Training = one(tables.FeedbackAOI.training)
    aoi: AOI | None = one(tables.FeedbackAOI.aoi)
    labels: Connection[FeedbackLabel] = many(tables.FeedbackAOI.labels, size_max=settings.labels_page_size_max)


class ApprovedPrediction(Row, of=tables.ApprovedPrediction):
    geom: auto
    config: auto
    approved_at: auto
    user: User | None = one(tables.ApprovedPrediction.user)
    training: Training = one(tables.ApprovedPrediction.training)


@strawberry.type
class FeedbackQuery:
    feedback: Feedback | None = field(resolve.feedback)
    feedbacks: Connection[Feedback] = connection(resolve.feedbacks)
    feedback_aoi: FeedbackAOI | None = field(resolve.feedback_aoi)
    feedback_aois: Connection[FeedbackAOI] = connection(resolve.feedback_aois)
    feedback_labels: Connection[FeedbackLabel] = connection(
        resolve.feedback_labels, size_max=settings.labels_page_size_max
    )
    approved_predictions: Connection[ApprovedPrediction] = connection(resolve.approved_predictions)


@strawberry.type
class FeedbackMutation:
    give_feedback: Feedback | InvalidInput | Conflict | LimitReached = mutation(
        resolve.give_feedback, request_bytes_max=settings.shape_request_bytes_max
    )
    update_feedback: Feedback | InvalidInput = mutation(
        resolve.update_feedback, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_feedback: Deleted = mutation(resolve.delete_feedback)
    approve_prediction: ApprovedPrediction | InvalidInput | Conflict | LimitReached = mutation(
        resolve.approve_prediction, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_approved_prediction: Deleted = mutation(resolve.delete_approved_prediction)
    create_feedback_aoi: FeedbackAOI | InvalidInput | Conflict | LimitReached = mutation(
        resolve.create_feedback_aoi, request_bytes_max=settings.shape_request_bytes_max
    )
    update_feedback_aoi: FeedbackAOI | InvalidInput | Conflict = mutation(
        resolve.update_feedback_aoi, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_feedback_aoi: Deleted | Conflict = mutation(resolve.delete_feedback_aoi)
    review_feedback_aoi: FeedbackAOI | Conflict = mutation(resolve.review_feedback_aoi)
    fetch_feedback_labels: FeedbackAOI | Conflict = mutation(resolve.fetch_feedback_labels, pace=Pace.JOBS)
    draw_feedback_label: FeedbackLabel | InvalidInput | Conflict | LimitReached = mutation(
        resolve.draw_feedback_label, request_bytes_max=settings.shape_request_bytes_max
    )
    update_feedback_label: FeedbackLabel | InvalidInput | Conflict = mutation(
        resolve.update_feedback_label, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_feedback_label: Deleted | Conflict = mutation(resolve.delete_feedback_label)
    copy_feedback_aoi: AOI | Conflict | LimitReached = mutation(resolve.copy_feedback_aoi)
    start_feedback_training: Training | InvalidInput | Conflict | LimitReached | Unavailable = mutation(
        resolve.start_feedback_training, scope=tables.Scope.TRAIN, pace=Pace.TRAININGS
    )
    clone_dataset: Dataset | InvalidInput | LimitReached = mutation(resolve.clone_dataset)
    clone_model: Model | InvalidInput | LimitReached = mutation(resolve.clone_model)

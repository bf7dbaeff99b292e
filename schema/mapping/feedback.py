"""GraphQL types for feedback and corrections."""

from functools import partial

import strawberry
from strawberry import auto

from app.models import choices as choice_tables
from app.models.billing.ledger import OperationCause
from app.models.kinds.mapping import MappingRateLimit
from app.models.kinds.system import SystemRateLimit
from app.models.mapping import feedback as feedback_tables
from app.services.billing import charges
from app.settings import settings
from resolvers.enums import show_enum
from resolvers.mapping import corrections
from resolvers.mapping import feedback as resolve_feedback
from schema.accounts import User
from schema.billing.problems import InsufficientFunds
from schema.deleted import Deleted
from schema.fields import Connection, connection, field, many, mutation, one
from schema.mapping.datasets import AOI, Dataset
from schema.mapping.trainings import Model, Training
from schema.problems import Conflict, InvalidInput, LimitReached, Unavailable
from schema.row import Row

for enum in (feedback_tables.FeedbackType, feedback_tables.Review):
    show_enum(enum)


class Feedback(Row, of=feedback_tables.Feedback):
    geom: auto
    feedback_type: auto
    zoom_level: auto
    comments: auto
    source_imagery: auto
    created_at: auto
    last_modified: auto
    user: User | None = one(feedback_tables.Feedback.user)
    training: Training = one(feedback_tables.Feedback.training)


class FeedbackLabel(Row, of=feedback_tables.FeedbackLabel):
    geom: auto
    origin: auto
    osm_id: auto
    osm_type: auto
    tags: auto
    created_at: auto
    user: User | None = one(feedback_tables.FeedbackLabel.user)
    feedback_aoi: "FeedbackAOI" = one(feedback_tables.FeedbackLabel.feedback_aoi)


class FeedbackAOI(Row, of=feedback_tables.FeedbackAOI):
    geom: auto
    source_imagery: auto
    label_status: auto
    label_fetched: auto
    label_error: auto
    review: auto
    reviewed_at: auto
    created_at: auto
    last_modified: auto
    user: User | None = one(feedback_tables.FeedbackAOI.user)
    reviewed_by: User | None = one(feedback_tables.FeedbackAOI.reviewed_by)
    training: Training = one(feedback_tables.FeedbackAOI.training)
    aoi: AOI | None = one(feedback_tables.FeedbackAOI.aoi)
    labels: Connection[FeedbackLabel] = many(feedback_tables.FeedbackAOI.labels, size_max=settings.labels_page_size_max)


class ApprovedPrediction(Row, of=feedback_tables.ApprovedPrediction):
    geom: auto
    config: auto
    approved_at: auto
    user: User | None = one(feedback_tables.ApprovedPrediction.user)
    training: Training = one(feedback_tables.ApprovedPrediction.training)


@strawberry.type
class FeedbackQuery:
    feedback: Feedback | None = field(resolve_feedback.feedback)
    feedbacks: Connection[Feedback] = connection(resolve_feedback.feedbacks)
    feedback_aoi: FeedbackAOI | None = field(corrections.feedback_aoi)
    feedback_aois: Connection[FeedbackAOI] = connection(corrections.feedback_aois)
    feedback_labels: Connection[FeedbackLabel] = connection(
        corrections.feedback_labels, size_max=settings.labels_page_size_max
    )
    approved_predictions: Connection[ApprovedPrediction] = connection(resolve_feedback.approved_predictions)


@strawberry.type
class FeedbackMutation:
    give_feedback: Feedback | InvalidInput | Conflict | LimitReached = mutation(
        resolve_feedback.give_feedback, request_bytes_max=settings.shape_request_bytes_max
    )
    update_feedback: Feedback | InvalidInput = mutation(
        resolve_feedback.update_feedback, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_feedback: Deleted = mutation(resolve_feedback.delete_feedback)
    approve_prediction: ApprovedPrediction | InvalidInput | Conflict | LimitReached = mutation(
        resolve_feedback.approve_prediction, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_approved_prediction: Deleted = mutation(resolve_feedback.delete_approved_prediction)
    create_feedback_aoi: FeedbackAOI | InvalidInput | Conflict | LimitReached = mutation(
        corrections.create_feedback_aoi, request_bytes_max=settings.shape_request_bytes_max
    )
    update_feedback_aoi: FeedbackAOI | InvalidInput | Conflict = mutation(
        corrections.update_feedback_aoi, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_feedback_aoi: Deleted | Conflict = mutation(corrections.delete_feedback_aoi)
    review_feedback_aoi: FeedbackAOI | Conflict = mutation(corrections.review_feedback_aoi)
    fetch_feedback_labels: FeedbackAOI | Conflict = mutation(
        corrections.fetch_feedback_labels, rate_limit=SystemRateLimit.JOBS
    )
    draw_feedback_label: FeedbackLabel | InvalidInput | Conflict | LimitReached = mutation(
        corrections.draw_feedback_label, request_bytes_max=settings.shape_request_bytes_max
    )
    update_feedback_label: FeedbackLabel | InvalidInput | Conflict = mutation(
        corrections.update_feedback_label, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_feedback_label: Deleted | Conflict = mutation(corrections.delete_feedback_label)
    copy_feedback_aoi: AOI | Conflict | LimitReached = mutation(corrections.copy_feedback_aoi)
    start_feedback_training: Training | InvalidInput | Conflict | LimitReached | Unavailable | InsufficientFunds = (
        mutation(
            corrections.start_feedback_training,
            scope=choice_tables.Scope.TRAIN,
            rate_limit=MappingRateLimit.TRAININGS,
            needs_key=partial(charges.has_price, OperationCause.TRAINING),
        )
    )
    clone_dataset: Dataset | InvalidInput | LimitReached = mutation(corrections.clone_dataset)
    clone_model: Model | InvalidInput | LimitReached = mutation(corrections.clone_model)

"""Feedback on trainings."""

import strawberry
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select
from strawberry.scalars import JSON

from app.models.accounts import User
from app.models.mapping.feedback import ApprovedPrediction, Feedback, FeedbackType
from app.models.mapping.trainings import Model, Training
from app.policies import visible
from app.policies.accounts import is_by
from app.services.mapping.feedback import entries
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided
from resolvers.spatial_filters import placed


async def feedback(info: Info, id: strawberry.ID) -> RowOrReference[Feedback]:
    """Feedback by its id.

    id: The id of the feedback.
    """
    return await info.context.find(Feedback, id)


def feedbacks(
    info: Info,
    training_id: strawberry.ID | None = None,
    model_id: strawberry.ID | None = None,
    user_id: strawberry.ID | None = None,
    feedback_type: FeedbackType | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[Feedback]:
    """Feedback on predictions, each at one place.

    training_id: Only feedback on this training.
    model_id: Only feedback on trainings of this model.
    user_id: Only feedback of this user.
    feedback_type: Only feedback of this type.
    bbox: Only feedback on a place whose bounding box intersects [west, south, east, north].
    intersects: Only feedback on a place that intersects this geometry.
    """
    query = visible(Feedback, info.context.viewer)
    if training_id is not None:
        query = query.where(Feedback.training_id == ids.key(training_id, Training))
    if model_id is not None:
        query = query.where(Feedback.training.has(Training.model_id == ids.key(model_id, Model)))
    if user_id is not None:
        query = query.where(is_by(info.context.viewer, Feedback.user_id, ids.key(user_id, User)))
    if feedback_type is not None:
        query = query.where(Feedback.feedback_type == feedback_type)
    return placed(query, Feedback.geom, bbox=bbox, intersects=intersects)


async def give_feedback(
    info: Info,
    training_id: strawberry.ID,
    geom: BaseGeometry,
    feedback_type: FeedbackType,
    zoom_level: int,
    comments: str | None = None,
    source_imagery: str | None = None,
) -> Feedback:
    """Creates feedback: whether a training's prediction is right at a place.

    training_id: The training.
    geom: The place, a point or an outline.
    feedback_type: TP or TN if the prediction is right; FP if it found a feature that is not there, FN if it missed one.
    zoom_level: The zoom level of the view, from {mapping.FEEDBACK_ZOOM_MIN} to {mapping.FEEDBACK_ZOOM_MAX}.
    comments: A comment, at most {mapping.FEEDBACK_COMMENTS_LENGTH_MAX} characters.
    source_imagery: The imagery of the view, if not the training's.
    """
    async with info.context.writing() as session:
        return await entries.give_feedback(
            session,
            info.context.viewer,
            training_id=ids.key(training_id, Training),
            geom=geom,
            feedback_type=feedback_type,
            zoom_level=zoom_level,
            comments=comments,
            source_imagery=source_imagery,
        )


async def update_feedback(
    info: Info,
    id: strawberry.ID,
    geom: strawberry.Maybe[BaseGeometry] = None,
    feedback_type: strawberry.Maybe[FeedbackType] = None,
    zoom_level: strawberry.Maybe[int] = None,
    comments: strawberry.Maybe[str | None] = None,
) -> Feedback:
    """Updates the given fields of the viewer's feedback.

    id: The feedback.
    geom: The new place.
    feedback_type: The new type.
    zoom_level: The new zoom level.
    comments: The new comment; null clears it.
    """
    changes = provided(geom=geom, feedback_type=feedback_type, zoom_level=zoom_level, comments=comments)
    async with info.context.writing() as session:
        return await entries.update_feedback(session, info.context.viewer, ids.key(id, Feedback), changes)


async def delete_feedback(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes feedback. For its author and the model's owner.

    id: The feedback.
    """
    async with info.context.writing() as session:
        return Deleted.of(await entries.delete_feedback(session, info.context.viewer, ids.key(id, Feedback)))


def approved_predictions(
    info: Info,
    training_id: strawberry.ID | None = None,
    model_id: strawberry.ID | None = None,
    user_id: strawberry.ID | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[ApprovedPrediction]:
    """Approved predictions: predicted features that users confirmed.

    training_id: Only features that this training found.
    model_id: Only features that trainings of this model found.
    user_id: Only features that this user approved.
    bbox: Only features whose bounding box intersects [west, south, east, north].
    intersects: Only features that intersect this geometry.
    """
    query = visible(ApprovedPrediction, info.context.viewer)
    if training_id is not None:
        query = query.where(ApprovedPrediction.training_id == ids.key(training_id, Training))
    if model_id is not None:
        query = query.where(ApprovedPrediction.training.has(Training.model_id == ids.key(model_id, Model)))
    if user_id is not None:
        query = query.where(is_by(info.context.viewer, ApprovedPrediction.user_id, ids.key(user_id, User)))
    return placed(query, ApprovedPrediction.geom, bbox=bbox, intersects=intersects)


async def approve_prediction(
    info: Info, training_id: strawberry.ID, geom: BaseGeometry, config: JSON | None = None
) -> ApprovedPrediction:
    """Approves a feature that a training found. Approving the same outline again has no effect.

    training_id: The training that found it.
    geom: The outline, a Polygon or a MultiPolygon.
    config: The parameters of the prediction.
    """
    async with info.context.writing() as session:
        return await entries.approve_prediction(
            session, info.context.viewer, training_id=ids.key(training_id, Training), geom=geom, config=config
        )


async def delete_approved_prediction(info: Info, id: strawberry.ID) -> Deleted:
    """Withdraws an approval. For its author and the model's owner.

    id: The approval.
    """
    async with info.context.writing() as session:
        return Deleted.of(
            await entries.delete_approved_prediction(session, info.context.viewer, ids.key(id, ApprovedPrediction))
        )

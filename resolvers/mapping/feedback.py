"""What people say of trainings."""

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
from resolvers.loaders import RowOrReference
from resolvers.mapping.deleted import Deleted
from resolvers.mapping.spatial_filters import placed
from resolvers.optional_arguments import given


async def feedback(info: Info, id: strawberry.ID) -> RowOrReference[Feedback]:
    """Feedback by its id.

    id: Its id.
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
    """Feedback on predictions, spot by spot.

    training_id: Only about this training.
    model_id: Only about this model's trainings.
    user_id: Only by this person.
    feedback_type: Only this type.
    bbox: Only what overlaps [west, south, east, north] with its bounding box.
    intersects: Only what shares a point with this.
    """
    found = visible(Feedback, info.context.viewer)
    if training_id is not None:
        found = found.where(Feedback.training_id == ids.key(training_id, Training))
    if model_id is not None:
        found = found.where(Feedback.training.has(Training.model_id == ids.key(model_id, Model)))
    if user_id is not None:
        found = found.where(is_by(info.context.viewer, Feedback.user_id, ids.key(user_id, User)))
    if feedback_type is not None:
        found = found.where(Feedback.feedback_type == feedback_type)
    return placed(found, Feedback.geom, bbox=bbox, intersects=intersects)


async def give_feedback(
    info: Info,
    training_id: strawberry.ID,
    geom: BaseGeometry,
    feedback_type: FeedbackType,
    zoom_level: int,
    comments: str | None = None,
    source_imagery: str | None = None,
) -> Feedback:
    """Says of a spot whether a training's prediction is right there.

    training_id: The training.
    geom: Where: a point, or an outline.
    feedback_type: TP or TN where it is right; FP where nothing is and something was found, FN the other way.
    zoom_level: The zoom level at which it was seen, from 18 to 23.
    comments: What else is to be said, at most 100 characters.
    source_imagery: The imagery it was seen on, if not the training's.
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
    """Changes what is given of one's feedback and leaves the rest.

    id: Which feedback.
    geom: Its new place.
    feedback_type: Its new type.
    zoom_level: Its new zoom level.
    comments: Its new comments; null takes them away.
    """
    changes = given(geom=geom, feedback_type=feedback_type, zoom_level=zoom_level, comments=comments)
    async with info.context.writing() as session:
        return await entries.update_feedback(session, info.context.viewer, ids.key(id, Feedback), changes)


async def delete_feedback(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes feedback: one's own, or that on one's model.

    id: Which feedback.
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
    """Predicted features that people hold to be right.

    training_id: Only of this training.
    model_id: Only of this model's trainings.
    user_id: Only by this person.
    bbox: Only what overlaps [west, south, east, north] with its bounding box.
    intersects: Only what shares a point with this.
    """
    found = visible(ApprovedPrediction, info.context.viewer)
    if training_id is not None:
        found = found.where(ApprovedPrediction.training_id == ids.key(training_id, Training))
    if model_id is not None:
        found = found.where(ApprovedPrediction.training.has(Training.model_id == ids.key(model_id, Model)))
    if user_id is not None:
        found = found.where(is_by(info.context.viewer, ApprovedPrediction.user_id, ids.key(user_id, User)))
    return placed(found, ApprovedPrediction.geom, bbox=bbox, intersects=intersects)


async def approve_prediction(
    info: Info, training_id: strawberry.ID, geom: BaseGeometry, config: JSON | None = None
) -> ApprovedPrediction:
    """Holds a feature that a training found to be right; to approve the same outline again is to approve it once.

    training_id: The training that found it.
    geom: Its outline, a Polygon or a MultiPolygon.
    config: The parameters by which it was found.
    """
    async with info.context.writing() as session:
        return await entries.approve_prediction(
            session, info.context.viewer, training_id=ids.key(training_id, Training), geom=geom, config=config
        )


async def delete_approved_prediction(info: Info, id: strawberry.ID) -> Deleted:
    """Takes an approval back: one's own, or one on one's model.

    id: Which approval.
    """
    async with info.context.writing() as session:
        return Deleted.of(
            await entries.delete_approved_prediction(session, info.context.viewer, ids.key(id, ApprovedPrediction))
        )

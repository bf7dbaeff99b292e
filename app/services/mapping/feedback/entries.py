"""Feedback on trainings, and approved predictions."""

from collections.abc import Mapping
from typing import Any, TypeVar

from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, literal, select
from sqlalchemy.orm import joinedload

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, LimitReached, NotFound
from app.gateways import imagery
from app.geometry import columns, shapes
from app.limits.mapping import FEEDBACK_COMMENTS_LENGTH_MAX, FEEDBACK_ZOOM_MAX, FEEDBACK_ZOOM_MIN
from app.models.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI, FeedbackType
from app.models.mapping.trainings import Training, TrainingStatus
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_change_this_feedback, may_delete_this_feedback, may_judge_trainings
from app.settings import settings

F = TypeVar("F", Feedback, FeedbackAOI, ApprovedPrediction)


async def training_to_judge(session: ReadSession, viewer: Viewer, training_id: int) -> Training:
    """A finished training; locked, so that limits counted next hold."""
    training = await session.scalar(
        visible(Training, viewer).where(Training.id == training_id).with_for_update(key_share=True)
    )
    if training is None:
        raise NotFound("There is no such training.")
    require(may_judge_trainings, viewer, training)
    if training.status is not TrainingStatus.FINISHED:
        raise Conflict("This training has not finished, so there are no predictions to judge yet. Wait until it has.")
    return training


async def room_for(session: ReadSession, table: type[F], training: Training, *, limit: int) -> None:
    """Refused if a training has the maximum of feedback entries."""
    if (await session.scalar(select(func.count()).where(table.training_id == training.id)) or 0) >= limit:
        raise LimitReached("This training has reached the limit for feedback and approvals.", limit=limit)


async def locked_entry(session: ReadSession, viewer: Viewer, table: type[F], id: int) -> F:
    """Feedback with its model, locked until the transaction ends."""
    about = joinedload(table.training).joinedload(Training.model)
    row = await session.scalar(visible(table, viewer).where(table.id == id).options(about).with_for_update(of=table))
    if row is None:
        raise NotFound("There is no such feedback.")
    return row


def imagery_of(training: Training, template: str | None) -> str:
    """The given imagery, or the training's."""
    return (
        imagery.check_template("sourceImagery", template) if template and template.strip() else training.source_imagery
    )


def _checked(field: str, value: Any) -> Any:
    match field:
        case "geom":
            return shapes.sound("geom", value)
        case "zoom_level":
            return checks.within("zoomLevel", value, FEEDBACK_ZOOM_MIN, FEEDBACK_ZOOM_MAX)
        case "comments":
            return checks.optional_text("comments", value, length_max=FEEDBACK_COMMENTS_LENGTH_MAX)
        case _:
            return value


async def give_feedback(
    session: WriteSession,
    viewer: Viewer,
    *,
    training_id: int,
    geom: BaseGeometry,
    feedback_type: FeedbackType,
    zoom_level: int,
    comments: str | None = None,
    source_imagery: str | None = None,
) -> Feedback:
    """Creates feedback on a prediction at one place."""
    training = await training_to_judge(session, viewer, training_id)
    values = {"geom": geom, "feedback_type": feedback_type, "zoom_level": zoom_level, "comments": comments}
    feedback = Feedback(
        user_id=signed_in(viewer),
        training_id=training.id,
        source_imagery=imagery_of(training, source_imagery),
        **{field: _checked(field, value) for field, value in values.items()},
    )
    await room_for(session, Feedback, training, limit=settings.feedbacks_per_training_max)
    session.add(feedback)
    await session.flush()
    return feedback


async def update_feedback(
    session: WriteSession, viewer: Viewer, feedback_id: int, changes: Mapping[str, Any]
) -> Feedback:
    """Updates the given fields: geom, feedback_type, zoom_level, comments."""
    feedback = await locked_entry(session, viewer, Feedback, feedback_id)
    require(may_change_this_feedback, viewer, feedback)
    for field, value in changes.items():
        setattr(feedback, field, _checked(field, value))
    await session.refresh(feedback)
    return feedback


async def delete_feedback(session: WriteSession, viewer: Viewer, feedback_id: int) -> Feedback:
    """Deletes feedback."""
    feedback = await locked_entry(session, viewer, Feedback, feedback_id)
    require(may_delete_this_feedback, viewer, feedback)
    await session.execute(delete(Feedback).where(Feedback.id == feedback.id))
    return feedback


async def approve_prediction(
    session: WriteSession, viewer: Viewer, *, training_id: int, geom: BaseGeometry, config: Any = None
) -> ApprovedPrediction:
    """Approves a predicted feature; approving the same outline again only updates its config."""
    training, outline = await training_to_judge(session, viewer, training_id), shapes.outline("geom", geom)
    parameters = None if config is None else checks.json_object("config", config)
    own = ApprovedPrediction.user_id == signed_in(viewer)
    drawn = literal(outline, ApprovedPrediction.geom.type)
    same = func.md5(func.st_asbinary(ApprovedPrediction.geom)) == columns.once(func.md5(func.st_asbinary(drawn)))
    query = select(ApprovedPrediction).where(ApprovedPrediction.training_id == training.id, own, same)
    if approved := await session.scalar(query):
        approved.config = approved.config if parameters is None else parameters
        await session.flush()
        return approved
    limit = settings.approved_predictions_per_training_max
    await room_for(session, ApprovedPrediction, training, limit=limit)
    approved = ApprovedPrediction(user_id=signed_in(viewer), training_id=training.id, geom=outline, config=parameters)
    session.add(approved)
    await session.flush()
    return approved


async def delete_approved_prediction(session: WriteSession, viewer: Viewer, approved_id: int) -> ApprovedPrediction:
    """Withdraws an approval."""
    approved = await locked_entry(session, viewer, ApprovedPrediction, approved_id)
    require(may_delete_this_feedback, viewer, approved)
    await session.execute(delete(ApprovedPrediction).where(ApprovedPrediction.id == approved.id))
    return approved

"""Models after their creation: updated, archived, deleted with their trainings and files."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.limits.mapping import MODEL_DESCRIPTION_LENGTH_MAX
from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Model, ModelStatus, Training, TrainingStatus
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_change_this_model
from app.queue import enqueue
from app.services.system import audit

UNFINISHED = (TrainingStatus.SUBMITTED, TrainingStatus.RUNNING)


async def model_to_change(session: ReadSession, viewer: Viewer, model_id: int) -> Model:
    """A model the viewer may change, locked."""
    model = await session.scalar(visible(Model, viewer).where(Model.id == model_id).with_for_update(key_share=True))
    if model is None:
        raise NotFound("There is no such model.")
    require(may_change_this_model, viewer, model)
    return model


async def update_model(session: WriteSession, viewer: Viewer, model_id: int, changes: Mapping[str, Any]) -> Model:
    """Updates the given fields: name, description, status. Publishing is a mutation of its own."""
    model = await model_to_change(session, viewer, model_id)
    if "name" in changes:
        model.name = changes["name"]
    if "description" in changes:
        about = changes["description"]
        model.description = checks.optional_text("description", about, length_max=MODEL_DESCRIPTION_LENGTH_MAX)
    if "status" in changes:
        model.status = _status(model, changes["status"])
    await session.flush()
    if changes:
        facts = {"fields": sorted(changes)}
        audit.record(session, signed_in(viewer), "updateModel", about=model, user_id=model.user_id, **facts)
    await session.refresh(model)
    return model


def _status(model: Model, status: ModelStatus) -> ModelStatus:
    if status is ModelStatus.PUBLISHED and model.status is not ModelStatus.PUBLISHED:
        raise Invalid("status", "To publish a model, publish one of its trainings.")
    return status


async def delete_model(session: WriteSession, viewer: Viewer, model_id: int) -> Model:
    """Deletes the model with its trainings, their feedback, predictions and files."""
    model = await model_to_change(session, viewer, model_id)
    # Now the key, too: a training started concurrently comes either before or not at all.
    await session.execute(select(Model.id).where(Model.id == model.id).with_for_update())
    if model.status is ModelStatus.PUBLISHED:
        raise Conflict("This model is published. Archive it first.")
    trainings = (await session.scalars(select(Training).where(Training.model_id == model.id))).all()
    for training in trainings:
        await _discard(session, viewer, training)
    audit.record(session, signed_in(viewer), "deleteModel", about=model, user_id=model.user_id)
    await session.execute(delete(Model).where(Model.id == model.id))
    return model


async def delete_training(session: WriteSession, viewer: Viewer, training_id: int) -> Training:
    """Deletes the training with its feedback, predictions and files, unless it is published."""
    training = await session.scalar(visible(Training, viewer).where(Training.id == training_id))
    if training is None:
        raise NotFound("There is no such training.")
    # The model's lock comes first: publishing waits for it, and so does deleting.
    model = await model_to_change(session, viewer, training.model_id)
    await session.refresh(training, with_for_update=True)
    if model.published_training_id == training.id and model.status is ModelStatus.PUBLISHED:
        raise Conflict("This training is published. Publish another one, or archive its model first.")
    await _discard(session, viewer, training)
    audit.record(session, signed_in(viewer), "deleteTraining", about=training, user_id=training.user_id)
    await session.execute(delete(Training).where(Training.id == training.id))
    return training


async def _discard(session: WriteSession, viewer: Viewer, training: Training) -> None:
    """Refused if a training is still needed; its files are deleted with it."""
    if training.status in UNFINISHED:
        raise Conflict("This training is queued or running. Cancel it first.")
    unfinished = Training.status.in_(UNFINISHED) & (Training.parent_training_id == training.id)
    if await session.scalar(select(func.count()).where(unfinished)):
        raise Conflict("A training that continues this one is queued or running. Cancel it first.")
    predictions = (await session.scalars(select(Prediction).where(Prediction.training_id == training.id))).all()
    if any(prediction.user_id != training.user_id for prediction in predictions):
        raise Conflict(
            "Other people have predictions by this training, which would be lost. Archive the model instead."
        )
    if any(prediction.status in UNFINISHED for prediction in predictions):
        raise Conflict("A prediction by this training is queued or running. Wait, or cancel it first.")
    user_id = signed_in(viewer)
    await enqueue(session, MappingJob.REMOVE_TRAINING, subject_id=training.id, user_id=user_id)
    for prediction in predictions:
        await enqueue(session, MappingJob.REMOVE_PREDICTION, subject_id=prediction.id, user_id=user_id)

"""Continued trainings: from a training's own weights, with its dataset's areas and approved corrections."""

from collections.abc import Sequence
from dataclasses import replace

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.geometry import antimeridian
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.mapping.feedback import FeedbackAOI
from app.models.mapping.trainings import Model, Training, TrainingStatus
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_train_this_model
from app.services.mapping.feedback.corrections import is_labelled
from app.services.mapping.trainings.inputs import is_to_learn_from, weights_of
from app.services.mapping.trainings.lifecycle import (
    check_options,
    check_tiles,
    check_zooms,
    labelled_areas,
    queue,
    require_engine,
)
from app.settings import settings
from app.training_options import TrainingOptions


async def start_feedback_training(
    session: WriteSession,
    viewer: Viewer,
    *,
    training_id: int,
    zoom_level: Sequence[int],
    epochs: int,
    batch_size: int,
    freeze_layers: bool,
    description: str | None = None,
) -> Training:
    """Queues a training that continues another. Everything that can be checked is refused now."""
    parent = await session.scalar(visible(Training, viewer).where(Training.id == training_id))
    if parent is None:
        raise NotFound("There is no such training.")
    model = await session.get_one(Model, parent.model_id)
    require(may_train_this_model, viewer, model)
    require_engine(model.base_model)
    zooms = check_zooms(
        zoom_level, zoom_min=settings.feedback_training_zoom_min, zoom_max=settings.feedback_training_zoom_max
    )
    options = replace(
        TrainingOptions.of(parent), zoom_level=zooms, epochs=epochs, batch_size=batch_size, freeze_layers=freeze_layers
    )
    check_options(
        options,
        epochs_max=settings.feedback_training_epochs_max,
        batch_max=settings.feedback_training_batch_max,
    )
    about = checks.optional_text("description", description, length_max=NOTE_LENGTH_MAX)
    await _check_weights(session, parent)
    areas = [*await labelled_areas(session, model), *await _corrections(session, parent)]
    tiles_count = check_tiles(areas, zooms)
    training = Training(
        user_id=signed_in(viewer),
        model_id=model.id,
        parent_training_id=parent.id,
        source_imagery=parent.source_imagery,
        description=about or f"Feedback of training {parent.id}",
        **options.values(),
        centroid=antimeridian.centroid(shapely.union_all(areas)),
    )
    return await queue(session, training, tiles_count=tiles_count)


async def _check_weights(session: ReadSession, parent: Training) -> None:
    """Refused if there are no weights to start from."""
    if parent.status is not TrainingStatus.FINISHED:
        raise Conflict("Only a finished training can be continued. Wait until it has finished.")
    if parent.artifacts_deleted_at is not None or await session.scalar(weights_of(parent.id)) is None:
        raise Conflict("The weights of this training were deleted. Start a new training of the model.")


async def _corrections(session: ReadSession, parent: Training) -> list[BaseGeometry]:
    """The approved areas, if all of them can be trained on."""
    rows = await session.execute(
        select(FeedbackAOI.geom, FeedbackAOI.source_imagery == parent.source_imagery, is_labelled()).where(
            is_to_learn_from(parent.id)
        )
    )
    areas = rows.all()
    if not areas:
        waiting = await session.scalar(select(func.count()).where(FeedbackAOI.training_id == parent.id))
        raise Conflict(f"No correction of this training is approved ({waiting} are drawn). Approve one first.")
    if unlabelled := sum(not labelled for _, _, labelled in areas):
        raise Conflict(f"{unlabelled} of the approved corrections still need labels. Fetch or draw them first.")
    if elsewhere := sum(not same for _, same, _ in areas):
        raise Conflict(
            f"{elsewhere} of the approved corrections use other imagery than the training. Reject them first."
        )
    return [geom for geom, _, _ in areas]

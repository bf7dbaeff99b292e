"""Models and their trainings, from start to publication."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select

from app import checks
from app.base_models import OFFERS, BaseModelOffer
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, LimitReached, NotFound, Unavailable
from app.gateways import imagery
from app.geometry import antimeridian, tiles
from app.limits.mapping import MODEL_DESCRIPTION_LENGTH_MAX
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.billing.ledger import OperationCause
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import AOI, Dataset, Label
from app.models.mapping.predictions import Artifact
from app.models.mapping.trainings import BaseModel, Model, ModelStatus, Training, TrainingStatus
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import (
    may_cancel_this_training,
    may_publish_trainings_of_this_model,
    may_train_on_this_dataset,
    may_train_this_model,
)
from app.queue import enqueue
from app.services.billing import charges
from app.services.billing.charges import Estimate
from app.services.billing.ledger import named
from app.services.billing.reservations import Purpose
from app.services.mapping.trainings.errors import AccuracyTooLow
from app.services.mapping.trainings.inputs import TrainingPlan, plan_of
from app.services.mapping.trainings.progress import ALL_SEEN, Unseen, begin, fail, finish, note
from app.services.system import audit, jobs
from app.services.system.files import storage_usage
from app.settings import settings
from app.training_options import TrainingOptions


@dataclass(frozen=True)
class Left:
    """A file that a job wrote to storage."""

    name: str
    media_type: str
    size_bytes: int
    storage_key: str


def require_engine(base_model: BaseModel) -> BaseModelOffer:
    """The base model with its limits; Unavailable if this installation cannot train it."""
    offer = OFFERS[base_model.value]
    if reason := offer.reason:
        raise Unavailable(f"{reason} RAMP is always available.")
    return offer


async def create_model(
    session: WriteSession,
    viewer: Viewer,
    *,
    dataset_id: int,
    name: str,
    description: str | None = None,
    base_model: BaseModel = BaseModel.RAMP,
) -> Model:
    """A new untrained model of the viewer's."""
    dataset = await session.scalar(visible(Dataset, viewer).where(Dataset.id == dataset_id))
    if dataset is None:
        raise NotFound("There is no such dataset.")
    require(may_train_on_this_dataset, viewer, dataset)
    model = Model(
        user_id=signed_in(viewer),
        dataset_id=dataset.id,
        name=name,
        description=checks.optional_text("description", description, length_max=MODEL_DESCRIPTION_LENGTH_MAX),
        base_model=base_model,
    )
    session.add(model)
    await session.flush()
    return model


async def start_training(
    session: WriteSession,
    viewer: Viewer,
    *,
    model_id: int,
    options: TrainingOptions,
    source_imagery: str | None = None,
    description: str | None = None,
) -> Training:
    """Queues a training. Everything that can be checked is refused now, not by a job that fails later."""
    model = await _model_to_train(session, viewer, model_id)
    limits = require_engine(model.base_model).limits
    zooms = check_zooms(options.zoom_level, zoom_min=settings.training_zoom_min, zoom_max=settings.training_zoom_max)
    check_options(options, epochs_max=limits.epochs_max, batch_max=limits.batch_max)
    template = await _imagery_of(session, model, source_imagery)
    areas = await labelled_areas(session, model)
    tiles_count = check_tiles(areas, zooms)
    training = Training(
        user_id=signed_in(viewer),
        model_id=model.id,
        source_imagery=template,
        description=checks.optional_text("description", description, length_max=NOTE_LENGTH_MAX),
        **replace(options, zoom_level=zooms).values(),
        centroid=antimeridian.centroid(shapely.union_all(areas)),
    )
    return await queue(session, training, tiles_count=tiles_count)


async def _model_to_train(session: ReadSession, viewer: Viewer, model_id: int) -> Model:
    model = await session.scalar(visible(Model, viewer).where(Model.id == model_id))
    if model is None:
        raise NotFound("There is no such model.")
    require(may_train_this_model, viewer, model)
    return model


async def estimate_training(
    session: ReadSession, viewer: Viewer, *, model_id: int, zoom_level: Sequence[int], epochs: int
) -> Estimate:
    """What a training of a model would cost its user."""
    model = await _model_to_train(session, viewer, model_id)
    zooms = check_zooms(zoom_level, zoom_min=settings.training_zoom_min, zoom_max=settings.training_zoom_max)
    checks.within("epochs", epochs, 1, require_engine(model.base_model).limits.epochs_max)
    tiles_count = check_tiles(await labelled_areas(session, model), zooms)
    purpose = Purpose(OperationCause.TRAINING, count_of_lines=tiles_count, count_of_training_epoch=epochs)
    return await charges.estimate(session, signed_in(viewer), purpose)


async def queue(session: WriteSession, training: Training, *, tiles_count: int) -> Training:
    """Writes a training, queues its job, and holds what it costs."""
    await storage_usage.require_any_room(session, training.user_id)
    session.add(training)
    await session.flush()
    job = await enqueue(session, MappingJob.TRAIN, subject_id=training.id, user_id=training.user_id)
    training.job_id = job.id
    purpose = Purpose(
        OperationCause.TRAINING,
        named(training),
        count_of_lines=tiles_count,
        count_of_training_epoch=training.epochs,
    )
    await charges.hold_for(session, job, purpose)
    await session.flush()
    note(session, training)
    return training


def check_options(options: TrainingOptions, *, epochs_max: int, batch_max: int) -> None:
    """Refuses options that are out of bounds."""
    checks.within("epochs", options.epochs, 1, epochs_max)
    checks.within("batchSize", options.batch_size, 1, batch_max)
    for option in fields(options):
        if (most := option.metadata.get("max")) is not None:
            checks.within(option.metadata["argument"], getattr(options, option.name), 0, most)


def check_zooms(zoom_level: Sequence[int], *, zoom_min: int, zoom_max: int) -> tuple[int, ...]:
    """The zoom levels, each once, if they are allowed."""
    zooms = sorted(set(zoom_level))
    if not zooms:
        raise Invalid("zoomLevel", "Choose at least one zoom level.")
    for zoom in zooms:
        checks.within("zoomLevel", zoom, zoom_min, zoom_max)
    return tuple(zooms)


async def _imagery_of(session: ReadSession, model: Model, source_imagery: str | None) -> str:
    template = source_imagery or (await session.get_one(Dataset, model.dataset_id)).source_imagery
    if not template:
        raise Invalid("sourceImagery", "Give the imagery: neither the training nor its dataset has any.")
    return imagery.check_template("sourceImagery", template)


async def labelled_areas(session: ReadSession, model: Model) -> list[BaseGeometry]:
    """The areas of a model's dataset, if there is something to learn from and every area is labelled."""
    has_labels = select(Label.id).where(Label.aoi_id == AOI.id).exists()
    rows = (await session.execute(select(AOI, has_labels).where(AOI.dataset_id == model.dataset_id))).all()
    if not any(labelled for _, labelled in rows):
        raise Conflict(
            "There is nothing to learn from: no area of the dataset has labels. Fetch, draw or upload some first."
        )
    # An area that was fetched and found empty teaches what is not a building; one never fetched would teach wrongly.
    if unlabelled := [aoi.id for aoi, labelled in rows if not labelled and aoi.label_status.name != "DOWNLOADED"]:
        raise Conflict(f"{len(unlabelled)} of the dataset's areas still need labels. Fetch or upload them first.")
    return [aoi.geom for aoi, _ in rows]


def check_tiles(areas: Sequence[BaseGeometry], zooms: Sequence[int]) -> int:
    """How many tiles the areas need; refused if that is more than a job may fetch."""
    count = 0
    for area, zoom in product(areas, zooms):
        count += len(tiles.covering(area, zoom))
        if count > settings.tiles_per_job_max:
            raise LimitReached(
                f"These areas need more than {settings.tiles_per_job_max} tiles. Choose a lower zoom level.",
                limit=settings.tiles_per_job_max,
            )
    return count


async def cancel_training(session: WriteSession, viewer: Viewer, *, training_id: int) -> Training:
    """Cancels a training: at once if no worker has it, otherwise after the current batch."""
    training = await session.scalar(visible(Training, viewer).where(Training.id == training_id))
    if training is None:
        raise NotFound("There is no such training.")
    require(may_cancel_this_training, viewer, training)
    if training.job_id is None or training.status in {TrainingStatus.FINISHED, TrainingStatus.FAILED}:
        raise Conflict("This training has already ended.")
    audit.record(session, signed_in(viewer), "cancelTraining", about=training, user_id=training.user_id)
    if await jobs.cancel(session, training.job_id):
        await training_failed(session, training.id, jobs.CANCELLED)
        await session.refresh(training)
    return training


async def publish_training(session: WriteSession, viewer: Viewer, *, training_id: int) -> Model:
    """Publishes a training's weights. Refused, in this order: unfinished, too inaccurate, not the viewer's."""
    signed_in(viewer)
    training = await session.scalar(visible(Training, viewer).where(Training.id == training_id))
    if training is None:
        raise NotFound("There is no such training.")
    if training.status is not TrainingStatus.FINISHED:
        raise Conflict("Only a finished training can be published. Wait until it has finished.")
    model = await session.get_one(Model, training.model_id, with_for_update=True)
    required = OFFERS[model.base_model.value].limits.publish_accuracy_percent_min
    if training.accuracy is None or not training.accuracy >= required:
        raise AccuracyTooLow(accuracy=training.accuracy, required=required)
    require(may_publish_trainings_of_this_model, viewer, model)
    if training.artifacts_deleted_at is not None:
        raise Conflict("The files of this training were deleted to free space. Train again.")
    model.published_training_id, model.status = training.id, ModelStatus.PUBLISHED
    audit.record(session, signed_in(viewer), "publishTraining", about=training, model=model.id)
    model.published_at = model.published_at or await session.scalar(select(func.now()))
    await session.refresh(model)
    return model


async def begin_training(session: WriteSession, training_id: int) -> TrainingPlan:
    """Marks the training as started, and returns its input."""
    training = await session.get_one(Training, training_id, with_for_update=True)
    await begin(session, training)
    return await plan_of(session, training)


@dataclass(frozen=True)
class TrainingFigures:
    """The metrics of a training: accuracy in percent, shares from 0 to 1."""

    accuracy: float
    pixel_accuracy: float
    precision: float
    recall: float
    f1: float
    object_f1: float
    chips_length: int
    suggested_confidence: int


async def finish_training(
    session: WriteSession,
    training_id: int,
    figures: TrainingFigures,
    files: Sequence[Left],
    learning_curve: dict[str, Any] | None = None,
    *,
    unseen: Unseen = ALL_SEEN,
) -> None:
    """Writes the metrics, the history and the files of a finished training."""
    training = await session.get_one(Training, training_id, with_for_update=True)
    for name, value in asdict(figures).items():
        setattr(training, name, value)
    training.learning_curve = learning_curve
    training.tiles_without_imagery, training.ground_without_imagery = unseen.tiles, unseen.ground
    session.add_all([Artifact(training_id=training.id, **asdict(file)) for file in files])
    await finish(session, training, f" with an accuracy of {figures.accuracy:.1f} %.{unseen.warning}")


async def note_epoch(session: WriteSession, training_id: int, epoch: dict[str, Any]) -> None:
    """Adds an epoch to the learning curve of a running training. A later attempt may begin with an earlier epoch."""
    training = await session.get_one(Training, training_id, with_for_update=True)
    before = (training.learning_curve or {"epochs": []})["epochs"]
    epochs = [*(each for each in before if each["number"] < epoch["number"]), epoch]
    best = max(epochs, key=lambda each: each["validation_iou"] or 0)
    training.learning_curve = {"best_epoch": best["number"], "epochs": epochs}


async def training_failed(session: WriteSession, training_id: int, reason: str) -> None:
    """Marks a training as failed, with the reason."""
    await fail(session, await session.get_one(Training, training_id, with_for_update=True), reason)

"""Predictions as users see them: started, shared, published, retried, deleted."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.gateways import imagery
from app.geometry import antimeridian, shapes, tiles
from app.limits.mapping import (
    ANGLE_DEGREES_MAX,
    AREA_THRESHOLD_M2_MAX,
    CONFIDENCE_PERCENT_MAX,
    OVERLAP_M_MAX,
    TOLERANCE_M_MAX,
)
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import Team
from app.models.billing.ledger import OperationCause
from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import BaseModel, Model, Training, TrainingStatus
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_change_this_prediction, may_predict_with_this_training
from app.queue import enqueue
from app.services.accounts.users.deletion import on_parting
from app.services.billing import charges
from app.services.billing.charges import Estimate
from app.services.billing.ledger import named
from app.services.billing.reservations import Purpose
from app.services.mapping.predictions.parts import part_zoom, parts_of
from app.services.mapping.trainings.progress import fail, note
from app.services.system import jobs
from app.services.system.files import storage_usage
from app.settings import settings

CHECKPOINT = "checkpoint.safetensors"
# Of trainings that suggest none.
CONFIDENCE_PERCENT = 50
ENDED = {TrainingStatus.FINISHED, TrainingStatus.FAILED}


@dataclass(frozen=True)
class Outlines:
    """How outlines are drawn: confidence in percent, lengths in metres, angles in degrees.

    Without a confidence it is the one that the training suggests.
    """

    confidence: int | None = None
    tolerance: float = 0.5
    area_threshold: float = 3.0
    orthogonalize: bool = True
    max_angle_change: int = 15
    skew_tolerance: int = 15
    overlap: float = 0.15

    def __post_init__(self) -> None:
        if self.confidence is not None:
            checks.within("confidence", self.confidence, 0, CONFIDENCE_PERCENT_MAX)
        checks.within("tolerance", self.tolerance, 0, TOLERANCE_M_MAX)
        checks.within("areaThreshold", self.area_threshold, 0, AREA_THRESHOLD_M2_MAX)
        checks.within("maxAngleChange", self.max_angle_change, 0, ANGLE_DEGREES_MAX)
        checks.within("skewTolerance", self.skew_tolerance, 0, ANGLE_DEGREES_MAX)
        checks.within("overlap", self.overlap, 0, OVERLAP_M_MAX)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Those among a prediction's parameters."""
        return cls(**{field.name: config[field.name] for field in fields(cls) if field.name in config})


async def start_prediction(
    session: WriteSession,
    viewer: Viewer,
    *,
    model_id: int,
    geom: BaseGeometry,
    zoom_level: int,
    outlines: Outlines,
    points: bool = False,
    conflate: bool = False,
    adapt: bool = False,
    source_imagery: str | None = None,
    description: str | None = None,
) -> Prediction:
    """Queues a search of an area with a model's published training."""
    training = await _published_training(session, viewer, model_id)
    require(may_predict_with_this_training, viewer, training)
    area = _area(geom)
    checks.within("zoomLevel", zoom_level, settings.prediction_zoom_min, settings.prediction_zoom_max)
    coarse = part_zoom(area, zoom_level)
    source = imagery.check_template("sourceImagery", source_imagery or training.source_imagery)
    drawn = asdict(outlines)
    if outlines.confidence is None:
        drawn["confidence"] = training.suggested_confidence or CONFIDENCE_PERCENT
    request = {"zoom_level": zoom_level, "source": source, **drawn, "points": points, "conflate": conflate}
    if adapt:
        await _check_can_adapt(session, training, parts=len(parts_of(area, coarse)))
        request["adapt"] = True
    prediction = Prediction(
        user_id=signed_in(viewer),
        training_id=training.id,
        geom=area,
        description=_note(description),
        config={"checkpoint": CHECKPOINT, **request},
        part_zoom=coarse,
        parts=len(parts_of(area, coarse)),
    )
    session.add(prediction)
    await session.flush()
    await _queue(session, prediction)
    return prediction


async def _check_can_adapt(session: ReadSession, training: Training, *, parts: int) -> None:
    model = await session.get_one(Model, training.model_id)
    if model.base_model is not BaseModel.RAMP:
        raise Invalid("adapt", "Only models of the base model RAMP can adapt.")
    if parts > 1:
        raise Invalid("adapt", f"This area is searched in {parts} parts; adapting takes one. Draw a smaller area.")


async def estimate_prediction(
    session: ReadSession, viewer: Viewer, *, model_id: int, geom: BaseGeometry, zoom_level: int
) -> Estimate:
    """What a search of an area with a model would cost the viewer."""
    training = await _published_training(session, viewer, model_id)
    require(may_predict_with_this_training, viewer, training)
    area = _area(geom)
    checks.within("zoomLevel", zoom_level, settings.prediction_zoom_min, settings.prediction_zoom_max)
    coarse = part_zoom(area, zoom_level)
    lines = _tiles_of(area, zoom_level, coarse, len(parts_of(area, coarse)))
    return await charges.estimate(session, signed_in(viewer), Purpose(OperationCause.PREDICTION, count_of_lines=lines))


async def _published_training(session: ReadSession, viewer: Viewer, model_id: int) -> Training:
    signed_in(viewer)
    model = await session.scalar(visible(Model, viewer).where(Model.id == model_id))
    if model is None:
        raise NotFound("There is no such model.")
    if model.published_training_id is None:
        raise Conflict("This model is not published. Publish one of its trainings first.")
    return await session.get_one(Training, model.published_training_id)


def _area(geom: BaseGeometry) -> BaseGeometry:
    """Valid polygons that may overlap one another, as the ground they cover together."""
    if not isinstance(geom, Polygon | MultiPolygon):
        raise Invalid("geom", f"Give a Polygon or a MultiPolygon; this is a {geom.geom_type}.")
    geom = antimeridian.split(geom)
    shapes.check_place("geom", geom)
    for polygon in shapely.get_parts(geom):
        if not polygon.is_valid:
            raise Invalid("geom", f"This geometry is not valid: {shapely.is_valid_reason(polygon)}.")
    whole = geom if isinstance(geom, Polygon) else shapely.union_all(shapely.get_parts(geom))
    return shapes.checked("geom", whole, area_m2_min=1, area_m2_max=settings.prediction_area_m2_max)


def _note(description: str | None) -> str | None:
    return checks.optional_text("description", description, length_max=NOTE_LENGTH_MAX)


async def _queue(session: WriteSession, prediction: Prediction) -> None:
    await storage_usage.require_any_room(session, prediction.user_id)
    job = await enqueue(session, MappingJob.PREDICT, subject_id=prediction.id, user_id=prediction.user_id)
    prediction.job_id = job.id
    purpose = Purpose(OperationCause.PREDICTION, named(prediction), count_of_lines=_tiles_count(prediction))
    await charges.hold_for(session, job, purpose)
    await session.flush()
    note(session, prediction)


def _tiles_count(prediction: Prediction) -> int:
    """How many tiles are paid for: those of the area, or those of all its parts if it has several."""
    zoom = prediction.config["zoom_level"]
    return _tiles_of(prediction.geom, zoom, prediction.part_zoom, prediction.parts)


def _tiles_of(area: BaseGeometry, zoom: int, coarse: int | None, parts: int) -> int:
    return int(parts * 4 ** (zoom - coarse)) if coarse else len(tiles.covering(area, zoom))


async def prediction_to_change(session: ReadSession, viewer: Viewer, prediction_id: int) -> Prediction:
    """A prediction the viewer may change, locked."""
    prediction = await session.scalar(
        visible(Prediction, viewer).where(Prediction.id == prediction_id).with_for_update(key_share=True)
    )
    if prediction is None:
        raise NotFound("There is no such prediction.")
    require(may_change_this_prediction, viewer, prediction)
    return prediction


async def update_prediction(
    session: WriteSession, viewer: Viewer, prediction_id: int, changes: Mapping[str, Any]
) -> Prediction:
    """Updates the given fields of a prediction."""
    prediction = await prediction_to_change(session, viewer, prediction_id)
    if "description" in changes:
        prediction.description = _note(changes["description"])
    await session.flush()
    return prediction


async def share_prediction(
    session: WriteSession, viewer: Viewer, prediction_id: int, *, team_id: int | None
) -> Prediction:
    """Shares a prediction with a team the viewer sees, whose members may judge its features; None stops sharing."""
    prediction = await prediction_to_change(session, viewer, prediction_id)
    if team_id is not None:
        # Locked against deletion until this is written.
        team = await session.scalar(visible(Team, viewer).where(Team.id == team_id).with_for_update(key_share=True))
        if team is None:
            raise NotFound("There is no such team.")
    prediction.team_id = team_id
    await session.flush()
    return prediction


async def publish_prediction(session: WriteSession, viewer: Viewer, prediction_id: int) -> Prediction:
    """Publishes a finished prediction; the first time is kept."""
    prediction = await prediction_to_change(session, viewer, prediction_id)
    if prediction.status is not TrainingStatus.FINISHED:
        raise Conflict("Only a finished prediction can be published. Wait until it has finished.")
    prediction.published = True
    prediction.published_at = prediction.published_at or await session.scalar(select(func.now()))
    await session.flush()
    return prediction


async def unpublish_prediction(session: WriteSession, viewer: Viewer, prediction_id: int) -> Prediction:
    """Unpublishes a prediction."""
    prediction = await prediction_to_change(session, viewer, prediction_id)
    prediction.published = False
    await session.flush()
    return prediction


async def retry_prediction(session: WriteSession, viewer: Viewer, prediction_id: int) -> Prediction:
    """Queues a prediction again. A failed one continues after the last finished part; a finished one starts over."""
    prediction = await prediction_to_change(session, viewer, prediction_id)
    if prediction.status not in ENDED:
        raise Conflict("This prediction has not ended yet. Wait, or cancel it first.")
    if prediction.conflating:
        raise Conflict("This prediction is being compared with OpenStreetMap. Wait until that has finished.")
    if prediction.status is TrainingStatus.FINISHED or prediction.parts_without_imagery:
        prediction.parts_done = prediction.parts_without_imagery = 0
    prediction.status = TrainingStatus.SUBMITTED
    prediction.started_at = prediction.finished_at = prediction.result_count = prediction.failure = None
    prediction.conflated_at = prediction.conflation_error = None
    await _queue(session, prediction)
    return prediction


async def cancel_prediction(session: WriteSession, viewer: Viewer, prediction_id: int) -> Prediction:
    """Cancels a prediction: at once if no worker has it, otherwise after the current batch."""
    prediction = await session.scalar(visible(Prediction, viewer).where(Prediction.id == prediction_id))
    if prediction is None:
        raise NotFound("There is no such prediction.")
    require(may_change_this_prediction, viewer, prediction)
    if prediction.job_id is None or prediction.status in ENDED:
        raise Conflict("This prediction has already ended.")
    if await jobs.cancel(session, prediction.job_id):
        await prediction_failed(session, prediction.id, jobs.CANCELLED)
        await session.refresh(prediction)
    return prediction


async def prediction_failed(session: WriteSession, prediction_id: int, reason: str) -> None:
    """Marks a prediction as failed, with the reason; a later run continues after the last finished part."""
    await fail(session, await session.get_one(Prediction, prediction_id, with_for_update=True), reason)


@on_parting
async def delete_unpublished(session: WriteSession, user_id: int) -> None:
    """Deletes the unpublished predictions of a deleted account."""
    unpublished = Prediction.user_id == user_id, Prediction.published.is_(False)
    for id in (await session.scalars(delete(Prediction).where(*unpublished).returning(Prediction.id))).all():
        await enqueue(session, MappingJob.REMOVE_PREDICTION, subject_id=id, user_id=user_id)


async def delete_prediction(session: WriteSession, viewer: Viewer, prediction_id: int) -> Prediction:
    """Deletes a prediction with its features and files."""
    prediction = await prediction_to_change(session, viewer, prediction_id)
    if prediction.status not in ENDED or prediction.conflating:
        raise Conflict("This prediction is queued or running. Cancel it first, or wait.")
    await session.execute(delete(Prediction).where(Prediction.id == prediction.id))
    await enqueue(session, MappingJob.REMOVE_PREDICTION, subject_id=prediction.id, user_id=viewer.user_id)
    return prediction

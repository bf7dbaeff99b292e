"""Progress of trainings, predictions and inspections."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import strawberry

from app.events.positions import Position
from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.mapping.inspections import Inspection
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training, TrainingStatus
from app.services.mapping.trainings import progress as progress_service
from resolvers.context import Info
from resolvers.job_events import standing

ENDED = {TrainingStatus.FINISHED, TrainingStatus.FAILED}


@dataclass(frozen=True)
class Epoch:
    """One finished epoch."""

    number: int
    loss: float
    validation_loss: float | None
    validation_iou: float | None
    seconds: float


@dataclass(frozen=True)
class JobEvent:
    """A snapshot of a job's progress. The first says how things stand; in later ones null fields did not change."""

    cursor: str
    status: TrainingStatus | None = None
    progress: float | None = None
    stage: str | None = None
    message: str | None = None
    eta_s: float | None = None
    epoch: Epoch | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingEvent(JobEvent):
    """A snapshot of a training."""

    training: Training


@dataclass(frozen=True, kw_only=True)
class PredictionEvent(JobEvent):
    """A snapshot of a prediction."""

    prediction: Prediction


@dataclass(frozen=True, kw_only=True)
class InspectionEvent(JobEvent):
    """A snapshot of an inspection."""

    inspection: Inspection


E = TypeVar("E", bound=JobEvent)


async def training_updated(
    info: Info, training_id: strawberry.ID, after: str | None = None
) -> SourceStream[TrainingEvent]:
    """The progress of a training: its status and every epoch. Completes when the training ends.

    training_id: The training.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """

    async def read(snapshot: dict[str, Any]) -> TrainingEvent:
        return TrainingEvent(**snapshot, training=await info.context.renewed().read(Training, training_id))

    start = await info.context.events.beginning(after)
    training = await info.context.read(Training, training_id)
    first = TrainingEvent(**await _now(info, start, after, training), epoch=_last_epoch(training), training=training)
    return _stream(info, progress_service.topic_of(Training, training.id), start, after, first, read)


async def prediction_updated(
    info: Info, prediction_id: strawberry.ID, after: str | None = None
) -> SourceStream[PredictionEvent]:
    """The progress of a prediction. Completes when the prediction ends.

    prediction_id: The prediction.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """

    async def read(snapshot: dict[str, Any]) -> PredictionEvent:
        return PredictionEvent(**snapshot, prediction=await info.context.renewed().read(Prediction, prediction_id))

    start = await info.context.events.beginning(after)
    prediction = await info.context.read(Prediction, prediction_id)
    first = PredictionEvent(**await _now(info, start, after, prediction), prediction=prediction)
    return _stream(info, progress_service.topic_of(Prediction, prediction.id), start, after, first, read)


async def inspection_updated(
    info: Info, inspection_id: strawberry.ID, after: str | None = None
) -> SourceStream[InspectionEvent]:
    """The progress of an inspection. Completes when the inspection ends.

    inspection_id: The inspection.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """

    async def read(snapshot: dict[str, Any]) -> InspectionEvent:
        return InspectionEvent(**snapshot, inspection=await info.context.renewed().read(Inspection, inspection_id))

    start = await info.context.events.beginning(after)
    inspection = await info.context.read(Inspection, inspection_id)
    first = InspectionEvent(**await _now(info, start, after, inspection), inspection=inspection)
    return _stream(info, progress_service.topic_of(Inspection, inspection.id), start, after, first, read)


async def _now(
    info: Info, start: Position, after: str | None, work: Training | Prediction | Inspection
) -> dict[str, Any]:
    """How the work stands, as the first event has it."""
    now = await standing(info, work.job_id, after=after, is_done=work.status is TrainingStatus.FINISHED)
    return {"cursor": start.cursor, "status": work.status, **asdict(now)}


def _last_epoch(training: Training) -> Epoch | None:
    curve = training.learning_curve
    return Epoch(**curve["epochs"][-1]) if curve and curve["epochs"] else None


def _stream(
    info: Info,
    topic: str,
    start: Position,
    after: str | None,
    first: E,
    read: Callable[[dict[str, Any]], Awaitable[E]],
) -> SourceStream[E]:
    return SourceStream.of_work(
        info.context.events,
        topic,
        start,
        lambda event: read(_snapshot(event)),
        now=first,
        after=after,
        is_over=lambda value: value.status in ENDED,
    )


def _snapshot(event: StreamEvent) -> dict[str, Any]:
    snapshot = {"cursor": event.position.cursor, **event.payload}
    if "status" in snapshot:
        snapshot["status"] = TrainingStatus(snapshot["status"])
    if "epoch" in snapshot:
        snapshot["epoch"] = Epoch(**snapshot["epoch"])
    return snapshot

"""Trainings and predictions as they go."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import strawberry

from app.events import Happening, Position
from app.models import Prediction, Training, TrainingStatus
from app.services import mapping
from resolvers.context import Info

ENDED = {TrainingStatus.FINISHED, TrainingStatus.FAILED}


@dataclass(frozen=True)
class Epoch:
    """One pass over the chips, as it was when it ended."""

    number: int
    loss: float
    validation_loss: float | None
    validation_iou: float | None
    seconds: float


@dataclass(frozen=True)
class JobEvent:
    """A moment in a job's life, as it was then; null where it says nothing."""

    cursor: str
    status: TrainingStatus | None = None
    progress: float | None = None
    stage: str | None = None
    message: str | None = None
    eta_s: float | None = None
    epoch: Epoch | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingEvent(JobEvent):
    """A moment in a training."""

    training: Training


@dataclass(frozen=True, kw_only=True)
class PredictionEvent(JobEvent):
    """A moment in a prediction."""

    prediction: Prediction


async def training_updated(
    info: Info, training_id: strawberry.ID, after: str | None = None
) -> AsyncGenerator[TrainingEvent, None]:
    """A training as it goes: its status, its progress, every epoch. It completes when the training has ended.

    training_id: The training.
    after: Continue after this cursor: what was missed comes first. Without it, how things stand comes first.
    """
    start = await _start(info, after)
    training = await info.context.find(Training, training_id)
    async for said in _events(info, mapping.training_topic(training.id), training.status, start, after):
        yield TrainingEvent(**said, training=await info.context.renewed().find(Training, training_id))


async def prediction_updated(
    info: Info, prediction_id: strawberry.ID, after: str | None = None
) -> AsyncGenerator[PredictionEvent, None]:
    """A prediction as it goes: its status and its progress. It completes when the prediction has ended.

    prediction_id: The prediction.
    after: Continue after this cursor: what was missed comes first. Without it, how things stand comes first.
    """
    start = await _start(info, after)
    prediction = await info.context.find(Prediction, prediction_id)
    async for said in _events(info, mapping.prediction_topic(prediction.id), prediction.status, start, after):
        yield PredictionEvent(**said, prediction=await info.context.renewed().find(Prediction, prediction_id))


async def _start(info: Info, after: str | None) -> Position:
    """Where to begin. It is asked before the row is read: an end between the two is then not missed."""
    return await info.context.feed.now() if after is None else Position.parse(after)


async def _events(
    info: Info, topic: str, status: TrainingStatus, start: Position, after: str | None
) -> AsyncGenerator[dict[str, Any], None]:
    """What the events of something that ends say, up to its end."""
    if after is None:
        yield {"cursor": start.cursor, "status": status}
    async for happening in info.context.feed.follow(topic, start, live=status not in ENDED):
        said = _said(happening)
        yield said
        if said.get("status") in ENDED:
            return


def _said(happening: Happening) -> dict[str, Any]:
    said = {"cursor": happening.position.cursor, **happening.payload}
    if "status" in said:
        said["status"] = TrainingStatus(said["status"])
    if "epoch" in said:
        said["epoch"] = Epoch(**said["epoch"])
    return said

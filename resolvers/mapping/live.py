"""Trainings and predictions as they go."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

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
    """What an event says of a job; what it does not say is None."""

    cursor: str
    status: TrainingStatus | None = None
    progress: float | None = None
    stage: str | None = None
    message: str | None = None
    eta_s: float | None = None
    epoch: Epoch | None = None

    @classmethod
    def of(cls, happening: Happening) -> "JobEvent":
        """The event as it was written."""
        said = dict(happening.payload)
        status, epoch = said.pop("status", None), said.pop("epoch", None)
        return cls(
            cursor=happening.position.cursor,
            status=TrainingStatus(status) if status else None,
            epoch=Epoch(**epoch) if epoch else None,
            **said,
        )


@dataclass(frozen=True)
class TrainingEvent:
    """A moment in a training."""

    event: JobEvent
    training: Training


@dataclass(frozen=True)
class PredictionEvent:
    """A moment in a prediction."""

    event: JobEvent
    prediction: Prediction


async def training_updated(
    info: Info, training_id: strawberry.ID, after: str | None = None
) -> AsyncGenerator[TrainingEvent, None]:
    """A training as it goes: its status, its progress, every epoch. It completes when the training has ended.

    training_id: The training.
    after: Continue after this cursor: what was missed comes first. Without it, how things stand comes first.
    """
    training = await info.context.find(Training, training_id)
    async for event in _events(info, mapping.training_topic(training.id), training.status, after):
        yield TrainingEvent(event, await info.context.find(Training, training_id))


async def prediction_updated(
    info: Info, prediction_id: strawberry.ID, after: str | None = None
) -> AsyncGenerator[PredictionEvent, None]:
    """A prediction as it goes: its status and its progress. It completes when the prediction has ended.

    prediction_id: The prediction.
    after: Continue after this cursor: what was missed comes first. Without it, how things stand comes first.
    """
    prediction = await info.context.find(Prediction, prediction_id)
    async for event in _events(info, mapping.prediction_topic(prediction.id), prediction.status, after):
        yield PredictionEvent(event, await info.context.find(Prediction, prediction_id))


async def _events(info: Info, topic: str, status: TrainingStatus, after: str | None) -> AsyncGenerator[JobEvent, None]:
    """The events of something that ends, up to its end."""
    feed = info.context.feed
    if after is None:
        start = await feed.now()
        yield JobEvent(start.cursor, status)
    else:
        start = Position.parse(after)
    async for happening in feed.follow(topic, start, live=status not in ENDED):
        event = JobEvent.of(happening)
        yield event
        if event.status in ENDED:
            return

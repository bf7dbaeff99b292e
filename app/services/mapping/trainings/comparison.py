"""Comparison of a model's trainings: parameters and metrics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from app.database import ReadSession
from app.errors import BadRequest, NotFound
from app.models.mapping.trainings import Model, Training, TrainingStatus
from app.policies import Viewer, visible
from app.settings import settings
from app.training_options import TrainingOptions

# All are measured on ground held back from training, in the same way for every base model; higher is better.
METRICS = ("accuracy", "pixel_accuracy", "precision", "recall", "f1", "object_f1")

CIRCUMSTANCES: dict[str, Callable[[Training], Any]] = {
    "source_imagery": lambda training: training.source_imagery,
    "continues_another": lambda training: training.parent_training_id is not None,
    "chips_length": lambda training: training.chips_length,
}


@dataclass(frozen=True)
class ComparedMetric:
    """One metric of all compared trainings."""

    name: str
    values: Sequence[float | None]
    best: Training | None


@dataclass(frozen=True)
class ComparedParameter:
    """One parameter of all compared trainings."""

    name: str
    values: Sequence[Any]
    differs: bool


@dataclass(frozen=True)
class TrainingComparison:
    """Trainings as the columns of a table; values are in the same order."""

    trainings: Sequence[Training]
    metrics: Sequence[ComparedMetric]
    parameters: Sequence[ComparedParameter]


async def compare_trainings(
    session: ReadSession, viewer: Viewer, *, model_id: int, training_ids: Sequence[int] | None
) -> TrainingComparison:
    """A model's finished trainings, or some of them, oldest first."""
    if await session.scalar(visible(Model, viewer).where(Model.id == model_id)) is None:
        raise NotFound("There is no such model.")
    rows = visible(Training, viewer).where(Training.model_id == model_id, Training.status == TrainingStatus.FINISHED)
    most = settings.trainings_compared_max
    if training_ids is not None:
        if len(training_ids) > most:
            raise BadRequest(f"Compare at most {most} trainings; this has {len(training_ids)}.")
        rows = rows.where(Training.id.in_(training_ids))
    trainings = (await session.scalars(rows.order_by(Training.id.desc()).limit(most))).all()[::-1]
    if missing := set(training_ids or ()) - {training.id for training in trainings}:
        raise NotFound(f"{len(missing)} of these are not finished trainings of this model.")
    return TrainingComparison(trainings, [_metric(name, trainings) for name in METRICS], _compare_parameters(trainings))


def _metric(name: str, trainings: Sequence[Training]) -> ComparedMetric:
    values = [getattr(training, name) for training in trainings]
    known = [(value, -place) for place, value in enumerate(values) if value is not None]
    # Of equals the older one: it was as good before.
    return ComparedMetric(name, values, trainings[-max(known)[1]] if known else None)


def _compare_parameters(trainings: Sequence[Training]) -> list[ComparedParameter]:
    rows = [TrainingOptions.of(training).effective() for training in trainings]
    columns = {option.name: [row[option.name] for row in rows] for option in fields(TrainingOptions)}
    columns |= {name: [of(training) for training in trainings] for name, of in CIRCUMSTANCES.items()}
    return [
        ComparedParameter(name, values, differs=any(value != values[0] for value in values))
        for name, values in columns.items()
    ]

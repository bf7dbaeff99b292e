"""Base models, and trainings side by side."""

from dataclasses import dataclass

import strawberry

from app.base_models import OFFERS
from app.models.mapping.trainings import BaseModel, Model, Training
from app.services.mapping.trainings import comparison
from app.services.mapping.trainings.comparison import TrainingComparison
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.mapping.subscriptions import Epoch


@dataclass(frozen=True)
class BaseModelOffer:
    """A base model as this installation offers it, with what may be asked of its trainings."""

    base_model: BaseModel
    description: str
    licence: str
    reason: str | None
    epochs_max: int
    batch_size_max: int
    publish_accuracy_min: float
    zoom_level_min: int
    zoom_level_max: int
    chips_max: int

    @property
    def available(self) -> bool:
        """Whether it can be trained here."""
        return self.reason is None


@dataclass(frozen=True)
class LearningCurve:
    """How a training went, epoch by epoch."""

    best_epoch: int
    epochs: list[Epoch]


def base_models() -> list[BaseModelOffer]:
    """The networks a model can be trained from, those that are not installed here, too."""
    return [
        BaseModelOffer(
            base_model=BaseModel(name),
            description=offer.description,
            licence=offer.licence,
            reason=offer.reason,
            epochs_max=offer.limits.epochs_max,
            batch_size_max=offer.limits.batch_max,
            publish_accuracy_min=offer.limits.publish_accuracy_percent_min,
            zoom_level_min=settings.training_zoom_min,
            zoom_level_max=settings.training_zoom_max,
            chips_max=settings.tiles_per_job_max,
        )
        for name, offer in OFFERS.items()
    ]


def learning_curve(root: strawberry.Parent[Training]) -> LearningCurve | None:
    """How it went, epoch by epoch; null until it is finished."""
    curve = root.learning_curve
    return None if curve is None else LearningCurve(curve["best_epoch"], [Epoch(**epoch) for epoch in curve["epochs"]])


async def compare_trainings(
    info: Info, model_id: strawberry.ID, training_ids: list[strawberry.ID] | None = None
) -> TrainingComparison:
    """Finished trainings of a model side by side, the oldest first.

    model_id: The model.
    training_ids: Only these, at most 20; without them the newest 20.
    """
    keys = None if training_ids is None else [ids.key(id, Training) for id in training_ids]
    async with info.context.reading() as session:
        return await comparison.compare_trainings(
            session, info.context.viewer, model_id=ids.key(model_id, Model), training_ids=keys
        )

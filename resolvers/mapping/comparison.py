"""Base models, and comparison of trainings."""

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
    """A base model of this installation, with the limits of its trainings."""

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
        """Whether it can be trained on this installation."""
        return self.reason is None


@dataclass(frozen=True)
class LearningCurve:
    """How a training went, epoch by epoch."""

    best_epoch: int
    epochs: list[Epoch]


def base_models() -> list[BaseModelOffer]:
    """The networks that models can be trained from, including those not installed here."""
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
    """The figures of each epoch so far; null until the first is done."""
    curve = root.learning_curve
    return None if curve is None else LearningCurve(curve["best_epoch"], [Epoch(**epoch) for epoch in curve["epochs"]])


async def compare_trainings(
    info: Info, model_id: strawberry.ID, training_ids: list[strawberry.ID] | None = None
) -> TrainingComparison:
    """Compares finished trainings of a model, oldest first.

    model_id: The model.
    training_ids: Only these trainings, at most {settings.trainings_compared_max}; by default as many of the newest.
    """
    keys = None if training_ids is None else [ids.key(id, Training) for id in training_ids]
    async with info.context.reading() as session:
        return await comparison.compare_trainings(
            session, info.context.viewer, model_id=ids.key(model_id, Model), training_ids=keys
        )

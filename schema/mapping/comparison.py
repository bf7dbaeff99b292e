"""What clients see of base models, and of trainings side by side."""

import strawberry
from strawberry.scalars import JSON

from app.models.mapping import trainings as training_tables
from app.services.mapping.trainings import comparison
from resolvers.mapping import comparison as resolve
from schema.fields import field
from schema.mapping.trainings import Training
from schema.row import shows


@shows(resolve.BaseModelOffer)
class BaseModelOffer:
    base_model: training_tables.BaseModel = strawberry.field(description="Which one it is.")
    description: str = strawberry.field(description="What it is.")
    licence: str = strawberry.field(description="The licence its engine comes under, as SPDX names it.")
    available: bool = strawberry.field(description="Whether it can be trained here.")
    reason: str | None = strawberry.field(description="Why it cannot, and what would help.")
    epochs_max: int = strawberry.field(description="How many passes a training may make.")
    batch_size_max: int = strawberry.field(description="How many chips it may be shown at once.")
    zoom_level_min: int = strawberry.field(description="The lowest zoom level it may be trained at.")
    zoom_level_max: int = strawberry.field(description="The highest zoom level it may be trained at.")
    chips_max: int = strawberry.field(description="How many chips of 256 × 256 pixels a training may take.")
    publish_accuracy_min: float = strawberry.field(description="The validation IoU that publishing takes, in percent.")


@shows(comparison.ComparedMetric)
class ComparedMetric:
    name: str = strawberry.field(description="The column of Training it stands in, such as object_f1.")
    values: list[float | None] = strawberry.field(description="One for each training; higher is better.")
    best: Training | None = strawberry.field(description="Whose is highest, the oldest of equals.")


@shows(comparison.ComparedParameter)
class ComparedParameter:
    name: str = strawberry.field(description="What it is, such as batch_size.")
    values: list[JSON | None] = strawberry.field(description="One for each training; null where it does not apply.")
    differs: bool = strawberry.field(description="Whether they are not all the same.")


@shows(comparison.TrainingComparison)
class TrainingComparison:
    trainings: list[Training] = strawberry.field(description="The columns, the oldest first, at most 20.")
    metrics: list[ComparedMetric] = strawberry.field(description="How well they did, on ground held back.")
    parameters: list[ComparedParameter] = strawberry.field(description="What they were given.")


@strawberry.type
class ComparisonQuery:
    base_models: list[BaseModelOffer] = field(resolve.base_models)
    compare_trainings: TrainingComparison | None = field(resolve.compare_trainings)

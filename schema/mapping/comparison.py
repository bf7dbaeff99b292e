"""GraphQL types for base models and for the comparison of trainings."""

import strawberry
from strawberry.scalars import JSON

from app.models.mapping import trainings as training_tables
from app.services.mapping.trainings import comparison
from app.settings import settings
from resolvers.mapping import comparison as resolve
from schema.fields import field
from schema.mapping.trainings import Training
from schema.row import shows


@shows(resolve.BaseModelOffer)
class BaseModelOffer:
    base_model: training_tables.BaseModel = strawberry.field(description="The network.")
    description: str = strawberry.field(description="A short description.")
    licence: str = strawberry.field(description="The licence of its engine, as an SPDX identifier.")
    available: bool = strawberry.field(description="Whether it can be trained here.")
    reason: str | None = strawberry.field(description="Why it cannot be trained here, and how to change that.")
    epochs_max: int = strawberry.field(description="The maximum number of epochs.")
    batch_size_max: int = strawberry.field(description="The maximum batch size.")
    zoom_level_min: int = strawberry.field(description="The lowest zoom level it can be trained at.")
    zoom_level_max: int = strawberry.field(description="The highest zoom level it can be trained at.")
    chips_max: int = strawberry.field(description="The maximum number of chips of 256 × 256 pixels in a training.")
    publish_accuracy_min: float = strawberry.field(description="The validation IoU needed to publish, in percent.")


@shows(comparison.ComparedMetric)
class ComparedMetric:
    name: str = strawberry.field(description="The metric: a field of Training, such as object_f1.")
    values: list[float | None] = strawberry.field(description="One value per training; higher is better.")
    best: Training | None = strawberry.field(description="The training with the highest value; the oldest of equals.")


@shows(comparison.ComparedParameter)
class ComparedParameter:
    name: str = strawberry.field(description="The parameter, such as batch_size.")
    values: list[JSON | None] = strawberry.field(description="One value per training; null where it does not apply.")
    differs: bool = strawberry.field(description="Whether the values differ.")


@shows(comparison.TrainingComparison)
class TrainingComparison:
    trainings: list[Training] = strawberry.field(
        description=f"The compared trainings, oldest first, at most {settings.trainings_compared_max}."
    )
    metrics: list[ComparedMetric] = strawberry.field(description="Quality metrics on ground held back from training.")
    parameters: list[ComparedParameter] = strawberry.field(description="The parameters of the trainings.")


@strawberry.type
class ComparisonQuery:
    base_models: list[BaseModelOffer] = field(resolve.base_models)
    compare_trainings: TrainingComparison | None = field(resolve.compare_trainings)

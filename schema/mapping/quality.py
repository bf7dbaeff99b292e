"""GraphQL types for dataset quality."""

import strawberry
from strawberry import auto

from app.models.kinds.mapping import MappingRateLimit
from app.models.mapping import inspections as inspection_tables
from app.services.mapping.datasets import quality
from app.settings import settings
from resolvers.enums import show_enum
from resolvers.mapping import quality as resolve_quality
from resolvers.mapping import subscriptions
from schema.accounts import User
from schema.fields import field, mutation, one, subscription
from schema.mapping.datasets import AOI, Dataset
from schema.mapping.trainings import JobEvent
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows
from schema.system.jobs import Job

show_enum(quality.QualityWarningKind)


class Inspection(Row, of=inspection_tables.Inspection):
    source_imagery: auto
    zoom_level: auto
    status: auto
    created_at: auto
    started_at: auto
    finished_at: auto
    failure: auto
    tiles: auto
    tiles_without_imagery: auto
    ground_without_imagery: auto
    shift_m: auto
    suggested_offset: auto
    user: User | None = one(inspection_tables.Inspection.user)
    dataset: Dataset = one(inspection_tables.Inspection.dataset)
    job: Job | None = one(inspection_tables.Inspection.job)


@shows(quality.QualityWarning)
class QualityWarning:
    kind: quality.QualityWarningKind = strawberry.field(description="The kind of problem.")
    message: str = strawberry.field(description="What is wrong and what to do about it, for people.")
    count: int = strawberry.field(description="The number of areas, labels or tiles concerned.")
    areas: list[AOI] = strawberry.field(description=f"The areas concerned, at most {settings.page_size_max}.")


@shows(quality.DatasetQuality)
class DatasetQuality:
    warnings: list[QualityWarning] = strawberry.field(description="Problems that may harm a training, each kind once.")
    inspection: Inspection | None = strawberry.field(description="The last finished inspection.")
    is_inspection_current: bool = strawberry.field(
        description="Whether the inspection saw the current imagery and offset. If not, it produces no warnings."
    )


@shows(subscriptions.InspectionEvent)
class InspectionEvent(JobEvent):
    inspection: Inspection = strawberry.field(description="The current state of the inspection.")


@strawberry.type
class QualityQuery:
    dataset_quality: DatasetQuality | None = field(resolve_quality.dataset_quality)
    inspection: Inspection | None = field(resolve_quality.inspection)


@strawberry.type
class QualityMutation:
    inspect_dataset: Inspection | InvalidInput | Conflict | LimitReached = mutation(
        resolve_quality.inspect_dataset, rate_limit=MappingRateLimit.INSPECTIONS
    )


@strawberry.type
class QualitySubscription:
    inspection_updated: InspectionEvent = subscription(subscriptions.inspection_updated)

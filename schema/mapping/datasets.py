"""GraphQL types for datasets, areas and labels."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.formats.labels import skipping
from app.limits import mapping as limits
from app.models.kinds.system import SystemRateLimit
from app.models.mapping import datasets as dataset_tables
from app.models.mapping import trainings as training_tables
from app.services.mapping.labels import uploads
from app.services.mapping.predictions import downloads
from app.settings import settings
from resolvers.enums import show_enum
from resolvers.mapping import changes, exports
from resolvers.mapping import datasets as resolve_datasets
from schema.accounts import User
from schema.deleted import Deleted
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows

if TYPE_CHECKING:
    from schema.accounts.teams import Team
    from schema.mapping.quality import Inspection
    from schema.mapping.trainings import Model

for enum in (
    dataset_tables.Contributions,
    dataset_tables.DatasetStatus,
    dataset_tables.DownloadStatus,
    dataset_tables.LabelOrigin,
    training_tables.TrainingStatus,
    downloads.FileFormat,
    skipping.SkipReason,
):
    show_enum(enum)


class Label(Row, of=dataset_tables.Label):
    geom: auto
    origin: auto
    osm_id: auto
    osm_type: auto
    tags: auto
    created_at: auto
    user: User | None = one(dataset_tables.Label.user)
    aoi: "AOI" = one(dataset_tables.Label.aoi)


class AOI(Row, of=dataset_tables.AOI):
    geom: auto
    label_status: auto
    label_fetched: auto
    label_error: auto
    label_tags: auto
    created_at: auto
    last_modified: auto
    user: User | None = one(dataset_tables.AOI.user)
    dataset: "Dataset" = one(dataset_tables.AOI.dataset)
    labels: Connection[Label] = many(dataset_tables.AOI.labels, size_max=settings.labels_page_size_max)
    labels_link: str = field(exports.area_labels_link)
    gpx_link: str = field(exports.gpx_link)


class Dataset(Row, of=dataset_tables.Dataset):
    name: auto
    source_imagery: auto
    status: auto
    offset: auto
    contributions: auto
    created_at: auto
    last_modified: auto
    user: User | None = one(dataset_tables.Dataset.user)
    team: Annotated["Team", strawberry.lazy("schema.accounts.teams")] | None = one(dataset_tables.Dataset.team)
    aois: Connection[AOI] = many(dataset_tables.Dataset.aois)
    labels_link: str = field(exports.dataset_labels_link)
    models: Connection[Annotated["Model", strawberry.lazy("schema.mapping.trainings")]] = many(
        dataset_tables.Dataset.models, order=resolve_datasets.NamedOrder
    )
    inspections: Connection[Annotated["Inspection", strawberry.lazy("schema.mapping.quality")]] = many(
        dataset_tables.Dataset.inspections
    )


@shows(skipping.Skipped)
class SkippedFeatures:
    reason: skipping.SkipReason = strawberry.field(description="Why they could not be used.")
    count: int = strawberry.field(description="The number of features.")
    examples: list[str] = strawberry.field(
        description=f"Where some of them are in the file, at most {limits.EXAMPLES_MAX}: a feature, a line or an "
        "OpenStreetMap element."
    )


@shows(uploads.LabelUpload)
class LabelUpload:
    aoi: AOI = strawberry.field(description="The area.")
    added: int = strawberry.field(description="The number of labels added.")
    outside: int = strawberry.field(description="The number of labels skipped because they do not overlap the area.")
    skipped: list[SkippedFeatures] = strawberry.field(description="Features that could not be used, by reason.")


@strawberry.type
class DatasetsQuery:
    dataset: Dataset | None = field(resolve_datasets.dataset)
    datasets: Connection[Dataset] = connection(resolve_datasets.datasets, order=resolve_datasets.NamedOrder)
    aoi: AOI | None = field(resolve_datasets.aoi)
    aois: Connection[AOI] = connection(resolve_datasets.aois)
    label: Label | None = field(resolve_datasets.label)
    labels: Connection[Label] = connection(resolve_datasets.labels, size_max=settings.labels_page_size_max)


@strawberry.type
class DatasetsMutation:
    create_dataset: Dataset | InvalidInput = mutation(resolve_datasets.create_dataset)
    update_dataset: Dataset | InvalidInput = mutation(resolve_datasets.update_dataset)
    delete_dataset: Deleted | Conflict = mutation(changes.delete_dataset)
    create_aoi: AOI | InvalidInput | LimitReached = mutation(
        resolve_datasets.create_aoi, request_bytes_max=settings.shape_request_bytes_max
    )
    update_aoi: AOI | InvalidInput | Conflict = mutation(
        changes.update_aoi, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_aoi: Deleted | Conflict = mutation(changes.delete_aoi)
    create_label: Label | InvalidInput | LimitReached = mutation(
        changes.create_label, request_bytes_max=settings.shape_request_bytes_max
    )
    update_label: Label | InvalidInput = mutation(
        changes.update_label, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_label: Deleted = mutation(changes.delete_label)
    upload_labels: LabelUpload | InvalidInput | LimitReached = mutation(
        resolve_datasets.upload_labels,
        rate_limit=SystemRateLimit.UPLOADS,
        request_bytes_max=settings.labels_request_bytes_max,
    )
    fetch_osm_labels: AOI | InvalidInput | Conflict = mutation(
        resolve_datasets.fetch_osm_labels, rate_limit=SystemRateLimit.JOBS
    )

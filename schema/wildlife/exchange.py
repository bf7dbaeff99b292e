"""GraphQL types for imports of camera-trap files."""

import strawberry
from strawberry import auto

from app.formats.wildlife.problems import Severity
from app.models.kinds.system import SystemRateLimit
from app.models.wildlife import exchange as tables
from resolvers.enums import show_enum
from resolvers.wildlife.exchange import exports as resolve_exports
from resolvers.wildlife.exchange import imports as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, mutation, one, subscription
from schema.files import UploadLink
from schema.problems import Conflict, InvalidInput
from schema.row import Row, shows
from schema.system.jobs import Job
from schema.wildlife.providers.types import AIProvider

for enum in (
    tables.WildlifeImportFormat,
    tables.WildlifeExportFormat,
    tables.ExchangeStatus,
    Severity,
):
    show_enum(enum)


@shows(resolve.ImportCounts)
class ImportCounts:
    deployments: int = strawberry.field(description="Deployments in the files.")
    media: int = strawberry.field(description="Media in the files.")
    observations: int = strawberry.field(description="Observations written.")
    species: int = strawberry.field(description="Different taxa that were recognized.")
    classifications: int = strawberry.field(description="Classifications written.")
    approved: int = strawberry.field(description="Classifications approved.")


@shows(resolve.ImportProblem)
class ImportProblem:
    file: str = strawberry.field(description="The file.")
    line: int | None = strawberry.field(
        description="The line of a table, counted from 1, or the number of an entry; null if the file is meant."
    )
    field: str | None = strawberry.field(description="The column or the property; null if the whole row is meant.")
    message: str = strawberry.field(description="What is wrong, and what to do.")
    severity: Severity = strawberry.field(description="How bad it is.")


class WildlifeImport(Row, of=tables.WildlifeImport):
    format: auto
    format_version: auto
    status: auto
    dry_run: auto
    keep_good: auto
    error_count: auto
    warning_count: auto
    matched: auto
    unmatched: auto
    failure: auto
    created_at: auto
    finished_at: auto
    counts: ImportCounts = field(resolve.counts)
    problems: list[ImportProblem] = field(resolve.problems)
    user: User = one(tables.WildlifeImport.user)
    provider: AIProvider | None = one(tables.WildlifeImport.provider)
    job: Job | None = one(tables.WildlifeImport.job)


@shows(resolve_exports.ExportCounts)
class ExportCounts:
    deployments: int = strawberry.field(description="The deployments in it.")
    media: int = strawberry.field(description="The media in it.")
    observations: int = strawberry.field(description="The observations in it; of COCO and MegaDetector, the boxes.")
    frames: int = strawberry.field(description="Rows of our own table of frames.")


class WildlifeExport(Row, of=tables.WildlifeExport):
    format: auto
    format_version: auto
    status: auto
    options: auto
    size_bytes: auto
    failure: auto
    created_at: auto
    finished_at: auto
    counts: ExportCounts = field(resolve_exports.counts)
    download_link: str | None = field(resolve_exports.download_link)
    user: User = one(tables.WildlifeExport.user)
    job: Job | None = one(tables.WildlifeExport.job)


@shows(resolve.WildlifeImportEvent)
class WildlifeImportEvent:
    cursor: str = strawberry.field(description="Pass it as `after` to continue after this event.")
    status: tables.ExchangeStatus | None = strawberry.field(description="The new status; null if it did not change.")
    progress: float | None = strawberry.field(description="The progress, from 0 to 1.")
    stage: str | None = strawberry.field(description="The current stage, in one word.")
    message: str | None = strawberry.field(description="The current stage, in a sentence.")
    eta_s: float | None = strawberry.field(description="The estimated seconds until it ends.")
    wildlife_import: WildlifeImport = strawberry.field(description="The current state of the import.")


@shows(resolve_exports.WildlifeExportEvent)
class WildlifeExportEvent:
    cursor: str = strawberry.field(description="Pass it as `after` to continue after this event.")
    status: tables.ExchangeStatus | None = strawberry.field(description="The new status; null if it did not change.")
    progress: float | None = strawberry.field(description="The progress, from 0 to 1.")
    stage: str | None = strawberry.field(description="The current stage, in one word.")
    message: str | None = strawberry.field(description="The current stage, in a sentence.")
    eta_s: float | None = strawberry.field(description="The estimated seconds until it ends.")
    wildlife_export: WildlifeExport = strawberry.field(description="The current state of the export.")


@strawberry.type
class ExchangeQuery:
    wildlife_import: WildlifeImport | None = field(resolve.wildlife_import)
    wildlife_imports: Connection[WildlifeImport] = connection(resolve.wildlife_imports, order=resolve.ImportOrder)
    wildlife_export: WildlifeExport | None = field(resolve_exports.wildlife_export)
    wildlife_exports: Connection[WildlifeExport] = connection(
        resolve_exports.wildlife_exports, order=resolve.ImportOrder
    )


@strawberry.type
class ExchangeMutation:
    request_import_upload: UploadLink | InvalidInput = mutation(
        resolve.request_import_upload, rate_limit=SystemRateLimit.UPLOADS
    )
    import_camtrap_dp: WildlifeImport | InvalidInput | Conflict = mutation(
        resolve.import_camtrap_dp, rate_limit=SystemRateLimit.JOBS
    )
    import_wildlife_insights: WildlifeImport | InvalidInput | Conflict = mutation(
        resolve.import_wildlife_insights, rate_limit=SystemRateLimit.JOBS
    )
    import_mega_detector: WildlifeImport | InvalidInput | Conflict = mutation(
        resolve.import_mega_detector, rate_limit=SystemRateLimit.JOBS
    )
    import_species_net: WildlifeImport | InvalidInput | Conflict = mutation(
        resolve.import_species_net, rate_limit=SystemRateLimit.JOBS
    )
    import_classifications: WildlifeImport | InvalidInput | Conflict = mutation(
        resolve.import_classifications, rate_limit=SystemRateLimit.JOBS
    )
    export_observations: WildlifeExport | InvalidInput | Conflict = mutation(
        resolve_exports.export_observations, rate_limit=SystemRateLimit.JOBS
    )
    export_camtrap_dp: WildlifeExport | InvalidInput | Conflict = mutation(
        resolve_exports.export_camtrap_dp, rate_limit=SystemRateLimit.JOBS
    )
    export_mega_detector: WildlifeExport | InvalidInput | Conflict = mutation(
        resolve_exports.export_mega_detector, rate_limit=SystemRateLimit.JOBS
    )
    export_coco: WildlifeExport | InvalidInput | Conflict = mutation(
        resolve_exports.export_coco, rate_limit=SystemRateLimit.JOBS
    )
    export_deployments: WildlifeExport | InvalidInput | Conflict = mutation(
        resolve_exports.export_deployments, rate_limit=SystemRateLimit.JOBS
    )


@strawberry.type
class ExchangeSubscription:
    wildlife_import_updated: WildlifeImportEvent = subscription(resolve.wildlife_import_updated)
    wildlife_export_updated: WildlifeExportEvent = subscription(resolve_exports.wildlife_export_updated)

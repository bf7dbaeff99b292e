"""GraphQL types for label imports."""

import strawberry
from strawberry import auto

from app.models.kinds.system import SystemRateLimit
from app.models.mapping import imports as import_tables
from resolvers.enums import show_enum
from resolvers.mapping import datasets as resolve
from schema.accounts import User
from schema.fields import field, mutation, one
from schema.files import UploadLink
from schema.mapping.datasets import AOI, SkippedFeatures
from schema.problems import Conflict, InvalidInput
from schema.row import Row
from schema.system.jobs import Job

show_enum(import_tables.LabelFormat)


class LabelImport(Row, of=import_tables.LabelImport):
    format: auto
    tags: auto
    replace: auto
    strict: auto
    status: auto
    added: auto
    outside: auto
    skipped: list[SkippedFeatures] | None = field(resolve.skipped)
    failure: auto
    created_at: auto
    finished_at: auto
    user: User | None = one(import_tables.LabelImport.user)
    aoi: AOI = one(import_tables.LabelImport.aoi)
    job: Job | None = one(import_tables.LabelImport.job)


@strawberry.type
class ImportsQuery:
    label_import: LabelImport | None = field(resolve.label_import)


@strawberry.type
class ImportsMutation:
    create_label_upload: UploadLink | InvalidInput = mutation(
        resolve.create_label_upload, rate_limit=SystemRateLimit.UPLOADS
    )
    import_labels: LabelImport | InvalidInput | Conflict = mutation(
        resolve.import_labels, rate_limit=SystemRateLimit.JOBS
    )

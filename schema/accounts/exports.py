"""GraphQL types for data exports."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.models.kinds.system import SystemRateLimit
from resolvers.accounts import exports as resolve
from schema.fields import Connection, connection, field, mutation, one
from schema.problems import Conflict, LimitReached
from schema.row import Row

if TYPE_CHECKING:
    from schema.system.jobs import Job


class DataExport(Row, of=account_tables.DataExport):
    created_at: auto
    finished_at: auto
    expires_at: auto
    size_bytes: auto
    failure: auto
    link: str | None = field(resolve.export_link)
    job: Annotated["Job", strawberry.lazy("schema.system.jobs")] | None = one(account_tables.DataExport.job)


@strawberry.type
class ExportsQuery:
    data_exports: Connection[DataExport] = connection(resolve.data_exports)


@strawberry.type
class ExportsMutation:
    export_my_data: DataExport | Conflict | LimitReached = mutation(
        resolve.export_my_data, scope=None, rate_limit=SystemRateLimit.JOBS
    )

"""GraphQL types for bulk queries."""

import strawberry
from strawberry import auto

from app.models import integrations as tables
from app.models.kinds.integrations import IntegrationsRateLimit
from resolvers.integrations import bulk as resolve
from schema.fields import Connection, connection, field, mutation, one
from schema.problems import Conflict, InvalidInput
from schema.row import Row
from schema.system.jobs import Job


class BulkQuery(Row, of=tables.BulkQuery):
    document: auto
    variables: auto
    row_count: auto
    total: auto
    size_bytes: auto
    is_flat: auto
    created_at: auto
    finished_at: auto
    expires_at: auto
    failure: auto
    link: str | None = field(resolve.link)
    csv_link: str | None = field(resolve.csv_link)
    job: Job | None = one(tables.BulkQuery.job)


@strawberry.type
class BulkQueriesQuery:
    bulk_queries: Connection[BulkQuery] = connection(resolve.bulk_queries)


@strawberry.type
class BulkMutation:
    start_bulk_query: BulkQuery | InvalidInput | Conflict = mutation(
        resolve.start_bulk_query, rate_limit=IntegrationsRateLimit.BULK_QUERIES
    )
    cancel_bulk_query: BulkQuery | Conflict = mutation(resolve.cancel_bulk_query)

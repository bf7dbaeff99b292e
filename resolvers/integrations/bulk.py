"""Bulk queries."""

import strawberry
from sqlalchemy import Select
from strawberry.scalars import JSON

from app.models.integrations import BulkQuery
from app.policies import signed_in, visible
from app.services.integrations import answering
from app.services.integrations import bulk as bulk_service
from resolvers import ids
from resolvers.context import Info


def bulk_queries(info: Info) -> Select[BulkQuery]:
    """The viewer's bulk queries, until they are removed."""
    signed_in(info.context.viewer)
    return visible(BulkQuery, info.context.viewer)


def link(root: strawberry.Parent[BulkQuery], info: Info) -> str | None:
    """A link to the rows, one JSON object per line, valid for {settings.file_link_s}. Null until they are ready."""
    return bulk_service.bulk_link(info.context.viewer, root, bulk_service.NDJSON)


def csv_link(root: strawberry.Parent[BulkQuery], info: Info) -> str | None:
    """A link to the rows as CSV, valid for {settings.file_link_s}. Null if they do not fit into a table."""
    return bulk_service.bulk_link(info.context.viewer, root, bulk_service.CSV)


async def start_bulk_query(info: Info, document: str, variables: JSON | None = None) -> BulkQuery:
    """Runs a query over a whole list as a job, with the viewer's rights at each page.

    One runs at a time. Files are kept for {settings.bulk_queries_kept_days} days.

    document: A query with one list that is not inside of another list. Its `first` and `after` do not count.
    variables: The variables of the query.
    """
    info.context.permit_reading()
    async with answering.opened(info.context.database) as answers, info.context.writing() as session:
        return await bulk_service.start_bulk_query(
            session, info.context.viewer, answers, document=document, variables=variables
        )


async def cancel_bulk_query(info: Info, id: strawberry.ID) -> BulkQuery:
    """Stops a bulk query and removes what it has read.

    id: The bulk query.
    """
    async with info.context.writing() as session:
        return await bulk_service.cancel_bulk_query(session, info.context.viewer, ids.key(id, BulkQuery))

"""GraphQL types for tables of locations and deployments."""

import strawberry

from app.services.wildlife.places import tables as service
from app.settings import settings
from resolvers.wildlife.places import tables as resolve
from schema.fields import mutation
from schema.problems import InvalidInput, LimitReached
from schema.row import shows


@shows(service.TableProblem)
class TableProblem:
    row: int = strawberry.field(description="The row, counted from 1 with the header, as editors count lines.")
    column: str | None = strawberry.field(description="The column; null if the row as a whole is meant.")
    message: str = strawberry.field(description="What is wrong, and what to do.")
    is_error: bool = strawberry.field(description="Whether it keeps the table from being imported.")


@shows(service.TableImport)
class TableImport:
    is_done: bool = strawberry.field(description="Whether the rows were imported.")
    is_dry_run: bool = strawberry.field(description="Whether nothing was to be changed.")
    rows: int = strawberry.field(description="The number of rows.")
    created: int = strawberry.field(description="The number of rows that are new; 0 with errors.")
    updated: int = strawberry.field(description="The number of rows that are there already; 0 with errors.")
    problems: list[TableProblem] = strawberry.field(description="What is wrong, value by value.")


@strawberry.type
class TablesMutation:
    import_locations: TableImport | InvalidInput | LimitReached = mutation(
        resolve.import_locations, request_bytes_max=settings.labels_request_bytes_max
    )
    import_deployments: TableImport | InvalidInput | LimitReached = mutation(
        resolve.import_deployments, request_bytes_max=settings.labels_request_bytes_max
    )

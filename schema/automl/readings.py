"""GraphQL types for readings of tables."""

import strawberry
from strawberry import auto

from app.models.automl import readings as tables
from app.models.kinds.system import SystemRateLimit
from app.tabular import datatypes
from resolvers.automl import readings as resolve
from resolvers.enums import show_enum
from schema.accounts import User
from schema.fields import Connection, connection, field, mutation, one, subscription
from schema.files import UploadLink
from schema.problems import InvalidInput
from schema.row import Row, shows
from schema.system.jobs import Job

show_enum(tables.TableReadingStatus)


@shows(resolve.ColumnWarning)
class ColumnWarning:
    issue: datatypes.ColumnIssue = strawberry.field(description="What it is about.")
    message: str = strawberry.field(description="What was seen, and what to do.")


@shows(resolve.TableColumn)
class TableColumn:
    name: str = strawberry.field(description="The name, as in the header; a repeated one has a number behind it.")
    position: int = strawberry.field(description="The place in the table, from 0.")
    datatype: datatypes.Datatype = strawberry.field(description="The datatype, decided by all values.")
    reason: str = strawberry.field(description="Why it has this datatype.")
    role: datatypes.Role = strawberry.field(description="What the column is for.")
    decimal_sign: datatypes.DecimalSign | None = strawberry.field(
        description="The decimal sign of all its numbers; null if it has none."
    )
    date_order: datatypes.DateOrder | None = strawberry.field(
        description="The order of year, month and day in all its dates; null if it has none."
    )
    description: str | None = strawberry.field(description="What the row of descriptions says.")
    examples: list[str] = strawberry.field(description="Some of its values, as they are in the file.")
    missing_percentage: float = strawberry.field(description="The share of missing values, in percent.")
    warnings: list[ColumnWarning] = strawberry.field(description="What a person should know of it.")


class TableReading(Row, of=tables.TableReading):
    status: auto
    format: auto
    encoding: auto
    separator: auto
    header: auto
    description_row: auto
    decimal_sign: auto
    date_order: auto
    sheet: auto
    row_count: auto
    failure: auto
    created_at: auto
    finished_at: auto
    sheets: list[str] = field(resolve.sheets)
    notes: list[str] = field(resolve.notes)
    columns: list[TableColumn] = field(resolve.columns)
    user: User = one(tables.TableReading.user)
    job: Job | None = one(tables.TableReading.job)


@shows(resolve.TableReadingEvent)
class TableReadingEvent:
    cursor: str = strawberry.field(description="Pass it as `after` to continue after this event.")
    status: tables.TableReadingStatus | None = strawberry.field(
        description="The new status; null if it did not change."
    )
    table_reading: TableReading = strawberry.field(description="The current state of the reading.")


@strawberry.type
class ReadingsQuery:
    table_reading: TableReading | None = field(resolve.table_reading)
    table_readings: Connection[TableReading] = connection(resolve.table_readings)


@strawberry.type
class ReadingsMutation:
    request_table_upload: UploadLink | InvalidInput = mutation(
        resolve.request_table_upload, rate_limit=SystemRateLimit.UPLOADS
    )
    read_table: TableReading | InvalidInput = mutation(resolve.read_table, rate_limit=SystemRateLimit.JOBS)


@strawberry.type
class ReadingsSubscription:
    table_reading_updated: TableReadingEvent = subscription(resolve.table_reading_updated)

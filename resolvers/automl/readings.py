"""Readings of tables."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select

from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.automl.readings import TableReading, TableReadingStatus
from app.policies import visible
from app.services.automl import readings
from app.services.automl.readings import TableOptions
from app.services.system.files import uploads
from app.services.system.files.uploads import UploadLink
from app.tabular.datatypes import ColumnIssue, Datatype, DateOrder, DecimalSign, Role, TableFormat
from resolvers.context import Info
from resolvers.enums import show_enum
from resolvers.loaders import RowOrReference

# Before the inputs that have them.
for enum in (TableFormat, Datatype, Role, DecimalSign, DateOrder, ColumnIssue):
    show_enum(enum)


@dataclass(frozen=True)
class ColumnWarning:
    """What a person should know of a column."""

    issue: ColumnIssue
    message: str


@dataclass(frozen=True)
class TableColumn:
    """How one column of a table is read."""

    name: str
    position: int
    datatype: Datatype
    reason: str
    role: Role
    decimal_sign: DecimalSign | None
    date_order: DateOrder | None
    description: str | None
    examples: list[str]
    missing_percentage: float
    warnings: list[ColumnWarning]


@dataclass(frozen=True)
class TableReadingEvent:
    """A snapshot of a reading; null fields did not change."""

    cursor: str
    table_reading: TableReading
    status: TableReadingStatus | None = None


@strawberry.input(description="What is known about a table; what is left out is detected.")
class TableOptionsInput:
    encoding: str | None = strawberry.field(
        default=None, description="The encoding of a text file: `utf-8`, `utf-16`, `latin-1` or `windows-1252`."
    )
    separator: str | None = strawberry.field(
        default=None, description="What separates the values of a text file: a comma, a semicolon, a tab or a pipe."
    )
    header: bool | None = strawberry.field(default=None, description="Whether the first row names the columns.")
    description_row: bool | None = strawberry.field(
        default=None, description="Whether the row below the header describes the columns."
    )
    decimal_sign: DecimalSign | None = strawberry.field(
        default=None, description="The decimal sign, where the values leave a doubt."
    )
    date_order: DateOrder | None = strawberry.field(
        default=None, description="The order of year, month and day, where the values leave a doubt."
    )
    sheet: str | None = strawberry.field(default=None, description="The sheet of a workbook; the largest by default.")
    outputs: list[str] | None = strawberry.field(
        default=None, description="The names of the columns to be learned; by default they are guessed."
    )


async def table_reading(info: Info, id: strawberry.ID) -> RowOrReference[TableReading]:
    """One of the viewer's readings of tables by its id.

    id: The id of the reading.
    """
    return await info.context.find(TableReading, id)


def table_readings(info: Info) -> Select[TableReading]:
    """The viewer's readings of tables, as long as their files are kept. Staff see all."""
    return visible(TableReading, info.context.viewer)


def sheets(root: strawberry.Parent[TableReading]) -> list[str]:
    """The sheets of a workbook."""
    return list(root.report.get("sheets", []))


def notes(root: strawberry.Parent[TableReading]) -> list[str]:
    """What a person should know of the file as a whole."""
    return list(root.report.get("notes", []))


def columns(root: strawberry.Parent[TableReading]) -> list[TableColumn]:
    """The columns, as they are read; none until it is finished."""
    return [
        TableColumn(
            name=each["name"],
            position=each["position"],
            datatype=Datatype(each["datatype"]),
            reason=each["reason"],
            role=Role(each["role"]),
            decimal_sign={None: None, ".": DecimalSign.POINT, ",": DecimalSign.COMMA}[each["decimal"]],
            date_order=None if each["date_order"] is None else DateOrder(each["date_order"]),
            description=each["description"],
            examples=each["examples"],
            missing_percentage=each["missing_percentage"],
            warnings=[ColumnWarning(ColumnIssue(issue), message) for issue, message in each["issues"]],
        )
        for each in root.report.get("columns", [])
    ]


async def request_table_upload(info: Info, file_name: str, bytes: int) -> UploadLink:
    """Returns a link to upload one table to: CSV, TSV, xls, xlsx, JSON or NDJSON.

    file_name: The name of the file, at most {automl.FILE_NAME_LENGTH_MAX} characters. Its content says what it is.
    bytes: The size in bytes, at most {settings.machine_table_bytes_max}.
    """
    viewer = info.context.viewer
    async with uploads.pace_bytes(info.context.rates, viewer, bytes=bytes), info.context.writing() as session:
        return await readings.table_upload(session, viewer, file_name=file_name, bytes=bytes)


async def read_table(info: Info, upload: str, options: TableOptionsInput | None = None) -> TableReading:
    """Starts reading an uploaded table: its format, and the datatype and role of each column, with the reasons.

    upload: The `upload` value of the link the file was uploaded to. It may be read again with other options.
    options: What is known about the table.
    """
    viewer = info.context.viewer
    file = await uploads.uploaded(viewer, upload, use=readings.USE)
    async with info.context.writing() as session:
        return await readings.read_table(session, viewer, file=file, options=table_options(options))


def table_options(options: TableOptionsInput | None) -> TableOptions:
    """What is known about a table."""
    values = {} if options is None else {name: value for name, value in vars(options).items() if value is not None}
    return TableOptions(**values)


async def table_reading_updated(
    info: Info, table_reading_id: strawberry.ID, after: str | None = None
) -> SourceStream[TableReadingEvent]:
    """The progress of reading a table. Completes when the reading ends.

    table_reading_id: The reading.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """

    async def read(event: StreamEvent) -> TableReadingEvent:
        status = event.payload.get("status")
        now = await info.context.renewed().read(TableReading, table_reading_id)
        return TableReadingEvent(
            event.position.cursor or "", now, None if status is None else TableReadingStatus(status)
        )

    start = await info.context.events.beginning(after)
    row = await info.context.read(TableReading, table_reading_id)
    return SourceStream.of_work(
        info.context.events,
        readings.topic_of(row),
        start,
        read,
        now=TableReadingEvent(start.cursor or "", row, row.status),
        after=after,
        is_over=lambda event: event.status in readings.ENDED,
    )

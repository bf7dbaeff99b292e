"""Readings of tables: asked for, carried out in a child, and forgotten with their file."""

from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select

from app import checks, events
from app.database import ReadSession, WriteSession
from app.errors import Invalid, quoted
from app.formats.tables.sources.separated import SEPARATORS
from app.limits import automl as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import UserPreferences
from app.models.automl.readings import TableReading, TableReadingStatus
from app.models.kinds.automl import AutomlJob
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services.system.files.uploads import Uploaded, UploadLink, upload_link
from app.services.system.notifications import notify
from app.services.system.pruning import older_than, prunable
from app.settings import settings
from app.tabular.datatypes import DateOrder, DecimalSign, TableFormat

USE = "machine-table"
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
}
ENCODINGS = ("utf-8", "utf-16", "latin-1", "windows-1252")
ENDED = frozenset({TableReadingStatus.FINISHED, TableReadingStatus.FAILED})


@dataclass(frozen=True)
class TableOptions:
    """What somebody says about a table; what is null is detected."""

    encoding: str | None = None
    separator: str | None = None
    header: bool | None = None
    description_row: bool | None = None
    decimal_sign: DecimalSign | None = None
    date_order: DateOrder | None = None
    sheet: str | None = None
    outputs: list[str] = field(default_factory=list)


class ReadingPlan(NamedTuple):
    """What a worker needs to read a table."""

    storage_key: str
    options: dict[str, Any]


async def table_upload(session: WriteSession, viewer: Viewer, *, file_name: str, bytes: int) -> UploadLink:
    """An upload link for one table."""
    name = checks.text("fileName", file_name, length_max=limits.FILE_NAME_LENGTH_MAX)
    media_type = MEDIA_TYPES.get(PurePosixPath(name).suffix.lower())
    if media_type is None:
        raise Invalid("fileName", f"Send files that end in {', '.join(MEDIA_TYPES)}; this is {quoted(name)}.")
    bytes_max = settings.machine_table_bytes_max
    return await upload_link(session, viewer, use=USE, media_type=media_type, bytes=bytes, bytes_max=bytes_max)


async def read_table(session: WriteSession, viewer: Viewer, *, file: Uploaded, options: TableOptions) -> TableReading:
    """Queues the reading of a table. The file stays: it may be read again with other options."""
    user_id = signed_in(viewer)
    row = TableReading(user_id=user_id, storage_key=file.key, options=await _checked(session, user_id, options))
    session.add(row)
    await session.flush()
    row.job_id = (await enqueue(session, AutomlJob.READ_TABLE, subject_id=row.id, user_id=user_id)).id
    await session.flush()
    return row


async def _checked(session: ReadSession, user_id: int, options: TableOptions) -> dict[str, Any]:
    """The options as the reader takes them."""
    if options.separator is not None and options.separator not in SEPARATORS:
        raise Invalid("options.separator", "Use a comma, a semicolon, a tab or a pipe.")
    encoding = checks.optional_text("options.encoding", options.encoding, length_max=limits.ENCODING_LENGTH_MAX)
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise Invalid("options.encoding", f"Use one of {', '.join(ENCODINGS)}; this is {quoted(encoding)}.")
    if len(options.outputs) > limits.OUTPUTS_MAX:
        raise Invalid("options.outputs", f"Name at most {limits.OUTPUTS_MAX} outputs.")
    outputs = [
        checks.text(f"options.outputs.{number}", name, length_max=limits.COLUMN_NAME_LENGTH_MAX, is_exact=True)
        for number, name in enumerate(options.outputs)
    ]
    own = select(UserPreferences.date_format).where(UserPreferences.id == user_id)
    usual = await session.scalar(own)
    return asdict(options) | {
        "encoding": encoding and encoding.lower(),
        "decimal": options.decimal_sign and options.decimal_sign.sign,
        "decimal_sign": options.decimal_sign and options.decimal_sign.value,
        "date_order": options.date_order and options.date_order.value,
        "sheet": checks.optional_text(
            "options.sheet", options.sheet, length_max=limits.SHEET_LENGTH_MAX, is_exact=True
        ),
        "outputs": outputs,
        "date_order_usual": "DMY" if usual is None else usual.value,
    }


def topic_of(reading: TableReading) -> str:
    """The topic of events about a reading."""
    return f"tablereading:{reading.id}"


async def begin(session: WriteSession, reading_id: int) -> ReadingPlan:
    """Marks a reading as started, and returns what it needs."""
    row = await session.get_one(TableReading, reading_id, with_for_update=True)
    row.status = TableReadingStatus.RUNNING
    _note(session, row)
    options = {name: value for name, value in row.options.items() if name != "decimal_sign"}
    return ReadingPlan(row.storage_key, options)


async def finish(session: WriteSession, reading_id: int, report: dict[str, Any]) -> None:
    """Writes what was read."""
    row = await session.get_one(TableReading, reading_id, with_for_update=True)
    row.format, row.encoding, row.separator = TableFormat(report["format"]), report["encoding"], report["separator"]
    row.header, row.description_row = report["header"], report["description_row"]
    row.decimal_sign = {None: None, ".": DecimalSign.POINT, ",": DecimalSign.COMMA}[report["decimal"]]
    row.date_order = None if report["date_order"] is None else DateOrder(report["date_order"])
    row.sheet = None if report["sheet"] is None else report["sheet"][: limits.SHEET_LENGTH_MAX]
    row.row_count = report["rows"]
    row.report = {name: report[name] for name in ("sheets", "notes", "columns")}
    await _end(session, row, TableReadingStatus.FINISHED, f"It has {report['rows']:,} rows.")


async def failed(session: WriteSession, reading_id: int, reason: str) -> None:
    """What a job that fails for good writes about its reading."""
    row = await session.get_one(TableReading, reading_id, with_for_update=True)
    row.failure = reason[:NOTE_LENGTH_MAX]
    await _end(session, row, TableReadingStatus.FAILED, reason)


async def _end(session: WriteSession, row: TableReading, status: TableReadingStatus, how: str) -> None:
    row.status, row.finished_at = status, await session.scalar(select(func.now()))
    _note(session, row)
    done = "was read" if status is TableReadingStatus.FINISHED else "could not be read"
    notify(session, row.user_id, f"Your table {row.id} {done}. {how}", about=row, event=f"ended:{row.job_id}")


def _note(session: WriteSession, row: TableReading) -> None:
    events.record(session, topic_of(row), {"status": row.status.value})


@prunable("table readings", TableReading)
async def old_readings(session: ReadSession) -> ColumnElement[bool]:
    """Readings whose file is gone."""
    del session
    return older_than(TableReading.created_at, hours=settings.uploads_kept_hours)

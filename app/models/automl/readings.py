"""Readings of tables: how an uploaded file is understood, before anything is made of it."""

from datetime import datetime
from enum import Enum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import automl as limits
from app.limits import columns
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Json, Record
from app.models.system import Job
from app.tabular.datatypes import DateOrder, DecimalSign, TableFormat


class TableReadingStatus(Enum):
    """The state of reading a table.

    SUBMITTED: It waits for a worker.
    RUNNING: A worker is at work.
    FINISHED: It succeeded.
    FAILED: It failed; the error says why.
    """

    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class TableReading(Record):
    """How an uploaded table is read. The file itself is kept for hours, and nothing of it but this reading."""

    __tablename__ = "table_readings"
    __owned_by__ = ("user_id",)
    __table_args__ = (Index(None, "user_id", "id"), Index(None, "storage_key"))

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    storage_key: Mapped[str] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)
    status: Mapped[TableReadingStatus] = mapped_column(
        default=TableReadingStatus.SUBMITTED, doc="The state of the reading."
    )
    options: Mapped[Json] = mapped_column(default=dict, server_default=text("'{}'"), info=WITHHELD)
    format: Mapped[TableFormat | None] = mapped_column(doc="The format of the file; null until it is finished.")
    encoding: Mapped[str | None] = mapped_column(
        String(columns.KIND_LENGTH_MAX), doc="The encoding of a text file, such as `utf-8`."
    )
    separator: Mapped[str | None] = mapped_column(
        String(limits.SEPARATOR_LENGTH), doc="What separates the values of a text file."
    )
    header: Mapped[bool | None] = mapped_column(doc="Whether the first row names the columns.")
    description_row: Mapped[bool | None] = mapped_column(doc="Whether a row below the header describes the columns.")
    decimal_sign: Mapped[DecimalSign | None] = mapped_column(
        doc="The decimal sign of most numbers; null if there are no numbers."
    )
    date_order: Mapped[DateOrder | None] = mapped_column(
        doc="The order of year, month and day in most dates; null if there are no dates."
    )
    sheet: Mapped[str | None] = mapped_column(String(limits.SHEET_LENGTH_MAX), doc="The sheet of a workbook.")
    row_count: Mapped[int | None] = mapped_column(doc="The number of rows; null until it is finished.")
    report: Mapped[Json] = mapped_column(default=dict, server_default=text("'{}'"), info=WITHHELD)
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")

    user: Mapped[User] = relationship(lazy="raise", doc="Who started it.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job.")

"""Lines of machines, what was added of them, and the locks under which they change."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.models.automl.machines import Machine
from app.models.base import WITHHELD, Record
from app.models.system import Job

NO = text("false")


class MachineLine(Record):
    """A line of a machine: a value for each of its columns, and what the line is for."""

    __tablename__ = "machine_lines"
    __owned_by__ = ("machine_id",)
    __table_args__ = (
        Index(None, "machine_id", "id"),
        # Lines that judge are never among those that teach.
        CheckConstraint("is_for_learning::int + is_for_evaluation::int + is_for_solving::int = 1", name="purpose"),
        {"postgresql_partition_by": "HASH (machine_id)"},
    )

    # Unique within its machine's partition: the partitioned table has one sequence.
    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, server_default=text("nextval('machine_lines_id_seq')")
    )
    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True)
    is_for_learning: Mapped[bool] = mapped_column(default=False, server_default=NO, doc="Whether it is learned from.")
    is_for_evaluation: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether it is set apart to evaluate on."
    )
    is_for_solving: Mapped[bool] = mapped_column(default=False, server_default=NO, doc="Whether it is to be solved.")
    is_learned: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether the present model has learned from it."
    )
    is_solved: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether its outputs are an answer of the machine."
    )
    has_outputs: Mapped[bool] = mapped_column(default=False, server_default=NO, doc="Whether it has outputs.")
    # Whether it came from the machine that this one is a copy of: an update of the copy replaces it.
    is_copied: Mapped[bool] = mapped_column(default=False, server_default=NO, info=WITHHELD)
    # A value for each column, by its position. FLOAT is a number, LABEL and LANGUAGE are texts, DATE, TIME and DATETIME
    # are texts as ISO 8601 writes them without a zone, JSON is an object or a list; null is missing.
    values: Mapped[list[Any]] = mapped_column(JSONB)

    machine: Mapped[Machine] = relationship(lazy="raise", doc="The machine.")


class DataLinesOperation(Record):
    """Lines that were added and that nothing has been done with yet: one for each machine and purpose."""

    __tablename__ = "data_lines_operations"
    __owned_by__ = ("machine_id",)
    __table_args__ = (
        Index(
            "uq_data_lines_operations_machine_id",
            "machine_id",
            "is_added_for_learning",
            "is_added_for_solving",
            unique=True,
            info={"conflict": "Lines of this machine are being added. Try again."},
        ),
        Index(None, "machine_id", "id"),
        CheckConstraint("is_added_for_learning <> is_added_for_solving", name="purpose"),
    )

    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"))
    is_added_for_learning: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether lines to learn from or to evaluate on were added."
    )
    is_added_for_solving: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether lines to solve were added."
    )
    line_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="How many lines were added.")
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), doc="When the last of these lines were added."
    )

    machine: Mapped[Machine] = relationship(back_populates="data_lines_operations", lazy="raise", doc="The machine.")


class MachineTableLock(Record):
    """A lock on the lines of a machine, shown while a job holds it."""

    __tablename__ = "machine_table_locks"
    __owned_by__ = ("machine_id",)
    __table_args__ = (
        Index(
            "uq_machine_table_locks_table_name",
            "table_name",
            unique=True,
            info={"conflict": "Another job is changing the lines of this machine. Wait until it has ended."},
        ),
        Index(None, "machine_id", "id"),
        Index(None, "job_id"),
    )

    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"))
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    table_name: Mapped[str] = mapped_column(
        String(columns.SOURCE_NAME_LENGTH_MAX), doc="What is locked: `machine_lines_` and the number of the machine."
    )
    locked_at: Mapped[datetime] = mapped_column(server_default=func.now(), doc="Since when.")

    machine: Mapped[Machine] = relationship(back_populates="table_locks", lazy="raise", doc="The machine.")
    job: Mapped[Job] = relationship(lazy="raise", doc="The job that holds it.")

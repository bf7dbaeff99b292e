"""Work on machines, and the workers that do it."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import automl as limits
from app.limits import columns
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.automl.machines import NUMBER, Machine
from app.models.automl.models import NNModel
from app.models.base import WITHHELD, BigInt, Json, Record, not_exported
from app.models.system import Job
from app.tabular.choices import WorkKind, WorkStatus


class Server(Record):
    """A worker that trains and solves. It is alive as long as its heartbeat is recent."""

    __tablename__ = "servers"
    __table_args__ = (
        Index("uq_servers_server_name", "server_name", unique=True, info={"conflict": "This server is known already."}),
    )

    server_name: Mapped[str] = mapped_column(String(columns.SERVER_LENGTH_MAX), doc="Its name.")
    server_date_time: Mapped[datetime] = mapped_column(server_default=func.now(), doc="When it started.")
    server_info_ready: Mapped[bool | None] = mapped_column(doc="Whether it takes work.")
    server_gpu_ram: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), default=list, server_default=text("'{}'"), doc="The memory of each GPU in bytes."
    )
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=func.now(), doc="Its last sign of life.")
    cores: Mapped[int | None] = mapped_column(doc="The number of processor cores that it may use.")
    memory_bytes: Mapped[BigInt | None] = mapped_column(doc="The memory that it may use, in bytes.")


class Work(Record):
    """Training a machine, solving its lines, or evaluating it on another table."""

    __tablename__ = "works"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "machine_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "server_id"),
        Index(None, "job_id"),
        Index(None, "nn_model_id"),
        Index(
            "uq_works_unfinished",
            "machine_id",
            "kind",
            unique=True,
            postgresql_where=text("status IN ('WAITING_FOR_SERVER', 'PROCESSING')"),
            info={"conflict": "This machine is already at such work. Wait for it or cancel it."},
        ),
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
        CheckConstraint("(status = 'ERROR') = (failure IS NOT NULL)", name="failure"),
    )

    machine_id: Mapped[int] = mapped_column(
        ForeignKey("machines.id", ondelete="CASCADE"), info=not_exported("work belongs to who started it")
    )
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    server_id: Mapped[int | None] = mapped_column(ForeignKey("servers.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    nn_model_id: Mapped[int | None] = mapped_column(ForeignKey("nn_models.id", ondelete="SET NULL"))
    kind: Mapped[WorkKind] = mapped_column(doc="What it is for.")
    status: Mapped[WorkStatus] = mapped_column(
        default=WorkStatus.WAITING_FOR_SERVER, server_default="WAITING_FOR_SERVER", doc="Its state."
    )
    options: Mapped[Json] = mapped_column(
        default=dict, server_default=text("'{}'"), doc="What was asked for: budget, seed, split and target metric."
    )
    storage_key: Mapped[str | None] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)
    stage: Mapped[str | None] = mapped_column(String(limits.STAGE_LENGTH_MAX), doc="What it is doing.")
    is_stop_requested: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether it was asked to stop and to keep the best so far."
    )
    progress: Mapped[float] = mapped_column(default=0.0, server_default=text("0"), doc="How much is done, 0 to 1.")
    best_score: Mapped[float | None] = mapped_column(doc="The best score so far, on lines that are not learned from.")
    eta_s: Mapped[float | None] = mapped_column(doc="How many seconds it will take yet, about.")
    figures: Mapped[Json | None] = mapped_column(doc="What was measured.")
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    work_duration_estimation_seconds: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="How many seconds it was estimated to take before it began."
    )
    work_started_at_date_time: Mapped[datetime | None] = mapped_column(doc="When it began.")
    work_finished_at_date_time: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")

    machine: Mapped[Machine] = relationship(back_populates="works", lazy="raise", doc="The machine.")
    user: Mapped[User | None] = relationship(lazy="raise", doc="Who started it.")
    server: Mapped[Server | None] = relationship(lazy="raise", doc="The worker that does it; seen by staff.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job.")
    nn_model: Mapped[NNModel | None] = relationship(lazy="raise", doc="The version of the model that it made.")

    @property
    def is_work_training(self) -> bool:
        """Whether it is a training."""
        return self.kind is WorkKind.TRAINING

    @property
    def is_work_solving(self) -> bool:
        """Whether it solves lines."""
        return self.kind is WorkKind.SOLVING

    @property
    def is_work_status_wait_for_server_start(self) -> bool:
        """Whether it waits for a worker."""
        return self.status is WorkStatus.WAITING_FOR_SERVER

    @property
    def is_work_status_server_processing(self) -> bool:
        """Whether a worker is at it."""
        return self.status is WorkStatus.PROCESSING

    @property
    def is_work_status_server_finished(self) -> bool:
        """Whether it succeeded."""
        return self.status is WorkStatus.FINISHED

    @property
    def is_work_status_server_error(self) -> bool:
        """Whether it failed."""
        return self.status is WorkStatus.ERROR

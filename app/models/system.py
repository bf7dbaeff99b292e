"""What the other domains stand on: jobs, events, notifications."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.accounts import User
from app.models.base import Base, Json, Record

if TYPE_CHECKING:
    from app.models.mapping import Training


class JobKind(Enum):
    """The deeds that may be asked for; `jobs/` holds one actor for each."""

    FETCH_LABELS = "FETCH_LABELS"
    TRAIN = "TRAIN"
    PREDICT = "PREDICT"


class JobState(Enum):
    """Where a job is in its life; the last three are final."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Job(Record):
    """Work that happens outside the request which asked for it."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
        Index("ix_jobs_unfinished", "state", "id", postgresql_where=text("state IN ('QUEUED', 'RUNNING')")),
    )

    kind: Mapped[JobKind] = mapped_column(doc="What is to be done.")
    subject_id: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED, doc="Where it is in its life.")
    attempt: Mapped[int] = mapped_column(default=0, doc="How often it was begun.")
    attempts_max: Mapped[int] = mapped_column(doc="How often it may be begun.")
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False, doc="Whether somebody asked it to stop.")
    progress: Mapped[float] = mapped_column(default=0.0, doc="How much is done, from 0 to 1.")
    stage: Mapped[str | None] = mapped_column(String(40), doc="What it is busy with, in one word.")
    message: Mapped[str | None] = mapped_column(String(500), doc="What it is busy with, in a sentence.")
    eta_s: Mapped[float | None] = mapped_column(doc="Seconds it expects to need still.")
    error: Mapped[str | None] = mapped_column(Text, doc="Why it failed, in words for a person.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it was first begun.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, well or badly.")


class Event(Base):
    """Something that happened, written in the transaction that made it happen.

    `xid` is that transaction. Readers follow (xid, id) up to the oldest transaction still open, so that an event
    which commits late is never overtaken by one that commits early.
    """

    __tablename__ = "events"
    __table_args__ = (Index(None, "topic", "xid", "id"), Index(None, "xid", "id"), Index(None, "created_at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("(pg_current_xact_id()::text::bigint)"))
    topic: Mapped[str] = mapped_column(String(80))
    payload: Mapped[Json] = mapped_column(default=dict)


class UserNotification(Record):
    """A message to one person about something that concerns them."""

    __tablename__ = "user_notifications"
    __table_args__ = (Index(None, "user_id", "id"), Index(None, "training_id"))

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    message: Mapped[str] = mapped_column(String(500), doc="What happened, in a sentence.")
    is_read: Mapped[bool] = mapped_column(default=False, doc="Whether it was marked as read.")
    read_at: Mapped[datetime | None] = mapped_column(doc="When it was marked as read.")
    training_id: Mapped[int | None] = mapped_column(ForeignKey("trainings.id", ondelete="SET NULL"))
    subject_type: Mapped[str | None] = mapped_column(String(40))
    subject_key: Mapped[int | None] = mapped_column(BigInteger)

    user: Mapped[User] = relationship(lazy="raise", doc="Who is told.")
    training: Mapped["Training | None"] = relationship(lazy="raise", doc="The training it is about, if it is one.")

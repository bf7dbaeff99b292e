"""Tables that the other domains build on: jobs, events, notifications."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.checks import EMAIL_LENGTH_MAX
from app.limits import columns
from app.limits.system import BANNER_LENGTH_MAX
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import APPEND_ONLY, WITHHELD, Base, BigInt, Json, Record, not_exported
from app.models.kinds import JobKind, Lane, MailKind, NotificationKind
from app.models.kinds.system import SystemNotification

if TYPE_CHECKING:
    from app.models.mapping.trainings import Training


class JobState(Enum):
    """The state of a job. The last three are final.

    QUEUED: It waits for a worker.
    RUNNING: A worker is at work.
    DONE: It succeeded.
    FAILED: It failed; `error` says why.
    CANCELLED: It was cancelled.
    """

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


def _inserted_value(context: DefaultExecutionContext, name: str) -> Any:
    """The value of a column of the row being inserted."""
    return context.get_current_parameters()[name]  # type: ignore[no-untyped-call]


class Job(Record):
    """Work that runs outside the request that asked for it."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
        Index("ix_jobs_done", "kind", "id", postgresql_where=text("state = 'DONE'")),
        Index("ix_jobs_unfinished", "state", "id", postgresql_where=text("state IN ('QUEUED', 'RUNNING')")),
        Index("ix_jobs_queued", "lane", "turn", "id", postgresql_where=text("state = 'QUEUED'")),
        Index("ix_jobs_running", "lane", "turn", postgresql_where=text("state = 'RUNNING'")),
        Index("ix_jobs_turns", "lane", "account_key", "turn", postgresql_where=text("state IN ('QUEUED', 'RUNNING')")),
    )

    kind: Mapped[JobKind] = mapped_column(doc="The kind of job.")
    subject_id: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"),
        index=True,
        info=not_exported("how work was done says nothing about a person; its result is exported"),
    )
    # The three have defaults in the database for the sake of processes that are older than they.
    lane: Mapped[Lane] = mapped_column(
        default=lambda context: _inserted_value(context, "kind").lane, server_default=Lane.SLOW.value
    )
    # Who takes turns with others: an account by its id, 0 for the installation, below 0 for a mailbox without account.
    account_key: Mapped[int] = mapped_column(
        BigInteger, default=lambda context: _inserted_value(context, "user_id") or 0, server_default="0"
    )
    # Lower ones are begun first; `app/queue.py` says how it is chosen.
    turn: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED, doc="The state of the import.")
    attempt: Mapped[int] = mapped_column(default=0, doc="The number of attempts so far.")
    attempts_max: Mapped[int] = mapped_column(doc="The maximum number of attempts.")
    # How often its worker died, and how often the machine gave way, since it last got on: no fault of the job's own.
    deaths: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    setbacks: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Changes with every beat of its holder. No clock is compared with it: who waits for a beat counts its own seconds.
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False, doc="Whether cancellation was requested.")
    progress: Mapped[float] = mapped_column(default=0.0, doc="The progress, from 0 to 1.")
    stage: Mapped[str | None] = mapped_column(String(columns.KIND_LENGTH_MAX), doc="The current stage, in one word.")
    message: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="The current stage, in a sentence.")
    eta_s: Mapped[float | None] = mapped_column(doc="The estimated seconds until it ends.")
    error: Mapped[str | None] = mapped_column(Text, doc="Why it failed, as a readable sentence.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it first started.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")


class Event(Base):
    """An event, written in the transaction of the change it reports.

    `xid` is that transaction. Readers follow (xid, id) up to the oldest open transaction, so that an event that commits
    late is never overtaken by one that commits early.
    """

    __tablename__ = "events"
    __table_args__ = (Index(None, "topic", "xid", "id"), Index(None, "xid", "id"), Index(None, "created_at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("(pg_current_xact_id()::text::bigint)"))
    topic: Mapped[str] = mapped_column(String(columns.TOPIC_LENGTH_MAX))
    payload: Mapped[Json] = mapped_column(default=dict)


class EventEpoch(Base):
    """The epoch of the event order; `app.events.epochs` says how to tell whether it still holds."""

    __tablename__ = "event_epochs"
    __table_args__ = (CheckConstraint("id = 1", name="id"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(BigInteger)
    server: Mapped[str] = mapped_column(String(columns.SERVER_LENGTH_MAX))
    xid: Mapped[int] = mapped_column(BigInteger)
    begun_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UserNotification(Record):
    """A notification to one user."""

    __tablename__ = "user_notifications"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "user_id", "told_at", "id"),
        Index(None, "told_at", "id"),
        Index(None, "training_id"),
        Index(None, "actor_id"),
        Index("ix_user_notifications_unread", "user_id", postgresql_where=text("NOT is_read")),
        Index("ix_user_notifications_unmailed", "id", postgresql_where=text("mail_due")),
        UniqueConstraint("user_id", "event_key"),
        Index("uq_user_notifications_group", "user_id", "group_key", unique=True, postgresql_where=text("NOT is_read")),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[NotificationKind] = mapped_column(default=SystemNotification.WORK, doc="The category.")
    message: Mapped[str] = mapped_column(String(NOTE_LENGTH_MAX), doc="What happened, in a sentence.")
    told_at: Mapped[datetime] = mapped_column(
        server_default=func.now(),
        doc="The time of the last update: it moves when others do the same before it is read.",
    )
    is_read: Mapped[bool] = mapped_column(default=False, doc="Whether it is marked as read.")
    read_at: Mapped[datetime | None] = mapped_column(doc="When it was marked as read.")
    # Which event it tells of: a second telling of the same one is dropped.
    event_key: Mapped[str | None] = mapped_column(String(columns.NOTIFICATION_KEY_LENGTH_MAX), info=WITHHELD)
    # Which unread notification tells of the same done by others, too.
    group_key: Mapped[str | None] = mapped_column(String(columns.NOTIFICATION_KEY_LENGTH_MAX), info=WITHHELD)
    actor_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), info=not_exported("a notification belongs to its receiver")
    )
    actors_count: Mapped[int] = mapped_column(default=0, doc="The number of users who did it; 0 if no user did.")
    # Whether it is still to go out by e-mail.
    mail_due: Mapped[bool] = mapped_column(default=False)
    training_id: Mapped[int | None] = mapped_column(ForeignKey("trainings.id", ondelete="SET NULL"))
    subject_type: Mapped[str | None] = mapped_column(String(columns.KIND_LENGTH_MAX))
    subject_key: Mapped[int | None] = mapped_column(BigInteger)

    user: Mapped[User] = relationship(foreign_keys=user_id, lazy="raise", doc="The receiver.")
    actor: Mapped[User | None] = relationship(foreign_keys=actor_id, lazy="raise", doc="The user who did it last.")
    actors: Mapped[list["NotificationActor"]] = relationship(
        back_populates="notification", lazy="raise", doc="The users who did it, each once."
    )
    training: Mapped["Training | None"] = relationship(lazy="raise", doc="The training concerned, if it is about one.")


class NotificationActor(Record):
    """A user who did what a notification reports, and since when."""

    __tablename__ = "notification_actors"
    __owned_by__ = ("notification_id",)
    __table_args__ = (
        UniqueConstraint("notification_id", "user_id"),
        Index(None, "notification_id", "id"),
        Index(None, "user_id"),
    )

    notification_id: Mapped[int] = mapped_column(ForeignKey("user_notifications.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), info=not_exported("a notification belongs to its receiver")
    )
    told_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # What they did, the last at the end: once all of it is taken back, they are not named any more.
    subject_keys: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))

    notification: Mapped[UserNotification] = relationship(
        back_populates="actors", lazy="raise", doc="The notification."
    )
    user: Mapped[User] = relationship(lazy="raise", doc="The user.")


class Mail(Record):
    """An email to be sent. Its content is made when it is sent, so no link is ever stored here."""

    __tablename__ = "mails"
    __owned_by__ = ("user_id",)
    __table_args__ = (Index(None, "created_at"), Index(None, "user_id"))

    kind: Mapped[MailKind]
    # As it was typed by whoever asked, who need not have an account.
    address: Mapped[str] = mapped_column(String(EMAIL_LENGTH_MAX))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    facts: Mapped[Json] = mapped_column(default=dict)
    sent_at: Mapped[datetime | None]


class Banner(Record):
    """An announcement to all users, shown from its start to its end."""

    __tablename__ = "banners"
    __table_args__ = (
        CheckConstraint("end_date > start_date", name="dates"),
        Index(None, "start_date"),
        Index(None, "user_id"),
    )

    message: Mapped[str] = mapped_column(String(BANNER_LENGTH_MAX), doc="The text.")
    start_date: Mapped[datetime] = mapped_column(server_default=func.now(), doc="When it starts.")
    end_date: Mapped[datetime | None] = mapped_column(doc="When it ends; null if it is open-ended.")
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), info=not_exported("announcements belong to the installation")
    )
    # What was last announced to subscribers: the clock compares it with the dates.
    is_announced: Mapped[bool] = mapped_column(default=False)


class FileUpload(Record):
    """A file that an account was given an upload link for, until it has been used or is gone.

    Its bytes count as stored from the link on, so that two links given at once cannot exceed what an account may keep.
    """

    __tablename__ = "file_uploads"
    __table_args__ = (
        CheckConstraint("size_bytes > 0", name="size_bytes"),
        UniqueConstraint("storage_key"),
        Index(None, "user_id"),
        Index(None, "created_at"),
    )

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"),
        info=not_exported("it is deleted within days; what it became is exported"),
    )
    storage_key: Mapped[str] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)
    size_bytes: Mapped[BigInt] = mapped_column(BigInteger)


class StorageUsage(Base):
    """The bytes of all files of an account. Triggers count them; `app/operations/stored_bytes.py` names all of them."""

    __tablename__ = "storage_usage"

    # The account's.
    id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        info=not_exported("it is the sum of the files, which are exported"),
    )
    used_bytes: Mapped[BigInt] = mapped_column(BigInteger)


class AuditEntry(Record):
    """An entry of the audit log. Entries are never changed or removed."""

    __tablename__ = "audit_entries"
    __owned_by__ = (
        "user_id",
        "actor_id",
    )
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "actor_id", "id"),
        Index(None, "action", "id"),
        Index(None, "subject_type", "subject_key", "id"),
        APPEND_ONLY,
    )

    action: Mapped[str] = mapped_column(String(columns.ACTION_LENGTH_MAX), doc="The action, such as `suspendUser`.")
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    subject_type: Mapped[str | None] = mapped_column(String(columns.KIND_LENGTH_MAX))
    subject_key: Mapped[int | None] = mapped_column(BigInteger)
    details: Mapped[Json] = mapped_column(default=dict, doc="Details of the action, without secrets.")

    actor: Mapped[User | None] = relationship(
        foreign_keys=actor_id, lazy="raise", doc="Who did it; null for operators at the command line."
    )
    user: Mapped[User | None] = relationship(
        foreign_keys=user_id, lazy="raise", doc="The user concerned, if there is one."
    )


class LogLevel(Enum):
    """The severity of an error.

    ERROR: A request or a job failed.
    CRITICAL: The installation does not work as it should.
    """

    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class LogEntry(Record):
    """An error of this installation, without secrets; deleted after a while."""

    __tablename__ = "log_entries"
    __table_args__ = (Index(None, "created_at"), Index(None, "level", "id"))

    level: Mapped[LogLevel] = mapped_column(doc="The severity.")
    logger: Mapped[str] = mapped_column(String(columns.SOURCE_NAME_LENGTH_MAX), doc="The logger.")
    main_module: Mapped[str] = mapped_column(String(columns.SOURCE_NAME_LENGTH_MAX), default="", doc="The module.")
    main_function: Mapped[str] = mapped_column(String(columns.SOURCE_NAME_LENGTH_MAX), default="", doc="The function.")
    message: Mapped[str] = mapped_column(Text, doc="The error message.")
    traceback: Mapped[str | None] = mapped_column(Text, doc="The stack trace.")
    host_name: Mapped[str] = mapped_column(String(columns.HOST_LENGTH_MAX), default="", doc="The host name.")
    ip: Mapped[str] = mapped_column(
        String(columns.IP_ADDRESS_LENGTH_MAX), default="", doc="The client's IP address, if a request caused it."
    )
    request_id: Mapped[str] = mapped_column(
        String(columns.REQUEST_ID_LENGTH_MAX), default="", doc="The request id, if a request caused it."
    )


class IdempotencyKey(Record):
    """The outcome of a mutation field under an idempotency key, stored in its transaction so that it runs once."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        UniqueConstraint(
            "user_id",
            "key",
            "field",
            info={"conflict": "This request was carried out meanwhile. Send it again with its key to get its result."},
        ),
        Index(None, "created_at"),
    )

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"),
        info=not_exported("it is deleted within a day; what it created is exported"),
    )
    key: Mapped[str] = mapped_column(String(columns.IDEMPOTENCY_KEY_LENGTH_MAX))
    # Its name in the answer.
    field: Mapped[str] = mapped_column(String(columns.FIELD_NAME_LENGTH_MAX))
    # A digest of the document and the variables.
    request: Mapped[bytes]
    # The ids of rows and a few values, never a secret: the answer is read anew by who asks again.
    outcome: Mapped[Json]

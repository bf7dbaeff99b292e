"""AI classification jobs: runs of a provider over a collection, with what came of each medium."""

from datetime import datetime
from enum import Enum
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Json, Record, not_exported
from app.models.system import Job
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectCollection
from app.models.wildlife.media import Resource
from app.models.wildlife.providers import AIProvider, AIProviderConnection

ACTIVE = "stage NOT IN ('DONE', 'FAILED', 'CANCELLED')"


class AIJobStage(Enum):
    """How far an AI classification job is. The last three are final.

    CREATED: It was created.
    SUBMITTED: It was sent to the provider.
    RUNNING: The provider is at work.
    FETCH_RESULTS: The results are being fetched.
    PARSING: The results are being read.
    DONE: It succeeded.
    FAILED: It failed; the error says why.
    CANCELLED: It was cancelled.
    """

    CREATED = "CREATED"
    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    FETCH_RESULTS = "FETCH_RESULTS"
    PARSING = "PARSING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens."""
        return self in {AIJobStage.DONE, AIJobStage.FAILED, AIJobStage.CANCELLED}


class RemoteStatus(Enum):
    """The state of work on an AI Manager, as it last reported. UNKNOWN: the answer to its start was lost.

    PENDING: It was not sent yet.
    UNKNOWN: The answer to its start was lost.
    QUEUED: It waits.
    RUNNING: It runs.
    DONE: It succeeded.
    FAILED: It failed.
    CANCELLED: It was cancelled.
    """

    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class AIOutcome(Enum):
    """What came of one medium: a classification was written, it was skipped, or it failed.

    OK: A classification was written.
    SKIPPED: It was skipped.
    FAILED: It failed.
    """

    OK = "OK"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"


class UserRemoteTask(Record):
    """The life of a job on an AI Manager: when it last answered, and when it is asked again."""

    __tablename__ = "user_remote_tasks"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "connection_id", "id"),
        Index("ix_user_remote_tasks_due", "next_poll_at", postgresql_where=text("next_poll_at IS NOT NULL")),
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
    )

    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("ai_provider_connections.id", ondelete="SET NULL"))
    remote_id: Mapped[str | None] = mapped_column(
        String(columns.REMOTE_ID_LENGTH_MAX), doc="The id of the job on the AI Manager."
    )
    status: Mapped[RemoteStatus] = mapped_column(
        default=RemoteStatus.PENDING, server_default="PENDING", doc="The state on the AI Manager, as it last reported."
    )
    progress: Mapped[float] = mapped_column(default=0.0, server_default=text("0"), doc="The progress, from 0 to 1.")
    last_error: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="What went wrong last; null once the AI Manager answers again."
    )
    last_polled: Mapped[datetime | None] = mapped_column(doc="When the AI Manager was last asked.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")
    next_poll_at: Mapped[datetime | None] = mapped_column(doc="When the AI Manager is asked again.")
    # Set by whoever has news while a worker is at it: the worker looks again.
    wanted_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    quiet_polls: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    poll_job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary, info=WITHHELD)
    # The highest number of a callback that counted; lower ones come late.
    callback_sequence: Mapped[int] = mapped_column(BigInteger, default=-1, server_default=text("-1"))

    user: Mapped[User | None] = relationship(lazy="raise", doc="Who started it.")
    connection: Mapped[AIProviderConnection | None] = relationship(
        lazy="raise", doc="The connection; only its owner sees it."
    )


class AIClassificationJob(Record):
    """A run of an AI provider over the media of a collection in a classification project."""

    __tablename__ = "ai_classification_jobs"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint("uuid"),
        UniqueConstraint("user_remote_task_id"),
        Index(None, "project_id", "id"),
        Index(None, "collection_id", "id"),
        Index(None, "ai_provider_id", "id"),
        Index(None, "user_id", "id"),
        Index(
            "uq_ai_classification_jobs_active",
            "collection_id",
            "ai_provider_id",
            unique=True,
            postgresql_where=text(ACTIVE),
            info={"conflict": "This provider is already classifying this collection. Wait for that job or cancel it."},
        ),
    )

    uuid: Mapped[UUID] = mapped_column(default=uuid4, doc="The UUID of the job, by which the AI Manager knows it.")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    user_remote_task_id: Mapped[int | None] = mapped_column(ForeignKey("user_remote_tasks.id", ondelete="SET NULL"))
    ai_provider_id: Mapped[int] = mapped_column(
        ForeignKey("ai_providers.id", ondelete="CASCADE"), info=not_exported("a job belongs to who started it")
    )
    project_id: Mapped[int] = mapped_column(
        ForeignKey("classification_projects.id", ondelete="CASCADE"),
        info=not_exported("a job belongs to who started it"),
    )
    collection_id: Mapped[int | None] = mapped_column(
        ForeignKey("classification_project_collections.id", ondelete="SET NULL")
    )
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    stage: Mapped[AIJobStage] = mapped_column(
        default=AIJobStage.CREATED, server_default="CREATED", doc="How far the job is."
    )
    stage_history: Mapped[Json] = mapped_column(
        default=dict, server_default=text("'{}'"), doc="When each stage was first reached, by its name."
    )
    job_config: Mapped[Json] = mapped_column(
        default=dict, server_default=text("'{}'"), doc="A snapshot of exactly what was submitted."
    )
    # Rises with each new start, cancellation and repetition: what names a lower one changes nothing.
    fence: Mapped[int] = mapped_column(BigInteger, default=1, server_default=text("1"))
    total_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of media.")
    ok_count: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of media with a classification written by the job."
    )
    skipped_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of skipped media.")
    failed_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of failed media.")
    foreign_count: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of results for media that were not submitted; ignored."
    )
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    user: Mapped[User | None] = relationship(lazy="raise", doc="Who started it.")
    user_remote_task: Mapped[UserRemoteTask | None] = relationship(
        lazy="raise", doc="Its life on the AI Manager; null for local providers."
    )
    ai_provider: Mapped[AIProvider] = relationship(lazy="raise", doc="The provider.")
    project: Mapped[ClassificationProject] = relationship(lazy="raise", doc="The classification project.")
    collection: Mapped[ClassificationProjectCollection | None] = relationship(
        lazy="raise", doc="The collection in the project; null if it was removed from it."
    )
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job of a local provider.")
    outcomes: Mapped[list["AIJobOutcome"]] = relationship(
        back_populates="ai_job", lazy="raise", doc="What came of each medium, as far as it is known."
    )


class AIJobBatch(Record):
    """Media sent to an AI Manager in one request, under a key of its own that makes the request idempotent."""

    __tablename__ = "ai_job_batches"
    __table_args__ = (
        UniqueConstraint("key"),
        Index(None, "ai_job_id", "id"),
    )

    ai_job_id: Mapped[int] = mapped_column(
        ForeignKey("ai_classification_jobs.id", ondelete="CASCADE"), info=not_exported("the job is exported")
    )
    key: Mapped[UUID] = mapped_column(default=uuid4)
    status: Mapped[RemoteStatus] = mapped_column(default=RemoteStatus.PENDING, server_default="PENDING")
    resource_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    submissions: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    # The job's fence when it was last submitted: results and callbacks must name it.
    fence: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    submitted_at: Mapped[datetime | None]
    # The parts of its results that have been written: each once, however often it is fetched.
    parts_done: Mapped[list[str]] = mapped_column(
        ARRAY(String(columns.REMOTE_ID_LENGTH_MAX)), default=list, server_default=text("'{}'")
    )
    processed: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    error: Mapped[str | None] = mapped_column(Text)


class AIJobOutcome(Record):
    """What came of one medium in an AI classification job."""

    __tablename__ = "ai_job_outcomes"
    __table_args__ = (
        UniqueConstraint("ai_job_id", "resource_id"),
        Index(None, "ai_job_id", "id"),
        Index(None, "ai_job_id", "outcome", "id"),
        Index(None, "resource_id"),
    )

    ai_job_id: Mapped[int] = mapped_column(
        ForeignKey("ai_classification_jobs.id", ondelete="CASCADE"), info=not_exported("the job is exported")
    )
    resource_id: Mapped[int] = mapped_column(
        ForeignKey("resources.id", ondelete="CASCADE"), info=not_exported("the job is exported")
    )
    outcome: Mapped[AIOutcome] = mapped_column(doc="What came of the medium.")
    reason: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it was skipped or failed.")

    ai_job: Mapped[AIClassificationJob] = relationship(back_populates="outcomes", lazy="raise", doc="The job.")
    resource: Mapped[Resource] = relationship(lazy="raise", doc="The medium.")

"""Media on their way: files that were asked for, and the jobs that read them."""

from datetime import datetime
from enum import Enum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits import wildlife as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, BigInt, Record, not_exported
from app.models.system import Job
from app.models.wildlife.collections import Collection
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import KEY_LENGTH_MAX
from app.models.wildlife.projects import ResearchProject


class ReadingStatus(Enum):
    """The state of reading media.

    SUBMITTED: It waits for a worker.
    RUNNING: A worker is at work.
    FINISHED: It succeeded.
    FAILED: It failed; the error says why.
    CANCELLED: It was cancelled.
    """

    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self in {ReadingStatus.FINISHED, ReadingStatus.FAILED, ReadingStatus.CANCELLED}


class MediaReading(Record):
    """A job that reads uploaded files into media."""

    __tablename__ = "media_readings"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "research_project_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "deployment_id"),
        Index(None, "collection_id"),
    )

    research_project_id: Mapped[int] = mapped_column(
        ForeignKey("research_projects.id", ondelete="CASCADE"), info=not_exported("a reading belongs to who made it")
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    deployment_id: Mapped[int | None] = mapped_column(ForeignKey("deployments.id", ondelete="SET NULL"))
    collection_id: Mapped[int | None] = mapped_column(ForeignKey("collections.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    # The ZIP that it unpacks, if it reads one.
    storage_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH_MAX), info=WITHHELD)
    status: Mapped[ReadingStatus] = mapped_column(default=ReadingStatus.SUBMITTED, doc="The state of the reading.")
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    total: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of files.")
    read: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of files read.")
    unreadable: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of files kept that cannot be read."
    )
    duplicated: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of files whose content the project already had."
    )
    started_at: Mapped[datetime | None] = mapped_column(doc="When it started.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")

    research_project: Mapped[ResearchProject] = relationship(lazy="raise", doc="The research project.")
    user: Mapped[User] = relationship(lazy="raise", doc="Who started it.")
    deployment: Mapped[Deployment | None] = relationship(lazy="raise", doc="The deployment that the media are of.")
    collection: Mapped[Collection | None] = relationship(lazy="raise", doc="The collection that the media go to.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job, with its progress.")


class MediaUpload(Record):
    """A file that somebody wants to upload, or to have fetched from its address, until it has been read."""

    __tablename__ = "media_uploads"
    __table_args__ = (
        Index(
            "uq_media_uploads_file_path",
            "research_project_id",
            text("coalesce(deployment_id, 0)"),
            "file_path",
            unique=True,
        ),
        CheckConstraint("size_bytes >= 0", name="size_bytes"),
        UniqueConstraint("storage_key"),
        Index(None, "reading_id", "id"),
        Index(None, "user_id"),
        Index(None, "deployment_id"),
        Index(None, "research_project_id", "id"),
        Index(None, "resource_id", unique=True),
    )

    research_project_id: Mapped[int] = mapped_column(
        ForeignKey("research_projects.id", ondelete="CASCADE"),
        info=not_exported("it is deleted within days; what it became is exported"),
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id"), info=not_exported("it is deleted within days; what it became is exported")
    )
    deployment_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"),
        info=not_exported("it is deleted within days; what it became is exported"),
    )
    reading_id: Mapped[int | None] = mapped_column(ForeignKey("media_readings.id", ondelete="SET NULL"))
    # The medium that is fetched: it is known by its address, and nobody uploads it.
    resource_id: Mapped[int | None] = mapped_column(
        ForeignKey("resources.id", ondelete="CASCADE"),
        info=not_exported("it is deleted within days; what it became is exported"),
    )
    file_path: Mapped[str] = mapped_column(
        String(limits.FILE_PATH_LENGTH_MAX), doc="The path on the memory card, or the address to fetch it from."
    )
    size_bytes: Mapped[BigInt] = mapped_column(BigInteger, doc="The size in bytes.")
    sha256: Mapped[str] = mapped_column(String(columns.SHA256_LENGTH), doc="The SHA-256 of the file, in hexadecimal.")
    storage_key: Mapped[str] = mapped_column(String(KEY_LENGTH_MAX), info=WITHHELD)

    reading: Mapped[MediaReading | None] = relationship(lazy="raise", doc="The job that reads it.")

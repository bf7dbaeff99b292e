"""Imports of files, and files for others."""

from datetime import datetime
from enum import Enum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import wildlife as limits
from app.limits.columns import STORAGE_KEY_LENGTH_MAX
from app.limits.texts import NOTE_LENGTH_MAX
from app.limits.wildlife import FORMAT_VERSION_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, BigInt, Json, Record, not_exported
from app.models.system import Job
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.projects import ResearchProject
from app.models.wildlife.providers import AIProvider


class WildlifeImportFormat(Enum):
    """A format of imported files.

    CAMTRAP_DP: A Camtrap DP data package.
    MEGADETECTOR: Results of MegaDetector, as JSON.
    SPECIESNET: Predictions of SpeciesNet, as JSON.
    WILDLIFE_INSIGHTS: A download of Wildlife Insights.
    CLASSIFICATIONS: A table of classifications, as CSV.
    """

    CAMTRAP_DP = "CAMTRAP_DP"
    MEGADETECTOR = "MEGADETECTOR"
    SPECIESNET = "SPECIESNET"
    WILDLIFE_INSIGHTS = "WILDLIFE_INSIGHTS"
    CLASSIFICATIONS = "CLASSIFICATIONS"


class WildlifeExportFormat(Enum):
    """A format of exported files.

    CAMTRAP_DP: A Camtrap DP data package.
    OBSERVATIONS_CSV: A table of observations, as CSV.
    MEGADETECTOR: The format of MegaDetector's results, as JSON.
    COCO: COCO Camera Traps, as JSON.
    DEPLOYMENTS_GEOJSON: Deployments as GeoJSON.
    """

    CAMTRAP_DP = "CAMTRAP_DP"
    OBSERVATIONS_CSV = "OBSERVATIONS_CSV"
    MEGADETECTOR = "MEGADETECTOR"
    COCO = "COCO"
    DEPLOYMENTS_GEOJSON = "DEPLOYMENTS_GEOJSON"


class EventsCount(Enum):
    """How many individuals an event has.

    COUNT: The largest number that one of its media shows.
    COUNT_NEW: The sum of `countNew`, where it is not null.
    """

    COUNT = "COUNT"
    COUNT_NEW = "COUNT_NEW"


class ExchangeStatus(Enum):
    """The state of an import or an export.

    SUBMITTED: It waits for a worker.
    RUNNING: A worker is at work.
    FINISHED: It succeeded.
    UNCHANGED: The same file was imported before with the same options, so nothing was done.
    FAILED: It failed; the error says why.
    """

    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    UNCHANGED = "UNCHANGED"
    FAILED = "FAILED"


ENDED = frozenset({ExchangeStatus.FINISHED, ExchangeStatus.UNCHANGED, ExchangeStatus.FAILED})


class WildlifeImport(Record):
    """An import of camera-trap data from files."""

    __tablename__ = "wildlife_imports"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "research_project_id", "id"),
        Index(None, "classification_project_id", "id"),
        Index(None, "provider_id"),
        Index(
            "ix_wildlife_imports_content",
            "research_project_id",
            "content_sha256",
            postgresql_where=text("status = 'FINISHED' AND NOT dry_run"),
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    research_project_id: Mapped[int] = mapped_column(
        ForeignKey("research_projects.id", ondelete="CASCADE"), info=not_exported("an import belongs to who started it")
    )
    classification_project_id: Mapped[int | None] = mapped_column(
        ForeignKey("classification_projects.id", ondelete="CASCADE"),
        info=not_exported("an import belongs to who started it"),
    )
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("ai_providers.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    format: Mapped[WildlifeImportFormat] = mapped_column(doc="The format of the files.")
    format_version: Mapped[str | None] = mapped_column(
        String(FORMAT_VERSION_LENGTH_MAX),
        doc="The version of the format that the files are in; null until they are read.",
    )
    status: Mapped[ExchangeStatus] = mapped_column(default=ExchangeStatus.SUBMITTED, doc="The state of the import.")
    dry_run: Mapped[bool] = mapped_column(doc="Whether the files are only checked, and nothing is changed.")
    keep_good: Mapped[bool] = mapped_column(
        doc="Whether good rows are kept if others are wrong. Otherwise one wrong row stops the import."
    )
    files: Mapped[Json] = mapped_column(info=WITHHELD)
    options: Mapped[Json] = mapped_column(default=dict, server_default=text("'{}'"), info=WITHHELD)
    content_sha256: Mapped[str | None] = mapped_column(String(limits.SHA256_LENGTH), info=WITHHELD)
    counts: Mapped[Json] = mapped_column(default=dict, server_default=text("'{}'"), info=WITHHELD)
    problems: Mapped[list[Json]] = mapped_column(JSONB, default=list, server_default=text("'[]'"), info=WITHHELD)
    error_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of errors.")
    warning_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of warnings.")
    matched: Mapped[int | None] = mapped_column(
        doc="The number of media in the files that were found in the project; null until it is finished."
    )
    unmatched: Mapped[int | None] = mapped_column(
        doc="The number of media in the files that were not found; null until it is finished."
    )
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")

    user: Mapped[User] = relationship(lazy="raise", doc="Who started it.")
    research_project: Mapped[ResearchProject] = relationship(lazy="raise", doc="The research project.")
    classification_project: Mapped[ClassificationProject | None] = relationship(
        lazy="raise", doc="The project whose media are classified; null if only places and media are imported."
    )
    provider: Mapped[AIProvider | None] = relationship(
        lazy="raise", doc="The provider that the results of AI are written for."
    )
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job.")


class WildlifeExport(Record):
    """A file with what a classification project holds, written by a job."""

    __tablename__ = "wildlife_exports"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        # Old files are deleted; the row stays.
        CheckConstraint("status = 'FINISHED' OR storage_key IS NULL", name="storage_key"),
        Index(None, "user_id", "id"),
        Index(None, "classification_project_id", "id"),
        Index("ix_wildlife_exports_kept", "finished_at", postgresql_where=text("storage_key IS NOT NULL")),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    classification_project_id: Mapped[int] = mapped_column(
        ForeignKey("classification_projects.id", ondelete="CASCADE"),
        info=not_exported("an export belongs to who asked for it"),
    )
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    format: Mapped[WildlifeExportFormat] = mapped_column(doc="The format of the file.")
    format_version: Mapped[str | None] = mapped_column(
        String(FORMAT_VERSION_LENGTH_MAX), doc="The version of the format."
    )
    status: Mapped[ExchangeStatus] = mapped_column(default=ExchangeStatus.SUBMITTED, doc="The state of the export.")
    options: Mapped[Json] = mapped_column(default=dict, server_default=text("'{}'"), doc="What was asked for.")
    counts: Mapped[Json] = mapped_column(default=dict, server_default=text("'{}'"), info=WITHHELD)
    storage_key: Mapped[str | None] = mapped_column(String(STORAGE_KEY_LENGTH_MAX), unique=True, info=WITHHELD)
    size_bytes: Mapped[BigInt | None] = mapped_column(BigInteger, doc="The size of the file in bytes.")
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")

    user: Mapped[User] = relationship(lazy="raise", doc="Who asked for it.")
    classification_project: Mapped[ClassificationProject] = relationship(
        lazy="raise", doc="The project whose classifications it holds."
    )
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job.")

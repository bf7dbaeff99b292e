"""The index of frames: one row for each object and moment, rebuilt from the files whenever somebody asks."""

from datetime import datetime
from enum import Enum

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Float, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.base import Record, not_exported
from app.models.system import Job
from app.models.wildlife.classification_projects import ClassificationProject

REBUILT = "rows of the index are rebuilt from the files"


class FrameIndexStatus(Enum):
    """The state of a project's index of frames.

    PENDING: It waits for a worker.
    POPULATING: It is being built.
    READY: It can be used.
    FAILED: It could not be built.
    """

    PENDING = "PENDING"
    POPULATING = "POPULATING"
    READY = "READY"
    FAILED = "FAILED"


class FrameIndex(Record):
    """The index of per-frame observations of a classification project, down-sampled in time."""

    __tablename__ = "frame_indexes"
    __owned_by__ = ("project_id",)
    __table_args__ = (UniqueConstraint("project_id"), CheckConstraint("fps > 0", name="fps"))

    project_id: Mapped[int] = mapped_column(ForeignKey("classification_projects.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    status: Mapped[FrameIndexStatus] = mapped_column(
        default=FrameIndexStatus.PENDING, server_default="PENDING", doc="The state of the index."
    )
    fps: Mapped[float] = mapped_column(
        default=1.0, server_default=text("1"), doc="The most rows of an object in a second."
    )
    populated_at: Mapped[datetime | None] = mapped_column(doc="When it was last built.")
    observations_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of its rows.")
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why building it failed.")
    # A digest of the files it was built from: another one now means that it is out of date.
    source_digest: Mapped[str | None] = mapped_column(String(columns.SHA256_LENGTH))

    project: Mapped[ClassificationProject] = relationship(lazy="raise", doc="The classification project.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job, with its progress.")
    observations: Mapped[list["FrameObservation"]] = relationship(back_populates="index", lazy="raise", doc="The rows.")


class FrameObservation(Record):
    """An object at one moment of a medium."""

    __tablename__ = "frame_observations"
    __table_args__ = (
        Index(None, "frame_index_id", "id"),
        Index(None, "classification_attrs_id", "frame_index"),
    )

    frame_index_id: Mapped[int] = mapped_column(
        ForeignKey("frame_indexes.id", ondelete="CASCADE"), info=not_exported(REBUILT)
    )
    classification_attrs_id: Mapped[int] = mapped_column(
        ForeignKey("classification_attrs.id", ondelete="CASCADE"), info=not_exported(REBUILT)
    )
    frame: Mapped[int] = mapped_column("frame_index", BigInteger, doc="The frame, counted at the video's own rate.")
    observed_at: Mapped[datetime | None] = mapped_column(doc="The time of the frame, if the medium has one.")
    bbox: Mapped[list[float]] = mapped_column(ARRAY(Float), doc="`[x, y, width, height]`, relative to the picture.")
    confidence: Mapped[float | None] = mapped_column(doc="The confidence, 0 to 1.")
    distance: Mapped[float | None] = mapped_column(doc="The distance from the camera in metres.")

    index: Mapped[FrameIndex] = relationship(back_populates="observations", lazy="raise", doc="The index.")

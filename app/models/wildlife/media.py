"""Media and their sequences."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits import wildlife as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, BigInt, Json, Record, not_exported
from app.models.names import Name
from app.models.subjects import Subject
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.projects import ResearchProject

if TYPE_CHECKING:
    from app.models.wildlife.collections import CollectionResource

KEY_LENGTH_MAX = 200


class ResourceType(Enum):
    """What a medium is, by its content.

    IMAGE: A picture.
    VIDEO: A video.
    AUDIO: A sound.
    """

    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    AUDIO = "AUDIO"


class ResourceStatus(Enum):
    """What is known of a medium.

    RECEIVED: It is stored and not yet read.
    READ: It is read.
    UNREADABLE: It is stored, and `readError` says why it cannot be read.
    ADDRESS: It is elsewhere: `filePath` is its address, and it is never fetched unless somebody asks with `fetchMedia`.
    """

    RECEIVED = "RECEIVED"
    READ = "READ"
    UNREADABLE = "UNREADABLE"
    ADDRESS = "ADDRESS"


class TimeSource(Enum):
    """Where the time of a medium was read: in the file, in its name by the deployment's pattern, in a table.

    FILE: In the file.
    FILE_NAME: In its name, by the deployment's pattern.
    TABLE: In a table.
    """

    FILE = "FILE"
    FILE_NAME = "FILE_NAME"
    TABLE = "TABLE"


class Sequence(Record):
    """Media of a deployment that follow each other closely, as one event. A single one is a sequence, too."""

    __tablename__ = "sequences"
    __owned_by__ = ("research_project_id",)
    __table_args__ = (
        UniqueConstraint("sequence_id"),
        ForeignKeyConstraint(
            ["deployment_id", "research_project_id"],
            ["deployments.id", "deployments.research_project_id"],
            name="fk_sequences_deployment",
            ondelete="CASCADE",
        ),
        CheckConstraint("ends_at >= starts_at", name="period"),
        Index(None, "deployment_id", "starts_at", "id"),
        Index(None, "deployment_id", "id"),
        Index(None, "research_project_id", "id"),
        Index(None, "research_project_id", "starts_at", "id"),
        Index(None, "starts_at", "id"),
    )

    sequence_id: Mapped[str] = mapped_column(
        String(columns.UUID_LENGTH),
        default=lambda: str(uuid4()),
        server_default=text("gen_random_uuid()::text"),
        doc="A UUID. It stays when sequences are built anew, as long as most of the members stay together.",
    )
    research_project_id: Mapped[int] = mapped_column(ForeignKey("research_projects.id", ondelete="CASCADE"))
    deployment_id: Mapped[int] = mapped_column(BigInteger, info=not_exported("sequences are listed by their project"))
    starts_at: Mapped[datetime] = mapped_column(doc="When its first medium was recorded.")
    ends_at: Mapped[datetime] = mapped_column(doc="When its last medium was recorded.")
    resource_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of its media.")

    research_project: Mapped[ResearchProject] = relationship(
        lazy="raise", foreign_keys=[research_project_id], doc="The research project."
    )
    deployment: Mapped[Deployment] = relationship(
        back_populates="sequences",
        lazy="raise",
        primaryjoin="foreign(Sequence.deployment_id) == Deployment.id",
        doc="The deployment.",
    )
    resources: Mapped[list["Resource"]] = relationship(back_populates="sequence", lazy="raise", doc="Its media.")


class Resource(Subject, Record):
    """A picture, a video or a sound of a camera."""

    __tablename__ = "resources"
    __owned_by__ = ("research_project_id", "owner_id")
    __table_args__ = (
        ForeignKeyConstraint(
            ["deployment_id", "research_project_id"],
            ["deployments.id", "deployments.research_project_id"],
            name="fk_resources_deployment",
        ),
        # What the keys of classifications and collections refer to.
        UniqueConstraint("id", "research_project_id"),
        Index(
            "uq_resources_file_path",
            "research_project_id",
            text("coalesce(deployment_id, 0)"),
            "file_path",
            unique=True,
            info={"conflict": "The deployment already has a medium with this path."},
        ),
        Index(
            "uq_resources_media_id",
            "research_project_id",
            "media_id",
            unique=True,
            postgresql_where=text("media_id IS NOT NULL"),
            info={"conflict": "The research project already has a medium with this media id."},
        ),
        # An address may have one, too: why it could not be fetched.
        CheckConstraint("status = 'ADDRESS' OR (status = 'UNREADABLE') = (read_error IS NOT NULL)", name="read_error"),
        CheckConstraint("status = 'ADDRESS' OR storage_key IS NOT NULL", name="storage_key"),
        CheckConstraint("deployment_id IS NOT NULL OR sequence_id IS NULL", name="sequence"),
        Index(None, "research_project_id", "id"),
        Index(None, "research_project_id", "recorded_at", "id"),
        Index(None, "research_project_id", "sha256"),
        Index(None, "deployment_id", "recorded_at", "id"),
        Index(None, "deployment_id", "id"),
        Index(None, "recorded_at", "id"),
        Index(None, "sequence_id", "id"),
        Index(None, "sha256"),
        Index(None, "owner_id"),
        Index(None, "duplicate_of_id", "id"),
    )

    research_project_id: Mapped[int] = mapped_column(ForeignKey("research_projects.id", ondelete="CASCADE"))
    deployment_id: Mapped[int | None] = mapped_column(BigInteger)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    sequence_id: Mapped[int | None] = mapped_column(ForeignKey("sequences.id", ondelete="SET NULL"))
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("resources.id", ondelete="SET NULL"))
    media_id: Mapped[str | None] = mapped_column(
        String(limits.FILE_NAME_LENGTH_MAX), doc="The id of the medium in the package it was imported from."
    )
    name: Mapped[str] = mapped_column(String(limits.FILE_NAME_LENGTH_MAX), doc="The file name.")
    file_path: Mapped[str] = mapped_column(
        String(limits.FILE_PATH_LENGTH_MAX), doc="The path on the memory card, or the address of media elsewhere."
    )
    storage_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH_MAX), info=WITHHELD)
    thumbnail_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH_MAX), info=WITHHELD)
    preview_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH_MAX), info=WITHHELD)
    status: Mapped[ResourceStatus] = mapped_column(doc="What is known of it.")
    read_error: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="Why the file cannot be read, or was not fetched."
    )
    resource_type: Mapped[ResourceType | None] = mapped_column(
        doc="Picture, video or sound, by its content; null until it is known."
    )
    mime_type: Mapped[str | None] = mapped_column(
        String(columns.MEDIA_TYPE_LENGTH_MAX), doc="The media type, by its content."
    )
    size_bytes: Mapped[BigInt | None] = mapped_column(BigInteger, doc="The size in bytes.")
    previews_bytes: Mapped[int] = mapped_column(default=0, server_default=text("0"), info=WITHHELD)
    sha256: Mapped[str | None] = mapped_column(
        String(columns.SHA256_LENGTH), doc="The SHA-256 of the file, in hexadecimal."
    )
    width: Mapped[int | None] = mapped_column(doc="The width of the upright picture, in pixels.")
    height: Mapped[int | None] = mapped_column(doc="The height of the upright picture, in pixels.")
    brightness: Mapped[float | None] = mapped_column(
        doc="The mean brightness of the picture, or of the first frame of a video, 0 (black) to 1 (white)."
    )
    fps: Mapped[float | None] = mapped_column(doc="The frames per second of a video.")
    duration_s: Mapped[float | None] = mapped_column(doc="The duration of a video or a sound, in seconds.")
    frame_count: Mapped[int | None] = mapped_column(doc="The number of frames of a video that can be decoded.")
    declared_frame_count: Mapped[int | None] = mapped_column(
        doc="The number of frames that the file declares, which may be wrong."
    )
    exif: Mapped[Json | None] = mapped_column(doc="What the camera wrote into the file. Only for members.")
    camera_make: Mapped[str | None] = mapped_column(String(limits.PLACE_LENGTH_MAX), doc="The make of the camera.")
    camera_model: Mapped[str | None] = mapped_column(String(limits.PLACE_LENGTH_MAX), doc="The model of the camera.")
    serial_number: Mapped[str | None] = mapped_column(
        String(limits.CODE_LENGTH_MAX), doc="The serial number of the camera, as written by it."
    )
    camera_time: Mapped[str | None] = mapped_column(
        String(columns.CAMERA_TIME_LENGTH_MAX),
        doc="The time as the camera wrote it, without correction, such as 2021-04-11T20:43:09.25.",
    )
    camera_utc_offset_minutes: Mapped[int | None] = mapped_column(
        doc="The UTC offset that the camera wrote with the time, in minutes; null if it wrote none."
    )
    time_source: Mapped[TimeSource | None] = mapped_column(doc="Where the time was read.")
    recorded_at: Mapped[datetime | None] = mapped_column(
        doc="When it was recorded: the camera's time in its zone, with the correction of the deployment's clock."
    )
    date_recorded_correct: Mapped[bool | None] = mapped_column(
        doc="Whether it was recorded within its deployment; null without a time or a deployment."
    )
    contains_people: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether people are known to be in it."
    )
    contains_vehicles: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether vehicles are known to be in it."
    )
    description: Mapped[str | None] = mapped_column(String(limits.ABSTRACT_LENGTH_MAX), doc="A description.")
    tags: Mapped[list[str]] = mapped_column(
        ARRAY(Name(limits.PLACE_LENGTH_MAX)), default=list, server_default=text("'{}'"), doc="Its tags."
    )
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    research_project: Mapped[ResearchProject] = relationship(
        lazy="raise", foreign_keys=[research_project_id], doc="The research project."
    )
    deployment: Mapped[Deployment | None] = relationship(
        lazy="raise",
        primaryjoin="foreign(Resource.deployment_id) == Deployment.id",
        doc="The deployment; null as long as nobody knows it.",
    )
    owner: Mapped[User | None] = relationship(lazy="raise", doc="Who added it.")
    sequence: Mapped[Sequence | None] = relationship(
        back_populates="resources", lazy="raise", doc="Its sequence; null without a time or a deployment."
    )
    duplicate_of: Mapped["Resource | None"] = relationship(
        back_populates="duplicates",
        lazy="raise",
        remote_side="Resource.id",
        doc="The first medium of the project with the same content, if it is not this one.",
    )
    duplicates: Mapped[list["Resource"]] = relationship(
        back_populates="duplicate_of", lazy="raise", doc="Later media of the project with the same content."
    )
    collection_items: Mapped[list["CollectionResource"]] = relationship(
        back_populates="resource",
        lazy="raise",
        primaryjoin="Resource.id == foreign(CollectionResource.resource_id)",
        doc="The collections that hold it.",
    )

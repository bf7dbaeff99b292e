"""Classification projects: who classifies which collections, by which rules."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import wildlife as limits
from app.models.accounts import User
from app.models.base import Record, add_relationship, not_exported
from app.models.kinds.wildlife import WildlifeNotification
from app.models.names import Name
from app.models.subjects import Subject
from app.models.wildlife.classificators import Classificator
from app.models.wildlife.collections import Collection
from app.models.wildlife.projects import ResearchProject
from app.models.wildlife.providers import AIProvider

if TYPE_CHECKING:
    from app.models.wildlife.classifications import Classification


class ClassificationProjectStatus(Enum):
    """Whether people work on it. A finished project is only read, until it is opened again.

    ONGOING: People work on it.
    FINISHED: It is only read, until it is opened again.
    """

    ONGOING = "ONGOING"
    FINISHED = "FINISHED"


class ClassificationProjectRole(Enum):
    """What a member may do: annotators classify and give feedback, admins also approve and change the project.

    ADMIN: May also approve and change the project.
    ANNOTATOR: May classify and give feedback.
    """

    ADMIN = "ADMIN"
    ANNOTATOR = "ANNOTATOR"


class Exposure(Enum):
    """How pictures with people or vehicles are shown to those who may not see them: as they are, blurred, or not.

    SHOWN: As they are.
    BLURRED: Blurred.
    WITHHELD: Not at all.
    """

    SHOWN = "SHOWN"
    BLURRED = "BLURRED"
    WITHHELD = "WITHHELD"


def _exposure(name: str) -> EnumColumn:
    # The check of each column needs a name of its own.
    return EnumColumn(Exposure, native_enum=False, create_constraint=True, length=40, name=name)


class ClassificationProject(Subject, Record):
    """A project in which people and AI classify the media of collections."""

    __tablename__ = "classification_projects"
    __owned_by__ = ("owner_id",)
    __notified_as__ = WildlifeNotification.RESEARCH_PROJECT
    __table_args__ = (
        Index(
            "uq_classification_projects_name",
            "research_project_id",
            text("lower(name)"),
            unique=True,
            info={"conflict": "Another classification project of the research project has this name."},
        ),
        # What the keys of collections and classifications refer to, so that they cannot be of another project.
        UniqueConstraint("id", "research_project_id"),
        CheckConstraint(f"sequence_gap_s BETWEEN 0 AND {limits.SEQUENCE_GAP_S_MAX}", name="sequence_gap"),
        CheckConstraint("detection_confidence_min BETWEEN 0 AND 1", name="detection_confidence"),
        CheckConstraint("species_confidence_min BETWEEN 0 AND 1", name="species_confidence"),
        CheckConstraint("iou_min BETWEEN 0 AND 1", name="iou"),
        CheckConstraint(f"video_fps > 0 AND video_fps <= {limits.VIDEO_FPS_MAX}", name="video_fps"),
        Index(None, "research_project_id", "id"),
        Index(None, "owner_id", "id"),
        Index(None, "name", "id"),
        Index(None, "classificator_id", "id"),
        Index(None, "detection_provider_id"),
        Index(None, "species_provider_id"),
    )

    research_project_id: Mapped[int] = mapped_column(
        ForeignKey("research_projects.id", ondelete="CASCADE"), info=not_exported("a project belongs to its owner")
    )
    name: Mapped[str] = mapped_column(
        Name(limits.PROJECT_NAME_LENGTH_MAX), doc="The name, unique within the research project, ignoring case."
    )
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    classificator_id: Mapped[int | None] = mapped_column(ForeignKey("classificators.id"))
    status: Mapped[ClassificationProjectStatus] = mapped_column(
        default=ClassificationProjectStatus.ONGOING, server_default="ONGOING", doc="Whether people work on it."
    )
    sequence_gap_s: Mapped[int] = mapped_column(
        default=300,
        server_default=text("300"),
        doc="The longest pause within a sequence, in seconds, for deployments that have none of their own.",
    )
    detection_provider_id: Mapped[int | None] = mapped_column(ForeignKey("ai_providers.id", ondelete="SET NULL"))
    species_provider_id: Mapped[int | None] = mapped_column(ForeignKey("ai_providers.id", ondelete="SET NULL"))
    requires_ai: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Whether new media are sent to the providers automatically.",
    )
    detection_confidence_min: Mapped[float] = mapped_column(
        default=0.2, server_default=text("0.2"), doc="Detections below this confidence are dropped, 0 to 1."
    )
    species_confidence_min: Mapped[float] = mapped_column(
        default=0.5, server_default=text("0.5"), doc="Species below this confidence are not taken over, 0 to 1."
    )
    iou_min: Mapped[float] = mapped_column(
        default=0.5,
        server_default=text("0.5"),
        doc="The overlap from which two boxes are taken for the same object, 0 to 1.",
    )
    humans: Mapped[Exposure] = mapped_column(
        _exposure("humans"),
        default=Exposure.BLURRED,
        server_default="BLURRED",
        doc="How pictures with people are shown outside the project.",
    )
    vehicles: Mapped[Exposure] = mapped_column(
        _exposure("vehicles"),
        default=Exposure.BLURRED,
        server_default="BLURRED",
        doc="How pictures with vehicles are shown outside the project.",
    )
    video_fps: Mapped[float] = mapped_column(
        default=1.0, server_default=text("1"), doc="The frames of a video that AI looks at, per second."
    )
    disabled_at: Mapped[datetime | None] = mapped_column(
        doc="When it was deleted although it has approved classifications; these stay, and nobody works on it."
    )
    disabled_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), info=not_exported("a project belongs to its owner")
    )
    resource_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of its media.")
    approved_count: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of media with an approved classification."
    )
    classified_count: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of media that people have classified."
    )
    classified_ai_count: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of media that AI has classified."
    )
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    research_project: Mapped[ResearchProject] = relationship(lazy="raise", doc="The research project.")
    owner: Mapped[User] = relationship(lazy="raise", foreign_keys=[owner_id], doc="The owner, who is an admin.")
    disabled_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[disabled_by_id], doc="Who deleted it.")
    classificator: Mapped[Classificator | None] = relationship(
        lazy="raise", doc="The attributes in use; without one, those of every classification."
    )
    detection_provider: Mapped[AIProvider | None] = relationship(
        lazy="raise", foreign_keys=[detection_provider_id], doc="The provider that finds objects."
    )
    species_provider: Mapped[AIProvider | None] = relationship(
        lazy="raise", foreign_keys=[species_provider_id], doc="The provider that names species."
    )
    members: Mapped[list["ClassificationProjectMember"]] = relationship(
        back_populates="project", lazy="raise", doc="The members with their roles."
    )
    collections: Mapped[list["ClassificationProjectCollection"]] = relationship(
        back_populates="project",
        lazy="raise",
        primaryjoin="foreign(ClassificationProjectCollection.project_id) == ClassificationProject.id",
        doc="The collections that are classified.",
    )


class ClassificationProjectMember(Record):
    """A membership of a user in a classification project."""

    __tablename__ = "classification_project_members"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint(
            "project_id", "user_id", info={"conflict": "This user is already a member of the classification project."}
        ),
        Index(None, "project_id", "id"),
        Index(None, "user_id", "project_id"),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("classification_projects.id", ondelete="CASCADE"),
        info=not_exported("other memberships belong to those members"),
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[ClassificationProjectRole] = mapped_column(doc="What the member may do.")

    project: Mapped[ClassificationProject] = relationship(
        back_populates="members", lazy="raise", doc="The classification project."
    )
    user: Mapped[User] = relationship(lazy="raise", doc="The member.")


class ClassificationProjectCollection(Record):
    """A collection that is classified in a project. The database keeps its counts."""

    __tablename__ = "classification_project_collections"
    __owned_by__ = ("project_id",)
    __table_args__ = (
        UniqueConstraint("project_id", "collection_id", info={"conflict": "The project already has this collection."}),
        # What the keys of classifications refer to.
        UniqueConstraint("id", "project_id"),
        ForeignKeyConstraint(
            ["project_id", "research_project_id"],
            ["classification_projects.id", "classification_projects.research_project_id"],
            name="fk_classification_project_collections_project",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["collection_id", "research_project_id"],
            ["collections.id", "collections.research_project_id"],
            name="fk_classification_project_collections_collection",
            ondelete="CASCADE",
        ),
        CheckConstraint(
            "least(approved_count, classified_count, classified_ai_count, total_count) >= 0", name="counts"
        ),
        Index(None, "project_id", "id"),
        Index(None, "collection_id", "id"),
    )

    project_id: Mapped[int] = mapped_column(BigInteger)
    collection_id: Mapped[int] = mapped_column(
        BigInteger, info=not_exported("a link belongs to its project, which is exported")
    )
    # Both ends are of this research project: the two keys share the column.
    research_project_id: Mapped[int] = mapped_column(
        BigInteger, info=not_exported("a link belongs to its project, which is exported")
    )
    is_active: Mapped[bool] = mapped_column(
        default=True, server_default=text("true"), doc="Whether its media are worked on."
    )
    filled_at: Mapped[datetime | None] = mapped_column(
        server_default=func.now(),
        doc="Since when each of its media has a classification; null while a job adds them.",
    )
    total_count: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of its media.")
    approved_count: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of its media with an approved classification."
    )
    classified_count: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of its media that people have classified."
    )
    classified_ai_count: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), doc="The number of its media that AI has classified."
    )

    project: Mapped[ClassificationProject] = relationship(
        back_populates="collections",
        lazy="raise",
        primaryjoin="foreign(ClassificationProjectCollection.project_id) == ClassificationProject.id",
        doc="The classification project.",
    )
    collection: Mapped[Collection] = relationship(
        lazy="raise",
        primaryjoin="foreign(ClassificationProjectCollection.collection_id) == Collection.id",
        doc="The collection.",
    )
    classifications: Mapped[list["Classification"]] = relationship(
        back_populates="project_collection",
        lazy="raise",
        primaryjoin="foreign(Classification.project_collection_id) == ClassificationProjectCollection.id",
        doc="The classifications of media that came with it.",
    )


RESEARCH_PROJECT_CLASSIFICATION_PROJECTS = add_relationship(
    ResearchProject,
    "classification_projects",
    relationship(ClassificationProject, viewonly=True, lazy="raise", doc="The classification projects."),
)

"""Research projects and who works in them."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import wildlife as limits
from app.models.accounts import Team, User
from app.models.base import Record, not_exported
from app.models.kinds.wildlife import WildlifeNotification
from app.models.names import Name

if TYPE_CHECKING:
    from app.models.wildlife.collections import Collection
    from app.models.wildlife.deployments import Deployment, Location


class ResearchProjectStatus(Enum):
    """The decision of the staff on a research project: open, approved or rejected. Only approved ones can be public.

    PENDING: Staff have not decided yet.
    APPROVED: Approved.
    REJECTED: Rejected.
    """

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class ResearchProjectRole(Enum):
    """What a member may do.

    OWNER: May also change and delete the project.
    MANAGER: May also change members, and places and media of others.
    MEMBER: May also add media, places and classifications.
    VIEWER: May read.
    """

    OWNER = "OWNER"
    MANAGER = "MANAGER"
    MEMBER = "MEMBER"
    VIEWER = "VIEWER"


class SamplingDesign(Enum):
    """How the places of the cameras were chosen, as in Camtrap DP.

    SIMPLE_RANDOM: At random.
    SYSTEMATIC_RANDOM: On a regular grid with a random start.
    CLUSTERED_RANDOM: In clusters at random places.
    EXPERIMENTAL: By an experiment, with and without a treatment.
    TARGETED: Where a species is expected.
    OPPORTUNISTIC: Where it was convenient.
    """

    SIMPLE_RANDOM = "SIMPLE_RANDOM"
    SYSTEMATIC_RANDOM = "SYSTEMATIC_RANDOM"
    CLUSTERED_RANDOM = "CLUSTERED_RANDOM"
    EXPERIMENTAL = "EXPERIMENTAL"
    TARGETED = "TARGETED"
    OPPORTUNISTIC = "OPPORTUNISTIC"


class SensorMethod(Enum):
    """What makes a camera take a picture, as `captureMethod` in Camtrap DP: something that moves, or a timer.

    ACTIVITY_DETECTION: Something that moves.
    TIME_LAPSE: A timer.
    """

    ACTIVITY_DETECTION = "ACTIVITY_DETECTION"
    TIME_LAPSE = "TIME_LAPSE"


class ResearchProject(Record):
    """A study with camera traps: its members, places, deployments and media."""

    __tablename__ = "research_projects"
    __owned_by__ = ("owner_id",)
    __notified_as__ = WildlifeNotification.RESEARCH_PROJECT
    __table_args__ = (
        Index(
            "uq_research_projects_name",
            text("lower(name)"),
            unique=True,
            info={"conflict": "Another research project has this name. Choose another name."},
        ),
        Index(
            "uq_research_projects_acronym",
            text("lower(acronym)"),
            unique=True,
            info={"conflict": "Another research project has this acronym. Choose another acronym."},
        ),
        Index(None, "owner_id", "id"),
        Index(None, "name", "id"),
    )

    name: Mapped[str] = mapped_column(
        Name(limits.PROJECT_NAME_LENGTH_MAX), doc="The name, unique among all research projects, ignoring case."
    )
    acronym: Mapped[str] = mapped_column(
        Name(limits.ACRONYM_LENGTH_MAX), doc="A short name, unique among all research projects, ignoring case."
    )
    abstract: Mapped[str | None] = mapped_column(String(limits.ABSTRACT_LENGTH_MAX), doc="What the project studies.")
    methods: Mapped[str | None] = mapped_column(String(limits.ABSTRACT_LENGTH_MAX), doc="How it is studied.")
    keywords: Mapped[list[str]] = mapped_column(
        ARRAY(Name(limits.KEYWORD_LENGTH_MAX)), default=list, server_default=text("'{}'"), doc="Keywords."
    )
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    status: Mapped[ResearchProjectStatus] = mapped_column(
        default=ResearchProjectStatus.PENDING, server_default="PENDING", doc="The decision of the staff."
    )
    status_note: Mapped[str | None] = mapped_column(
        String(limits.ABSTRACT_LENGTH_MAX), doc="The reason of the staff's decision, if there is one."
    )
    is_public: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Whether everybody sees the project, its public locations and their deployments, once it is approved.",
    )
    shares_media: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether everybody who sees the project sees its media, too."
    )
    sampling_design: Mapped[SamplingDesign | None] = mapped_column(doc="How the places of the cameras were chosen.")
    sensor_method: Mapped[list[SensorMethod]] = mapped_column(
        ARRAY(EnumColumn(SensorMethod, native_enum=False, length=40)),
        default=list,
        server_default=text("'{}'"),
        doc="What makes the cameras take pictures.",
    )
    individual_animals: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether individual animals are identified."
    )
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    owner: Mapped[User] = relationship(lazy="raise", doc="The owner.")
    members: Mapped[list["ResearchProjectMember"]] = relationship(
        back_populates="project", lazy="raise", doc="The members with their roles, as far as the viewer may see them."
    )
    teams: Mapped[list["ResearchProjectTeam"]] = relationship(
        back_populates="project", lazy="raise", doc="The teams whose members work in it."
    )
    locations: Mapped[list["Location"]] = relationship(
        back_populates="research_project", lazy="raise", doc="The places of the cameras."
    )
    deployments: Mapped[list["Deployment"]] = relationship(
        back_populates="research_project", lazy="raise", doc="The deployments of the cameras."
    )
    collections: Mapped[list["Collection"]] = relationship(
        back_populates="research_project", lazy="raise", doc="The collections of media."
    )


class ResearchProjectMember(Record):
    """A membership of a user in a research project."""

    __tablename__ = "research_project_members"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint(
            "project_id", "user_id", info={"conflict": "This user is already a member of the research project."}
        ),
        Index(None, "project_id", "id"),
        Index(None, "user_id", "project_id"),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("research_projects.id", ondelete="CASCADE"),
        info=not_exported("other memberships belong to those members"),
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[ResearchProjectRole] = mapped_column(doc="What the member may do.")

    project: Mapped[ResearchProject] = relationship(back_populates="members", lazy="raise", doc="The research project.")
    user: Mapped[User] = relationship(lazy="raise", doc="The member.")


class ResearchProjectTeam(Record):
    """A team whose members work in a research project."""

    __tablename__ = "research_project_teams"
    __table_args__ = (
        UniqueConstraint(
            "project_id", "team_id", info={"conflict": "This team is already a member of the research project."}
        ),
        Index(None, "project_id", "id"),
        Index(None, "team_id", "project_id"),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("research_projects.id", ondelete="CASCADE"),
        info=not_exported("the teams of a project are theirs to show"),
    )
    team_id: Mapped[int] = mapped_column(
        ForeignKey("teams.id", ondelete="CASCADE"), info=not_exported("the teams of a project are theirs to show")
    )
    role: Mapped[ResearchProjectRole] = mapped_column(doc="What each member of the team may do.")

    project: Mapped[ResearchProject] = relationship(back_populates="teams", lazy="raise", doc="The research project.")
    team: Mapped[Team] = relationship(lazy="raise", doc="The team.")

"""Where cameras stand, and when."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from shapely import Point
from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, column, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry.columns import Shape
from app.limits import wildlife as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import Record, not_exported
from app.models.names import Name
from app.models.subjects import Subject
from app.models.wildlife.projects import ResearchProject

if TYPE_CHECKING:
    from app.models.wildlife.media import Sequence


class FeatureType(Enum):
    """What a camera looks at, as in Camtrap DP.

    ROAD_PAVED: A paved road.
    ROAD_DIRT: A dirt road.
    TRAIL_HIKING: A hiking trail.
    TRAIL_GAME: A game trail.
    ROAD_UNDERPASS: An underpass of a road.
    ROAD_OVERPASS: An overpass of a road.
    ROAD_BRIDGE: A bridge of a road.
    CULVERT: A culvert.
    BURROW: A burrow.
    NEST_SITE: A nest.
    CARCASS: A carcass.
    WATER_SOURCE: Water.
    FRUITING_TREE: A fruiting tree.
    """

    ROAD_PAVED = "ROAD_PAVED"
    ROAD_DIRT = "ROAD_DIRT"
    TRAIL_HIKING = "TRAIL_HIKING"
    TRAIL_GAME = "TRAIL_GAME"
    ROAD_UNDERPASS = "ROAD_UNDERPASS"
    ROAD_OVERPASS = "ROAD_OVERPASS"
    ROAD_BRIDGE = "ROAD_BRIDGE"
    CULVERT = "CULVERT"
    BURROW = "BURROW"
    NEST_SITE = "NEST_SITE"
    CARCASS = "CARCASS"
    WATER_SOURCE = "WATER_SOURCE"
    FRUITING_TREE = "FRUITING_TREE"


class Location(Record):
    """A place where cameras stand."""

    __tablename__ = "locations"
    __owned_by__ = ("research_project_id", "owner_id")
    __table_args__ = (
        Index(
            "uq_locations_location_id",
            "research_project_id",
            text("lower(location_id)"),
            unique=True,
            info={"conflict": "Another location of the research project has this location id."},
        ),
        # What a deployment's key refers to, so that it cannot point into another project.
        UniqueConstraint("id", "research_project_id"),
        CheckConstraint("coordinate_uncertainty >= 0", name="coordinate_uncertainty"),
        Index(None, "research_project_id", "id"),
        Index(None, "owner_id"),
        Index(None, "point", postgresql_using="gist"),
    )

    research_project_id: Mapped[int] = mapped_column(ForeignKey("research_projects.id", ondelete="CASCADE"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    location_id: Mapped[str] = mapped_column(
        Name(limits.CODE_LENGTH_MAX), doc="The project's own id of the place, unique within it, ignoring case."
    )
    name: Mapped[str | None] = mapped_column(Name(limits.PROJECT_NAME_LENGTH_MAX), doc="The name.")
    description: Mapped[str | None] = mapped_column(String(limits.ABSTRACT_LENGTH_MAX), doc="A description.")
    point: Mapped[Point] = mapped_column(Shape("POINT"))
    timezone: Mapped[str] = mapped_column(
        String(limits.ZONE_LENGTH_MAX), doc="The IANA time zone, such as Europe/Warsaw."
    )
    ignore_dst: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Whether the cameras stay on standard time all year, as most do.",
    )
    coordinate_uncertainty: Mapped[float | None] = mapped_column(
        doc="How far the true place may be from the point, in metres."
    )
    habitat: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="The habitat.")
    is_public: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether everybody sees it, if the project is public."
    )
    # Kept by the database: whether a sensitive species was seen there. Then all but members see the place coarsely.
    is_sensitive: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    country: Mapped[str | None] = mapped_column(Name(limits.PLACE_LENGTH_MAX), doc="The country.")
    state: Mapped[str | None] = mapped_column(Name(limits.PLACE_LENGTH_MAX), doc="The state or province.")
    county: Mapped[str | None] = mapped_column(Name(limits.PLACE_LENGTH_MAX), doc="The county or district.")
    city: Mapped[str | None] = mapped_column(Name(limits.PLACE_LENGTH_MAX), doc="The city or municipality.")
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    research_project: Mapped[ResearchProject] = relationship(
        back_populates="locations", lazy="raise", doc="The research project."
    )
    owner: Mapped[User | None] = relationship(lazy="raise", doc="Who added it.")
    deployments: Mapped[list["Deployment"]] = relationship(
        back_populates="location",
        lazy="raise",
        foreign_keys="Deployment.location_id",
        doc="The deployments of cameras there.",
    )


class Deployment(Subject, Record):
    """A camera at a place during a time."""

    __tablename__ = "deployments"
    __owned_by__ = ("research_project_id", "owner_id")
    __table_args__ = (
        Index(
            "uq_deployments_deployment_id",
            "research_project_id",
            text("lower(deployment_id)"),
            unique=True,
            info={"conflict": "Another deployment of the research project has this code at this location."},
        ),
        # What the keys of media and sequences refer to, so that they cannot point into another project.
        UniqueConstraint("id", "research_project_id"),
        CheckConstraint("ends_at > starts_at", name="period"),
        CheckConstraint("camera_delay >= 0", name="camera_delay"),
        CheckConstraint("camera_height >= 0", name="camera_height"),
        CheckConstraint("camera_depth >= 0", name="camera_depth"),
        CheckConstraint("camera_tilt BETWEEN -90 AND 90", name="camera_tilt"),
        CheckConstraint("camera_heading BETWEEN 0 AND 360", name="camera_heading"),
        CheckConstraint("detection_distance >= 0", name="detection_distance"),
        CheckConstraint(f"sequence_gap_s BETWEEN 0 AND {limits.SEQUENCE_GAP_S_MAX}", name="sequence_gap"),
        ExcludeConstraint(
            (column("research_project_id"), "="),
            (column("camera_id"), "="),
            (text("tstzrange(starts_at, ends_at)"), "&&"),
            where=text("camera_id IS NOT NULL"),
            name="ex_deployments_camera",
            info={"conflict": "The same camera is in another deployment of the project at that time."},
        ),
        Index(None, "research_project_id", "id"),
        Index(None, "research_project_id", "starts_at", "id"),
        Index(None, "starts_at", "id"),
        Index(None, "location_id", "id"),
        Index(None, "owner_id"),
        Index(None, "clock_corrected_by_id"),
    )

    research_project_id: Mapped[int] = mapped_column(ForeignKey("research_projects.id", ondelete="CASCADE"))
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    deployment_code: Mapped[str] = mapped_column(Name(limits.CODE_LENGTH_MAX), doc="The project's own code.")
    deployment_id: Mapped[str] = mapped_column(
        Name(2 * limits.CODE_LENGTH_MAX + 1),
        doc="The code and the location id, such as r1-loc7; of an imported deployment, the id of its package.",
    )
    starts_at: Mapped[datetime] = mapped_column(doc="When the camera was set up.")
    ends_at: Mapped[datetime | None] = mapped_column(doc="When it was taken away; null while it is still there.")
    utc_offset_minutes: Mapped[int | None] = mapped_column(
        doc="The UTC offset that the times were sent with, if it was not that of the location's zone."
    )
    setup_by: Mapped[str | None] = mapped_column(String(limits.PLACE_LENGTH_MAX), doc="Who set up the camera.")
    camera_id: Mapped[str | None] = mapped_column(
        Name(limits.CODE_LENGTH_MAX), doc="The camera, such as its serial number."
    )
    camera_model: Mapped[str | None] = mapped_column(String(limits.PLACE_LENGTH_MAX), doc="Make and model.")
    camera_delay: Mapped[int | None] = mapped_column(doc="The pause after a trigger, in seconds.")
    camera_height: Mapped[float | None] = mapped_column(doc="The height above ground, in metres.")
    camera_depth: Mapped[float | None] = mapped_column(doc="The depth below the surface, in metres.")
    camera_tilt: Mapped[int | None] = mapped_column(doc="The tilt, -90 (down) to 90 (up) degrees.")
    camera_heading: Mapped[int | None] = mapped_column(doc="The direction, 0 to 360 degrees clockwise from north.")
    detection_distance: Mapped[float | None] = mapped_column(doc="How far the camera detects, in metres.")
    timestamp_issues: Mapped[bool | None] = mapped_column(doc="Whether the times are known to be wrong.")
    correct_setup: Mapped[bool | None] = mapped_column(doc="Whether the camera was set up correctly.")
    correct_tstamp: Mapped[bool | None] = mapped_column(doc="Whether the clock of the camera was right.")
    view_quality: Mapped[str | None] = mapped_column(String(limits.PLACE_LENGTH_MAX), doc="The quality of the view.")
    bait_use: Mapped[bool | None] = mapped_column(doc="Whether bait was used.")
    bait_type: Mapped[str | None] = mapped_column(String(limits.PLACE_LENGTH_MAX), doc="What the bait was.")
    feature_type: Mapped[FeatureType | None] = mapped_column(doc="What the camera looks at.")
    habitat: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="The habitat.")
    session: Mapped[str | None] = mapped_column(Name(limits.PLACE_LENGTH_MAX), doc="The session it belongs to.")
    array: Mapped[str | None] = mapped_column(Name(limits.PLACE_LENGTH_MAX), doc="The array it belongs to.")
    deployment_groups: Mapped[list[str]] = mapped_column(
        ARRAY(Name(limits.PLACE_LENGTH_MAX)), default=list, server_default=text("'{}'"), doc="Its groups."
    )
    deployment_tags: Mapped[list[str]] = mapped_column(
        ARRAY(Name(limits.PLACE_LENGTH_MAX)), default=list, server_default=text("'{}'"), doc="Its tags."
    )
    comments: Mapped[str | None] = mapped_column(String(limits.ABSTRACT_LENGTH_MAX), doc="Comments.")
    clock_correction_s: Mapped[int] = mapped_column(
        default=0,
        server_default=text("0"),
        doc="The seconds added to the times that the camera wrote. 0 without a correction.",
    )
    clock_correction_note: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="Why the clock is corrected."
    )
    clock_corrected_at: Mapped[datetime | None] = mapped_column(doc="When the correction was set.")
    clock_corrected_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"),
        info=not_exported("the correction belongs to the project; the deployment has it"),
    )
    sequence_gap_s: Mapped[int | None] = mapped_column(
        doc="The pause between two media that begins a new sequence, in seconds; null for the default, 5 minutes."
    )
    file_name_pattern: Mapped[str | None] = mapped_column(
        String(limits.PATTERN_LENGTH_MAX),
        doc="Where a file name holds time and camera, such as `{prefix}-{MM}{DD}{YYYY}{hh}{mm}{ss}-{camera}`.",
    )
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    research_project: Mapped[ResearchProject] = relationship(
        back_populates="deployments", lazy="raise", doc="The research project."
    )
    location: Mapped[Location] = relationship(
        back_populates="deployments", lazy="raise", foreign_keys=[location_id], doc="The place."
    )
    owner: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[owner_id], doc="Who added it.")
    clock_corrected_by: Mapped[User | None] = relationship(
        lazy="raise", foreign_keys=[clock_corrected_by_id], doc="Who set the correction of the clock."
    )
    failures: Mapped[list["DeploymentFailure"]] = relationship(
        back_populates="deployment", lazy="raise", doc="The periods in which the camera did not work."
    )
    sequences: Mapped[list["Sequence"]] = relationship(
        back_populates="deployment",
        lazy="raise",
        primaryjoin="Deployment.id == foreign(Sequence.deployment_id)",
        doc="The sequences of its media.",
    )


class DeploymentFailure(Record):
    """A period of a deployment in which the camera did not work. Effort is counted without it."""

    __tablename__ = "deployment_failures"
    __owned_by__ = ("deployment_id",)
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="period"),
        ExcludeConstraint(
            (column("deployment_id"), "="),
            (text("tstzrange(starts_at, ends_at)"), "&&"),
            name="ex_deployment_failures_period",
            info={"conflict": "It overlaps another failure of the deployment. Change that one instead."},
        ),
        Index(None, "deployment_id", "id"),
    )

    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime] = mapped_column(doc="When it began.")
    ends_at: Mapped[datetime] = mapped_column(doc="When the camera worked again, or was taken away.")
    reason: Mapped[str] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why the camera did not work.")

    deployment: Mapped[Deployment] = relationship(back_populates="failures", lazy="raise", doc="The deployment.")

"""Datasets, their areas and labels."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from shapely.geometry.base import BaseGeometry
from sqlalchemy import ARRAY, CheckConstraint, Float, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry.columns import Shape
from app.limits import columns
from app.limits.mapping import IMAGERY_URL_LENGTH_MAX
from app.limits.texts import NAME_LENGTH_MAX, NOTE_LENGTH_MAX
from app.models.accounts import Team, User
from app.models.base import CHANGES_ARE_RETURNED, BigInt, Json, Record, add_relationship
from app.models.names import Name
from app.models.subjects import Subject

if TYPE_CHECKING:
    from app.models.mapping.inspections import Inspection
    from app.models.mapping.trainings import Model


class DatasetStatus(Enum):
    """Whether a dataset is in preparation, in use, or archived.

    DRAFT: In preparation.
    ACTIVE: In use.
    ARCHIVED: Archived; read only.
    """

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class Contributions(Enum):
    """Who may add areas and labels to a dataset besides its owner: everybody, the members of its team, or nobody.

    OPEN: Everybody.
    TEAM: The members of its team.
    OWNER: Nobody but the owner.
    """

    OPEN = "OPEN"
    TEAM = "TEAM"
    OWNER = "OWNER"


class DownloadStatus(Enum):
    """The state of fetching an area's labels from OpenStreetMap.

    NOT_DOWNLOADED: Not fetched yet.
    RUNNING: Being fetched.
    DOWNLOADED: Fetched.
    """

    NOT_DOWNLOADED = "NOT_DOWNLOADED"
    RUNNING = "RUNNING"
    DOWNLOADED = "DOWNLOADED"


class LabelOrigin(Enum):
    """The origin of a label. Fetching again replaces only labels from OpenStreetMap.

    OSM: Fetched from OpenStreetMap.
    UPLOAD: Imported from a file.
    DRAWN: Drawn or corrected by a person.
    """

    OSM = "OSM"
    UPLOAD = "UPLOAD"
    DRAWN = "DRAWN"


class Owned(Record):
    """A row with a creator."""

    __abstract__ = True

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


class Edited(Owned):
    """A row with a creator who may change it."""

    __abstract__ = True
    __mapper_args__ = CHANGES_ARE_RETURNED

    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )


class Area(Edited):
    """An area drawn by a user, with the tags to fetch."""

    __abstract__ = True

    geom: Mapped[BaseGeometry] = mapped_column(
        Shape("GEOMETRY"), doc="The boundary: a Polygon, or where it crosses the antimeridian a MultiPolygon."
    )
    label_status: Mapped[DownloadStatus] = mapped_column(
        default=DownloadStatus.NOT_DOWNLOADED, doc="The state of fetching labels from OpenStreetMap."
    )
    label_fetched: Mapped[datetime | None] = mapped_column(doc="When labels were last fetched from OpenStreetMap.")
    label_error: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="Why the last fetch failed, if it did."
    )


class Outlined(Record):
    """A labelled feature within an area."""

    __abstract__ = True

    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="The outline.")
    origin: Mapped[LabelOrigin] = mapped_column(doc="The origin of the label.")
    osm_id: Mapped[BigInt | None] = mapped_column(doc="The OpenStreetMap id, if it has one.")
    osm_type: Mapped[str | None] = mapped_column(
        String(columns.NODE_TYPE_LENGTH_MAX),
        doc="The type: node, way or relation. Ids are unique only within one type.",
    )
    tags: Mapped[Json | None] = mapped_column(doc="The OpenStreetMap tags.")


class Dataset(Subject, Edited):
    """Areas with labels for one imagery source, from which a model learns."""

    __tablename__ = "datasets"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        CheckConstraint('array_length("offset", 1) = 2', name="offset"),
        CheckConstraint("team_id IS NULL OR contributions = 'TEAM'", name="team"),
        Index(None, "user_id", "id"),
        Index(None, "name", "id"),
        Index(None, "last_modified", "id"),
    )

    name: Mapped[str] = mapped_column(Name(NAME_LENGTH_MAX), doc=f"The name, at most {NAME_LENGTH_MAX} characters.")
    source_imagery: Mapped[str | None] = mapped_column(
        String(IMAGERY_URL_LENGTH_MAX),
        doc="The imagery's URL template, such as https://tiles.example.org/{z}/{x}/{y}.png.",
    )
    status: Mapped[DatasetStatus] = mapped_column(
        default=DatasetStatus.DRAFT, doc="In preparation, in use, or archived."
    )
    offset: Mapped[list[float]] = mapped_column(
        ARRAY(Float),
        default=lambda: [0.0, 0.0],
        doc="How far labels are moved to align with the imagery, [x, y] in metres of EPSG:3857.",
    )
    contributions: Mapped[Contributions] = mapped_column(
        default=Contributions.OWNER,
        server_default=Contributions.OWNER.value,
        doc="Who may add areas and labels besides the owner.",
    )
    # Where a team is gone, the dataset is its owner's alone until they choose another.
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"), index=True)

    user: Mapped[User] = relationship(back_populates="datasets", lazy="raise", doc="The owner.")
    team: Mapped[Team | None] = relationship(
        lazy="raise", doc="The team whose members may contribute; null unless `contributions` is TEAM."
    )
    aois: Mapped[list["AOI"]] = relationship(back_populates="dataset", lazy="raise", doc="The areas of interest.")
    models: Mapped[list["Model"]] = relationship(
        back_populates="dataset", lazy="raise", doc="The models trained on it."
    )
    inspections: Mapped[list["Inspection"]] = relationship(
        back_populates="dataset", lazy="raise", doc="The inspections of its imagery and labels."
    )


class AOI(Area):
    """An area of interest. All features within it are labelled, so whatever is not labelled is known to be absent."""

    __tablename__ = "aois"
    __owned_by__ = (
        "user_id",
        "dataset_id",
    )
    __table_args__ = (
        Index(None, "dataset_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    label_tags: Mapped[Json | None] = mapped_column(
        doc="What to fetch from OpenStreetMap: keys with their accepted values; any value, if none is listed."
    )

    user: Mapped[User] = relationship(lazy="raise", doc="Who created it.")
    dataset: Mapped[Dataset] = relationship(back_populates="aois", lazy="raise", doc="The dataset.")
    labels: Mapped[list["Label"]] = relationship(back_populates="aoi", lazy="raise", doc="The labels of the area.")


class Label(Outlined):
    """A labelled feature, usually a building footprint."""

    __tablename__ = "labels"
    __owned_by__ = (
        "user_id",
        "aoi_id",
    )
    __table_args__ = (
        Index(None, "aoi_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
        Index(
            "uq_labels_osm", "aoi_id", "osm_type", "osm_id", unique=True, postgresql_where=text("osm_id IS NOT NULL")
        ),
    )

    aoi_id: Mapped[int] = mapped_column(ForeignKey("aois.id", ondelete="CASCADE"))

    user: Mapped[User | None] = relationship(lazy="raise", doc="Who uploaded or drew it.")
    aoi: Mapped[AOI] = relationship(back_populates="labels", lazy="raise", doc="The area it lies in.")


USER_DATASETS = add_relationship(
    User, "datasets", relationship(Dataset, back_populates="user", lazy="raise", doc="Datasets the user created.")
)

"""Datasets, the areas drawn in them, and what is known to be there."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ARRAY, CheckConstraint, Float, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry import Shape
from app.models.accounts import Team, User
from app.models.base import BigInt, Json, Record
from app.models.subjects import Subject

if TYPE_CHECKING:
    from app.models.mapping.inspections import Inspection
    from app.models.mapping.trainings import Model


class DatasetStatus(Enum):
    """Whether a dataset is being made, in use, or put away."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class Contributions(Enum):
    """Who may add areas and labels to a dataset beside its owner: everybody, the people of its team, or nobody."""

    OPEN = "OPEN"
    TEAM = "TEAM"
    OWNER = "OWNER"


class DownloadStatus(Enum):
    """How far the fetching of an area's labels is."""

    NOT_DOWNLOADED = "NOT_DOWNLOADED"
    RUNNING = "RUNNING"
    DOWNLOADED = "DOWNLOADED"


class LabelOrigin(Enum):
    """Where a label came from; fetching again replaces only those from OpenStreetMap."""

    OSM = "OSM"
    UPLOAD = "UPLOAD"
    DRAWN = "DRAWN"


class Owned(Record):
    """A row somebody made."""

    __abstract__ = True

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


class Edited(Owned):
    """A row somebody made and may change."""

    __abstract__ = True

    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )


class Area(Edited):
    """Ground somebody drew, with what is to be fetched of it."""

    __abstract__ = True

    geom: Mapped[Polygon] = mapped_column(Shape("POLYGON"), doc="Its boundary.")
    label_status: Mapped[DownloadStatus] = mapped_column(
        default=DownloadStatus.NOT_DOWNLOADED, doc="How far the fetching of its labels is."
    )
    label_fetched: Mapped[datetime | None] = mapped_column(doc="When its labels were last fetched from OpenStreetMap.")
    label_error: Mapped[str | None] = mapped_column(String(500), doc="Why the last fetching failed, if it did.")


class Outlined(Record):
    """A feature known to be within an area."""

    __abstract__ = True

    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="Its outline.")
    origin: Mapped[LabelOrigin] = mapped_column(doc="Where it came from.")
    osm_id: Mapped[BigInt | None] = mapped_column(doc="Its OpenStreetMap id, if it has one.")
    osm_type: Mapped[str | None] = mapped_column(
        String(20), doc="node, way or relation: ids are unique only within one."
    )
    tags: Mapped[Json | None] = mapped_column(doc="Its OpenStreetMap tags.")


class Dataset(Subject, Edited):
    """Areas with labels over one source of imagery: what a model learns from."""

    __tablename__ = "datasets"
    __table_args__ = (
        CheckConstraint('array_length("offset", 1) = 2', name="offset"),
        CheckConstraint("team_id IS NULL OR contributions = 'TEAM'", name="team"),
        Index(None, "user_id", "id"),
        Index(None, "name", "id"),
        Index(None, "last_modified", "id"),
    )

    name: Mapped[str] = mapped_column(String(50), doc="Its name, at most 50 characters.")
    source_imagery: Mapped[str | None] = mapped_column(
        String(200), doc="The imagery's URL template, such as https://tiles.example.org/{z}/{x}/{y}.png."
    )
    status: Mapped[DatasetStatus] = mapped_column(default=DatasetStatus.DRAFT, doc="In the making, used, or put away.")
    offset: Mapped[list[float]] = mapped_column(
        ARRAY(Float),
        default=lambda: [0.0, 0.0],
        doc="How far labels are moved, [x, y] in metres of EPSG:3857, to lie upon the imagery.",
    )
    contributions: Mapped[Contributions] = mapped_column(
        default=Contributions.OWNER,
        server_default=Contributions.OWNER.value,
        doc="Who may add areas and labels to it beside its owner.",
    )
    # Where a team is gone, the dataset is its owner's alone until they choose another.
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"), index=True)

    user: Mapped[User] = relationship(back_populates="datasets", lazy="raise", doc="Who made it.")
    team: Mapped[Team | None] = relationship(
        lazy="raise", doc="Whose people may add to it; null unless contributions are the team's."
    )
    aois: Mapped[list["AOI"]] = relationship(back_populates="dataset", lazy="raise", doc="Its areas of interest.")
    models: Mapped[list["Model"]] = relationship(
        back_populates="dataset", lazy="raise", doc="The models trained on it."
    )
    inspections: Mapped[list["Inspection"]] = relationship(
        back_populates="dataset", lazy="raise", doc="The looks at its imagery beside its labels."
    )


class AOI(Area):
    """An area of interest: within it every feature is labelled, so that what is not labelled is known to be absent."""

    __tablename__ = "aois"
    __table_args__ = (
        Index(None, "dataset_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    label_tags: Mapped[Json | None] = mapped_column(
        doc="What is fetched from OpenStreetMap: keys with the values they may have, all where none is named."
    )

    user: Mapped[User] = relationship(lazy="raise", doc="Who made it.")
    dataset: Mapped[Dataset] = relationship(back_populates="aois", lazy="raise", doc="The dataset it belongs to.")
    labels: Mapped[list["Label"]] = relationship(back_populates="aoi", lazy="raise", doc="The features within it.")


class Label(Outlined):
    """A feature known to be there, usually a building's footprint."""

    __tablename__ = "labels"
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

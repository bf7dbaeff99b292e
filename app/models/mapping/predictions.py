"""Predictions, their features, and files."""

from datetime import datetime
from enum import Enum

from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry.columns import Shape
from app.limits import columns
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import Team, User
from app.models.base import WITHHELD, BigInt, Json, Record, add_relationship, not_exported
from app.models.mapping.datasets import Owned
from app.models.mapping.trainings import Training, TrainingStatus
from app.models.system import Job


class Verdict(Enum):
    """The verdict on a found feature.

    ACCEPTED: It is right.
    REJECTED: It is wrong.
    """

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class Conflation(Enum):
    """How a found feature relates to OpenStreetMap: nothing there, the same feature, or another one that overlaps.

    NEW: OpenStreetMap has nothing there.
    DUPLICATE: OpenStreetMap has the same feature.
    OVERLAP: OpenStreetMap has another feature that overlaps.
    """

    NEW = "NEW"
    DUPLICATE = "DUPLICATE"
    OVERLAP = "OVERLAP"


class Prediction(Owned):
    """The features that a published model finds within an area."""

    __tablename__ = "predictions"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "training_id", "id"),
        Index(None, "team_id"),
        Index(None, "geom", postgresql_using="gist"),
        CheckConstraint("parts_done BETWEEN 0 AND parts", name="parts"),
    )

    training_id: Mapped[int] = mapped_column(
        ForeignKey("trainings.id", ondelete="CASCADE"), info=not_exported("a prediction belongs to who started it")
    )
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="The searched area: one or more polygons.")
    description: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="A note by the user who started it.")
    status: Mapped[TrainingStatus] = mapped_column(default=TrainingStatus.SUBMITTED, doc="The state of the import.")
    config: Mapped[Json] = mapped_column(
        doc="The parameters: source, zoom_level, confidence and how outlines are drawn."
    )
    started_at: Mapped[datetime | None] = mapped_column(doc="When it started.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")
    result_count: Mapped[int | None] = mapped_column(doc="The number of features found; null until it is finished.")
    published: Mapped[bool] = mapped_column(default=False, doc="Whether it is public.")
    published_at: Mapped[datetime | None] = mapped_column(doc="When it was first published.")
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    adaptation: Mapped[Json | None] = mapped_column(
        doc="What a short training on the searched ground, without labels, would change. Null unless asked for."
    )
    part_zoom: Mapped[int] = mapped_column(default=0)
    parts: Mapped[int] = mapped_column(default=1, doc="The number of parts that are searched one after another.")
    parts_done: Mapped[int] = mapped_column(default=0, doc="The number of parts done.")
    parts_without_imagery: Mapped[int] = mapped_column(default=0, doc="The number of parts without imagery.")
    tiles_without_imagery: Mapped[int | None] = mapped_column(
        doc="The number of tiles without imagery: empty ones, and those that could not be loaded. "
        "Null until it has started."
    )
    ground_without_imagery: Mapped[BaseGeometry | None] = mapped_column(
        Shape("GEOMETRY"), doc="The ground of these tiles within the area; null if there is none."
    )
    conflating: Mapped[bool] = mapped_column(default=False, doc="Whether it is being compared with OpenStreetMap now.")
    conflated_at: Mapped[datetime | None] = mapped_column(doc="When it was last compared with OpenStreetMap.")
    conflation_error: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="Why the last comparison failed, if it did."
    )

    user: Mapped[User] = relationship(back_populates="predictions", lazy="raise", doc="Who started it.")
    team: Mapped[Team | None] = relationship(
        lazy="raise", doc="The team it is shared with. Null if there is none, or if the viewer is not a member."
    )
    training: Mapped[Training] = relationship(
        back_populates="predictions", lazy="raise", doc="The training whose weights it used."
    )
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job, with its progress.")
    features: Mapped[list["PredictedFeature"]] = relationship(
        back_populates="prediction", lazy="raise", doc="The features found."
    )
    artifacts: Mapped[list["Artifact"]] = relationship(back_populates="prediction", lazy="raise", doc="The files.")

    @property
    def task_id(self) -> str | None:
        """The id of the background job, as in the logs."""
        return None if self.job_id is None else str(self.job_id)


class PredictedFeature(Record):
    """A feature that a prediction found."""

    __tablename__ = "predicted_features"
    __owned_by__ = ("prediction_id",)
    __table_args__ = (Index(None, "prediction_id", "id"), Index(None, "geom", postgresql_using="gist"))

    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id", ondelete="CASCADE"))
    geom: Mapped[Polygon] = mapped_column(Shape("POLYGON"), doc="The outline, with holes for courtyards.")
    confidence: Mapped[float] = mapped_column(doc="The model's confidence, 0 to 1: the mean within the outline.")
    area_m2: Mapped[float] = mapped_column(doc="The true area in square metres.")
    verdict: Mapped[Verdict | None] = mapped_column(doc="The verdict; null until there is one.")
    conflation: Mapped[Conflation | None] = mapped_column(
        doc="The relation to OpenStreetMap; null until it is compared."
    )
    osm_share: Mapped[float | None] = mapped_column(
        doc="The share of the feature covered by OpenStreetMap features, 0 to 1; null until it is compared."
    )
    part: Mapped[int] = mapped_column(default=0)

    prediction: Mapped[Prediction] = relationship(back_populates="features", lazy="raise", doc="The prediction.")


class Artifact(Record):
    """A file of a training or a prediction."""

    __tablename__ = "artifacts"
    __owned_by__ = (
        "training_id",
        "prediction_id",
    )
    __table_args__ = (
        CheckConstraint("(training_id IS NULL) <> (prediction_id IS NULL)", name="subject"),
        Index(None, "training_id", "id"),
        Index(None, "prediction_id", "id"),
    )

    training_id: Mapped[int | None] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"))
    prediction_id: Mapped[int | None] = mapped_column(ForeignKey("predictions.id", ondelete="CASCADE"))
    # Whose training or prediction it is, filled by a trigger: once that is deleted, nobody could tell whose bytes are
    # freed.
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"),
        index=True,
        info=not_exported("a file belongs to its training or prediction"),
    )
    name: Mapped[str] = mapped_column(String(columns.FILE_NAME_LENGTH_MAX), doc="The file name.")
    media_type: Mapped[str] = mapped_column(String(columns.MEDIA_TYPE_LENGTH_MAX), doc="The format of the file.")
    size_bytes: Mapped[BigInt] = mapped_column(BigInteger, doc="The size in bytes.")
    storage_key: Mapped[str] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)

    training: Mapped[Training | None] = relationship(back_populates="artifacts", lazy="raise", doc="The training.")
    prediction: Mapped[Prediction | None] = relationship(
        back_populates="artifacts", lazy="raise", doc="The prediction."
    )


USER_PREDICTIONS = add_relationship(
    User,
    "predictions",
    relationship(
        Prediction,
        back_populates="user",
        lazy="raise",
        doc="Predictions the user started, as far as the viewer may see them.",
    ),
)
